"""``stepbench study``: what a study's file holds, and taking it out, together or apart."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stepbench.study.store import Store

app = typer.Typer(no_args_is_help=True, help="Show, export, merge or remove what a study keeps.")

File = Annotated[Path, typer.Argument(help="The study's file, as study.db.")]
Status = Annotated[str | None, typer.Option(help="Only runs that ended so: converged, budget, diverged or failed.")]


@app.command()
def show(study: File = Path("study.db"), status: Status = None) -> None:
    """Show what a study holds; with --status, each run that ended so, and why."""
    from stepbench.cli._common import console
    from stepbench.report.study_tables import study_table

    out = console()
    with _stored(study) as store:
        if status is None:
            counts: dict[bytes, dict[str, int]] = {}
            for setting, word, n in store.statuses():
                counts.setdefault(setting, {})[word] = n
            settings = store.settings().items()
            out.print(
                study_table(str(study), [(json.loads(text), counts.get(key, {})) for key, text in settings], out.width)
            )
            return
        for row in _runs(store, _status(status)):
            own = {
                key: value
                for key, value in row.items()
                if key.startswith(("problem.", "method.", "start", "seed")) and value is not None
            }
            shown = " ".join(f"{key.removeprefix('method.')}={value}" for key, value in own.items())
            out.print(f"{row['problem']} · {row['method']} · {shown}: {row['detail']}", highlight=False, soft_wrap=True)


@app.command()
def export(
    study: File,
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write a row a run to this CSV file.")] = None,
    to_parquet: Annotated[Path | None, typer.Option("--parquet", help="The same as a Parquet file.")] = None,
    traces: Annotated[
        Path | None, typer.Option(help="Write the traces that were kept to this folder, as stepbench.load reads them.")
    ] = None,
) -> None:
    """Write the runs of a study to a table: a row a run, in an order that does not depend on when it was made."""
    from stepbench import InputError
    from stepbench.cli._common import console
    from stepbench.report.study_tables import counted

    if to_csv is to_parquet is traces is None:
        raise InputError("say where to: --csv FILE, --parquet FILE or --traces FOLDER")
    for path in (to_csv, to_parquet):
        if path is not None and path.resolve() == study.resolve():
            raise InputError(f"{path} is the study itself: write to another file")
    with _stored(study) as store:
        rows = [*_runs(store)]
        headings = list(dict.fromkeys(key for row in rows for key in row))
        if to_csv is not None:
            with to_csv.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(headings)
                writer.writerows([_text(row.get(key)) for key in headings] for row in rows)
        if to_parquet is not None:
            _write_parquet(to_parquet, {key: [row.get(key) for row in rows] for key in headings})
        kept = 0
        if traces is not None:
            traces.mkdir(parents=True, exist_ok=True)
            for key, trace in store.traces():
                (traces / f"{key.hex()}.npz").write_bytes(trace)
                kept += 1
    done = [f"{counted(len(rows), 'run')} written to {path}" for path in (to_csv, to_parquet) if path is not None]
    done += [f"{counted(kept, 'trace')} written to {traces}"] * (traces is not None)
    for line in done:
        console().print(line, highlight=False)


@app.command()
def merge(
    study: File,
    others: Annotated[list[Path], typer.Argument(help="The studies to take over; they stay as they are.")],
) -> None:
    """Take the runs of other studies over into the first."""
    from stepbench.cli._common import console
    from stepbench.report.study_tables import counted
    from stepbench.study.store import Store

    out = console()
    with Store(study) as store:
        for other in others:
            with _stored(other) as source:
                taken, unlike = store.merge(source)
            out.print(f"{other}: {counted(taken, 'run')} taken over into {study}", highlight=False)
            if unlike:
                out.print(
                    f"{unlike:,} runs are here with other numbers, and were left: made with another NumPy, or another "
                    "kind of processor",
                    highlight=False,
                )


@app.command()
def remove(
    study: File,
    problem: Annotated[str | None, typer.Option(help="Runs on this problem, as show names it.")] = None,
    method: Annotated[str | None, typer.Option(help="Runs of this method, as show names it.")] = None,
    status: Status = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Runs that another version of stepbench made, which none will use again.")
    ] = False,
) -> None:
    """Remove runs; all that is asked for must be true of a run."""
    from stepbench import InputError, catalog
    from stepbench.cli._common import console
    from stepbench.engine.identity import is_current
    from stepbench.report.study_tables import counted

    if problem is method is status is None and not stale:
        raise InputError("say which runs: --problem, --method, --status or --stale; to remove all, delete the file")
    with _stored(study) as store:
        wanted = {"problem": problem and (catalog.problem_name(problem) or problem), "method": method}
        settings = {key: json.loads(text) for key, text in store.settings().items()}
        for name, value in wanted.items():
            held = {setting[name] for setting in settings.values()}
            if value is not None and value not in held:
                raise InputError(f"{study} has no runs of the {name} {value}; it has {', '.join(sorted(held))}")
        chosen = [
            key
            for key, setting in settings.items()
            if all(value in (None, setting[name]) for name, value in wanted.items())
            and not (stale and is_current(setting))
        ]
        gone = store.remove(chosen, _status(status))
    console().print(f"{counted(gone, 'run')} removed from {study}", highlight=False)


def _stored(path: Path) -> Store:
    from stepbench.study.store import Store

    return Store(path, new=False)


def _status(word: str | None) -> str | None:
    from stepbench import InputError
    from stepbench.fields import nearest
    from stepbench.report.tables import STYLES

    if word is not None and word not in STYLES:
        raise InputError(f"no status {word}{nearest(word, STYLES)}; there are {', '.join(STYLES)}")
    return word


def _runs(store: Store, status: str | None = None) -> Iterator[dict[str, Any]]:
    """Each run as a flat record; what a problem or method has of its own is ``problem.kappa``, ``method.lr``."""
    from stepbench.engine.columns import KEPT

    for key, text in store.settings().items():
        setting = json.loads(text)
        own = {f"problem.{name}": value for name, value in setting.pop("problem_parameters").items()}
        for head, end in store.runs(key):
            if status in (None, end.status):
                parameters = {f"method.{name}": value for name, value in json.loads(head.parameters).items()}
                yield {
                    "problem": setting["problem"],
                    **own,
                    "method": setting["method"],
                    **parameters,
                    "start": _numbers(head.start),
                    "seed": head.seed,
                    **{name: setting[name] for name in ("noise", "budget", "steps", "target")},
                    "status": end.status,
                    "detail": end.detail,
                    **{column.end: number for column, number in zip(KEPT, end.numbers, strict=True)},
                    "w": _numbers(end.point),
                    "stepbench": setting["stepbench"],
                    "key": head.key.hex(),
                }


def _numbers(blob: bytes | None) -> list[float] | None:
    return None if blob is None else [*struct.unpack(f"<{len(blob) // 8}d", blob)]


def _text(value: Any) -> Any:
    return " ".join(map(repr, value)) if isinstance(value, list) else value


def _write_parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    from stepbench import InputError

    try:
        from pyarrow import parquet, table
    except ImportError:
        raise InputError('--parquet needs pyarrow: python3 -m pip install "stepbench[parquet]"') from None
    parquet.write_table(table(columns), path)
