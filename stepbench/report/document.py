"""A text with headings, tables and pictures, written once: as Markdown, as HTML, and in the terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from stepbench.report.literal import Table


class Styled(NamedTuple):
    """Words that stand out; ``kind`` is one of KINDS."""

    text: str
    kind: str = "strong"


class Link(NamedTuple):
    """Words that lead to a page, or to a place in it."""

    text: str
    page: str
    place: str = ""


Part: TypeAlias = str | Styled | Link
Words: TypeAlias = str | Sequence[Part]
"""A text that stands as it is, or several parts, one after the other."""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3, which links lead to by its page and place."""

    level: int
    text: str
    page: str
    place: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    words: Words


@dataclass(frozen=True)
class Items:
    """Sentences of a list, one below the other."""

    items: Sequence[Words]


@dataclass(frozen=True)
class Grid:
    """A table with a head over each column."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[Words, ...]]


@dataclass(frozen=True)
class Picture:
    """A picture, and in words what it shows; ``source`` is a path or the whole picture as a ``data:`` address."""

    shows: str
    source: str


@dataclass(frozen=True)
class Verbatim:
    """Lines that stand as they are, such as those of an algorithm or a command."""

    text: str


@dataclass(frozen=True)
class Live:
    """A page within the page; ``shows`` and ``source`` are as a picture's."""

    shows: str
    source: str


Block: TypeAlias = Heading | Paragraph | Items | Grid | Picture | Verbatim | Live

KINDS = {"strong": "bold", "good": "bold green", "half": "bold yellow", "bad": "bold red", "dim": "dim", "code": "cyan"}
"""The kinds of words that stand out, each with its style in the terminal."""


def _parts(words: Words) -> Sequence[Part]:
    return [words] if isinstance(words, str) else words


# Markdown


def markdown(blocks: Iterable[Block]) -> str:
    """The text as Markdown; pages lie in one folder."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        anchor = f'<a id="{block.place}"></a>\n\n' if block.place else ""
        return f"{anchor}{'#' * block.level} {_escaped(block.text)}"
    if isinstance(block, Paragraph):
        return _inline(block.words)
    if isinstance(block, Items):
        return "\n".join(f"- {_inline(item)}" for item in block.items)
    if isinstance(block, Grid):
        rows = [
            [*map(_inline, block.heads)],
            ["---"] * len(block.heads),
            *([_inline(cell) for cell in row] for row in block.rows),
        ]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if isinstance(block, Verbatim):
        return f"```text\n{block.text}\n```"
    if isinstance(block, Live):
        return _frame(block)
    return f"![{_escaped(block.shows)}]({block.source})"


def _inline(words: Words) -> str:
    line = "".join(map(_markdown_part, _parts(words)))
    return re.sub(r"^(\d*)([-+#=.)])(?=\s|\2|$)", r"\1\\\2", line)  # which would begin a list or a heading


def _markdown_part(part: Part) -> str:
    if isinstance(part, Link):
        place = f"#{part.place}" if part.place else ""
        return f"[{_escaped(part.text)}]({part.page}.md{place})"
    if isinstance(part, Styled):
        if part.kind == "code":
            return f"`{part.text}`"
        return _escaped(part.text) if part.kind == "dim" else f"**{_escaped(part.text)}**"
    return _escaped(part)


def _escaped(text: str) -> str:
    """Plain text whose signs mean nothing in Markdown."""
    return re.sub(r"([\\`*_\[\]<>|~$&])", r"\\\1", text)


# HTML

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .8rem 0; font-size: 15px; display: block; overflow-x: auto }
td, th { padding: .2rem 1.1rem .2rem 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid #999 } tr + tr td { border-top: 1px solid #eee }
h1 { margin-bottom: .4rem } h1:not(:first-child) { border-top: 3px solid #222; padding-top: 1rem; margin-top: 3rem }
h3 { border-top: 1px solid #ccc; padding-top: 1rem; margin: 2rem 0 .4rem }
.good { color: #00724f } .half { color: #8a5a00 } .bad { color: #b00020 } .dim { color: #666; font-weight: normal }
pre { background: #f4f4f4; padding: .6rem 1rem; overflow-x: auto; white-space: pre-wrap }
iframe.live { width: 100%; height: 46rem; border: 1px solid #ccc }
img { max-width: 100%; display: block } code { background: #f4f4f4; padding: .1rem .3rem; font-size: 14px }
@media (prefers-color-scheme: dark) {
  body { background: #131416; color: #ddd } pre, code { background: #232529 } a { color: #8ab4f8 }
  .good { color: #5cc9a0 } .half { color: #e0b050 } .bad { color: #ff8a8a } .dim { color: #aaa }
  tr + tr td { border-color: #333 } h1:not(:first-child) { border-color: #ddd } img { background: #fff }
}
"""


