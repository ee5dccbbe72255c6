"""Tables as files, for papers and spreadsheets: the tables that the terminal shows, as LaTeX, Markdown or CSV."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from stepbench.report.records import as_text
from stepbench.report.tables import BARS

DIGITS = r"(?P<sign>[-+−]?)(?P<digits>\d+(?:,\d{3})*(?:\.\d+)?)(?:e(?P<power>[-+]?\d+))?"
NUMBER = re.compile(rf"(?P<open>\(?){DIGITS}(?P<unit>f?%?)(?P<close>\)?[,;:]?)(?P<star>\*?)")
"""A word that is a number, and what may stand around it: (29)*, 99.1%, 6f."""

RAISED, LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "₀₁₂₃₄₅₆₇₈₉"
SMALL = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
LARGE = "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
MATHEMATICS = {
    **dict(zip("αβγδεζηθικλμνξπρστυφχψω", [*SMALL.split(), "omega"], strict=True)),
    **dict(zip("ΓΔΘΛΞΠΣΦΨΩ", LARGE.split(), strict=True)),
    "∇": "nabla",
    "∂": "partial",
    "≤": "le",
    "≥": "ge",
    "≈": "approx",
    "∞": "infty",
    "×": "times",
    "✗": "times",
    "·": "cdot",
    "✓": "surd",
    "√": "surd",
    "‖": "Vert",
    "→": "to",
    "←": "gets",
    "∈": "in",
    "µ": "mu",
}
SIGNS = {
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    "[": "{[}",  # after \\ it and the star would be arguments
    "]": "{]}",
    "*": r"\textsuperscript{*}",
    **{sign: f"${sign}$" for sign in "<>|"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    '"': "''",
    "…": r"\ldots{}",
    "–": "--",
    "−": "$-$",
    "°": r"$^{\circ}$",
    **{sign: f"$\\{name}$" for sign, name in MATHEMATICS.items()},
    **{bar: rf"\rule{{0.4em}}{{{0.2 * height:.1f}ex}}" for height, bar in enumerate(BARS, 1)},
}
"""What stands in LaTeX for a letter that means something else there, or that its fonts have only as mathematics."""


class Plain(NamedTuple):
    """A table as texts: its title, and by column the heading, whether it holds numbers, and the cells."""

    title: str
    headings: list[str]
    numeric: list[bool]
    cells: list[list[str]]


def write_tables(tables: Sequence[Table], path: Path) -> None:
    """Write tables to one file, in the form that its ending names: a key of ``FORMS``."""
    text = FORMS[path.suffix.lower()]([plain(table) for table in tables])
    path.write_text(text, encoding="utf-8", newline="")


def plain(table: Table) -> Plain:
    """The texts of a table of rich's. Columns that are aligned to the right hold numbers."""
    columns = table.columns
    return Plain(
        "" if table.title is None else _text(table.title),
        [_text(column.header) for column in columns],
        [column.justify == "right" for column in columns],
        [[_text(cell) for cell in column.cells] for column in columns],
    )


def _text(shown: object) -> str:
    """A cell in one line."""
    return " ".join((shown.plain if isinstance(shown, Text) else str(shown)).split())


