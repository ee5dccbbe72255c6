"""``stepbench reproduce``: the papers' claims, each run and judged."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from stepbench.cli._common import OUTPUT, PANEL, Data, Download, Json, check_writable, console, find_data, write_json
from stepbench.cli._study import WHERE, Workers, opened


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PAPER]...",
            help="csawg, rdbd, tlr, adaloss, adam-exact, reviewed or all; or one claim, as csawg/rates.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the claims that take seconds.", rich_help_panel=PANEL)
    ] = False,
    seeds: Annotated[int, typer.Option(help="Seeds that a claim must hold for.", min=1, rich_help_panel=PANEL)] = 3,
    seed: Annotated[int, typer.Option(help="The first of them.", min=0, rich_help_panel=PANEL)] = 0,
    data: Data = None,
    download: Download = False,
    figures: Annotated[
        Path | None, typer.Option(help="A folder to draw the figures in.", rich_help_panel=OUTPUT, show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write it all to a .md or .html file.", rich_help_panel=OUTPUT, show_default=False),
    ] = None,
    json: Json = False,
    study: Annotated[Path, typer.Option(help="The file that keeps every run.", rich_help_panel=WHERE)] = Path(
        "reproduce.db"
    ),
    workers: Workers = 1,
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
            out.print(tell.claims_table(paper, claims))
        return
    asked = chosen(names)
    find_data(data, download)
    Store(study)  # refuses a file that is no study, before a folder is made
    _check(figures, report)
    judged: list[tell.Judged] = []
    done, total = 0, sum(len(claims) for _, claims in asked)
    for paper, claims in asked:
        verdicts = []
        if not json:
            out.print(tell.heading(paper), highlight=False)
        for claim in claims:
            done += 1
            label = f"{done}/{total} {paper.name}/{claim.name}"
            with opened(study, label, workers=workers, scheduler=None, traces=False) as kept:
                verdicts.append(judge(claim, kept, range(seed, seed + seeds), quick=quick))
            if figures is not None:
                tell.draw(figures, paper, verdicts[-1])
            if not json:
                out.print(tell.verdict_lines(verdicts[-1], min(out.width, 120), plain=out.options.ascii_only))
        judged.append((paper, verdicts))
    if json:
        write_json(tell.as_json(judged))
    else:
        out.print(tell.tally([verdict for _, verdicts in judged for verdict in verdicts]), highlight=False)
    if report is not None:
        report.write_text(tell.written(report, judged, shlex.join(["stepbench", *sys.argv[1:]]), figures), "utf-8")
        if not json:
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
