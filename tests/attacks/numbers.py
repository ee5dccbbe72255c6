"""Numbers beyond reason for every option and field that takes one: ``python -m tests.attacks.numbers [SECONDS]``.

A command ends well, or by one line that says what to do. What is large but can be done, such as a budget of a year, may
go on, and is stopped after some seconds; what nobody can wait for, or no memory hold, is refused before it begins.
"""

import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

from stepbench import catalog, cli
from stepbench.contracts import hyperparameters
from stepbench.fields import fields_of

DIGITS = (5, 6, 7, 9, 10, 12, 16, 18, 19, 30, 308, 309, 400)
WHOLE = (
    *(str(10**n) for n in DIGITS),
    *(str(n) for n in (2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64)),
)
OTHERS = ("0", "-1", str(-(10**19)), str(-(10**309)), "1e308", "1e309", "-1e309", "inf", "nan", "9" * 5000)
NUMBERS = (*WHOLE, *OTHERS)
WAITED_FOR = 10**15
"""The largest count that a command may begin to work off."""
MEMORY = 4 << 30
"""Bytes that a command gets beyond what it begins with."""

SHORT = ("--budget", "5")
KEPT = ("--study", "s.db")
OPTIONS = (
    *(("run", "rosenbrock", *SHORT, name) for name in ("--steps", "--every", "--seed", "--checkpoint-every")),
    *(("run", "rosenbrock", *SHORT, name) for name in ("--target", "--grad-target", "--noise", "--lr")),
    ("run", "rosenbrock", "--budget"),
    ("run", "rosenbrock", *SHORT, "--checkpoint", "c.npz", "--checkpoint-every"),
    ("run", "linear-regression:batch=5", "--epochs"),
    ("run", "linear-regression", *SHORT, "--batch"),
    ("run", "rosenbrock", "-m", "scipy:bfgs", "--budget"),
    ("compare", "rosenbrock", "gd", "adam", "--budget"),
    ("compare", "rosenbrock", "gd", *SHORT, "--seed"),
    ("explain", "rosenbrock", *SHORT, "--every"),
    ("map", "rosenbrock", "-m", "gd", *SHORT, *KEPT, "--points"),
    ("map", "rosenbrock", "-m", "gd", *KEPT, "--points", "3", "--budget"),
    ("sweep", "rosenbrock", "-m", "gd", "--over", "lr=0.1,0.2", *KEPT, "--budget"),
    ("sweep", "rosenbrock", "-m", "gd", "--over", "lr=0.1,0.2", *SHORT, *KEPT, "--seed"),
    ("tune", "rosenbrock", "gd", "--trials", "2", "--cases", "2", *KEPT, "--budget"),
    ("tune", "rosenbrock", "gd", "--trials", "2", "--cases", "2", *SHORT, *KEPT, "--tune-budget"),
    ("tune", "rosenbrock", "gd", "--cases", "2", *SHORT, *KEPT, "--trials"),
    ("tune", "rosenbrock", "gd", "--trials", "2", *SHORT, *KEPT, "--cases"),
    ("tune", "rosenbrock", "gd", "--trials", "2", "--cases", "2", *SHORT, *KEPT, "--seed"),
    ("profile", "gd", "adam", "--problem", "rosenbrock", *KEPT, "--budget"),
    ("profile", "gd", "adam", "--problem", "linear-regression:batch=5", *SHORT, *KEPT, "--seeds"),
    ("reproduce", "csawg/figure-3a-rates", *KEPT, "--seeds"),
    ("reproduce", "csawg/figure-3a-rates", *KEPT, "--seed"),
    ("explore", "--no-browser", "--port"),
)
OVER = (
    "lr=1e-4:1:{}",
    "lr=1e-4:1:{}:log",
    "lr=1e-4:{}:3:log",
    "lr={}",
    "seed=0:{}",
    "seed={}",
    "w1=-1:{}:3",
    "w{}=1,2",
    "problem.b={},1",
)


