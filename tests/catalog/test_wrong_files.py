"""Files that cannot be used: the message names the file, the line where there is one, and what to do."""

import re
import textwrap
from pathlib import Path

import pytest

import stepbench
from tests.catalog.own_files import HEAD, RULE, VALLEY, write

BAD = {
    "syntax": ("class A(Problem)\n    pass", r"bad\.py, line 3: expected ':' in: class A\(Problem\)$"),
    "import": ("import nosuchthing", r"bad\.py, line 3: No module named 'nosuchthing': install it, or mend the import"),
    "nothing": ("x = 3", r"bad\.py holds no problem: derive a class from stepbench.Problem; `stepbench new problem"),
    "two": (
        "class A(Problem):\n    x0 = (1.0,)\n    def f(self, x): return (x * x).sum(0)\nclass B(A):\n    pass",
        r"bad\.py holds more than one problem, A \(line 3\) and B \(line 6\): keep one per file",
    ),
    "a method": (
        "class R(StepSize):\n    pass",
        r"bad\.py holds a method, R \(line 3\), and no problem",
    ),
    "no f": ("class A(Problem):\n    x0 = (1.0,)", r"bad\.py, line 3: A gives no f"),
    "no start": ("class A(Problem):\n    def f(self, x): return (x * x).sum(0)", r"bad\.py, line 3: A gives no x0"),
    "shape": (
        "class A(Problem):\n    x0 = (1.0, 2.0)\n    def f(self, x):\n        return (x * x).sum()",
        r"bad\.py, line 5: f takes points of shape \(d, R\) and must give an array \(R,\), .* it gave a float64",
    ),
    "shape of the gradient": (
        "class A(Problem):\n    x0 = (1.0, 2.0)\n    def f(self, x): return (x * x).sum(0)\n"
        "    def grad(self, x): return 2 * x[0]",
        r"bad\.py, line 6: grad takes points of shape \(d, R\) and must give an array \(d, R\)",
    ),
    "nan": (
        "class A(Problem):\n    x0 = (-1.0,)\n    def f(self, x): return np.sqrt(x[0])\n"
        "    def grad(self, x): return 0.5 / np.sqrt(x)",
        r"bad\.py, line 5: f is nan at the start, \[-1\.0\]: choose another start",
    ),
    "gradient": (
        "class A(Problem):\n    x0 = (1.0, 2.0)\n    def f(self, x): return (x * x).sum(0)\n"
        "    def grad(self, x): return -2 * x",
        r"bad\.py, line 6: the gradient is not the derivative of f: at \(1\.0.*\) it gives \(-2\..* is \(2\..*\)",
    ),
    "a start in words": (
        "class A(Problem):\n    x0 = 'here'\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: x0 must be a vector of numbers, one per parameter; it is 'here'",
    ),
    "a field without @dataclass": (
        "class A(Problem):\n    k: float = param(1.0, 'k', 'steepness')\n    x0 = (1.0,)\n"
        "    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: A has the field k: put @dataclass\(frozen=True\) on the line above",
    ),
    "a field of another kind": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A(Problem):\n    mode: str = 'soft'\n"
        "    x0 = (1.0,)\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line \d: A has a field mode, which is no number, bool, Path or Literal of words: leave its annot",
    ),
    "a start with an annotation": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A(Problem):\n    x0: tuple = (1.0,)\n"
        "    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line \d: A has a field x0, .*: leave its annotation out",
    ),
    "a list": (
        "class A(Problem):\n    x0 = (1.0,)\n    def f(self, x): return [float(v) for v in x[0]]",
        r"bad\.py, line 5: f takes points .* it gave a list",
    ),
    "a minimiser that is too short": (
        "class A(Problem):\n    x0 = (1.0, 2.0)\n    x_star = (0.0,)\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: x_star must be \(2,\), or \(2, m\) for m minimisers; it is \(1,\)",
    ),
    "a window in three dimensions": (
        "class A(Problem):\n    x0 = (1.0, 2.0, 3.0)\n    view = ((-1, 1), (-1, 1))\n"
        "    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: view must be .* with two parameters only",
    ),
    "a field without a default": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A(Problem):\n    k: float\n"
        "    x0 = (1.0,)\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line \d: A has a field k without a default",
    ),
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize("mistake", BAD)
@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_wrong_file_gets_one_line_with_the_place_and_what_to_do(mistake, command, stepbench_cli):
    text, says = BAD[mistake]
    Path("bad.py").write_text(HEAD + text)
    code, out, err = stepbench_cli(command, "./bad.py", *(["gd"] if command == "compare" else []))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(r"^stepbench: \./" + says, err)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("./vally.py", r"\./vally.py cannot be read: No such file or directory \(did you mean valley\?\)"),
        ("./nowhere/valley.py", r"cannot be read: No such file"),
        ("valley", r"no problem valley \(a file is named with its ending: \./valley\.py\)"),
        ("./folder.py", r"cannot be read: Is a directory"),
        ("./binary.py", r"\./binary\.py.*null byte"),
    ],
)
def test_a_file_that_is_not_there_or_is_none_is_refused(spec, says, stepbench_cli):
    write("valley.py", VALLEY)
    Path("folder.py").mkdir()
    Path("binary.py").write_bytes(b"x = 1\0")
    code, _, err = stepbench_cli("run", spec)
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(says, err)