def latex(tables: Sequence[Plain]) -> str:
    """Tables for LaTeX with booktabs, each under its title as a caption; numbers are mathematics."""
    lines = [r"% needs \usepackage{booktabs}"]
    for table in tables:
        rows = [" & ".join(map(_latex, row)) + r" \\" for row in zip(*table.cells, strict=True)]
        lines += [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{_latex(table.title)}}}",
            rf"  \begin{{tabular}}{{{''.join('r' if numeric else 'l' for numeric in table.numeric)}}}",
            r"    \toprule",
            "    " + " & ".join(map(_latex, table.headings)) + r" \\",
            r"    \midrule",
            *(f"    {row}" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    """A text for LaTeX: words that are numbers as mathematics, and every other letter as itself."""
    numbers = [(word, NUMBER.fullmatch(word)) for word in text.split()]
    return " ".join(_latex_number(found) if found else _latex_word(word) for word, found in numbers)


def _latex_number(found: re.Match[str]) -> str:
    digits = found["digits"].replace(",", "{,}")
    if found["power"] is not None:
        power = f"10^{{{int(found['power'])}}}"
        digits = power if digits == "1" else rf"{digits} \times {power}"
    unit, star = found["unit"].replace("%", r"\%"), SIGNS.get(found["star"], "")
    return f"{found['open']}${found['sign'].replace('−', '-')}{digits}${unit}{found['close']}{star}"


def _latex_word(word: str) -> str:
    pieces = re.sub(rf"[{RAISED}]+|[{LOWERED}]+|--+|.", lambda piece: _latex_piece(piece[0]), word)
    return re.sub(r"(?<!\\)\$\$", "", pieces)  # two formulas side by side are one


def _latex_piece(piece: str) -> str:
    if piece[0] in RAISED + LOWERED:
        script = unicodedata.normalize("NFKC", piece).replace("−", "-")
        return f"${'^' if piece[0] in RAISED else '_'}{{{script}}}$"
    if piece.startswith("--"):
        return "-{}" * (len(piece) - 1) + "-"  # else they would be one dash
    return SIGNS.get(piece, piece)


def markdown(tables: Sequence[Plain]) -> str:
    """Tables for Markdown, each under its title, with the columns below each other also where they are read as text."""
    parts = []
    for table in tables:
        columns = []
        for heading, numeric, cells in zip(table.headings, table.numeric, table.cells, strict=True):
            texts = [_markdown(text) for text in (heading, *cells)]
            width = max(3, *map(cell_len, texts))
            filled = [(" " * (width - cell_len(text)), text) for text in texts]
            head, *rest = [space + text if numeric else text + space for space, text in filled]
            columns.append([head, "-" * (width - 1) + ":" if numeric else "-" * width, *rest])
        rows = [f"| {' | '.join(row)} |" for row in zip(*columns, strict=True)]
        parts.append("\n".join([f"**{_markdown(table.title)}**", "", *rows]) + "\n")
    return "\n".join(parts)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<|~$&])", r"\\\1", text)


def comma_separated(tables: Sequence[Plain]) -> str:
    """Tables as CSV, with plain numbers, and an empty line between two tables.

    Marks of the best and separators of thousands are left out, per cent are parts of 1, units stand in the headings.
    The iterations that the terminal shows in parentheses, the two ends of a range and the components of a point have a
    column each. What is unknown is empty.
    """
    parts = []
    for table in tables:
        file = io.StringIO(newline="")
        columns: list[list[str]] = []
        for heading, numeric, cells in zip(table.headings, table.numeric, table.cells, strict=True):
            columns += _number_columns(heading, cells) if numeric else [[heading, *cells]]
        writer = csv.writer(file)
        for row in zip(*columns, strict=True):
            writer.writerow(["" if cell == "–" else as_text(cell) for cell in row])
        parts.append(file.getvalue())
    return "\r\n".join(parts)


def _number_columns(heading: str, cells: Sequence[str]) -> list[list[str]]:
    """A column of numbers as one of plain numbers, or as several where its cells hold more than one number."""
    cells = [re.sub(r"(?<=\d),(?=\d{3})", "", cell.removesuffix("*")) for cell in cells]
    if any(cell.endswith(" s") for cell in cells):
        heading, cells = f"{heading} (s)", [cell.removesuffix(" s") for cell in cells]
    if any(cell.endswith(")") for cell in cells):  # where none are told, there were as many as evaluations
        pairs = [cell.removesuffix(")").split(" (") for cell in cells]
        iterations = [pair[-1].removesuffix("f") for pair in pairs]
        return [[heading, *(pair[0] for pair in pairs)], [f"{heading} (iterations)", *iterations]]
    if any(" … " in cell for cell in cells):
        ends = [cell.partition(" … ") for cell in cells]
        low, high = [end[0] for end in ends], [end[2] for end in ends]
        return [[f"{heading} (from)", *low], [f"{heading} (to)", *high]]
    vectors = [cell.split(", ") for cell in cells]
    d = max(map(len, vectors), default=1)
    if d > 1:
        return [[f"{heading}_{i + 1}", *(v[i] if i < len(v) else "" for v in vectors)] for i in range(d)]
    return [[heading, *map(_without_per_cent, cells)]]


def _without_per_cent(cell: str) -> str:
    """99.1% as 0.991."""
    part = re.fullmatch(r"(-?[\d.]+)%", cell)
    return f"{Decimal(part[1]).scaleb(-2):f}" if part else cell


FORMS = {".tex": latex, ".md": markdown, ".csv": comma_separated}
"""What writes tables, by the ending of the file."""
