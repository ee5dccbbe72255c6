"""``stepbench reproduce``: the papers' claims, each run and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepbench.cli.data import DataOptions
from stepbench.cli.kept import Kept
from stepbench.cli.options import Default, Only, takes
from stepbench.cli.output import Output, check_writable, console, typed, write_json
from stepbench.options import OUTPUT, RUN


@takes
def command(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PAPER]...",
            help="csawg, rdbd, tlr, adaloss, adam-exact, reviewed or all; or one claim, as csawg/rates.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the claims that take seconds.", rich_help_panel=RUN)
    ] = False,
    seeds: Annotated[int, typer.Option(help="Seeds that a claim must hold for.", min=1, rich_help_panel=RUN)] = 3,
    seed: Annotated[int, typer.Option(help="The first of them.", min=0, rich_help_panel=RUN)] = 0,
    data: Annotated[DataOptions, Only("data", "download")],
    figures: Annotated[
        Path | None, typer.Option(help="A folder to draw the figures in.", rich_help_panel=OUTPUT, show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write it all to a .md or .html file.", rich_help_panel=OUTPUT, show_default=False),
    ] = None,
    output: Annotated[Output, Only("json")],
    kept: Annotated[Kept, Only("study", "workers"), Default(study=Path("reproduce.db"))],
) -> None:
    """Reproduce the papers' claims, each with a verdict.

    Lists the claims where none is named. Every claim is some runs, what is
    measured of them, what the paper says, and how far the two may differ; the
    verdict is computed. Runs are kept: the same command goes on where it was.
    """
    from stepbench.report import reproduction as tell
    from stepbench.reproduce import chosen
    from stepbench.reproduce.verdicts import judge
    from stepbench.study.store import Store

    out = console()
    out.width = max(out.width, 60)  # less would leave out what was measured
    if not names:
        for paper, claims in chosen(["all"]):
            out.print(tell.claims_list(paper, claims))
        return
    asked = chosen(names)
    data.find()
    Store(kept.study)  # refuses a file that is no study, before a folder is made
    _check(figures, report)
    judged: list[tell.Judged] = []
    done, total = 0, sum(len(claims) for _, claims in asked)
    for paper, claims in asked:
        verdicts = []
        if not output.json:
            out.print(tell.heading(paper), highlight=False)
        for claim in claims:
            done += 1
            label = f"{done}/{total} {paper.name}/{claim.name}"
            with kept.opened(label) as study:
                verdicts.append(judge(claim, study, range(seed, seed + seeds), quick=quick))
            if figures is not None:
                tell.draw(figures, paper, verdicts[-1])
            if not output.json:
                out.print(tell.verdict_lines(verdicts[-1], min(out.width, 120), plain=out.options.ascii_only))
        judged.append((paper, verdicts))
    if output.json:
        write_json(tell.as_json(judged))
    else:
        out.print(tell.tally([verdict for _, verdicts in judged for verdict in verdicts]), highlight=False)
    if report is not None:
        report.write_text(tell.written(report, judged, typed(), figures), "utf-8")
        if not output.json:
            out.print(f"written to {report}", highlight=False)


def _check(figures: Path | None, report: Path | None) -> None:
    """Refuse, before anything runs, what could not be written after it."""
    from stepbench import InputError

    if report is not None:
        if report.suffix.lower() not in (".md", ".html"):
            raise InputError(f"--report {report} must end in .md or .html")
        check_writable(report, "--report")
    if figures is not None:
        try:
            figures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--figures {figures} cannot be made: {error.strerror}") from None
        check_writable(figures / "figure.png", "--figures")
