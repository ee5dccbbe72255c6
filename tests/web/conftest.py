"""A browser, a page that it opens with the network off, and an explorer, served by the command."""

import shutil

import pytest

from tests import serving

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    """A browser of this machine; a test without one is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened_offline(chromium, tmp_path):
    """Open the text of a page; in the end there must have been no word on its console, and no request."""
    wrong, contexts = [], []

    def call(text, width=1280, height=720, **options):
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: wrong.append(r.url) if r.url != file.as_uri() and r.url[:5] != "data:" else None)
        page.goto(file.as_uri())
        page.wait_for_function("timing.whole >= 0")
        return page

    yield call
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def explorer():
    """The address of an explorer, served by the command."""
    with serving.explorer() as (server, address):
        yield address
        server.terminate()
        told = server.stdout.read()
    assert "Traceback" not in told, told
