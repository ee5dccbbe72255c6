"""What is seen: pictures in a terminal, films, and notebooks. Properties, not golden files."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import stepbench
from stepbench import InputError
from stepbench.engine import run_quietly
from stepbench.report import animation, plots, terminal

ROOT = Path(__file__).parents[1]
RACE = ("gd", "csawg:K=2", "gd:lr=0.01", "csawg-p5:K=10")  # one plans, one diverges, one converges
WHITE, RED = (255, 255, 255), (208, 0, 0)


@pytest.fixture(scope="module")
def race():
    return [run_quietly("rosenbrock", method, budget=600) for method in RACE]


def picture(results, width=80, height=24, encoding="utf-8", **options):
    """The lines that a console of this size and encoding is given."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=file, width=width, height=height, **options).print(terminal.Picture(results))
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()


# In the terminal


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize(("width", "height"), [(60, 18), (80, 24), (120, 40), (200, 60)])
def test_a_picture_fits_its_terminal(race, width, height, encoding):
    lines = picture(race, width, height, encoding)
    assert max(map(len, lines)) <= width
    tops = [k for k, line in enumerate(lines) if "f(w)" in line or "w2" in line]
    assert len(tops) == (1 if width >= 100 else 2)
    assert all(b - a < height for a, b in zip(tops, [*tops[1:], len(lines)], strict=True))
    assert "".join(lines).isascii() == (encoding != "utf-8")
    for label in RACE:
        assert label in "\n".join(lines)


def test_colour_where_it_is_wanted_and_only_there(race):
    options = {"force_terminal": True, "color_system": "256", "legacy_windows": False}
    assert "\x1b[38;5;" in "".join(picture(race, **options))
    assert "\x1b[38;5;" not in "".join(picture(race, no_color=True, **options))
    assert "\x1b" not in "".join(picture(race))


def test_signs_say_where_runs_start_end_and_diverge(race):
    for encoding, signs in (("utf-8", "○★✗▽●■◆"), ("ascii", "o*XvABD")):
        drawn, legend = re.split(r"\n(?=. gd   )", "\n".join(picture(race, encoding=encoding)))
        for sign in signs:
            assert sign in legend
            assert sign in drawn or sign in "★*"  # one that converged stands on the minimum
    text = "\n".join(picture(race[:1]))
    assert "× end" in text
    assert "diverged" not in text


def test_a_curve_stands_where_the_numbers_beside_it_say():
    """Gradient descent on a bowl: log error is a straight line, from 2.5 down to 2.5 · 0.01^k."""
    r = run_quietly("quadratic:kappa=1", "gd:lr=0.9", steps=10)
    lines = [line for line in picture([r], 60, 40, "ascii") if re.match(r".{7}[|+]", line)]
    curve = lines[: next(k for k, line in enumerate(lines) if "+-" in line)]
    rows = {}
    for k, line in enumerate(curve):
        for column in (m.start() for m in re.finditer("A", line)):
            rows.setdefault(column, []).append(k)
    means = [np.mean(rows[c]) for c in sorted(rows)]
    assert sorted(rows) == list(range(min(rows), min(rows) + len(rows)))
    assert (np.diff(means) >= 0).all()
    np.testing.assert_allclose(means, np.linspace(means[0], means[-1], len(means)), atol=1.5)
    labels = {k: float(line[:7]) for k, line in enumerate(curve) if line[:7].strip()}
    (a, high), *_, (b, low) = labels.items()
    decades = (means[-1] - means[0]) / (b - a) * np.log10(high / low)
    np.testing.assert_allclose(decades, np.log10(r.error[0] / r.error[-1]), atol=1.5)


def test_the_minimum_stands_in_the_middle_of_its_bowl():
    lines = picture([run_quietly("quadratic", "gd", budget=5)], 80, 30, "ascii")
    (row,) = [k for k, line in enumerate(lines) if re.match(r".{7}[|+].*\*", line)]
    (below,) = [line for line in lines if re.match(r" +-2 .* 2 *$", line)]
    assert lines[row].startswith("      0+")
    assert abs(lines[row].index("*") - below.index("0")) <= 1


