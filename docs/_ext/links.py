"""Links: those of the README and its like lead to pages of the site, and every one is looked up once it is built.

A link that leads nowhere is a warning, which scripts/docs takes for an error. Links to other sites are listed.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

LOG = logging.getLogger(__name__)


PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""The files outside docs/ that are pages of the site."""


def to_pages(text):
    """A text whose links to ``docs/kernels.md`` or ``../CONTRIBUTING.md`` lead to pages of the site."""
    text = re.sub(r"\]\((?:\.\./)?([A-Z]+\.md)", lambda found: f"]({PAGES.get(found[1], found[1])}", text)
    return text.replace("](docs/reproduction)", "](reproduction/README.md)").replace("](docs/", "](")


class Page(HTMLParser):
    """What a page links to, which places it has, and the links of its text of which Sphinx made none."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places, self.unmade, self.in_link = [], {"", "top"}, 0, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {key: value or "" for key, value in attrs}
        self.in_link |= tag == "a"
        self.places |= {given[key] for key in ("id", "name") if key in given}
        self.links += [given[key] for key in ("href", "src") if key in given]
        self.unmade += not self.in_link and {"xref", "myst"} <= {*given.get("class", "").split()}

    def handle_endtag(self, tag):
        self.in_link &= tag != "a"


def dead(folder):
    """The links of a built site that lead nowhere, each with its page; and all links to other sites."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    lost, others = [], set()
    for path, page in pages.items():
        lost += [(path, "in a text: its file is no page of the site")] * page.unmade
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                others.add(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            there = target in pages and unquote(parts.fragment) in pages[target].places
            if not (there or (target.is_file() and target not in pages)):
                lost.append((path, link))
    return lost, sorted(others)


def check(app, exception):
    """Warn of every dead link of the site that was just built."""
    if exception or app.builder.format != "html":
        return
    lost, others = dead(Path(app.outdir))
    for path, link in lost:
        LOG.warning("%s: dead link %s", path.relative_to(Path(app.outdir).resolve()), link)
    (Path(app.outdir).parent / "other-sites.txt").write_text("\n".join(others) + "\n", encoding="utf-8")


def setup(app):
    app.connect("source-read", rewrite)
    app.connect("include-read", rewrite)
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}


def rewrite(*event):
    """Let the links of a text, which comes last, lead to pages."""
    event[-1][0] = to_pages(event[-1][0])
