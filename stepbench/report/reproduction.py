"""What ``stepbench reproduce`` prints and writes: one content in the terminal, as a folder of pages, and as HTML."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stepbench.engine.identity import version
from stepbench.report import document
from stepbench.report.document import Block, Grid, Heading, Items, Link, Paragraph, Part, Picture, Styled
from stepbench.report.numbers import counted, duration, median_and_range
from stepbench.reproduce import record
from stepbench.reproduce.claims import Claim, Paper
from stepbench.reproduce.record import Judged
from stepbench.reproduce.verdicts import NOT, NOT_HERE, PARTLY, REPRODUCED, WORDS, Verdict

Pictures: TypeAlias = Mapping[str, str]
"""Where the picture of a claim is, by the claim's name with its paper's; claims without one are not there."""

KINDS = {REPRODUCED: "good", PARTLY: "half", NOT: "bad", NOT_HERE: "dim"}
TITLES = {REPRODUCED: "Reproduced", PARTLY: "Partly reproduced", NOT: "Not reproduced"}
PLAIN = str.maketrans("✓✗", "+-")
TITLE = "What the papers say, measured"
FIRST = "README"
"""The first page, which a folder's viewer shows."""

FIGURES = "figures"
"""The folder of the pictures, in that of the pages."""


def claims_list(paper: Paper, claims: Sequence[Claim]) -> Group:
    """The claims of a paper: of each its whole name, which is typed to run it, and below what it says."""
    lines: list[RenderableType] = [heading(paper)]
    for claim in claims:
        slow = "" if claim.quick or claim.missing else " (longer)"
        lines.append(Text.assemble((f"{paper.name}/{claim.name}", "bold"), f"  {claim.where}"))
        lines.append(Padding(Text(claim.says + slow), (0, 0, 0, 4)))
    return Group(*lines, "")


def heading(paper: Paper) -> Text:
    """The paper's name and source."""
    return Text.assemble((paper.name, "bold"), f"  {paper.source}")


# A claim


def claim_blocks(paper: Paper, verdict: Verdict, pictures: Pictures) -> list[Block]:
    """A claim that was run: its verdict, its picture, its numbers, its conditions, and what is to be said of them."""
    claim = verdict.claim
    blocks: list[Block] = [Heading(3, f"{claim.where}: {claim.says}", paper.name, claim.name)]
    fails_here = verdict.word != REPRODUCED and not claim.is_stand_in
    note_first = claim.note if fails_here else ""
    blocks.append(Paragraph([*_outcome(verdict), *([f" {note_first}"] if note_first else [])]))
    if (source := pictures.get(_name(paper, verdict))) is not None:
        blocks.append(Picture(f"{claim.where}: {claim.says}", source))
    blocks.append(Grid(("", "number", "paper", "measured"), _number_rows(verdict)))
    if claim.settings:
        rows = [(row.what, row.paper, row.here or "the same") for row in claim.settings]
        blocks.append(Grid(("setting", "paper", "here"), rows))
    paragraphs = [
        ("Why these tolerances:", claim.why),
        ("What differs, and why:", "" if note_first else claim.note),
        ("Seed by seed:", verdict.detail.removeprefix("seeds disagree: ")),
        ("Lost:", verdict.lost),
    ]
    blocks += [Paragraph([Styled(title), f" {_sentence(words)}"]) for title, words in paragraphs if words]
    seeds = f", seeds {', '.join(map(str, verdict.seeds))}" if len(verdict.seeds) > 1 else ""
    command = Styled(f"stepbench reproduce {_name(paper, verdict)}", "code")
    return [*blocks, Paragraph([command, Styled(f"  (judged {verdict.made}{seeds})", "dim")])]


def _sentence(words: str) -> str:
    """Words as a sentence: with a capital, unless a symbol stands first, and a full stop."""
    first = words[0].upper() if re.match("[a-z]{2}|a ", words) else words[0]
    return first + words[1:].rstrip(".") + "."


