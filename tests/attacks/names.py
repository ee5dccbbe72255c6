"""Files with hostile names, given to every command: ``python -m tests.attacks.names [NAME]...``.

A command ends well, or by one line that says what to do. A name stands in the tables, pictures and pages as it is: no
part of it is taken for a formula, for markup or for HTML.
"""

import contextlib
import io
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from stepbench import cli

NAMES = (
    r"$\frac{$",
    "$x$",
    "$",
    "a$b$c",
    r"\alpha",
    "~x",
    "~",
    "~root",
    "[red]x",
    "[/red]",
    "[b",
    "[link=http://a]x[/link]",
    ":smile:",
    "x:y=1",
    "x+y",
    "x,y",
    "x=1",
    "a b",
    " a",
    "'quoted'",
    '"double"',
    "new\nline",
    "tab\tstop",
    "return\rcarriage",
    "\x1b[31mred",
    "bell\x07",
    "-x",
    "--help",
    "-",
    "_x",
    "__init__",
    ".hidden",
    "numpy",
    "<script>alert(1)<",
    "&amp;<b>x",
    "x'onload='alert(1)",
    "{{ 7*7 }}",
    "{% raw %}",
    "%s%d",
    "{}",
    "\u05d0\u05d1\u05d2",
    "\u202egnp",
    "\U0001f600",
    "\u6b65\u9577",
    "e\u0301",
    "\u200b",
    "x" * 200,
    "1",
    "#comment",
    "a;b",
    "a|b",
    "*",
    "?",
    "\udcff",
)

PROBLEM = """from stepbench import Problem


class Bowl(Problem):
    x0 = (1.0, 2.0)
    f_star = 0.0
    view = ((-2, 2), (-2, 2))

    def f(self, w):
        return w[0] ** 2 + 3 * w[1] ** 2
"""
METHOD = """from dataclasses import dataclass

from stepbench import StepSize, param
from stepbench.fields import Scalar


@dataclass(frozen=True)
class Rule(StepSize):
    lr: Scalar = param(0.1, "α", "step size", "(0, inf)", "1e-3:0.2:log")

    def init(self, w):
        return None

    def move(self, w, u, oracle, s):
        return w - self.lr * u, s
"""
PLAIN = "plain"
"""With a name like this what ``commands`` gives ends well, or the attack would try nothing."""

SHORT = ("--budget", "30")
KEPT = ("--study", "s.db")


def commands(problem, method):
    """The commands to try, each as its arguments."""
    yield "show", problem
    yield "show", method
    yield "check", problem
    yield "run", problem, "-m", method, *SHORT, "--plot", "a.svg", "--show"
    yield "run", problem, "-m", method, *SHORT, "--plot", "a.png", "--html", "a.html", "--csv", "a.csv"
    yield "run", problem, "-m", method, *SHORT, "--json"
    yield "run", problem, "-m", method, *SHORT, "--checkpoint", "a.npz"
    yield "compare", problem, method, "gd:lr=0.01", *SHORT, "--plot", "b.svg", "--html", "b.html", "--show"
    yield "explain", problem, "-m", method, *SHORT, "--plot", "c.svg"
    yield "map", problem, "-m", method, "--points", "4", *SHORT, "--plot", "d.svg", *KEPT
    yield (
        "sweep",
        problem,
        "-m",
        method,
        "--over",
        "lr=0.01:0.1:3",
        "--budget",
        "30",
        "--plot",
        "e.svg",
        "--study",
        "s.db",
    )
    yield (
        "tune",
        problem,
        method,
        "gd",
        "--trials",
        "2",
        "--cases",
        "2",
        "--budget",
        "30",
        "--plot",
        "f.svg",
        "--study",
        "s.db",
    )
    yield "profile", method, "gd", "--problem", problem, *SHORT, "--plot", "g.svg", *KEPT
    yield "study", "show", "s.db"
    yield "study", "export", "s.db", "--csv", "s.csv"
    yield "study", "remove", "s.db", "--problem", problem


def outputs(name):
    """Commands whose files bear the name: what they write and keep."""
    yield "run", "quadratic", *SHORT, "--plot", f"{name}.svg", "--csv", f"{name}.csv"
    yield "run", "quadratic", *SHORT, "--checkpoint", f"{name}.npz"
    yield "map", "quadratic", "-m", "gd", "--points", "3", *SHORT, "--plot", "h.svg", "--study", f"{name}.db"
    yield "study", "show", f"{name}.db"
    yield "new", "problem", name
    yield "run", name
    yield "show", name
    yield "run", "quadratic", "-m", name
    yield "demo", name
    yield "reproduce", name
    yield "study", "show", "s.db", "--status", name
    yield "sweep", "quadratic", "-m", "gd", "--over", f"{name}=1,2", "--study", "n.db"


def wrong(args, *, works):
    """What is wrong with how a command ends; "" where nothing is. ``works`` is whether it has to end well."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            out.reconfigure = err.reconfigure = lambda **_: None
            cli.main(args)
    except SystemExit as end:
        said = err.getvalue()
        if end.code not in ((0,) if works else (0, 1, 2)) or "Traceback" in said:
            return f"code {end.code}: {said[-300:]!r}"
        if end.code == 2 and said.count("\n") != 1:
            return f"it says {said[-300:]!r}"
        if warned:
            return f"it warns: {warned[0].message}"
    except BaseException as error:
        return f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1]})"
    for page in Path().glob("*.html"):
        if "<script>alert" in page.read_text("utf-8"):
            return "the page holds the name as a script"
    return ""


def attack(names):
    """The commands tried, and what was wrong."""
    tried, bad, back = 0, [], Path.cwd()
    for name in (PLAIN, *names):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                (Path("m") / name).parent.mkdir(parents=True, exist_ok=True)
                files = []
                for ending, text in ((".py", PROBLEM), ("m.py", METHOD)):
                    Path(f"{name}{ending}").write_text(text)
                    files.append(f"{name}{ending}")
            except (OSError, ValueError):
                continue
            ways = [files, [f"./{file}" for file in files], [str(Path(file).absolute()) for file in files]]
            for k, (problem, method) in enumerate(ways):
                few = [*commands(problem, method)][: 16 if k < 2 else 5]
                for args in [*few, *(outputs(name) if k == 0 else ())]:
                    tried += 1
                    if found := wrong([*args], works=name == PLAIN and args in few and "remove" not in args):
                        bad.append(f"{name!r}: {' '.join(args)!r}: {found}")
                        print(bad[-1], flush=True)
            os.chdir(back)
    return tried, bad


if __name__ == "__main__":
    tried, bad = attack(sys.argv[1:] or NAMES)
    print(f"{tried} commands: {len(bad)} bad")
