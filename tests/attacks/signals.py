"""Ctrl-C and SIGTERM at many moments of many commands: ``python -m tests.attacks.signals [MOMENTS]``.

A command that is stopped ends within a second, by one line and exit code 130, or 143 for SIGTERM; one that was through
ends as if nothing had been sent.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = """
import os
from stepbench import stopping
from stepbench.__main__ import main

begin = stopping.begin
stopping.begin = lambda: (begin(), os.write(1, b"\\n"))
main()
"""
"""It prints an empty line after the first instruction of ``main``: Python's own start is not ours."""
LIMIT = 1.0
"""Seconds from the signal to the end."""
LONGEST = 8.0
"""Seconds of a command in which moments are drawn."""

COMMANDS = {
    "list": ["list"],
    "show": ["show", "adam"],
    "run": ["run", "rosenbrock", "-m", "adam", "--budget", "60000", "--target", "0"],
    "run-kept": ["run", "rosenbrock", "-m", "gd:lr=1e-4", "--budget", "200000", "--checkpoint", "run.npz"],
    "run-plot": ["run", "rosenbrock", "--plot", "run.png"],
    "run-network": ["run", "networks/digits-mlp", "--budget", "100000"],
    "compare": ["compare", "rosenbrock", "gd", "adam", "scipy:bfgs", "--budget", "20000"],
    "explain": ["explain", "rosenbrock", "-m", "gd:lr=1", "--budget", "300"],
    "sweep": ["sweep", "rosenbrock", "-m", "adam", "--over", "lr=1e-4:1:400:log", "--budget", "5000"],
    "map": ["map", "rosenbrock", "-m", "adam", "--points", "40", "--budget", "3000"],
    "tune": ["tune", "rosenbrock", "gd", "adam", "--budget", "2000"],
    "profile": ["profile", "gd", "adam", "--problem", "rosenbrock", "--problem", "quadratic"],
    "check": ["check", "rosenbrock"],
    "demo": ["demo", "ill-conditioning"],
    "explore": ["explore", "--no-browser", "--port", "5987"],
    "reproduce": ["reproduce", "csawg", "--quick"],
}
ONE_GRID = ("sweep", "map", "profile")
"""Commands that make all their runs at once, so that what they say of them is all that is kept."""
ENDLESS = ("explore",)


def environment():
    own = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return own | {"OMP_NUM_THREADS": "1"}


def begun(command, folder):
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    where["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background of a shell ignores it
    process = subprocess.Popen([sys.executable, "-c", START, *command], cwd=folder, env=environment(), **where)
    assert process.stdout.readline() == "\n"
    return process


def seconds_of(name):
    """How long the command takes, at most so long."""
    with tempfile.TemporaryDirectory() as folder:
        process, began = begun(COMMANDS[name], folder), time.monotonic()
        try:
            process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return time.monotonic() - began


def moments(seconds, n, rng):
    """A quarter of them while modules are imported, a quarter near the end, and the others anywhere."""
    spans = [(0.0, 0.2), (0.0, seconds), (0.9 * seconds, 1.02 * seconds), (0.0, seconds)]
    return [rng.uniform(*spans[k % 4]) for k in range(n)]


def wrong(name, number, moment, limit=LIMIT):
    """What is wrong with how the command ends; "" where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        process = begun(COMMANDS[name], folder)
        time.sleep(moment)
        sent, through = time.monotonic(), process.poll() is not None
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "it does not end"
        took, code = time.monotonic() - sent, process.returncode
        left = [path.name for path in Path(folder).iterdir() if path.name.endswith(".part")]
        kept = runs_kept(Path(folder))
    if through or (code == 0 and name not in ENDLESS and took < limit):
        return ""
    if code != {signal.SIGINT: 130, signal.SIGTERM: 143}[number]:
        return f"code {code}: {err[-200:]!r}"
    if not err.startswith("stepbench: stopped") or err.count("\n") != 1:
        return f"it says {err[-300:]!r}"
    if took > limit:
        return f"it takes {took:.1f} s"
    if left:
        return f"it leaves {left}"
    told = re.search(r"stopped: ([\d,]+) of", err)
    if told and (int(told[1].replace(",", "")) != kept if name in ONE_GRID else int(told[1]) > kept):
        return f"it says {told[1]} runs, and {kept} are kept"
    return ""


def runs_kept(folder):
    """How many runs the study of a folder keeps."""
    from stepbench.study.store import Store

    studies = [*folder.glob("*.db")]
    if not studies:
        return 0
    with Store(studies[0]) as store:
        return sum(n for *_, n in store.statuses())


def attack(names, n, seed=0):
    """The moments tried, and what was wrong."""
    rng, tried, bad = random.Random(seed), 0, []
    for name in names:
        seconds = seconds_of(name)
        for k, moment in enumerate(moments(seconds, n, rng)):
            number = (signal.SIGINT, signal.SIGTERM)[k // 4 % 2]
            found = wrong(name, number, moment)
            tried += 1
            if found:
                bad.append(f"{name} of {seconds:.1f} s, {number.name} at {moment:.3f} s: {found}")
                print(bad[-1], flush=True)
    return tried, bad


if __name__ == "__main__":
    tried, bad = attack(sys.argv[2:] or COMMANDS, int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    print(f"{tried} moments: {len(bad)} bad")
