"""``stepbench reproduce``: the papers' claims, each run and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepbench.cli.data import DataOptions
from stepbench.cli.kept import Kept
from stepbench.cli.options import Default, Only, takes
from stepbench.cli.output import Output, check_writable, console, write_json
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
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write it all with pictures: a folder of pages, or one .html file.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
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
    from stepbench.reproduce import PAPERS, chosen, record
    from stepbench.reproduce import paper as whole
    from stepbench.reproduce.verdicts import NOT_HERE, judge
    from stepbench.study.store import Store

    out = console()
    out.width = max(out.width, 60)  # less would leave out what was measured
    width = min(out.width, 120)
    if not names:
        for paper, claims in chosen(["all"]):
            out.print(tell.claims_list(paper, claims))
        return
    asked = chosen(names)
    data.find()
    Store(kept.study)  # refuses a file that is no study, before a folder is made
    folder = None if report is None or _is_page(report) else report
    before = record.read(folder) if folder is not None else {}
    if report is not None:
        _check(report)
    judged: list[record.Judged] = []
    done, total = 0, sum(len(claims) for _, claims in asked)
    for paper, claims in asked:
        verdicts = []
        if not output.json:
            out.print(tell.heading(paper), "", highlight=False)
        for claim in claims:
            done += 1
            label = f"{done}/{total} {paper.name}/{claim.name}"
            with kept.opened(label) as study:
                verdicts.append(judge(claim, study, range(seed, seed + seeds), quick=quick))
            if folder is not None:
                tell.draw(folder, paper, verdicts[-1])
            if not output.json and verdicts[-1].word != NOT_HERE:
                out.print(tell.printed_claim(paper, verdicts[-1], width, plain=out.options.ascii_only))
        judged.append((paper, verdicts))
        if not output.json:
            out.print(tell.printed_not_run(paper, verdicts, width))
    if output.json:
        write_json(record.as_json(judged))
    else:
        out.print(tell.printed_summary(judged, width), highlight=False)
    if report is None:
        return
    if folder is None:
        report.write_text(tell.as_html(judged), "utf-8")
    else:
        tell.write_folder(folder, record.completed(judged, map(whole, PAPERS), before))
    if not output.json:
        out.print(f"written to {report}", highlight=False)


def _is_page(report: Path) -> bool:
    return report.suffix.lower() == ".html"


def _check(report: Path) -> None:
    """Refuse, before anything runs, what could not be written after it."""
    from stepbench import InputError
    from stepbench.report.reproduction import FIRST
    from stepbench.reproduce.record import FILE

    if _is_page(report):
        check_writable(report, "--report")
        return
    if report.suffix and not report.is_dir():
        raise InputError(f"--report {report} must be a folder, or end in .html")
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--report {report} cannot be made: {error.strerror}") from None
    if (report / f"{FIRST}.md").exists() and not (report / FILE).exists():
        raise InputError(f"--report {report} has a {FIRST}.md that is of no report: name another folder")
    check_writable(report / FILE, "--report")
