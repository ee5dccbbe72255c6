"""``stepbench plot``: kept runs, drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepbench.cli.options import Only, takes
from stepbench.cli.output import DRAWN, FILMED, OF_RUNS, Output

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console
    from rich.table import Table

    from stepbench.study.sweep import Sweep


@takes
def command(
    files: Annotated[
        list[Path], typer.Argument(help="A study, as study.db, or runs of one problem that run --save kept.")
    ],
    output: Annotated[Output, Only(*DRAWN, *OF_RUNS, "animate", *FILMED, "show", "table", "csv")],
) -> None:
    """Draw kept runs again, without running anything.

    A study gives the picture of its sweep, its map of starts or its profile;
    a map of two hyper-parameters is drawn as a sweep. Runs that run --save
    kept give the picture of run or compare. It is drawn to a .png file beside
    the first one where --plot names no other.
    """
    from stepbench import InputError

    for file in files:
        if not file.is_file():
            raise InputError(f"there is no file {file}")
    output = replace(output, plot=output.plot or files[0].with_suffix(".png"))
    output.check(*files)
    if all(file.suffix == ".npz" for file in files):
        _draw_runs(files, output)
    elif len(files) == 1:
        _draw_study(files[0], output)
    else:
        raise InputError("give one study, or runs, each in an .npz file that run --save wrote")


def _draw_runs(files: list[Path], output: Output) -> None:
    """The picture and the table of ``run`` or ``compare``."""
    import stepbench
    from stepbench import InputError
    from stepbench.report.tables import comparison, convergence, notes, outcome

    results = [stepbench.load(file).alone() for file in files]
    if len({result.problem.spec() for result in results}) > 1:
        raise InputError(f"{' and '.join(map(str, files))} hold runs of different problems: give those of one")

    def draw() -> Figure:
        from stepbench.report.plots import comparison_figure

        return comparison_figure(results, (), output)

    def print_notes(out: Console) -> None:
        for line in notes(results) if len(results) > 1 else [outcome(results[0])]:
            out.print(line, highlight=False)

    output.deliver(
        lambda: None,
        lambda width: [comparison(results, width) if len(results) > 1 else convergence(results[0], width)],
        print_notes,
        draw,
        results,
    )


def _is_map(found: Sweep) -> bool:
    """Whether kept runs are drawn as a map: over starts, or over two axes of more numbers than lines have colours."""
    from stepbench.report.styles import COLOURS

    two = len(found.axes) == 2 and all(axis.numeric and axis.kind != "seed" for axis in found.axes)
    return found.axes[0].kind == "start" or (two and min(len(axis.values) for axis in found.axes) > len(COLOURS))


def _draw_study(file: Path, output: Output) -> None:
    """The picture and the table of ``sweep``, ``profile``, or ``map`` where its axes are those of the start."""
    from stepbench import InputError
    from stepbench.report.shown import drawn
    from stepbench.report.study_tables import map_table, profile_table, sensitivity_table
    from stepbench.study.again import asked_again
    from stepbench.study.profile import Profile
    from stepbench.study.sweep import Sweep

    asked = [
        name
        for name in (*OF_RUNS, "animate", *FILMED, "show", "csv")
        if getattr(output, name) != getattr(Output(), name)
    ]
    if asked:
        raise InputError(f"--{asked[0]} is about single runs, and {file} is a study: leave it out")
    found = asked_again(file)
    is_map = isinstance(found, Sweep) and _is_map(found)

    def table(width: int) -> list[Table]:
        if isinstance(found, Profile):
            return [profile_table(found, width)]
        return [map_table(found, width) if is_map else sensitivity_table(found, width)]

    output.deliver(lambda: None, table, lambda _: None, lambda: drawn(found, output, as_map=is_map))
