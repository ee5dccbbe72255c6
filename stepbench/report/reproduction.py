"""What ``stepbench reproduce`` prints and writes: tables, figures, and a report in Markdown or HTML."""

from __future__ import annotations

import datetime
import html
import math
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from stepbench.engine.identity import version
from stepbench.report.literal import Table
from stepbench.report.numbers import duration, median_and_range
from stepbench.reproduce.claims import Claim, Paper
from stepbench.reproduce.verdicts import NOT, NOT_HERE, PARTLY, REPRODUCED, WORDS, Verdict

Judged: TypeAlias = tuple[Paper, list[Verdict]]

STYLES = {REPRODUCED: "bold green", PARTLY: "bold yellow", NOT: "bold red", NOT_HERE: "dim"}
MARKS = {"✓": "green", "✗": "red", "~": "yellow"}
PLAIN = {"✓": "+", "✗": "-", "~": "~"}
COMMANDS = 12
"""How many commands of a claim a report prints."""


def claims_list(paper: Paper, claims: Sequence[Claim]) -> Group:
    """The claims of a paper: of each its whole name, which is typed to run it, and below what it says."""
    lines: list[Text | Padding] = [heading(paper)]
    for claim in claims:
        slow = "" if claim.quick or claim.missing else " (longer)"
        lines.append(Text.assemble((f"{paper.name}/{claim.name}", "bold"), f"  {claim.where}"))
        lines.append(Padding(Text(claim.says + slow), (0, 0, 0, 4)))
    return Group(*lines, "")


def heading(paper: Paper) -> Text:
    """The paper's name and source."""
    return Text.assemble((paper.name, "bold"), f"  {paper.source}")


def verdict_lines(verdict: Verdict, width: int, plain: bool = False) -> Group:
    """A claim with its verdict, and a line per number: whether it agrees, the paper's, and ours.

    ``plain`` uses only ASCII signs.
    """
    claim = verdict.claim
    note = f"  {_agreement(verdict)} {duration(verdict.seconds)}" if verdict.measured else ""
    head = Table.grid(padding=(0, 2, 0, 0))
    for size in (14, width - 18):
        head.add_column(width=size, overflow="fold")
    says = Text.assemble((f"{claim.where}  ", "bold"), claim.says, (note, "dim"))
    head.add_row(Text(verdict.word, style=STYLES[verdict.word]), says)
    for words in filter(None, (verdict.detail, verdict.lost)):
        head.add_row("", Text(words, style="dim"))
    numbers = Table.grid(padding=(0, 2, 0, 0))
    paper, ours = (14, 22) if width < 100 else (20, 27)
    for size in (1, width - paper - ours - 11, paper, ours):
        numbers.add_column(width=size, overflow="fold")
    for mark, *cells in lines(verdict):
        sign = PLAIN[mark[:1]] if plain else mark[:1]
        numbers.add_row(Text(sign, style=MARKS[mark[:1]]), *map(Text, cells))
    return Group(head, Padding(numbers, (0, 0, 0, 2)))


def lines(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """A line per number: whether it agrees, its name, the paper's and ours."""
    n = len(verdict.seeds)
    rows = []
    for name, values in verdict.measured.items():
        k = verdict.agrees(name)
        mark = f"~ {k} of {n} seeds"
        if k == n:
            mark = "✓"
        elif k == 0:
            mark = "✗"
        rows.append((mark, name, verdict.claim.numbers[name].paper.says, median_and_range(values)))
    return rows


def tally(verdicts: Sequence[Verdict]) -> str:
    """How many claims have each verdict."""
    counts = {word: sum(v.word == word for v in verdicts) for word in WORDS}
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n)


