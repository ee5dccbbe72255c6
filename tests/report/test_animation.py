"""Films of runs. What is tested are properties, not golden files."""

import shutil

import numpy as np
import pytest
from PIL import Image

from stepbench.engine.running import run_quietly
from stepbench.fields import InputError
from stepbench.options import FilmOptions
from stepbench.report import animation, landscape, paths, styles
from tests.report.showing import picture

WHITE, RED = (255, 255, 255), (208, 0, 0)


def test_frames_go_from_the_start_to_the_end_with_growing_strides(race):
    shown = animation.evaluations(race)
    assert shown[0] == 0
    assert shown[-1] == 600
    assert shown[1] == 1
    assert len(shown) <= 101
    assert (np.diff(shown) > 0).all()
    assert np.diff(shown)[-10:].mean() > 5 * np.diff(shown)[:10].mean()


@pytest.mark.slow
def test_each_frame_has_each_run_at_its_last_record_within_the_evaluations(race, monkeypatch):
    movers, shown = [], []
    stage = animation._stage
    monkeypatch.setattr(animation, "_stage", lambda *given: (made := stage(*given), movers.extend(made[2]))[0])
    for evals, frame in zip(animation.evaluations(race), animation.frames(race), strict=True):
        assert frame.shape == (720, 1280, 3)
        for mover in movers:
            r, line = mover.result, mover.line
            vertices = int(np.prod(mover.points.shape[1:-1]))  # of each record
            n = len(line.get_xdata()) // vertices - 1 if not mover.head else None
            if n is not None:
                assert r.evals[n] <= evals
                assert n == len(r.evals) - 1 or evals < r.evals[n + 1]
            elif line.get_visible() and line.axes.get_xlabel() == "$w_1$":
                last = np.flatnonzero(r.evals <= evals)[-1]
                at = np.transpose(line.get_data())[0]
                if paths.inside(landscape.frame(line.axes), r.x[last]):
                    np.testing.assert_array_equal(at, r.x[last])
        shown.append(evals)
    assert len(shown) == len(animation.evaluations(race))


def test_the_head_is_drawn_where_the_run_stands(monkeypatch):
    """The pixel at the run's point has the run's colour, in each frame."""
    results = [run_quietly("rosenbrock", "gd", budget=300)]
    figures = []
    stage = animation._stage
    monkeypatch.setattr(animation, "_stage", lambda *given: (made := stage(*given), figures.append(made[0]))[0])
    blue = [int(styles.COLOURS[0][k : k + 2], 16) for k in (1, 3, 5)]
    for evals, frame in zip(animation.evaluations(results), animation.frames(results), strict=True):
        ax = figures[0].axes[0]
        x, y = ax.transData.transform(results[0].x[evals])
        assert np.abs(frame[719 - int(y), int(x)].astype(int) - blue).max() <= 2


@pytest.mark.slow
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
        assert film.info["duration"] == 1000 * animation.HOLD
    assert red[1] > red[0] + 200  # two red crosses, besides the one in the legend


@pytest.mark.slow
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


def test_a_film_has_the_length_the_rate_and_the_size_that_were_asked_for(tmp_path):
    r = run_quietly("quadratic:dim=4", "gd:lr=0.0005", budget=400)
    r.animate(tmp_path / "a.gif", seconds=2, fps=6, size="320x180", style="dark")
    with Image.open(tmp_path / "a.gif") as film:
        assert film.size == (320, 180)
        assert film.n_frames == 13
        film.seek(3)
        assert film.info["duration"] == 170
        assert np.asarray(film.convert("RGB"))[1, 160].max() < 60
    for wrong in ({"seconds": 0}, {"fps": 100}, {"size": "321x180"}, {"size": "wide"}, {"speed": 2}):
        with pytest.raises(InputError):
            r.animate(tmp_path / "b.gif", **wrong)


def test_a_long_run_is_thinned_and_the_film_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "MOST", 100)
    r = run_quietly("rosenbrock", "gd", budget=1000)
    shown, note = animation.thinned([r])
    assert note == "gd: 1 in 10 of 1,001 records is shown"
    assert len(shown[0].f) == 100
    assert (shown[0].f[0], shown[0].f[-1]) == (r.f[0], r.f[-1])
    assert animation.animate([r], tmp_path / "a.gif", FilmOptions(seconds=0.5, size="320x180")) == note
