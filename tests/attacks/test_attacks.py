"""A little of each attack; the scripts beside this one do the whole."""

import signal
import subprocess
import sys

import pytest

from tests.attacks import names, numbers, signals

HUGE = str(10**309)


@pytest.mark.slow
def test_a_name_is_nothing_but_a_name(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    tried, bad = names.attack([r"~[red]:smile:$\frac{$<script>alert(1)<"])
    assert tried > 40
    assert not bad


@pytest.mark.parametrize(
    "args",
    [
        ("run", "rosenbrock", "--budget", HUGE),
        ("run", "rosenbrock", "--budget", "1000000000"),
        ("run", f"rosenbrock:dim={HUGE}", "--budget", "5"),
        ("run", "rosenbrock", "-m", f"csawg:K={HUGE}"),
        ("run", "linear-regression:batch=5", "--epochs", "1e308"),
        ("run", "rosenbrock", "--seed", str(2**63)),
        ("run", "rosenbrock", "--every", str(2**63)),
        ("compare", "rosenbrock", "gd", "adam", "--budget", "1000000000"),
        ("map", "rosenbrock", "-m", "gd", "--points", "2000"),
        ("sweep", "rosenbrock", "-m", "gd", "--over", f"lr=1e-4:1:{HUGE}"),
        ("sweep", "rosenbrock", "-m", "csawg", "--over", "K=1:1e308:3"),
        ("sweep", "rosenbrock", "-m", "gd", "--over", "lr=1,2", "--workers", "1000000"),
        ("tune", "rosenbrock", "csawg", "--over", "K=1:1e308"),
        ("tune", "rosenbrock", "gd", "--trials", str(10**19)),
        ("tune", "rosenbrock", "gd", "--cases", str(10**16)),
        ("tune", "rosenbrock", "gd", "--budget", str(10**16)),
        ("tune", "rosenbrock", "gd", "--tune-budget", str(10**16)),
        ("profile", "gd", "adam", "--problem", "linear-regression:batch=5", "--seeds", str(10**9)),
        ("profile", "gd", "adam", "--problem", "rosenbrock", "--budget", str(10**11)),
    ],
)
def test_a_number_beyond_reason_is_refused_in_one_line(stepbench_cli, monkeypatch, args):
    monkeypatch.setattr("stepbench.engine.memory.free", lambda: 20e9)
    code, out, err = stepbench_cli(*args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Traceback" not in err
    assert not list(numbers.Path().iterdir())


def test_the_line_says_how_much_memory_is_missing(stepbench_cli, monkeypatch):
    """144 bytes for each record: two columns of 9 numbers, of 8 bytes each."""
    monkeypatch.setattr("stepbench.engine.memory.free", lambda: 20e9)
    _, _, err = stepbench_cli("run", "rosenbrock", "--budget", "1000000000")
    assert "would need 144 GB of memory, and 20 GB are free: give" in err
    monkeypatch.setattr("stepbench.engine.memory.free", lambda: 28.7e6)
    assert stepbench_cli("run", "quadratic", "--budget", "200000")[0] == 2
    assert stepbench_cli("run", "quadratic", "--budget", "200000", "--every", "2")[0] == 0


@pytest.mark.one_in(7)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("name", "moment"), [("list", 0.0), ("show", 0.05), ("run", 0.4), ("map", 1.0)])
def test_a_signal_ends_a_command_by_one_line(name, number, moment):
    """How long it takes is for the script to judge."""
    assert not signals.wrong(name, number, moment, limit=float("inf"))


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_may_be_closed(closed, tmp_path):
    command = f"{sys.executable} -m stepbench run quadratic --budget 9 --csv a.csv {closed}"
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
    assert (tmp_path / "a.csv").read_text().startswith("method,iteration")
    command = f"{sys.executable} -m stepbench run nothing {closed}"
    assert subprocess.run(["bash", "-c", command], capture_output=True).returncode == 2