def _outcome(verdict: Verdict) -> list[Part]:
    """The verdict in a sentence: where it was judged, and how many of the numbers agree."""
    n, agreeing = len(verdict.measured), verdict.agreeing
    seeds = f" for all {len(verdict.seeds)} seeds" if len(verdict.seeds) > 1 else ""
    agree = f"{agreeing} of {counted(n, 'number')} agree{seeds}"
    if agreeing == n:
        agree = f"all {n} numbers agree{seeds}" if n > 1 else f"its number agrees{seeds}"
    elif not agreeing:
        agree = f"none of {n} numbers agrees{seeds}" if n > 1 else f"its number does not agree{seeds}"
    where = "in the paper's own setting"
    if verdict.claim.is_stand_in:
        others = ", ".join(row.what for row in verdict.claim.settings if row.here)
        where = f"on a stand-in, which differs in {others}"
    return [Styled(TITLES[verdict.word], KINDS[verdict.word]), f" {where}: {agree}."]


def _number_rows(verdict: Verdict) -> list[tuple[str | list[Part], ...]]:
    """A row per number: whether it agrees, its name, the paper's, and ours with its range over the seeds."""
    rows: list[tuple[str | list[Part], ...]] = []
    for name, values in verdict.measured.items():
        k, n = verdict.agrees(name), len(verdict.seeds)
        mark = Styled("✓", "good") if k == n else Styled("✗", "bad") if k == 0 else Styled(f"{k} of {n}", "half")
        rows.append(([mark], name, verdict.claim.numbers[name].paper.says, median_and_range(values)))
    return rows


# Pages


def tally(verdicts: Sequence[Verdict]) -> str:
    """How many claims have each verdict."""
    counts = {word: sum(v.word == word for v in verdicts) for word in WORDS}
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n)


def summary(judged: Sequence[Judged]) -> list[Block]:
    """The first page: how many claims of each paper have which verdict, what was found, and the papers' errors."""
    blocks: list[Block] = [_tally_table(judged)]
    if found := [words for paper, verdicts in judged if (words := _headline(paper, verdicts))]:
        blocks += [Heading(2, "What was found", FIRST), Items(found)]
    errors = [words for paper, verdicts in judged for words in _errata(paper, verdicts)]
    if errors:
        blocks += [Heading(2, "Errors that we believe are in the papers", FIRST), Items(errors)]
    return blocks


def _tally_table(judged: Sequence[Judged]) -> Grid:
    """How many claims of each paper have which verdict, those in its own setting and those on stand-ins apart."""
    rows: list[tuple[str | list[Part], ...]] = []
    every: list[Verdict] = []
    for paper, verdicts in judged:
        rows.append(([Link(paper.name, paper.name)], *_counts(verdicts)))
        every += verdicts
    if len(judged) > 1:
        rows.append(([Styled("all")], *_counts(every)))
    heads = ("own setting: reproduced", "partly", "not", "not run", "stand-in: reproduced", "partly", "not", "not run")
    return Grid(("paper", *heads), rows)


def _counts(verdicts: Sequence[Verdict]) -> list[str]:
    """How many verdicts are of each word, first in the paper's own setting and then on stand-ins; a dash for none."""
    counts = [
        sum(v.word == word and v.claim.is_stand_in == stand_in for v in verdicts)
        for stand_in in (False, True)
        for word in WORDS
    ]
    return [str(n) if n else "–" for n in counts]


def _headline(paper: Paper, verdicts: Sequence[Verdict]) -> list[Part]:
    """The first of the paper's headlines whose claim was judged, with what was measured and the verdict."""
    judged = {verdict.claim.name: verdict for verdict in verdicts if verdict.word != NOT_HERE}
    for headline in paper.headlines:
        if (verdict := judged.get(headline.claim)) is not None:
            where = "on a stand-in" if verdict.claim.is_stand_in else "in its own setting"
            outcome = Styled(f"{TITLES[verdict.word]} {where}", KINDS[verdict.word])
            return [
                f"{_filled(headline.says, verdict)} ",
                outcome,
                " (",
                Link(_name(paper, verdict), paper.name, headline.claim),
                ").",
            ]
    return []


