"""``stepbench list`` and ``stepbench show``: what they tell of problems and methods."""

import re
import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest


def test_list_and_show(stepbench_cli):
    code, out, _ = stepbench_cli("list")
    assert code == 0
    for name in ("rosenbrock", "csawg", "adam", "rdbd", "csawg-p5", "linear-regression", "scipy"):
        assert f"  {name} " in out
    assert len(stepbench_cli("list", "directions")[1].splitlines()) < len(out.splitlines())
    code, out, _ = stepbench_cli("show", "rdbd")
    assert code == 0
    for piece in ("h_t h_{t−1} < 0", "Song & Yang 2023, Algorithm 1", "learning rate of the step size", "η"):
        assert piece in out
    code, out, _ = stepbench_cli("show", "adam+rdbd")
    assert "adam+rdbd is adam:beta1=0.05,beta2=0.99+rdbd:eta=5e-7" in out
    code, out, _ = stepbench_cli("show", "quadratic:kappa=50")
    for piece in ("½ wᵀ Q w", "(-1, 2)", "minimum f*", "condition number 50", "window", "Yao 2022"):
        assert piece in out


def test_a_suite_is_listed_with_what_is_known_of_each_problem(stepbench_cli):
    code, out, err = stepbench_cli("list", "problems", "--suite", "mgh")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:6] for line in out.splitlines() if line.startswith(" mgh/")}
    assert len(rows) == 35
    # κ at the minimum of Rosenbrock's function is 2508: its Hessian there is ((802, -400), (-400, 200)).
    low, high = np.linalg.eigvalsh([[802, -400], [-400, 200]])
    assert rows["mgh/rosenbrock"] == ["2", "0", f"{high / low:.4g}", "C∞", "none"]
    assert rows["mgh/powell-singular"][:3] == ["4", "0", "∞"]
    assert rows["mgh/linear-full-rank"][2] == "1"
    assert rows["mgh/gulf"][3] == "C⁰"
    code, out, _ = stepbench_cli("list", "--suite", "learning")
    assert [line.split()[5] for line in out.splitlines() if "/" in line] == ["batches"] * 5 + ["stream"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["list", "--suite", "mhg"], "no suite mhg (did you mean mgh?); there are bbob, gallery, learning, mgh"),
        (["list", "methods", "--suite", "mgh"], "--suite mgh lists problems: leave out methods"),
        (["run", "beale"], "beale is in more than one suite: write gallery/beale or mgh/beale"),
        (["show", "himmelblow"], "nothing is called himmelblow (did you mean himmelblau"),
        (["new", "puzzle", "x"], "problem"),
    ],
)
def test_a_wrong_suite_is_refused(stepbench_cli, args, says):
    code, _, err = stepbench_cli(*args)
    assert code == 2
    assert says in err


def test_show_tells_every_minimum_and_what_is_derived(stepbench_cli):
    _, out, _ = stepbench_cli("show", "himmelblau")
    assert "(-3.77931, -3.28319)" in out
    _, out, _ = stepbench_cli("show", "three-hump-camel")
    assert "other minima  0.298638" in out


def test_show_has_the_invariance_card(stepbench_cli):
    _, out, _ = stepbench_cli("show", "adam")
    card = [line.split() for line in out.splitlines() if line.lstrip().startswith(("✓", "✗"))]
    assert [row[0] for row in card] == ["✗", "✓", "✗", "✓", "✓"]
    deviation = float(card[0][card[0].index("by") + 1])
    assert 0.01 < deviation < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rdbd", "adam+tlr", "scipy:nelder-mead", "rosenbrock", "learning/diabetes"])
def test_show_opens_a_page_of_its_own(stepbench_cli, monkeypatch, name):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    code, _, err = stepbench_cli("show", name, "--open")
    assert (code, err) == (0, "")
    page = Path(unquote(urlsplit(opened[0]).path)).read_text(encoding="utf-8")
    assert f'<h1 id="{name}">{name}</h1>' in page
    assert "An example" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)  # it asks the network, and other files, for nothing


def test_show_says_where_the_page_is_if_there_is_no_browser(stepbench_cli, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    code, out, err = stepbench_cli("show", "polyak", "--open")
    assert (code, err) == (0, "")
    assert re.search(r"no browser was found: open \S+\.html yourself", out.replace("\n", " "))