def as_json(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every claim with what was measured, as plain data; what is not finite is null."""
    return [
        {
            "claim": f"{paper.name}/{v.claim.name}",
            "where": v.claim.where,
            "says": v.claim.says,
            "verdict": v.word,
            "detail": v.detail,
            "lost": v.lost,
            "seeds": list(v.seeds),
            "numbers": {
                name: {
                    "paper": v.claim.numbers[name].paper.says,
                    "measured": [x if math.isfinite(x) else None for x in values],
                    "agrees": v.agrees(name),
                }
                for name, values in v.measured.items()
            },
            "why": v.claim.why,
            "note": v.claim.note,
            "seconds": v.seconds,
            "commands": commands(v),
        }
        for paper, verdicts in judged
        for v in verdicts
    ]


def commands(verdict: Verdict) -> list[str]:
    """The command of each of a claim's runs, at the first seed."""
    seed = verdict.seeds[0] if verdict.seeds else 0
    return list(dict.fromkeys(run.command(seed) for run in verdict.claim.runs.values()))


def figure_name(paper: Paper, verdict: Verdict) -> str:
    """The file of a claim's figure."""
    return f"{paper.name}-{verdict.claim.name}.png"


def draw(folder: Path, paper: Paper, verdict: Verdict) -> None:
    """Draw a claim's figure into the folder, where it has one and was run."""
    from stepbench.report.claim_plots import claim_figure

    if verdict.claim.picture is not None and verdict.results:
        claim_figure(verdict).savefig(folder / figure_name(paper, verdict), dpi=110)


def written(path: Path, judged: Sequence[Judged], command: str, figures: Path | None) -> str:
    """The report that the file's name asks for, Markdown or HTML; an HTML file holds its figures."""
    if path.suffix.lower() == ".html":
        return _html(judged, command)
    return _markdown(judged, command, None if figures is None else Path(os.path.relpath(figures, path.parent)))


INTRODUCTION = (
    "Every claim is judged by computation: some runs, what is measured of them, and the interval in which it agrees "
    "with the paper. It is reproduced where all its numbers agree for every seed, not reproduced where none does, and "
    "partly reproduced in between. Measured numbers are the median over the seeds, and their range in brackets."
)


def facts(judged: Sequence[Judged], command: str) -> dict[str, str]:
    """Where, when and how it was run."""
    seeds = sorted({seed for _, verdicts in judged for v in verdicts for seed in v.seeds})
    here = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    libraries = [f"{name} {metadata.version(name)}" for name in ("numpy", "scipy", "torch") if _installed(name)]
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": here,
        "versions": f"stepbench {version()}, {', '.join(libraries)}",
        "seeds": ", ".join(map(str, seeds)),
        "verdicts": tally([v for _, verdicts in judged for v in verdicts]),
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _words(verdict: Verdict) -> list[str]:
    """What there is to say below the numbers."""
    claim = verdict.claim
    paragraphs = [f"{words}." for words in (verdict.detail, verdict.lost) if words]
    if claim.why and verdict.measured:
        paragraphs.append(f"Tolerance: {claim.why}.")
    if claim.note:
        paragraphs.append(claim.note)
    return paragraphs


def _first_commands(verdict: Verdict) -> list[str]:
    """The first commands of a claim, and how many more there are."""
    every = commands(verdict)
    if len(every) <= COMMANDS:
        return every
    return [*every[:COMMANDS], f"# and {len(every) - COMMANDS:,} more like these"]


def _markdown(judged: Sequence[Judged], command: str, figures: Path | None) -> str:
    text = ["# Reproduction", "", INTRODUCTION, ""]
    text += [
        f"- {name}: `{fact}`" if name == "command" else f"- {name}: {fact}"
        for name, fact in facts(judged, command).items()
    ]
    for paper, verdicts in judged:
        text += ["", f"## {paper.name}", "", f"{paper.source}: {tally(verdicts)}.", ""]
        text += ["| claim | where | the paper says | verdict |", "|---|---|---|---|"]
        for v in verdicts:
            link = f"[{v.claim.name}](#{paper.name}-{v.claim.name})"
            verdict = f"**{v.word}** {_agreement(v)}".strip()
            text.append(f"| {link} | {v.claim.where} | {v.claim.says} | {verdict} |")
        for v in verdicts:
            text += ["", f'<a id="{paper.name}-{v.claim.name}"></a>', f"### {paper.name}/{v.claim.name}: {v.word}", ""]
            text += [f"{v.claim.where}: {v.claim.says}.", ""]
            if v.measured:
                text += ["| | | paper | measured |", "|---|---|---|---|"]
                text += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in lines(v)] + [""]
            text += [line for words in _words(v) for line in (words, "")]
            if figures is not None and v.claim.picture is not None and v.results:
                text += [f"![{v.claim.says}]({(figures / figure_name(paper, v)).as_posix()})", ""]
            if v.measured and (listed := _first_commands(v)):
                text += ["<details><summary>commands</summary>", "", "```sh", *listed, "```", "", "</details>"]
    return "\n".join(text).rstrip() + "\n"


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .8rem 0 }
td, th { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #999 } section { border-top: 1px solid #ddd; padding: .6rem 0 } h3 { margin: .4rem 0 }
.verdict { font-weight: 600; white-space: nowrap } .reproduced { color: #00724f } .partly { color: #9a6700 }
.not { color: #b00020 } .here { color: #777 } img { max-width: 100% } .words { color: #555; margin: .3rem 0 }
pre { background: #f6f6f6; padding: .6rem; overflow-x: auto; font-size: 13px }
"""
_CLASSES = {REPRODUCED: "reproduced", PARTLY: "partly", NOT: "not", NOT_HERE: "here"}


def _html(judged: Sequence[Judged], command: str) -> str:
    e = html.escape
    body = [f"<h1>Reproduction</h1><p>{e(INTRODUCTION)}</p><table>"]
    body += [f"<tr><td><b>{name}</b></td><td>{e(text)}</td></tr>" for name, text in facts(judged, command).items()]
    body.append("</table>")
    for paper, verdicts in judged:
        body.append(f"<h2>{e(paper.name)}</h2><p>{e(paper.source)}: {tally(verdicts)}.</p><table>")
        body.append("<tr><th>claim</th><th>where</th><th>the paper says</th><th>verdict</th></tr>")
        for v in verdicts:
            link = f'<a href="#{paper.name}-{v.claim.name}">{v.claim.name}</a>'
            cells = f"<td>{link}</td><td>{e(v.claim.where)}</td><td>{e(v.claim.says)}</td>"
            body.append(f"<tr>{cells}<td>{_coloured(v)}</td></tr>")
        body.append("</table>")
        for v in verdicts:
            body.append(f'<section id="{paper.name}-{v.claim.name}"><h3>{e(v.claim.where)}: {e(v.claim.says)}</h3>')
            body.append(f"<p>{_coloured(v)}</p>")
            if v.measured:
                body.append("<table><tr><th></th><th></th><th>paper</th><th>measured</th></tr>")
                body += [f"<tr>{''.join(f'<td>{e(cell)}</td>' for cell in row)}</tr>" for row in lines(v)]
                body.append("</table>")
            body += [f'<p class="words">{e(words)}</p>' for words in _words(v)]
            if v.claim.picture is not None and v.results:
                body.append(f'<img alt="{e(v.claim.says)}" src="{_picture(v)}">')
            if v.measured and (listed := "\n".join(_first_commands(v))):
                body.append(f"<details><summary>commands</summary><pre>{e(listed)}</pre></details>")
            body.append("</section>")
    head = f'<meta charset="utf-8"><title>Reproduction</title><style>{_STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>\n" + "\n".join(body) + "\n</body></html>\n"


def _agreement(verdict: Verdict) -> str:
    """In brackets how many of the numbers agree, where that is some of them."""
    if verdict.word != PARTLY:
        return ""
    agree = sum(verdict.agrees(name) == len(verdict.seeds) for name in verdict.measured)
    return f"({agree} of {len(verdict.measured)})"


def _coloured(verdict: Verdict) -> str:
    return f'<span class="verdict {_CLASSES[verdict.word]}">{verdict.word}</span> {_agreement(verdict)}'.strip()


def _picture(verdict: Verdict) -> str:
    from stepbench.report.claim_plots import claim_figure
    from stepbench.report.notebook import image

    return image(claim_figure(verdict), dpi=90)
