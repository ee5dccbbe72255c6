"""What the commands that run something share: their options, the progress bar, where output goes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

    from stepbench import Problem, Result

PANEL = "What to run"
OUTPUT = "What to write"

DATA = "Where data are drawn in mini-batches, as by networks"

Budget = Annotated[int, typer.Option(help="Gradient evaluations to spend.", rich_help_panel=PANEL)]
Most = Annotated[
    int | None,
    typer.Option("--budget", help="Gradient evaluations to spend.", show_default="10000", rich_help_panel=PANEL),
]
Epochs = Annotated[
    float | None,
    typer.Option(help="Passes over the data to spend, in place of --budget.", rich_help_panel=DATA, show_default=False),
]
Batch = Annotated[
    int | None,
    typer.Option(help="Examples a step sees.", rich_help_panel=DATA, show_default="the problem's"),
]
Device = Annotated[
    str | None, typer.Option(help="Where to train: cpu or cuda.", rich_help_panel=DATA, show_default="cpu")
]
Data = Annotated[
    Path | None,
    typer.Option(help="The folder of MNIST or CIFAR-10.", rich_help_panel=DATA, show_default="$STEPBENCH_DATA or data"),
]
Download = Annotated[
    bool, typer.Option("--download", help="Let torchvision fetch what the folder lacks.", rich_help_panel=DATA)
]
Steps = Annotated[int | None, typer.Option(help="Iterations at most.", rich_help_panel=PANEL)]
Target = Annotated[
    float | None, typer.Option(help="Stop at this error f − f*.", show_default="0", rich_help_panel=PANEL)
]
Start = Annotated[
    str | None, typer.Option(help="First point, as -1,0.", show_default="the problem's", rich_help_panel=PANEL)
]
Seed = Annotated[int, typer.Option(help="Seed of initial weights, mini-batches and noise.", rich_help_panel=PANEL)]
Noise = Annotated[float, typer.Option(help="Standard deviation of noise on the gradient.", rich_help_panel=PANEL)]
Plot = Annotated[
    Path | None, typer.Option(help="Draw to a .png, .svg or .pdf file.", rich_help_panel=OUTPUT, show_default=False)
]
Show = Annotated[bool, typer.Option("--show", help="Draw in the terminal, too.", rich_help_panel=OUTPUT)]
Animate = Annotated[
    Path | None, typer.Option(help="Film the run to a .gif or .mp4 file.", rich_help_panel=OUTPUT, show_default=False)
]
Html = Annotated[
    Path | None,
    typer.Option(
        help="Write a page to play the run in a browser, offline too.", rich_help_panel=OUTPUT, show_default=False
    ),
]
Csv = Annotated[
    str | None,
    typer.Option(help="Write every record to a CSV file; - for standard output.", rich_help_panel=OUTPUT),
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON summary, not a table.", rich_help_panel=OUTPUT)]


def settings(start: str | None, **options: Any) -> dict[str, Any]:
    """The options of a run as the Python API takes them."""
    from stepbench import InputError

    if start is None:
        return options
    try:
        return options | {"start": [float(w) for w in start.split(",")]}
    except ValueError:
        raise InputError(f"--start {start} must be numbers with commas between them, as -1,0") from None


def find_data(data: Path | None, download: bool) -> None:
    """Say to this process and its workers where data lie, and whether they may be fetched."""
    from stepbench import InputError
    from stepbench.torch.datasets import DOWNLOAD, FOLDER

    if data is not None:
        if not data.is_dir() and not download:
            raise InputError(f"--data {data} is no folder: make it, or give --download too")
        os.environ[FOLDER] = str(data.absolute())  # workers inherit it
    if download:
        os.environ[DOWNLOAD] = "1"


def stated(problem: str, *, batch: int | None, device: str | None, data: Path | None, download: bool) -> Problem:
    """The problem of the command line, with what its options say of its data."""
    from stepbench import InputError, catalog
    from stepbench.fields import fields_of

    find_data(data, download)
    found = catalog.problem(problem)
    said = {name: value for name, value in (("batch", batch), ("device", device)) if value is not None}
    for name in said:
        if name not in fields_of(type(found)):
            raise InputError(f"--{name}: {problem} has none: leave it out")
    return catalog.problem(found, **said)


@dataclass(frozen=True)
class Output:
    """What is to be written, and where: the options of the commands that run something."""

    plot: Path | None = None
    show: bool = False
    animate: Path | None = None
    html: Path | None = None
    csv: str | None = None
    json: bool = False

    def check(self) -> None:
        """Refuse, before anything runs, a file that could not be written after it."""
        from stepbench import InputError

        if self.json and self.csv == "-":
            raise InputError("--json and --csv - would both write to standard output: give --csv a file")
        if self.show and (self.json or self.csv == "-"):
            raise InputError("--show draws where --json and --csv - write: leave one of them out")
        if self.plot is not None and self.plot.suffix.lower() not in (".png", ".svg", ".pdf"):
            raise InputError(f"--plot {self.plot} must end in .png, .svg or .pdf")
        if self.animate is not None:
            from stepbench.report.animation import check

            check(self.animate)
        if self.html is not None:
            need_web("--html")
            if self.html.suffix.lower() not in (".html", ".htm"):
                raise InputError(f"--html {self.html} must end in .html")
        table = None if self.csv in (None, "-") else Path(str(self.csv))
        files = {"--plot": self.plot, "--animate": self.animate, "--html": self.html, "--csv": table}
        for option, path in files.items():
            if path is not None:
                check_writable(path, option)

    def deliver(
        self,
        results: Sequence[Result],
        tell: Callable[[], Any],
        print_tables: Callable[[Console], None],
        draw: Callable[[], Figure],
    ) -> None:
        """Write it: the records as CSV; a summary as JSON, or tables and a picture; a figure; a film; a page."""
        if self.csv is not None:
            write_csv(results, self.csv)
        in_words = not self.json and self.csv != "-"
        if self.json:
            write_json(tell())
        elif in_words:
            print_tables(console())
        if self.show:
            from stepbench.report.terminal import Picture

            console().print(Picture(results))
        if self.plot is not None:
            draw().savefig(self.plot)
        if self.animate is not None:
            from stepbench.report.animation import animate

            animate(results, self.animate)
        if self.html is not None:
            from stepbench.web.html import page

            self.html.write_text(page(results, shlex.join(["stepbench", *sys.argv[1:]])), encoding="utf-8")
        for path in (self.plot, self.animate, self.html):
            if path is not None and in_words:
                console().print(f"drawn to {path}", highlight=False)


def check_writable(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, and leave it as it is."""
    from stepbench import InputError

    new = not path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise InputError(f"{option} {path} cannot be written: {error.strerror}") from None
    if new:
        path.unlink()