@pytest.mark.parametrize(
    ("text", "line", "shows"),
    [
        ("y = 1 / 0", 3, "y = 1 / 0"),
        (
            "class A(Problem):\n    x0 = (1.0,)\n    def f(self, x):\n        return helper(x)\n"
            "def helper(x):\n    return x[5]",
            8,
            "return helper(x)",
        ),
        (
            "class A(Problem):\n    @property\n    def x0(self):\n        return undefined\n"
            "    def f(self, x):\n        return (x * x).sum(0)",
            6,
            "return undefined",
        ),
    ],
)
def test_an_error_in_the_users_code_shows_their_traceback_and_not_ours(text, line, shows, stepbench_cli):
    Path("bad.py").write_text(HEAD + text)
    code, _, err = stepbench_cli("run", "./bad.py")
    assert code == 2
    assert shows in err
    assert "Traceback (most recent call last)" in err
    assert str(Path(stepbench.__file__).parent) not in err
    assert re.match(rf"stepbench: \./bad\.py, line {line}: \w+Error: ", err.splitlines()[-1])


def test_an_error_in_a_users_method_does_too(stepbench_cli):
    write("rule.py", RULE.replace("x - s.alpha * u, s", "x - s.beta * u, s"))
    code, _, err = stepbench_cli("run", "rosenbrock", "-m", "./rule.py")
    assert code == 2
    assert "s.beta * u" in err
    assert str(Path(stepbench.__file__).parent) not in err


def test_in_python_the_error_is_the_users_own():
    write("bad.py", HEAD + "y = 1 / 0")
    with pytest.raises(ZeroDivisionError):
        stepbench.problem("./bad.py")


def test_a_file_with_both_is_for_whichever_is_wanted_but_not_for_check(stepbench_cli):
    write("both.py", VALLEY + textwrap.indent(textwrap.dedent(RULE), "    "))
    assert stepbench.run("./both.py", "./both.py", budget=5).evals[-1] == 5
    code, _, err = stepbench_cli("check", "./both.py")
    assert code == 2
    assert "holds a problem and a method" in err


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def f(x): return (x * x).sum(0)", r"line 5: .*takes 1 positional argument but 2 were given"),
        ("def f(self, x):\n        x[0] -= 1\n        return (x * x).sum(0)", r"line 6: it writes into an array"),
        (
            "f_star = '0'\n    def f(self, x): return (x * x).sum(0)",
            r"line 3: f_star must be a finite number, .*; it is '0'",
        ),
        ("def f(self, x): return (x * 1j).sum(0)", r"line 5: f .* it gave complex128 numbers"),
        ("view = ((1, -1), (-1, 1))\n    def f(self, x): return (x * x).sum(0)", r"line 3: view must be"),
        ("view = ((-1e308, 1e308),) * 2\n    def f(self, x): return (x * x).sum(0)", r"line 3: view must be"),
        (
            "mu = 'x'\n    def f(self, x): return (x * x).sum(0)",
            r"line 3: mu must be a number in \[0, inf\), .*; it is 'x'",
        ),
        (
            "L = -1\n    def f(self, x): return (x * x).sum(0)",
            r"line 3: L must be a number in \(0, inf\), .*; it is -1",
        ),
        ("source = 5\n    def f(self, x): return (x * x).sum(0)", r"line 3: source must be a text; it is 5"),
    ],
)
def test_a_problem_that_cannot_be_asked_is_refused_everywhere(body, says, stepbench_cli):
    Path("bad.py").write_text(HEAD + "class A(Problem):\n    x0 = (1.0, 2.0)\n    " + body)
    for command in ("run", "show", "check"):
        code, out, err = stepbench_cli(command, "./bad.py")
        assert (code, out) == (2, ""), command
        assert err.count("\n") == 1
        assert re.search(r"^stepbench: \./bad\.py, " + says, err), err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("k: float = param(1.0, 'k', 'steepness', '0 to 10')", r"line 4: bounds '0 to 10' must be an interval, as"),
        ("import sys; sys.exit(0)", r"line 4: the file ends the program"),
        ("import folder", r"line 4: folder is a folder beside this file: .*, folder\.py, or install it"),
        ("import helper", r"line 4: \./helper\.py, line 1: No module named 'nosuchthing'"),
    ],
)
def test_a_line_that_cannot_stand_in_a_file_is_named(text, says, stepbench_cli):
    Path("helper.py").write_text("import nosuchthing")
    write("folder/__init__.py", "")
    Path("bad.py").write_text(HEAD + "class A(Problem):\n    " + text)
    code, _, err = stepbench_cli("run", "./bad.py")
    assert code == 2
    assert re.search(r"^stepbench: \./bad\.py, " + says, err), err


def test_an_if_on_arrays_gets_a_hint(stepbench_cli):
    Path("bad.py").write_text(
        HEAD + "class A(Problem):\n    x0 = (1.0,)\n    def f(self, x):\n        return x[0] if x[0] > 0 else -x[0]"
    )
    code, _, err = stepbench_cli("run", "./bad.py")
    assert code == 2
    assert "np.where in place of if" in err


@pytest.mark.parametrize("start", ["None", "'here'", "(1j,)", "range(10**11)"])
def test_a_start_that_is_none_is_refused_before_a_sweep_counts_its_runs(start, stepbench_cli):
    Path("bad.py").write_text(HEAD + f"class A(Problem):\n    x0 = {start}\n    def f(self, x): return (x * x).sum(0)")
    code, out, err = stepbench_cli("sweep", "./bad.py", "-m", "gd", "--over", "lr=1,2")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("stepbench: ./bad.py, line 3: x0 must be")


def test_a_file_that_ends_the_program_in_the_midst_of_a_run_is_named(stepbench_cli):
    Path("bad.py").write_text(
        HEAD + "import sys\nclass A(Problem):\n    x0 = (1.0,)\n    def f(self, x):\n        sys.exit(0)\n"
    )
    for command in (("run", "./bad.py"), ("show", "./bad.py"), ("check", "./bad.py")):
        code, _, err = stepbench_cli(*command)
        assert code == 2
        assert err.splitlines()[-1].startswith("stepbench: ./bad.py, line 7: SystemExit")