@pytest.mark.parametrize(
    ("problem", "method", "options"),
    [
        ("mgh/watson:dim=6", "gd", {"budget": 50}),  # more than two parameters
        ("rosenbrock", "scipy:nelder-mead", {}),  # function evaluations
        ("double-well", "gd", {"budget": 30}),
        ("himmelblau", "gd:lr=1", {"budget": 30}),  # gone at once
        ("monkey-saddle", "gd:lr=0.05", {"budget": 100}),  # f falls below 0
        ("rosenbrock", "gd", {"start": (1.0, 1.0)}),  # over before it begins
        ("rosenbrock", "gd", {"start": (100.0, 100.0), "budget": 5}),  # outside the window
    ],
)
def test_whatever_the_run_it_is_drawn(problem, method, options):
    results = [run_quietly(problem, method, **options)]
    assert picture(results, encoding="ascii")
    film = list(animation.frames(results))
    assert len(film) == len(animation.evaluations(results))
    assert plots.run_figure(results[0])


# Films


def test_frames_go_from_the_start_to_the_end_with_growing_strides(race):
    shown = animation.evaluations(race)
    assert shown[0] == 0
    assert shown[-1] == 600
    assert shown[1] == 1
    assert len(shown) <= animation.FRAMES + 1
    assert (np.diff(shown) > 0).all()
    assert np.diff(shown)[-10:].mean() > 5 * np.diff(shown)[:10].mean()


def test_each_frame_has_each_run_at_its_last_record_within_the_evaluations(race, monkeypatch):
    movers, shown = [], []
    stage = animation._stage
    monkeypatch.setattr(animation, "_stage", lambda results: (made := stage(results), movers.extend(made[2]))[0])
    for evals, frame in zip(animation.evaluations(race), animation.frames(race), strict=True):
        assert frame.shape == (720, 1280, 3)
        for mover in movers:
            r, line = mover.result, mover.line
            n = len(line.get_xdata()) - 1 if not mover.head else None
            if n is not None:
                assert r.evals[n] <= evals
                assert n == len(r.evals) - 1 or evals < r.evals[n + 1]
            elif line.get_visible() and line.axes.get_xlabel() == "$w_1$":
                last = np.flatnonzero(r.evals <= evals)[-1]
                at = np.transpose(line.get_data())[0]
                if plots.inside(plots.frame(line.axes), r.x[last]):
                    np.testing.assert_array_equal(at, r.x[last])
        shown.append(evals)
    assert len(shown) == len(animation.evaluations(race))


def test_the_head_is_drawn_where_the_run_stands(monkeypatch):
    """The pixel at the run's point has the run's colour, in each frame."""
    results = [run_quietly("rosenbrock", "gd", budget=300)]
    figures = []
    stage = animation._stage
    monkeypatch.setattr(animation, "_stage", lambda results: (made := stage(results), figures.append(made[0]))[0])
    blue = [int(plots.COLOURS[0][k : k + 2], 16) for k in (1, 3, 5)]
    for evals, frame in zip(animation.evaluations(results), animation.frames(results), strict=True):
        ax = figures[0].axes[0]
        x, y = ax.transData.transform(results[0].x[evals])
        assert np.abs(frame[719 - int(y), int(x)].astype(int) - blue).max() <= 2


def test_a_gif_is_small_holds_its_last_frame_and_has_a_white_ground(race, tmp_path):
    path = tmp_path / "race.gif"
    animation.animate(race, path)
    assert path.stat().st_size < 3e6
    with Image.open(path) as film:
        assert film.size == (1280, 720)
        assert film.n_frames == len(animation.evaluations(race))
        red = []
        for k in (0, film.n_frames - 1):
            film.seek(k)
            frame = np.asarray(film.convert("RGB"))
            assert tuple(frame[3, 640]) == WHITE
            red.append((frame == RED).all(axis=-1).sum())
        assert film.info["duration"] == animation.HOLD
    assert red[1] > red[0] + 200  # two red crosses, besides the one in the legend


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_mp4_is_a_film(tmp_path):
    path = tmp_path / "-run.mp4"
    run_quietly("rosenbrock", "gd", budget=50).animate(path)
    assert path.read_bytes()[4:8] == b"ftyp"