def need_web(what: str) -> None:
    """Refuse, before anything runs, what needs the extra ``web`` where that is not installed."""
    from importlib.util import find_spec

    from stepbench import InputError

    if find_spec("bokeh") is None or (what == "explore" and find_spec("panel") is None):
        raise InputError(f'{what} needs more packages: pip install "stepbench[web]"')


def console() -> Console:
    """The terminal, or the pipe, that tables go to."""
    from rich.console import Console

    return Console()


class Progress:
    """A progress bar on stderr for what lasts over a second, and nothing for what does not."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.began = time.monotonic()
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if self.bar is None:
            if time.monotonic() - self.began < 1:
                return
            from rich.console import Console
            from rich.progress import Progress, TextColumn

            terminal = Console(stderr=True)
            self.bar = Progress(
                *Progress.get_default_columns(),
                TextColumn("{task.fields[rate]:,.0f}/s"),
                console=terminal,
                transient=True,
                disable=not terminal.is_terminal,
            )
            self.task = self.bar.add_task(self.label, total=total, rate=0.0)
            self.bar.start()
        rate = done / (time.monotonic() - self.began)
        self.bar.update(self.task, completed=done, total=total, rate=rate)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()


def run_one(problem: Any, method: Any, **options: Any) -> Result:
    """Run with a progress bar; divergence is told by the tables and not by a warning."""
    from stepbench.engine.running import run_quietly

    with Progress(options["label"]) as progress:
        return run_quietly(problem, method, progress=progress, **options)


def summary(r: Result) -> dict[str, Any]:
    """A run as JSON tells it; what is not finite is null."""
    from stepbench.report.tables import decades, derivations, level_name

    reached = {}
    if r.error is not None:
        for level in decades([r]):
            k = r.first_at(level)
            if k is not None:
                reached[level_name(level, r)] = {
                    "iteration": int(r.iteration[k]),
                    "gradient_evaluations": int(r.evals[k]),
                    "function_evaluations": int(r.fevals[k]),
                }
    facts = {
        "problem": r.problem.spec(),
        "method": r.method,
        "label": r.label,
        "status": r.status,
        "detail": r.detail,
        "iterations": int(r.steps),
        "gradient_evaluations": int(r.evals[-1]),
        "function_evaluations": int(r.fevals[-1]),
        "f": float(r.f[-1]),
        "error": None if r.error is None else float(r.error[-1]),
        "distance": None if r.distance is None else float(r.distance[-1]),
        "gradient_norm": float(r.gradient_norm[-1]),
        "accuracy": None if r.accuracy is None else float(r.accuracy[-1]),
        "start": None if r.x is None else r.x[0].tolist(),
        "w": None if r.x is None else r.x[-1].tolist(),
        "told": list(r.told),
        "derived": derivations([r]),
        "seed": r.seed,
        "noise": r.noise,
        "budget": r.budget,
        "target": r.target,
        "seconds": r.seconds,
        "seconds_per_step": None if r.elapsed is None else float(r.elapsed[-1]) / max(r.steps, 1),
        "stepbench": r.version,
    }
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}
    return finite | {"error_first_at_most": reached}


def finite(value: float) -> float | None:
    """A number as JSON can tell it: null where it is infinite or NaN."""
    return value if math.isfinite(value) else None


def write_json(value: Any) -> None:
    """Print strict JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def write_csv(results: Sequence[Result], path: str) -> None:
    """Every record of every run, one a line, to a file or to standard output."""
    import csv

    with contextlib.nullcontext(sys.stdout) if path == "-" else Path(path).open("w", newline="") as file:
        writer = csv.writer(file)
        header = dict.fromkeys(name for r in results for name, _ in _columns(r))
        writer.writerow(header)
        for r in results:
            columns = dict(_columns(r))
            writer.writerows(zip(*(columns.get(name, [""] * len(r.f)) for name in header), strict=True))


