"""The options ``--show`` and ``--animate``."""

import pytest
from PIL import Image

from tests.report.showing import RACE


@pytest.mark.parametrize("command", [("run", "rosenbrock"), ("compare", "rosenbrock", "gd", "csawg")])
def test_what_cannot_be_shown_is_refused_before_anything_runs(command, stepbench_cli, monkeypatch, tmp_path):
    monkeypatch.setattr("stepbench.engine.running.run", None)
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


@pytest.mark.slow
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
