"""The HTML file without a browser: what a page holds, and what it asks for."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.engine.running import run_quietly

pytest.importorskip("panel", reason='the extra "web" is not installed')

from stepbench.report.ending import ending
from stepbench.report.paths import inside, steps_in_sight
from stepbench.web import html
from stepbench.web.figures import MOST, Scale, Scene, shown
from stepbench.web.frames import framed

WEB = ("bokeh", "panel")


def test_start_up_imports_neither_panel_nor_bokeh():
    look = f"import sys; sys.exit(any(name in sys.modules for name in {WEB}))"
    for args in (["--help"], ["explore", "--help"], ["run", "quadratic", "--steps", "3"]):
        call = f"from stepbench.cli import main\ntry: main({args!r})\nexcept SystemExit: pass\n{look}"
        subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.DEVNULL)


def test_without_the_extra_one_line_says_what_to_install(stepbench_cli, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for args in (("run", "quadratic", "--html", "out.html"), ("explore", "--no-browser")):
        code, out, err = stepbench_cli(*args)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert 'pip install "stepbench[web]"' in err
    assert not Path("out.html").exists()


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
    for page in (html.page([r], "stepbench run '<b>'"), html.still([r], "stepbench run '<b>'")):
        assert "<script>alert(1)" not in page.replace("\\u003c", "<").split("application/json")[0]
        assert "&lt;b&gt;" in page


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
    assert f">{results[0].problem}</h1>" in html.page(results, "stepbench …")
    assert f"<h1>{results[0].problem}</h1>" in html.still(results, "stepbench …")


def test_a_run_over_at_its_start_has_a_page():
    html.page([stepbench.run("quadratic", "gd", start=[0, 0])], "stepbench …")


def test_every_step_is_drawn_and_of_long_runs_the_first_thousand():
    r = stepbench.run("quadratic:kappa=1e6", "gd:lr=1e-7", budget=9000)
    kept = shown(r)
    assert kept[:1000].tolist() == list(range(1000))
    assert kept[-1] == 9000
    assert len(kept) <= MOST
    assert "5,001 of 9,001 records are drawn" in html.still([r], "stepbench …")
    assert len(shown(stepbench.run("quadratic", "gd", budget=5000))) == 5001


def test_axes_mark_round_values():
    assert Scale(1e-9, 10).ticks == [-8, -6, -4, -2, 0]
    signed = Scale(-1.0, 10.0, 0.1)
    assert signed.place(0.0) == 0
    assert signed.place(-1.0) == -signed.place(1.0) == -np.log10(11)
    assert 0 in signed.ticks
    for low, high in ((1e-3, 4e-3), (0.9, 1.3), (1e-300, 1e300)):
        assert 1 <= len(Scale(low, high).ticks) <= 12


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


def test_a_page_draws_the_steps_of_a_path_as_they_were_and_only_in_the_window():
    """A leap far out and back: its lines end at the edge, on the straight line between the two records."""
    r = run_quietly("rosenbrock", "gd:lr=0.01", budget=300)
    assert np.abs(r.x).max() > 1e9
    scene = Scene(1, 1)
    scene.show(r.problem, [r])
    view = framed(r.problem.view)
    line = np.column_stack([scene.lines[0].data["x"], scene.lines[0].data["y"]]).reshape(-1, 3, 2)
    np.testing.assert_array_equal(line, steps_in_sight(view, r.x).astype(np.float32))
    dots = np.column_stack([scene.runs[0].data["x"], scene.runs[0].data["y"]])
    assert np.isnan(dots[~inside(view, r.x)]).all()
    np.testing.assert_array_equal(dots[inside(view, r.x)], r.x[inside(view, r.x)].astype(np.float32))


def test_the_cross_of_a_page_stands_on_the_curve_where_it_leaves():
    r = run_quietly("rosenbrock", "gd:lr=0.01", budget=300)
    scene = Scene(1, 1)
    scene.show(r.problem, [r])
    height = scene.runs[0].data["error_y"].astype(float)
    np.testing.assert_allclose(height[:2], np.log10(r.error[:2]), rtol=1e-6)
    top = scene.errors.y_range.end
    k = int(np.argmax(height > top))
    share = (top - height[k - 1]) / (height[k] - height[k - 1])
    [x], [y] = (scene._curve_ends.data[name] for name in ("x", "y"))
    assert (x, y) == pytest.approx((r.cost[k - 1] + share * (r.cost[k] - r.cost[k - 1]), top), rel=1e-6)


def test_records_that_are_left_out_leave_no_line_between_their_neighbours():
    r = stepbench.run("quadratic:kappa=1e6", "gd:lr=1e-7", budget=9000)
    scene = Scene(1, 1)
    scene.show(r.problem, [r])
    line = np.reshape(scene.lines[0].data["x"], (-1, 3))
    apart = np.diff(shown(r), prepend=-1) > 1
    assert apart.any()
    assert np.isnan(line[apart, :2]).all()
    assert not np.isnan(line[~apart]).any()