def attacks():
    """Every command to try, with the number in it."""
    for number in NUMBERS:
        for option in OPTIONS:
            yield number, (*option[:-1], f"{option[-1]}={number}")
        for over in OVER:
            yield number, ("sweep", "rosenbrock", "-m", "gd", *SHORT, *KEPT, "--over", over.format(number))
        if len(number) > 4:  # workers that are begun are no attack
            yield number, ("sweep", "rosenbrock", "-m", "gd", *SHORT, *KEPT, "--over", "lr=1,2", f"--workers={number}")
        for spec in _with_whole_fields(catalog.names("problems"), lambda name: fields_of(type(catalog.problem(name)))):
            yield number, ("run", f"{spec}={number}", *SHORT)
        for spec in _with_whole_fields(_methods(), _fields_of_method):
            yield number, ("run", "rosenbrock", *SHORT, "-m", f"{spec}={number}")
        yield number, ("sweep", "rosenbrock", "-m", "csawg", *SHORT, *KEPT, "--over", f"K=1:{number}")
        yield number, ("sweep", "rosenbrock", "-m", "csawg", *SHORT, *KEPT, "--over", f"K=1:{number}:3")
        yield number, ("tune", "rosenbrock", "csawg", "--trials", "2", *SHORT, *KEPT, "--over", f"K=1:{number}")


def _methods():
    return [*catalog.names("directions"), *catalog.names("stepsizes"), *catalog.names("methods")]


def _fields_of_method(name):
    return {key: field for key, (_, field) in hyperparameters(catalog.method(name)).items()}


def _with_whole_fields(names, fields):
    """A spec up to the value of each field that counts, without the networks, which take seconds each."""
    for name in names:
        if not name.startswith("networks/"):
            yield from (f"{name}:{key}" for key, field in fields(name).items() if field.kind == "int")


def wrong(args, number, seconds):
    """What is wrong with how a command ends in a process of its own; "" where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        child = os.fork()
        if not child:
            _become(args, folder, said)
        end, status = time.monotonic() + seconds, None
        while status is None:
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
            elif time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return "" if _is_waited_for(number) else "it goes on"
            else:
                time.sleep(0.002)
        err = said.read_text("utf-8", "replace") if said.exists() else ""
    if status not in (0, 2) or "Traceback" in err:
        return f"code {status}: {err[-300:]!r}"
    if status == 2 and (err.count("\n") != 1 or not err.startswith("stepbench: ")):
        return f"it says {err[-300:]!r}"
    return ""


def _is_waited_for(number):
    try:
        return float(number) <= WAITED_FOR
    except ValueError:
        return False


def _become(args, folder, said):
    code = 70
    try:
        os.chdir(folder)
        with said.open("wb") as err, Path(os.devnull).open("wb") as nowhere:
            os.dup2(err.fileno(), 2)
            os.dup2(nowhere.fileno(), 1)
        here = 1024 * int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0])
        resource.setrlimit(resource.RLIMIT_DATA, (here + MEMORY, here + MEMORY))
        cli.main(args)
    except SystemExit as stop:
        code = stop.code
    except BaseException as error:
        print("Traceback:", type(error).__name__, error, file=sys.stderr)
    sys.stderr.flush()
    os._exit(code)


def attack(cases, seconds=10.0):
    """The commands tried, and what was wrong."""
    tried, bad = 0, []
    for number, args in cases:
        tried += 1
        if found := wrong(args, number, seconds):
            bad.append(f"{' '.join(arg if len(arg) < 60 else arg[:50] + '…' for arg in args)}: {found}")
            print(bad[-1], flush=True)
    return tried, bad


if __name__ == "__main__":
    import stepbench.report.plots
    import stepbench.study.tune  # noqa: F401

    tried, bad = attack(attacks(), float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    print(f"{tried} commands: {len(bad)} bad")
