"""The pages of lessons, in a browser with the network off: each asks, answers, shows, plays, and says what is true."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from stepbench import InputError, lessons
from stepbench.web import lesson as pages

pytestmark = pytest.mark.slow

QUICK = ("teleport", "choosing-lr", "basins")
"""A lesson of each kind."""


@pytest.fixture(scope="module")
def lecture_of():
    """A lesson that was run, once."""
    kept = {}

    def of(name):
        if name not in kept:
            kept[name] = lessons.load(name).run()
        return kept[name]

    return of


def settled(page):
    page.wait_for_function("!waiting && (typeof work === 'undefined' || !work || work.k >= SIZE)")


def shows(page, lecture):
    """Whether the page shows what was run."""
    settled(page)
    kind, shown = lecture.lesson.kind, lecture.shown
    if kind == "compare":
        told = page.evaluate(
            """() => runs.map((r) => ({ n: r.n, status: r.status, last: String(r.value[r.n - 1]),
              spent: [r.evals[r.n - 1], r.fevals[r.n - 1]] }))"""
        )
        live = page.evaluate("METHODS.map((m) => m.live && chosen(METHODS.indexOf(m))[0].exact)")
        for one, r, exact in zip(told, shown.results, live, strict=True):
            assert one["status"] == r.status
            assert one["spent"] == [r.evals[-1], r.fevals[-1]]
            if exact:
                assert (one["n"], float(one["last"])) == (len(r.f), r.value[-1])
            elif r.status != "diverged":
                assert float(one["last"]) == pytest.approx(r.value[-1], rel=1e-5, abs=1e-12)
    elif kind in ("sweep", "tune"):
        told = page.evaluate("lines.map(({ cost }) => cost.map(String))")
        costs = [[float(v.replace("Infinity", "inf")) for v in line] for line in told]
        right = shown.cost if kind == "tune" else [line.cost for line in shown.sensitivities()]
        np.testing.assert_allclose(costs, right, rtol=0.01)
    else:
        told = page.evaluate("cells.map(({ cost }) => cost.map(String))")
        costs = np.array([[float(v.replace("Infinity", "inf")) for v in one] for one in told])
        right = np.swapaxes(shown.cost, 1, 2).reshape(costs.shape)
        assert (np.isfinite(costs) == np.isfinite(right)).mean() > 0.995  # of chaotic runs the last bit decides
        both = np.isfinite(costs) & np.isfinite(right)
        assert (costs[both] == right[both]).mean() > 0.99


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.exhaustive) for n in lessons.names()]
)
def test_a_lesson_asks_first_and_then_shows_what_was_run(opened_offline, lecture_of, name):
    lecture = lecture_of(name)
    lesson, page = lecture.lesson, opened_offline(pages.page(lecture, "stepbench …"), reduced_motion="reduce")
    assert page.locator("h1").inner_text() == lesson.title
    assert page.title() == lesson.title
    assert not page.locator("#answer").is_visible()
    assert not page.locator("#rows").is_visible()
    assert page.locator("[data-choice]").all_inner_texts() == list(lesson.question.choices)
    wrong = next(choice for choice in lesson.question.choices if choice != lecture.answer)
    page.locator(f"[data-choice='{wrong}']").click()
    by = f", by the {lesson.question.measure}" if lesson.question.measure else ""
    assert page.locator("#verdict").inner_text() == f"No. The answer: {lecture.answer}{by}."
    assert page.get_by_text(lesson.take_away).is_visible()
    shows(page, lecture)
    page.get_by_role("button", name="Ask again").click()
    assert not page.locator("#rows").is_visible()
    page.locator(f"[data-choice='{lecture.answer}']").click()
    assert page.locator("#verdict").inner_text().startswith("Right: ")
    for k, trial in enumerate(lesson.tries):
        page.locator(f"[data-try='{k}']").click()
        shows(page, lesson.tried(trial).run())
    page.get_by_role("button", name="Reset").click()
    shows(page, lecture)
    if lesson.kind == "compare":
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("until > 0 && until < Infinity")


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_every_width_in_light_and_dark_and_in_large_type(opened_offline, lecture_of, name, width):
    text = pages.page(lecture_of(name), "stepbench …")
    for scheme in ("light", "dark"):
        page = opened_offline(text, width=width, height=844, color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.get_by_role("button", name="Show me without a guess").click()
        assert page.locator("#verdict").inner_text().startswith("The answer: ")
        for large in (False, True):
            if large:
                page.get_by_role("button", name="Large type").click()
            settled(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened_offline, lecture_of, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened_offline(pages.page(lecture_of(name), "…"), color_scheme=scheme, reduced_motion="reduce")
    for step in ("asked", "answered"):
        if step == "answered":
            page.locator("[data-choice]").first.click()
            settled(page)
        found = axe.run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_pages_of_all_lessons_name_each_other(stepbench_cli, monkeypatch):
    monkeypatch.setattr(lessons, "names", lambda: list(QUICK[:2]))
    code, out, err = stepbench_cli("demo", "--html", "course")
    assert (code, err) == (0, "")
    assert out.startswith("2 lessons are drawn to course; begin with course/index.html")
    index = Path("course/index.html").read_text()
    links = re.findall(r'href="([^"]+)"', index)
    assert links == ["teleport.html", "choosing-lr.html"]
    for link in links:
        assert 'href="index.html"' in Path("course", link).read_text()


def test_one_page(stepbench_cli, monkeypatch):
    command = ["demo", "momentum", "--html", "m.html"]
    monkeypatch.setattr(sys, "argv", ["stepbench", *command])
    code, out, err = stepbench_cli(*command)
    assert (code, err) == (0, "")
    assert "drawn to m.html" in out
    assert not Path("momentum.png").exists()
    text = Path("m.html").read_text()
    assert "stepbench demo momentum --html m.html" in text
    assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", text)
    assert "--html m.png must end in .html" in stepbench_cli("demo", "momentum", "--html", "m.png")[2]
    _, out, err = stepbench_cli("demo", "momentum", "--html", "m.html", "--width", "5")
    assert (out, "--width is about a picture: give --plot FILE too" in err) == ("", True)
    assert "it is a folder for all of them" in stepbench_cli("demo", "--html", "all.html")[2]


OWN = """
title = "Mine"
text = "A text with <b>no</b> markup."
why = "So."
take_away = "So it is."
[compare]
problem = "rosenbrock"
methods = ["gd:lr=0.001", "scipy:bfgs"]
budget = 100
"""


def test_what_cannot_be_made_in_the_page_stands_as_it_was_made(opened_offline):
    Path("mine.toml").write_text(OWN)
    lecture = lessons.load("./mine.toml").run()
    page = opened_offline(pages.page(lecture, "…"))
    assert page.get_by_text("A text with <b>no</b> markup.").is_visible()
    assert page.get_by_text("follows no slider: it owns its loop").is_visible()
    shows(page, lecture)
    Path("mine.toml").write_text(OWN.replace("rosenbrock", "learning/tracking").replace('"gd:lr=0.001", ', ""))
    assert not page.locator("#question").is_visible()


def test_a_sweep_over_what_no_program_has_as_an_input_stands_as_it_was_made(opened_offline):
    table = '[sweep]\nproblem = "linear-regression"\nmethods = ["gd"]\ntarget = 1e-2\nbudget = 200\n'
    over = 'over = ["lr=1e-3,2e-3,3e-3", "problem.batch=1,10"]\n'
    Path("mine.toml").write_text(OWN[: OWN.index("[compare]")] + table + over)
    lecture = lessons.load("./mine.toml").run()
    page = opened_offline(pages.page(lecture, "…"))
    shows(page, lecture)
    assert "it cannot be computed in the page" in page.locator("#bits").inner_text()
    words = table + 'over = ["problem.batch=1,10", "lr=1e-3,2e-3"]\n'
    Path("mine.toml").write_text(OWN[: OWN.index("[compare]")] + words.replace('"gd"', '"bb"'))
    page = opened_offline(pages.page(lessons.load("./mine.toml").run(), "…"))
    settled(page)


TRIED = OWN.replace(', "scipy:bfgs"', "") + '[[try]]\nsay = "See."\n'


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            'methods = ["adam"]',
            "try.methods must be those of the lesson, in its order, with other numbers: gd:lr=0.001",
        ),
        ('problem = "rosenbrok"', "try.problem: no problem rosenbrok"),
        ("start = 3", "try.start must be a list of numbers"),
        ("lr = 3", "there is no key try.lr"),
    ],
)
def test_a_try_that_is_refused(said, message):
    Path("mine.toml").write_text(TRIED + said)
    with pytest.raises(InputError, match=re.escape(message)):
        lessons.load("./mine.toml")


def test_a_try_for_which_the_page_has_no_slider_is_refused():
    Path("mine.toml").write_text(TRIED + 'problem = "quadratic"')
    with pytest.raises(InputError, match=r"try\.problem: the page has no slider for"):
        pages.page(lessons.load("./mine.toml").run(), "…")