def _columns(r: Result) -> Iterable[tuple[str, Any]]:
    n = len(r.f)
    yield "method", [r.label] * n
    yield "iteration", r.iteration.tolist()
    yield "gradient_evaluations", r.evals.tolist()
    yield "function_evaluations", r.fevals.tolist()
    yield "f", r.f.tolist()
    for name in ("error", "distance"):
        values = getattr(r, name)
        yield name, [""] * n if values is None else values.tolist()
    yield "gradient_norm", r.gradient_norm.tolist()
    for name in ("accuracy", "elapsed"):
        if (values := getattr(r, name)) is not None:
            yield name, values.tolist()
    d = 1 if r.x is None else r.x.shape[1]
    if r.step_size is not None and r.step_size.ndim == 2:
        d = r.step_size.shape[1]
    sizes = [[""] * d] * n if r.step_size is None else _per_component(r.step_size, d)
    for i in range(d):
        yield f"step_size_{i + 1}", [row[i] for row in sizes]
    for i in range(0 if r.x is None else d):
        yield f"w_{i + 1}", r.x[:, i].tolist()


def _per_component(step_size: Any, d: int) -> list[list[Any]]:
    rows = step_size.tolist()
    rows = rows if step_size.ndim == 2 else [[a] * d for a in rows]
    return [["" if math.isnan(a) else a for a in row] for row in rows]
