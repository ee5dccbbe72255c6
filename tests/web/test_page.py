"""The HTML file without a browser: what a page holds, and what it asks for."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.engine.running import run_quietly
from stepbench.report.ending import ending
from stepbench.web import live
from stepbench.web.live import framed
from tests.catalog.own_files import RULE, VALLEY, write


def test_a_page_that_cannot_be_written_is_refused_before_anything_runs(stepbench_cli):
    for name in ("no/such/folder/out.html", "out.txt"):
        code, out, err = stepbench_cli("run", "quadratic", "--html", name)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"--html {name}" in err


def test_the_commands_write_a_page_that_asks_for_nothing(stepbench_cli, monkeypatch):
    args = ["compare", "rosenbrock", "gd:lr=0.01", "csawg:K=2", "scipy:bfgs", "--budget", "200", "--html", "out.html"]
    monkeypatch.setattr(sys, "argv", ["stepbench", *args])
    code, out, err = stepbench_cli(*args)
    assert (code, err) == (0, "")
    assert "drawn to out.html" in out
    page = Path("out.html").read_text(encoding="utf-8")
    assert shlex.join(["stepbench", *args]) in page
    assert "<script src=" not in page
    assert "<link" not in page
    assert "diverged at step 5: α = 0.01 is above 2/L" in page
    code, _, err = stepbench_cli("run", "quadratic:dim=5", "--method", "adam", "--steps", "9", "--html", "five.html")
    assert (code, err) == (0, "")
    assert '<body class="no-plane">' in Path("five.html").read_text(encoding="utf-8")


def test_what_a_user_wrote_is_shown_and_not_run():
    r = run_quietly("quadratic", "gd", steps=2, label="<script>alert(1)</script>")
    page = live.page([r], "stepbench run '<b>'")
    assert "<script>alert(1)" not in page
    assert "&lt;b&gt;" in page


def test_a_page_of_own_files_tells_nobody_where_they_lie():
    write("valley.py", VALLEY)
    write("rule.py", RULE)
    page = live.page([run_quietly("./valley.py", "adam+./rule.py", steps=5)], "stepbench")
    assert "./valley.py" in page
    assert "+./rule.py" in page
    assert str(Path.cwd()) not in page


@pytest.mark.one_in(7)
@pytest.mark.parametrize(
    ("problem", "methods"),
    [
        ("gallery/monkey-saddle", ["gd:lr=0.1", "momentum"]),  # f falls below 0 for ever
        ("mgh/brown-badly-scaled", ["gd"]),  # a window a million times wider than high
        ("mgh/powell-badly-scaled", ["gd", "adam"]),
        ("quadratic:dim=7", ["rdbd:per=component", "csawg"]),
        ("quadratic:dim=1000", ["delta-bar-delta"]),
        ("rosenbrock", ["scipy:nelder-mead", "adam"]),
        ("gallery/crease", ["gd:lr=0.1"]),
        ("quadratic", ["gd:lr=1e30"]),
    ],
)
def test_every_kind_of_result_has_a_page(problem, methods):
    results = [run_quietly(problem, method, budget=300) for method in methods]
    assert f">{results[0].problem}</h1>" in live.page(results, "stepbench …")


def test_a_run_over_at_its_start_has_a_page():
    live.page([stepbench.run("quadratic", "gd", start=[0, 0])], "stepbench …")


def test_of_long_runs_that_stand_as_they_were_made_the_page_says_how_many_records_it_draws():
    r = run_quietly("learning/tracking", "gd", budget=3000)
    page = live.page([r], "stepbench …")
    assert "2,000 of 3,001 records are drawn" in page


def test_the_window_takes_the_shape_of_the_figure():
    for view in (((-1, 1), (-1, 1)), ((0, 3), (0, 1)), ((0, 1), (0, 2))):
        (left, right), (bottom, top) = framed(view)
        assert (right - left) / (top - bottom) == pytest.approx(4 / 3)
        assert left + right == pytest.approx(sum(view[0]))
    assert framed(((0, 1e6), (0, 1))) == ((0, 1e6), (0, 1))


@pytest.mark.parametrize(
    ("problem", "method", "told"),
    [
        ("quadratic", "gd:lr=3.1", "α = 3.1 is above 2/L = 0.002 (L = 1000)"),
        ("quadratic", "momentum:lr=3.1", "f rose from step 0 on, with step size α = 3.1"),
        ("rosenbrock", "gd:lr=0.01", "is above 2/L = 0.0015 (L = 1342, the largest curvature at step 0, from where f"),
        ("rosenbrock", "nesterov:lr=1", "f rose from step 0 on, with step size α = 1"),
    ],
)
def test_a_divergence_is_explained(problem, method, told):
    r = run_quietly(problem, method, budget=2000)
    assert r.status == "diverged"
    assert ending(r).startswith(f"diverged at step {r.steps + 1:,}: ")
    assert told in ending(r)


def test_a_divergence_is_told_where_steps_or_the_method_are_not_known():
    """A run of a class of one's own without its records, one of a batch, and one of which some records are kept."""

    class Mine(type(stepbench.method("gd").rule)):
        """A user's."""

    own = run_quietly("quadratic", Mine(lr=3.1), budget=400, trace=False)
    assert ending(own) == f"diverged after step {own.steps}: f rose from step 0 on"
    batch = run_quietly("quadratic", stepbench.method("gd", lr=np.array([1e-3, 3.1])), budget=400, trace=False)
    assert "α = 3.1 is above 2/L" in ending(batch[1])
    some = run_quietly("quadratic", "gd:lr=3.1", budget=400, every=10)
    assert ending(some).startswith(f"diverged after step {some.steps}: α = 3.1 is above")
