"""The documentation site: a page for every name, measured ranks, no dead link, and nothing from the network."""

import re
import shutil
import subprocess
import sys

import pytest

import stepbench
from stepbench import catalog
from stepbench.fields import fields_of
from tests import ROOT

sys.path.insert(0, str(ROOT / "docs/_ext"))
pytest.importorskip("sphinx")
catalogue = pytest.importorskip("catalogue", exc_type=ImportError)
import links  # noqa: E402 - it lies beside the catalogue's pages
import ranks  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def headings(text):
    return [found.partition(",")[0] for found in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]


@pytest.fixture
def without_examples(monkeypatch):
    """Pages without what takes a run each."""
    monkeypatch.setattr(catalogue, "example", lambda name, thing: None)


@pytest.mark.one_in(11)
@pytest.mark.parametrize("name", catalog.method_names())
def test_every_method_has_a_page(name, without_examples, tmp_path):
    text = catalogue.method_page(tmp_path, name, [])
    assert headings(text)[0] == name
    assert {"Algorithm", "Source", "Deviations", "What changes its path"} <= {*headings(text)}
    card = re.findall(r"^\| \*\*[✓✗]\*\* \|", text, re.MULTILINE)
    assert len(card) == 5
    if name in catalog.names("stepsizes"):
        own = fields_of(catalog.load("stepsizes", name))
        rows = re.findall(r"^\| (\S+) \|", text.replace("\\_", "_"), re.MULTILINE)
        assert {*own} <= {row.split(".")[-1] for row in rows}


@pytest.mark.one_in(23)
@pytest.mark.parametrize("name", [name for name in catalog.names("problems") if not name.startswith("networks/")])
def test_every_problem_has_a_page(name, without_examples, tmp_path):
    (tmp_path / "problems" / name).parent.mkdir(parents=True)
    text = catalogue.problem_page(tmp_path, name)
    assert headings(text)[0] == name
    assert "What is known of it" in headings(text)
    facts = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE))
    problem = catalog.problem(name)
    assert facts["dimension"] == f"{problem.x0.size:,}"
    assert facts["minimum f\\*"] == ("unknown" if problem.f_star is None else f"{problem.f_star:g}")
    assert (tmp_path / f"problems/{name}.png").exists() == (problem.view is not None)


def test_an_example_is_a_page(tmp_path):
    (tmp_path / "extra/live").mkdir(parents=True)
    for name in ("rdbd", "scipy"):  # whose runs are made in it, and as they were made
        assert f'src="../live/{name}.html"' in catalogue.method_page(tmp_path, name, [])
        assert (tmp_path / f"extra/live/{name}.html").stat().st_size > 10_000


def test_ranks_are_measured(monkeypatch, tmp_path):
    suite = ["gallery/booth", "gallery/matyas", "gallery/himmelblau", "gallery/mccormick"]
    monkeypatch.setattr(ranks.catalog, "suite", lambda name: suite)
    monkeypatch.setattr(ranks.os, "cpu_count", lambda: 1)
    found = ranks.measure("gallery", tmp_path, ["gd", "bb", "silver", "polyak"])
    known = [problem for problem in suite if catalog.problem(problem).f_star is not None]
    assert [*found.profile.problems] == known
    assert found.unfit == {"silver": "L"}
    solved = {}
    for lr in ranks.RATES:  # no other rate solves more of them
        ends = [stepbench.compare(p, [f"gd:lr={lr:g}"], budget=ranks.BUDGET).results[0] for p in known]
        near = [min(r.error) <= ranks.TUNED_TO * r.error[0] for r in ends if r.status != "diverged"]
        solved[f"gd:lr={lr:g}"] = sum(near)
    assert solved[found.settings["gd"]] == max(solved.values())
    places = [found.place(name) for name in found.settings]
    assert places == sorted(places)
    assert places[0] == 1
    text = catalogue.markdown(catalogue.standing("gd", [found]))
    assert f"{len(known) - len(found.unsolved('gd'))} of {len(known)}" in text
    assert catalogue.how_it_ended("l4", "gallery/drop-wave").startswith("failed")  # it starts below l4's least loss
    assert "it needs L" in catalogue.markdown(catalogue.standing("silver", [found]))


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">b</a> <a href="https://example.org">e</a> <img src="c.png">'
    )
    (tmp_path / "b.html").write_text('<p id="there"></p><a href="a.html">a</a><span class="xref myst">lost</span>')
    lost, others = links.dead(tmp_path)
    assert [(path.name, link.split(":")[0]) for path, link in lost] == [
        ("a.html", "b.html#here"),
        ("a.html", "c.png"),
        ("b.html", "in a text"),
    ]
    assert others == ["https://example.org"]


def test_links_out_of_the_folder_lead_to_pages():
    text = "[a](docs/kernels.md) [b](../CONTRIBUTING.md) [c](README.md#x) [d](docs/reproduction) [e](CHANGELOG.md)"
    assert links.to_pages(text) == (
        "[a](kernels.md) [b](contributing.md) [c](README.md#x) [d](reproduction/README.md) [e](changelog.md)"
    )


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. auto\w+:: (?:stepbench\.)?(\w+)$", text, re.MULTILINE))
    assert {*stepbench.__all__} <= named


@pytest.mark.exhaustive
def test_the_site_is_built_without_a_warning_and_runs_offline():
    pytest.importorskip("furo")
    pytest.importorskip("myst_nb")
    playwright = pytest.importorskip("playwright.sync_api")
    built = subprocess.run([ROOT / "scripts/docs"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-3000:]
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        said = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(request.url))
        for name in ("index", "start", "gallery", "api", "methods/rdbd", "methods/ranks", "problems/gallery/beale"):
            page.goto((ROOT / f"docs/_build/html/{name}.html").as_uri())
            for frame in page.locator("iframe").all():
                frame.scroll_into_view_if_needed()
                frame.content_frame.get_by_role("button", name="Play").wait_for()
        assert said == []
        browser.close()