def _filled(says: str, verdict: Verdict) -> str:
    """A sentence with what was measured in place of the numbers' names in braces."""
    return re.sub(r"\{(.+?)\}", lambda name: median_and_range(verdict.measured[name[1]]), says)


def _errata(paper: Paper, verdicts: Sequence[Verdict], *, fully: bool = False) -> list[list[Part]]:
    """Each error of a paper: where and what, the claim that is the counterexample, and ``fully`` why it is an error."""
    here = {verdict.claim.name for verdict in verdicts if verdict.word != NOT_HERE}
    told: list[list[Part]] = []
    for erratum in paper.errata:
        name = f"{paper.name}/{erratum.claim}"
        shown: Part = Link(name, paper.name, erratum.claim) if erratum.claim in here else name
        where = erratum.where if fully else f"{paper.name}, {erratum.where}"
        why = f" {erratum.why}" if fully else ""
        told.append([Styled(f"{where}:"), f" {erratum.says} (see ", shown, f").{why}"])
    return told


def paper_page(paper: Paper, verdicts: Sequence[Verdict], pictures: Pictures) -> list[Block]:
    """The page of a paper: its claims in a table, its errors, each claim, and what was not run by what is missing."""
    run = [verdict for verdict in verdicts if verdict.word != NOT_HERE]
    blocks: list[Block] = [Heading(1, paper.source, paper.name), Paragraph(f"{tally(verdicts)}.")]
    if run:
        rows: list[tuple[str | list[Part], ...]] = [
            (
                [Link(verdict.claim.name, paper.name, verdict.claim.name)],
                f"{verdict.claim.where}: {verdict.claim.says}",
                "stand-in" if verdict.claim.is_stand_in else "own",
                [Styled(verdict.word, KINDS[verdict.word]), f" ({verdict.agreeing} of {len(verdict.measured)})"],
            )
            for verdict in run
        ]
        blocks.append(Grid(("claim", "what the paper says", "setting", "verdict (numbers that agree)"), rows))
    if errors := _errata(paper, verdicts, fully=True):
        blocks.append(Heading(2, "Errors that we believe are in the paper", paper.name, "errors"))
        blocks.append(Items(errors))
    if run:
        blocks.append(Heading(2, "Claims", paper.name, "claims"))
    for verdict in run:
        blocks += claim_blocks(paper, verdict, pictures)
    return blocks + _not_run(paper, verdicts)


def _not_run(paper: Paper, verdicts: Sequence[Verdict]) -> list[Block]:
    """The claims that were not run, grouped by what is missing."""
    missing: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.word == NOT_HERE:
            missing.setdefault(verdict.detail, []).append(verdict)
    blocks: list[Block] = [Heading(2, "Not run", paper.name, "not-run")] if missing else []
    for why, lacking in missing.items():
        blocks.append(Paragraph([Styled(_sentence(why))]))
        blocks.append(Items([[Styled(_name(paper, v), "code"), f" {v.claim.where}: {v.claim.says}."] for v in lacking]))
    return blocks


INTRODUCTION = (
    "Each claim is judged by computation: a few runs, and numbers of theirs beside the paper's. It is reproduced where "
    "all its numbers agree for every seed, not reproduced where none does, and partly in between. What was judged in "
    "the paper's own setting, and what on a stand-in of other data, sizes or lengths, is counted apart."
)