def page(title: str, blocks: Iterable[Block]) -> str:
    """The text as one HTML file."""
    view = '<meta name="viewport" content="width=device-width">'
    head = f'<meta charset="utf-8">{view}<title>{html.escape(title)}</title><style>{_STYLE}</style>'
    body = "\n".join(map(_html, blocks))
    return f"<!doctype html><html lang=en><head>{head}</head><body>\n{body}\n</body></html>\n"


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        name = f"{block.page}-{block.place}" if block.place else block.page
        return f'<h{block.level} id="{name}">{html.escape(block.text)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return f"<p>{_tagged(block.words)}</p>"
    if isinstance(block, Items):
        return "<ul>" + "".join(f"<li>{_tagged(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Grid):
        heads = "".join(f"<th>{html.escape(head)}</th>" for head in block.heads)
        rows = ("".join(f"<td>{_tagged(cell)}</td>" for cell in row) for row in block.rows)
        return f"<table><tr>{heads}</tr>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
    if isinstance(block, Verbatim):
        return f"<pre>{html.escape(block.text)}</pre>"
    if isinstance(block, Live):
        return _frame(block)
    return f'<img alt="{html.escape(block.shows)}" src="{block.source}">'


def _frame(block: Live) -> str:
    shows = html.escape(block.shows)
    return f'<iframe class="live" title="{shows}" src="{block.source}" loading="lazy"></iframe>'


def _tagged(words: Words) -> str:
    return "".join(map(_html_part, _parts(words)))


def _html_part(part: Part) -> str:
    if isinstance(part, Link):
        name = f"{part.page}-{part.place}" if part.place else part.page
        return f'<a href="#{name}">{html.escape(part.text)}</a>'
    if isinstance(part, Styled):
        tag = "code" if part.kind == "code" else "b"
        return f'<{tag} class="{part.kind}">{html.escape(part.text)}</{tag}>'
    return html.escape(part)


# The terminal


def terminal(blocks: Iterable[Block], width: int) -> Group:
    """The text for a terminal of this width, without its pictures."""
    return Group(*(_shown(block, width) for block in blocks if not isinstance(block, Picture | Live)))


def _shown(block: Heading | Paragraph | Items | Grid | Verbatim, width: int) -> RenderableType:
    if isinstance(block, Heading):
        return Text(block.text, style="bold underline" if block.level < 3 else "bold")
    if isinstance(block, Paragraph):
        return Padding(_text(block.words), (0, 0, 0, 2))
    if isinstance(block, Verbatim):
        return Padding(Text(block.text), (0, 0, 0, 4))
    if isinstance(block, Items):
        items = Table.grid(padding=(0, 1, 0, 0))
        items.add_column()
        items.add_column(overflow="fold")
        for item in block.items:
            items.add_row("-", _text(item))
        return Padding(items, (0, 0, 0, 2))
    rows = [[*map(_text, row)] for row in block.rows]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    columns = [[Text(head), *column] for head, *column in zip(block.heads, *rows, strict=True)]
    for head, room in zip(block.heads, _widths(columns, width - 2 - 2 * len(columns)), strict=True):
        table.add_column(head, width=room, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Padding(table, (0, 0, 0, 2))


def _widths(columns: Sequence[Sequence[Text]], free: int) -> list[int]:
    """How wide each column of a table is: as its longest text if there is room, and at least as its longest word."""
    wished = [max(text.cell_len for text in column) for column in columns]
    widths = [max(len(word) for text in column for word in [*text.plain.split(), ""]) for column in columns]
    free -= sum(widths)
    narrowest_first = sorted(range(len(columns)), key=lambda n: wished[n] - widths[n])
    for left, n in zip(range(len(columns), 0, -1), narrowest_first, strict=True):
        more = max(0, min(wished[n] - widths[n], free // left))
        widths[n] += more
        free -= more
    return widths


def _text(words: Words) -> Text:
    return Text.assemble(*map(_terminal_part, _parts(words)))


def _terminal_part(part: Part) -> str | tuple[str, str]:
    if isinstance(part, Link):
        return part.text
    return (part.text, KINDS[part.kind]) if isinstance(part, Styled) else part
