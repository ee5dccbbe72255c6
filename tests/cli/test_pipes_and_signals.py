"""The command as a process: pipes, encodings, full disks and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stepbench import cli
from tests.waiting import PATIENCE, wait_until

RUN = (sys.executable, "-m", "stepbench")


def test_colour_is_off_in_a_pipe_and_when_asked():
    plain = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    out = subprocess.run([*RUN, "run", "quadratic", "--budget", "50"], capture_output=True, text=True, env=plain)
    assert out.returncode == 0
    assert "\x1b[3" not in out.stdout  # bold may stay, colour may not


def test_a_reader_that_goes_away_is_no_error():
    command = " ".join([*RUN, "run", "rosenbrock", "--csv", "-"]) + " | head -1"
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert out.stdout.startswith("method,iteration")
    assert out.stderr == ""


PIPE = "; ".join(
    (
        "import os, sys, signal",
        "read, write = os.pipe()",
        "os.close(read)",
        "os.dup2(write, 1)",
        "from stepbench.__main__ import main",
        "main()",
    )
)
"""The command, at whose pipe nobody reads any more."""


@pytest.mark.parametrize(
    "args",
    [("list",), ("show", "adam"), ("--help",), ("run", "--help"), ("--version",), (), ("study", "--help"), ("demo",)],
)
def test_nobody_reads_any_more_and_the_exit_code_is_0(args):
    out = subprocess.run([sys.executable, "-c", PIPE, *args], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")


@pytest.mark.parametrize("printed", [(), ("--json",), ("--csv", "-"), ("--show",)])
def test_files_are_written_though_nobody_reads_what_is_printed(printed, tmp_path):
    files = ("--save", "run.npz", "--plot", "run.png")
    command = [sys.executable, "-c", PIPE, "run", "quadratic", "--budget", "9", *files, *printed]
    out = subprocess.run(command, capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"run.npz", "run.png"}


@pytest.mark.parametrize("where", [">/dev/full", ">/dev/full 2>&1"])
@pytest.mark.parametrize("args", ["list", "--version", "run quadratic --budget 9 --save run.npz"])
def test_a_full_disk_behind_standard_output_is_2_and_files_elsewhere_are_written(args, where, tmp_path):
    out = subprocess.run(["bash", "-c", " ".join([*RUN, args, where])], capture_output=True, text=True)
    told = "" if "2>" in where else "stepbench: the output cannot be written or read: No space left on device\n"
    assert (out.returncode, out.stderr) == (2, told)
    assert (tmp_path / "run.npz").exists() == ("run.npz" in args)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_a_terminal_that_knows_no_greek_gets_a_question_mark_and_no_traceback(encoding):
    commands = (["list"], ["show", "rdbd"], ["run", "rosenbrock", "--budget", "9"], ["run", "rosenbrock", "--help"])
    code = f"""
from stepbench import cli
for args in {commands}:
    try:
        cli.main(args)
    except SystemExit as end:
        assert end.code == 0
"""
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env)
    assert (out.returncode, out.stderr) == (0, b"")
    assert out.stdout.count(b"?") > 10


def test_a_disk_that_fills_up_is_a_line_and_not_a_traceback():
    command = " ".join([*RUN, "run", "quadratic", "--budget", "9", "--csv", "/dev/full"])
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert out.returncode == 2
    assert out.stderr.count("\n") == 1
    assert "No space left" in out.stderr


@pytest.mark.parametrize("output", [(), ("--json",), ("--csv", "-")])
def test_ctrl_c_prints_what_there_is_and_exits_130(stepbench_cli, monkeypatch, output):
    def impatient(self, done, total):
        if self.label == "gd" and done > 300:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.progress.Progress, "__call__", impatient)
    code, out, _ = stepbench_cli("compare", "rosenbrock", "scipy:bfgs", "gd", "adam", *output)
    assert code == 130
    assert "scipy:bfgs" in out
    assert "gd" in out
    assert ("not run: adam" in out) if not output else ("adam" not in out)
    if not output:
        assert "gd failed: interrupted" in out
    assert stepbench_cli("run", "rosenbrock", *output)[0] == 130


def test_a_signal_is_ctrl_c():
    """A real signal is sent to a real process, when its problem says that the run is under way."""
    Path("telling.py").write_text(
        "from stepbench import Problem\n\n\nclass Telling(Problem):\n    x0 = (1.0, 2.0)\n    asked = [0]\n\n"
        "    def f(self, x):\n        return (x * x).sum(0)\n\n"
        "    def grad(self, x):\n        self.asked[0] += 1\n"
        "        if self.asked[0] == 1000:\n            print('under way', flush=True)\n        return 2 * x\n"
    )
    command = [*RUN, "run", "./telling.py", "--budget", "100000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "under way\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_the_command_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "stepbench", "run", "rosenbrock", "-m", "adam", "--budget", "30000000"]
    command += ["--every", "1000", "--checkpoint", "run.npz"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until((tmp_path / "run.npz").exists)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130
    assert "kept in run.npz; the same command goes on from there" in err
    assert "interrupted" in out
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"], "nothing half-written is left"


LIVELY = """
import threading

from stepbench import Problem

threading.Thread(target=threading.Event().wait).start()


class Lively(Problem):
    x0 = (1.0, 2.0)

    def f(self, w):
        return w[0] ** 2 + w[1] ** 2
"""


@pytest.mark.parametrize(("number", "stopped"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_thread_of_the_users_that_goes_on_does_not_keep_a_stopped_command_from_ending(number, stopped):
    """All is done and printed, and mostly the command has come to its end, so that the signal no longer counts."""
    Path("lively.py").write_text(LIVELY)
    command = [*RUN, "run", "./lively.py", "--budget", "9", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while process.stdout.readline() != "}\n":  # what is printed last
            assert process.poll() is None
        wait_until(lambda: process.send_signal(number) or process.poll() is not None)
        assert process.returncode in (0, stopped)
        assert process.stderr.read() == ("stepbench: stopped\n" if process.returncode else "")
    finally:
        process.kill()
        process.communicate()