def test_a_network_is_filmed_and_drawn_by_its_loss_and_accuracy():
    pytest.importorskip("torch")
    r = run_quietly("digits-mlp:width=8", "adam", steps=60)
    assert len(list(animation.frames([r]))) > 10
    assert sum("gradient evaluations" in line for line in picture([r])) == 2


@pytest.mark.parametrize("command", [("run", "rosenbrock"), ("compare", "rosenbrock", "gd", "csawg")])
def test_what_cannot_be_shown_is_refused_before_anything_runs(command, stepbench_cli, monkeypatch, tmp_path):
    monkeypatch.setattr("stepbench.engine.run", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    for options, word in (
        (("--animate", "race.avi"), ".gif"),
        (("--animate", "race"), ".gif"),
        (("--animate", "race.mp4"), "ffmpeg"),
        (("--animate", "no/folder/race.gif"), "written"),
        (("--show", "--json"), "--json"),
        (("--show", "--csv", "-"), "--csv"),
    ):
        code, out, error = stepbench_cli(*command, *options)
        assert (code, out) == (2, "")
        assert error.count("\n") == 1
        assert word in error
    assert not list(tmp_path.iterdir())


def test_the_commands_show_and_film(stepbench_cli):
    code, out, _ = stepbench_cli("compare", "rosenbrock", *RACE, "--budget", "50", "--show", "--animate", "a.gif")
    assert code == 0
    assert "★ minimum" in out
    assert "drawn to a.gif" in out
    code, out, _ = stepbench_cli("run", "rosenbrock", "--budget", "50", "--json", "--animate", "b.GIF")
    assert code == 0
    assert "drawn" not in out
    for name in ("a.gif", "b.GIF"):
        with Image.open(name) as film:
            assert film.n_frames > 10


# Notebooks


def test_results_show_themselves_in_notebooks():
    one = run_quietly("rosenbrock", "gd", budget=50)
    batch = run_quietly("rosenbrock", stepbench.method("gd", lr=np.geomspace(1e-4, 1e-1, 7)), budget=50)
    sweep = stepbench.sweep("rosenbrock", ["gd"], ["lr=1e-4:1e-3:3:log"], budget=50)
    compared = stepbench.compare("rosenbrock", ["gd", stepbench.method("adam", lr=0.1)], budget=50)
    for shown in (one, batch, sweep, compared):
        page = shown._repr_html_()
        assert page.count("<pre") == 1
        assert page.count("<img") == (shown is not batch)
        assert "rosenbrock" in page
    assert "7 runs" in batch._repr_html_()
    assert "diverged" in batch._repr_html_()
    assert [r.label for r in compared.results] == ["gd", "adam:lr=0.1"]


def test_a_comparison_looks_everything_up_before_it_runs(monkeypatch):
    monkeypatch.setattr("stepbench.comparison.run_quietly", None)
    with pytest.raises(InputError, match="no-such"):
        stepbench.compare("rosenbrock", ["gd", "no-such"])


def test_a_comparison_is_of_single_runs():
    with pytest.raises(InputError, match="2 runs"):
        stepbench.compare("rosenbrock", [stepbench.method("gd", lr=np.array([1e-3, 2e-3]))], budget=5)


def test_the_tour_runs_and_is_kept_without_its_outputs(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = ROOT / "docs" / "tour.ipynb"
    tour = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in tour.cells)
    client.NotebookClient(
        tour, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [output.data for cell in tour.cells for output in cell.get("outputs", ()) if "data" in output]
    assert sum("text/html" in data for data in shown) == 6
    assert sum("image/gif" in data for data in shown) == 1
