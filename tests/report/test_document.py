"""A text that is written once is the same as Markdown, as HTML and in the terminal."""

import html
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from stepbench.report.document import Grid, Heading, Items, Link, Paragraph, Picture, Styled, markdown, page, terminal

markdown_it = pytest.importorskip("markdown_it")

SIGNS = st.text("aZ9 *_`[]<>|~$\\!#(){}&;.+-=αw‖√", min_size=1, max_size=20).map(str.strip).filter(bool)


def words(page):
    """The words that a reader sees, each in its order."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page)).split()


def rendered(blocks):
    return markdown_it.MarkdownIt("commonmark").enable("table").render(markdown(blocks))


@given(SIGNS)
@example("‖w − w*‖ and f*")
@example("<b>|x|</b> [a](b)")
@example("&lt;")
@example("1. first")
@example("- a")
def test_no_sign_of_a_text_means_anything_in_a_page(text):
    blocks = [Paragraph(text), Items([text, [text, " ", Styled(text), " and"]]), Grid(("head", text), [(text, "b")])]
    expected = f"{text} {text} {text} {text} and head {text} {text} b".split()
    assert "".join(words(rendered(blocks))) == "".join(expected)
    assert "".join(words(page("", blocks).split("</head>")[1])) == "".join(expected)


BLOCKS = [
    Heading(2, "A heading", "mine", "place"),
    Paragraph(["Some ", Styled("strong"), " words, ", Styled("x", "code"), " and a ", Link("link", "mine", "place")]),
    Items(["one", [Styled("two:"), " with more"]]),
    Grid(("", "number", "paper"), [([Styled("✓", "good")], "a long name of a number that is folded " * 3, "> 1")]),
    Picture("what it shows", "figures/a.png"),
]


def test_the_three_forms_have_the_same_words():
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(terminal(BLOCKS, 60))
    shown = [line.rstrip() for line in console.export_text().splitlines()]
    assert max(map(len, shown)) <= 60
    in_pages = words(rendered(BLOCKS))
    assert in_pages == words(page("", BLOCKS).split("</head>")[1])
    assert sorted(" ".join(shown).replace(" - ", " ").split()) == sorted(in_pages)


def test_links_lead_to_their_places():
    text = markdown(BLOCKS)
    assert "[link](mine.md#place)" in text
    assert '<a id="place"></a>' in text
    text = page("", BLOCKS)
    assert '<a href="#mine-place">link</a>' in text
    assert '<h2 id="mine-place">' in text