def _first_page(judged: Sequence[Judged]) -> list[Block]:
    named = [f"{name} {metadata.version(name)}" for name in ("numpy", "scipy", "torch") if _installed(name)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    command = Styled("stepbench reproduce all --report FOLDER", "code")
    one = Styled("stepbench reproduce PAPER/CLAIM --report FOLDER", "code")
    return [
        Heading(1, TITLE, FIRST),
        Paragraph(INTRODUCTION),
        *summary(judged),
        Heading(2, "How these pages are made", FIRST),
        Items(
            [
                [command, " makes them, and ", one, " makes one claim anew and leaves the others as they were judged."],
                "Measured numbers are medians over the seeds, with their range in brackets.",
                f"Last made by stepbench {version()} with {', '.join(named)}, on {machine}.",
            ]
        ),
    ]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


# What is printed and written


def printed_claim(paper: Paper, verdict: Verdict, width: int, plain: bool = False) -> Group:
    """A claim for the terminal, as its page tells it; ``plain`` uses only ASCII marks."""
    blocks = claim_blocks(paper, verdict, {})[1:-1]  # the name stands above, and the command with it
    if plain:
        blocks = [_plain(block) for block in blocks]
    name = Text.assemble((_name(paper, verdict), "bold"), (f"  {duration(verdict.seconds)}", "dim"))
    says = Padding(Text(f"{verdict.claim.where}: {verdict.claim.says}"), (0, 0, 0, 2))
    return Group(name, says, document.terminal(blocks, width), "")


def _plain(block: Block) -> Block:
    """The block with ASCII marks."""
    if not isinstance(block, Grid):
        return block
    rows = [tuple(cell if isinstance(cell, str) else [*map(_plain_part, cell)] for cell in row) for row in block.rows]
    return replace(block, rows=rows)


def _plain_part(part: Part) -> Part:
    return part._replace(text=part.text.translate(PLAIN)) if isinstance(part, Styled) else part


def printed_not_run(paper: Paper, verdicts: Sequence[Verdict], width: int) -> Group:
    """The claims that were not run, for the terminal."""
    return Group(document.terminal(_not_run(paper, verdicts), width), "")


def printed_summary(judged: Sequence[Judged], width: int) -> Group:
    """What the first page shows, for the terminal."""
    return document.terminal(summary(judged), width)


def draw(folder: Path, paper: Paper, verdict: Verdict) -> None:
    """Draw a claim's picture into the folder of a report, where it has one and was run."""
    if verdict.claim.pictures and verdict.results:
        from stepbench.report.claim_plots import claim_png

        (folder / FIGURES).mkdir(exist_ok=True)
        (folder / _picture(paper, verdict)).write_bytes(claim_png(verdict))


def _picture(paper: Paper, verdict: Verdict) -> str:
    return f"{FIGURES}/{paper.name}-{verdict.claim.name}.png"


def _name(paper: Paper, verdict: Verdict) -> str:
    return f"{paper.name}/{verdict.claim.name}"


def write_folder(folder: Path, judged: Sequence[Judged]) -> None:
    """Write the first page, a page per paper, and the record, beside the pictures that were drawn.

    Pictures that no page shows any more are removed, such as those of claims that are gone.
    """
    drawn = {
        _name(paper, verdict): _picture(paper, verdict)
        for paper, verdicts in judged
        for verdict in verdicts
        if verdict.claim.pictures and (folder / _picture(paper, verdict)).exists()
    }
    pages = {FIRST: document.markdown(_first_page(judged))}
    pages |= {paper.name: document.markdown(paper_page(paper, verdicts, drawn)) for paper, verdicts in judged}
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    for paper, _ in judged:
        for picture in (folder / FIGURES).glob(f"{paper.name}-*.png"):
            if picture.name not in pages[paper.name]:
                picture.unlink()
    record.write(folder, judged)


def as_html(judged: Sequence[Judged]) -> str:
    """The same content as one HTML file, which holds its pictures."""
    from base64 import b64encode

    from stepbench.report.claim_plots import claim_png

    held = {
        _name(paper, verdict): f"data:image/png;base64,{b64encode(claim_png(verdict)).decode()}"
        for paper, verdicts in judged
        for verdict in verdicts
        if verdict.claim.pictures and verdict.results
    }
    blocks = _first_page(judged)
    for paper, verdicts in judged:
        blocks += paper_page(paper, verdicts, held)
    return document.page(TITLE, blocks)
