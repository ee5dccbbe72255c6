"""``stepbench study``: show, export, merge, or remove what a study's file keeps; check the file, and repair it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.options import Only, takes
from stepbench.cli.output import Output

if TYPE_CHECKING:
    from stepbench.study.store import Store

app = typer.Typer(no_args_is_help=True, help="Show, export, merge, check or repair what a study keeps.")

SHOWN = 20
"""How many lines of damage are printed at most."""

File = Annotated[Path, typer.Argument(help="The study's file, as study.db.")]
Status = Annotated[str | None, typer.Option(help="Only runs that ended so: converged, budget, diverged or failed.")]


@app.command()
@takes
def show(study: File = Path("study.db"), status: Status = None, *, output: Annotated[Output, Only("table")]) -> None:
    """Show what a study holds; with --status, each run that ended so, and why."""
    from stepbench.cli.output import console
    from stepbench.report.records import stored_runs
    from stepbench.report.study_tables import study_table
    from stepbench.report.tables import FULL

    output.check(study)
    out = console()
    with _stored(study) as store:
        if status is not None:
            for row in stored_runs(store, _known(status)):
                out.print(f"{row['problem']} · {row['method']} · {_told(row)}", highlight=False, soft_wrap=True)
            return
        counts: dict[bytes, dict[str, int]] = {}
        for key, ending, n in store.statuses():
            counts.setdefault(key, {})[ending] = n
        settings = [(facts, counts.get(key, {})) for key, facts in store.facts().items()]
        out.print(study_table(str(study), settings, out.width))
        output.write_tables([study_table(str(study), settings, FULL)], out)


@app.command()
def export(
    study: File,
    to_csv: Annotated[Path | None, typer.Option("--csv", help="Write a row per run to this CSV file.")] = None,
    to_parquet: Annotated[Path | None, typer.Option("--parquet", help="The same as a Parquet file.")] = None,
    traces: Annotated[
        Path | None, typer.Option(help="Write the traces that were kept to this folder, as stepbench.load reads them.")
    ] = None,
) -> None:
    """Write the runs of a study to a table: a row per run, in an order that does not depend on when it was made."""
    from stepbench import InputError
    from stepbench.cli.output import console, refuse_unwritable
    from stepbench.report.numbers import counted
    from stepbench.report.records import stored_runs, write_rows_as_csv, write_rows_as_parquet

    if to_csv is to_parquet is traces is None:
        raise InputError("say where to: --csv FILE, --parquet FILE or --traces FOLDER")
    files = {name: path for name, path in (("csv", to_csv), ("parquet", to_parquet)) if path is not None}
    refuse_unwritable(files, study)
    done: list[str] = []
    with _stored(study) as store:
        rows = [*stored_runs(store)]
        if to_csv is not None:
            write_rows_as_csv(rows, to_csv)
            done.append(f"{counted(len(rows), 'run')} written to {to_csv}")
        if to_parquet is not None:
            try:
                write_rows_as_parquet(rows, to_parquet)
            except ImportError:
                raise InputError('--parquet needs pyarrow: python3 -m pip install "stepbench[parquet]"') from None
            done.append(f"{counted(len(rows), 'run')} written to {to_parquet}")
        if traces is not None:
            kept = _write_traces(store, traces)
            done.append(f"{counted(kept, 'trace')} written to {traces}")
    for line in done:
        console().print(line, highlight=False)


@app.command()
def merge(
    study: File,
    others: Annotated[list[Path], typer.Argument(help="The studies to take over; they stay as they are.")],
) -> None:
    """Take the runs of other studies over into the first."""
    from stepbench.cli.output import console
    from stepbench.report.numbers import counted
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
        bool,
        typer.Option("--stale", help="Runs that another version of stepbench made, which no command will use again."),
    ] = False,
) -> None:
    """Remove the runs for which all that is asked for is true."""
    from stepbench import InputError, catalog
    from stepbench.cli.output import console
    from stepbench.engine.identity import is_current
    from stepbench.report.numbers import counted

    if problem is method is status is None and not stale:
        raise InputError("say which runs: --problem, --method, --status or --stale; to remove all, delete the file")
    with _stored(study) as store:
        wanted = {"problem": problem and (catalog.problem_name(problem) or problem), "method": method}
        settings = store.facts()
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
        gone = store.remove(chosen, _known(status))
    console().print(f"{counted(gone, 'run')} removed from {study}", highlight=False)


@app.command()
def check(study: File) -> None:
    """Read all of a study's file, and name what is damaged.

    Exits 1 where anything is, and 2 where the file is no study.
    """
    from stepbench.cli.output import console
    from stepbench.report.numbers import counted
    from stepbench.study.repair import damage_of

    out = console()
    damage = damage_of(study)
    for line in damage[:SHOWN]:
        out.print(line, highlight=False, soft_wrap=True)
    if len(damage) > SHOWN:
        out.print(f"and {len(damage) - SHOWN:,} more", highlight=False)
    if damage:
        command = shlex.join(["stepbench", "study", "repair", str(study)])
        out.print(f"{study} is damaged: {command} NEW writes all that is sound to a new file", soft_wrap=True)
        raise typer.Exit(1)
    with _stored(study) as store:
        out.print(f"{study} is whole: {counted(sum(map(store.size, store.settings())), 'run')}", highlight=False)


@app.command()
def repair(
    study: File, new: Annotated[Path, typer.Argument(help="The file to write what is sound to; it must be new.")]
) -> None:
    """Write all that is sound in a damaged study to a new file.

    The damaged file stays as it is. The commands that made its runs make
    those that were lost again, with --study and the new file.
    """
    from stepbench.cli.output import console
    from stepbench.report.numbers import counted
    from stepbench.study.repair import repair as repaired

    kept, lost = repaired(study, new)
    rest = "nobody knows how many were lost" if lost is None else f"{lost:,} were lost"
    console().print(
        f"{counted(kept, 'run')} kept in {new}, {rest}; the command that made them makes those again with "
        f"--study {shlex.quote(str(new))}",
        highlight=False,
        soft_wrap=True,
    )


def _stored(path: Path) -> Store:
    """The file of a study that is there."""
    from stepbench.study.store import Store

    return Store(path, new=False)


def _known(status: str | None) -> str | None:
    """The status itself, if one is asked for; raises InputError where no run can have it."""
    from stepbench import InputError
    from stepbench.fields import nearest
    from stepbench.report.tables import STYLES

    if status is not None and status not in STYLES:
        raise InputError(f"no status {status}{nearest(status, STYLES)}; there are {', '.join(STYLES)}")
    return status


def _told(row: dict[str, Any]) -> str:
    """What a run was given, and how it ended."""
    given = [
        f"{name.removeprefix('method.')}={value}"
        for name, value in row.items()
        if name.startswith(("problem.", "method.", "start", "seed")) and value is not None
    ]
    return f"{' '.join(given)}: {row['detail']}"


def _write_traces(store: Store, folder: Path) -> int:
    """Write every trace that a study keeps to a file of its own; returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = 0
    for key, trace in store.traces():
        (folder / f"{key.hex()}.npz").write_bytes(trace)
        kept += 1
    return kept
