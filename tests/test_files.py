"""One file is a plug-in: a problem or a method of the user's own, and every way to get one wrong."""

import pickle
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog
from stepbench.contracts import hyperparameters

VALLEY = """
    from dataclasses import dataclass
    from stepbench import Problem, param

    @dataclass(frozen=True)
    class Valley(Problem):
        '''A narrow curved valley.'''

        b: float = param(100.0, "b", "steepness", "(0, inf)")
        a: float = 1.0

        x0 = (-1.0, 0.0)
        x_star = (1.0, 1.0)
        f_star = 0.0

        def f(self, x):
            return (x[0] - self.a) ** 2 + self.b * (x[1] - x[0] * x[0]) ** 2
    """

RULE = """
    from dataclasses import dataclass
    from typing import NamedTuple
    from stepbench import StepSize, param
    from stepbench.fields import Scalar

    class State(NamedTuple):
        alpha: float

    @dataclass(frozen=True)
    class Rule(StepSize):
        lr: Scalar = param(0.001, "α", "step size", "(0, inf)")
        eps: float = 0.5

        def init(self, x):
            return State(self.lr)

        def move(self, x, u, oracle, s):
            return x - s.alpha * u, s
    """


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


# A problem


def test_a_problem_of_f_alone_runs_as_the_one_that_gives_its_gradient():
    write("valley.py", VALLEY)
    mine = stepbench.run("./valley.py", "gd:lr=0.001", budget=500)
    built_in = stepbench.run("rosenbrock", "gd:lr=0.001", budget=500)
    np.testing.assert_allclose(mine.x, built_in.x, rtol=1e-9)
    np.testing.assert_allclose(mine.error, built_in.error, rtol=1e-8)
    assert mine.evals[-1] == 500


def test_a_derived_hessian_serves_a_method_that_needs_one():
    write("valley.py", VALLEY)
    mine, built_in = (stepbench.run(p, "exact", budget=400) for p in ("./valley.py", "rosenbrock"))
    assert mine.steps > 9
    np.testing.assert_allclose(mine.x[:10], built_in.x[:10], rtol=1e-4)


@pytest.mark.parametrize("command", [["run", "./valley.py", "-m", "exact"], ["compare", "./valley.py", "gd", "exact"]])
def test_what_is_derived_is_said(stepbench_cli, command):
    write("valley.py", VALLEY)
    code, out, _ = stepbench_cli(*command, "--budget", "50")
    assert code == 0
    assert "∇f is derived from f by the complex step" in " ".join(out.split())
    assert "∇²f is derived from ∇f by central differences" in " ".join(out.split())


def test_fields_are_options_of_the_spec_and_plain_ones_too():
    write("valley.py", VALLEY)
    p = stepbench.problem("./valley.py:b=7,a=2")
    assert (p.b, p.a) == (7.0, 2.0)
    assert str(p) == "./valley.py:b=7,a=2"
    assert stepbench.problem(p.spec()) == p
    assert Path(p.spec().partition(":")[0]).is_absolute()  # it means the same from any folder
    with pytest.raises(InputError, match=r"\./valley.py: b=-1.0 must be a number in \(0, inf\)"):
        stepbench.problem("valley.py:b=-1")
    with pytest.raises(InputError, match=r"no field bb \(did you mean b"):
        stepbench.problem("./valley.py:bb=1")


@pytest.mark.parametrize("name", ["c++/my valley.py", "a:b/valley.py", "./x/1e+5.py", "../here/valley.py", "ünder.py"])
def test_a_path_may_hold_what_a_spec_is_written_with(name, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write(name, VALLEY)
    spec = name if name.startswith(".") or not set(name) & set("+:") else f"./{name}"
    assert stepbench.problem(f"{spec}:b=3").b == 3
    write(Path(name).with_name("rule.py"), RULE)
    rule = str(Path(name).with_name("rule.py"))
    rule = rule if rule.startswith(".") or not set(rule) & set("+:") else f"./{rule}"
    assert stepbench.method(f"adam:eps=1e-4+{rule}:lr=1e+2").rule.lr == 100


def test_a_changed_file_is_another_problem():
    write("valley.py", VALLEY)
    before = stepbench.problem("./valley.py")
    assert stepbench.problem("./valley.py") == before
    write("valley.py", VALLEY.replace("100.0", "101.0"))  # as long, and within the same second
    after = stepbench.problem("./valley.py")
    assert (before.b, after.b) == (100.0, 101.0)
    assert not list(Path().glob("**/__pycache__"))


def test_a_file_is_loaded_only_when_it_is_named():
    write("rosenbrock.py", "raise SystemError('loaded without being named')")
    write("stepbench_problem.py", "raise SystemError('loaded without being named')")
    for args in (["list"], ["run", "rosenbrock", "--budget", "5"]):
        done = subprocess.run([sys.executable, "-m", "stepbench", *args], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_problem_of_ones_own_survives_a_pickle_and_a_file():
    write("valley.py", VALLEY)
    p = stepbench.problem("./valley.py:b=9")
    assert pickle.loads(pickle.dumps(p)) == p
    r = stepbench.run(p, "gd", budget=20)
    r.save("run.npz")
    np.testing.assert_array_equal(stepbench.load("run.npz").x, r.x)


def test_a_problem_without_a_window_is_drawn_where_its_paths_are(stepbench_cli):
    write("valley.py", VALLEY)
    code, out, _ = stepbench_cli("compare", "./valley.py", "gd", "adam:lr=0.01", "--budget", "300", "--plot", "v.png")
    assert code == 0
    assert "drawn to v.png" in out
    from stepbench.report.plots import window

    r = stepbench.run("./valley.py", "adam:lr=0.01", budget=300)
    (left, right), (bottom, top) = window([r])
    assert left < r.x[:, 0].min() < 1 < right
    assert bottom < r.x[:, 1].min() < 1 < top


def test_a_pickle_goes_to_another_process_and_knows_when_the_file_has_changed():
    write("valley.py", VALLEY)
    write("rule.py", RULE)
    method = stepbench.method("adam+./rule.py:lr=0.3")
    things = stepbench.problem("./valley.py:b=9"), method, method.init(np.ones((2, 3)))
    Path("things.pkl").write_bytes(pickle.dumps(things))
    again = (
        "import pickle, pathlib; p, m, s = pickle.loads(pathlib.Path('things.pkl').read_bytes());"
        "print(p.b, m.rule.lr, s.alpha)"
    )
    done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True)
    assert done.stdout == "9.0 0.3 0.3\n", done.stderr
    write("rule.py", RULE + "# changed")
    done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True)
    assert "rule.py has changed since Rule was pickled" in done.stderr


def test_a_saved_run_is_not_read_as_that_of_a_changed_file():
    write("valley.py", VALLEY)
    r = stepbench.run("./valley.py", "gd", budget=5)
    r.save("run.npz")
    write("valley.py", VALLEY.replace("self.b *", "2 * self.b *"))
    with pytest.raises(InputError, match="that file has changed since"):
        stepbench.load("run.npz")
    np.testing.assert_array_equal(stepbench.load("run.npz", problem=r.problem).x, r.x)


def test_files_of_one_name_have_fields_of_their_own():
    write(
        "a/mine.py",
        "from stepbench import Direction\nfrom dataclasses import dataclass\n@dataclass(frozen=True)\n"
        "class D(Direction):\n    eps: float = 0.1\n    def init(self, x): return ()\n"
        "    def at(self, x, oracle, s): return oracle.grad(x), s\n",
    )
    write("b/mine.py", RULE)
    method = stepbench.method("./a/mine.py:eps=0.3+./b/mine.py:eps=0.7")
    assert (method.direction.eps, method.rule.eps) == (0.3, 0.7)
    assert {"direction.eps", "rule.eps"} <= set(hyperparameters(method))


# A method


def test_a_rule_composes_and_its_fields_are_options(stepbench_cli):
    write("rule.py", RULE)
    mine = stepbench.run("rosenbrock", "adam+./rule.py:lr=0.01", budget=100)
    np.testing.assert_array_equal(mine.x, stepbench.run("rosenbrock", "adam:lr=0.01", budget=100).x)
    assert set(hyperparameters(stepbench.method("adam+./rule.py"))) >= {"lr", "adam.eps", "rule.eps", "beta1"}
    assert stepbench.method("adam:eps=0.1+./rule.py:eps=0.2").rule.eps == 0.2
    code, out, err = stepbench_cli("run", "rosenbrock", "-m", "rule.py", "--lr", "0.002", "--budget", "10")
    assert (code, err) == (0, "")
    assert "./rule.py:lr=0.002" in out


def test_a_rule_runs_in_batches_with_the_bits_it_has_alone():
    write("rule.py", RULE)
    lr = np.array([1e-4, 1e-3, 2e-3])
    batch = stepbench.run("rosenbrock", stepbench.method("./rule.py", lr=lr), budget=50)
    alone = stepbench.run("rosenbrock", "./rule.py:lr=0.001", budget=50)
    np.testing.assert_array_equal(batch.x[..., 1], alone.x)


@pytest.mark.parametrize(
    ("base", "body", "spec"),
    [
        ("Direction", "def at(self, x, oracle, s):\n        return oracle.grad(x), s", "./mine.py+constant:lr=0.001"),
        ("Method", "def step(self, x, oracle, s):\n        return x - 0.001 * oracle.grad(x), s", "./mine.py"),
    ],
)
def test_a_file_may_hold_a_direction_or_a_whole_method(base, body, spec):
    text = f"""
from typing import NamedTuple
from stepbench import {base}

class State(NamedTuple):
    alpha: float

class Mine({base}):
    def init(self, x):
        return State(0.001)

    {body}
"""
    write("mine.py", text)
    expected = stepbench.run("rosenbrock", "gd:lr=0.001", budget=40)
    np.testing.assert_array_equal(stepbench.run("rosenbrock", spec, budget=40).x, expected.x)


# Begin and check


def test_what_new_writes_passes_the_check_as_it_stands(stepbench_cli):
    for kind, name in (("problem", "my-valley"), ("method", "MyRule")):
        code, out, err = stepbench_cli("new", kind, name)
        assert (code, err) == (0, "")
        [path] = re.findall(r"wrote (\S+);", out)
        code, out, err = stepbench_cli("check", f"./{path}")
        assert (code, err) == (0, "")
        assert "0 failed" in out
        assert "✗   " not in out
        for line in re.findall(r"stepbench (?:run|compare|check) .*", Path(path).read_text() + out):
            code, _, err = stepbench_cli(*line.rstrip('".').split()[1:])
            assert (code, err) == (0, ""), line
    assert {p.name for p in Path().glob("*.py")} == {"my_valley.py", "my_rule.py"}
    assert "class MyValley(Problem)" in Path("my_valley.py").read_text()
    assert "class MyRule(StepSize)" in Path("my_rule.py").read_text()


def test_new_loses_nothing(stepbench_cli):
    write("mine.py", "precious = 1")
    code, _, err = stepbench_cli("new", "problem", "mine")
    assert code == 2
    assert err == "stepbench: mine.py exists already: choose another name\n"
    assert Path("mine.py").read_text() == "precious = 1"
    for name in ("3d", "a/b", "", "a b", "state", "Scalar"):
        code, _, err = stepbench_cli("new", "method", name)
        assert code == 2
        assert "cannot be a name" in err


def test_a_failed_check_says_so_with_the_numbers_and_the_exit_code(stepbench_cli):
    wrong = (
        VALLEY
        + """
        def grad(self, x):
            import numpy as np
            t = x[1] - x[0] * x[0]
            return np.stack([2 * (x[0] - self.a) - 4 * self.b * x[0] * t, 2.001 * self.b * t])
    """
    )
    write("valley.py", wrong)
    code, out, err = stepbench_cli("check", "./valley.py")
    assert (code, err) == (1, "")
    assert "1 failed" in out
    assert re.search(
        r"component 2 is \S+ and by the complex step \S+; wrong at \d+ of 32 points", " ".join(out.split())
    )


def test_an_error_in_one_check_is_a_finding_and_the_others_go_on(stepbench_cli):
    write(
        "bowl.py",
        """
        from stepbench import Problem
        class Bowl(Problem):
            x0 = (1.0,)
            def f(self, x):
                if x.max() > 50:
                    raise OverflowError("too far")
                return (x * x).sum(0)
            def grad(self, x):
                return 2 * x
        """,
    )
    code, out, err = stepbench_cli("check", "./bowl.py")
    assert (code, err) == (1, "")
    assert "./bowl.py, line 7: OverflowError: too far" in " ".join(out.split())
    assert "✓" in out


def test_a_check_reads_any_name(stepbench_cli):
    write("rule.py", RULE)
    for spec in ("rosenbrock", "mgh/beale", "adam+rdbd", "csawg", "adam+./rule.py", "./rule.py:lr=1e+0"):
        code, out, _ = stepbench_cli("check", spec)
        assert code == 0, out
    code, _, err = stepbench_cli("check", "scipy:bfgs")
    assert code == 2
    assert "owns its loop" in err


# Bad input: each with the file, the line where there is one, and what to do

HEAD = "import numpy as np\nfrom stepbench import Problem, StepSize, param\n"
BAD = {
    "syntax": ("class A(Problem)\n    pass", r"bad\.py, line 3: expected ':' in: class A\(Problem\)$"),
    "import": ("import nosuchthing", r"bad\.py, line 3: No module named 'nosuchthing': install it, or mend the import"),
    "nothing": ("x = 3", r"bad\.py holds no problem: derive a class from stepbench.Problem; `stepbench new problem"),
    "two": (
        "class A(Problem):\n    x0 = (1.0,)\n    def f(self, x): return (x * x).sum(0)\nclass B(A):\n    pass",
        r"bad\.py holds more than one problem, A \(line 3\) and B \(line 6\): keep one a file",
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
        r"bad\.py, line 6: the gradient is not the derivative of f: at the start it gives \(-2, -4\), .* \(2, 4\)",
    ),
    "a start in words": (
        "class A(Problem):\n    x0 = 'here'\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: x0 must be a vector of numbers, one a parameter; it is 'here'",
    ),
    "a field without @dataclass": (
        "class A(Problem):\n    k: float = param(1.0, 'k', 'steepness')\n    x0 = (1.0,)\n"
        "    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line 3: A has the field k: put @dataclass\(frozen=True\) on the line above",
    ),
    "a field of another kind": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A(Problem):\n    mode: str = 'soft'\n"
        "    x0 = (1.0,)\n    def f(self, x): return (x * x).sum(0)",
        r"bad\.py, line \d: A has a field mode, which is no number, bool or Literal of words: leave its annotation out",
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
    assert str(catalog._PACKAGE) not in err
    assert re.match(rf"stepbench: \./bad\.py, line {line}: \w+Error: ", err.splitlines()[-1])


def test_an_error_in_a_users_method_does_too(stepbench_cli):
    write("rule.py", RULE.replace("x - s.alpha * u, s", "x - s.beta * u, s"))
    code, _, err = stepbench_cli("run", "rosenbrock", "-m", "./rule.py")
    assert code == 2
    assert "s.beta * u" in err
    assert str(catalog._PACKAGE) not in err


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


# A method that breaks the contract is refused before it runs: its results would be worth nothing

STEP = """
    from typing import NamedTuple
    import numpy as np
    from stepbench import Method

    class State(NamedTuple):
        alpha: float

    class Mine(Method):
        def init(self, x):
            return State(0.001)

        def step(self, x, oracle, s):
            {}
    """
BAD_STEPS = {
    "x -= 0.01 * oracle.grad(x); return x, s": r"line 14: it writes into an array that it was given",
    "g = oracle.grad(x); g *= 0.01; return x - g, s": r"line 14: it writes into an array that it was given",
    "return (x - 0.01 * oracle.grad(x)).T, s": r"line 13: of points \(3, 2\), .* it made \(2, 3\)",
    "return list(x - 0.01 * oracle.grad(x)), s": r"line 13: .* it made a list",
    "return x - 0.01 * oracle.grad(x)": r"line 13: step must return two things",
    "oracle.grad(x)": r"line 13: step must return two things",
    "return x.sum(), s": r"line 13: .* it made a float64",
}


def test_a_transposed_step_is_seen_in_two_dimensions_too(stepbench_cli):
    write("mine.py", STEP.format("return (x - 0.01 * oracle.grad(x)).T, s"))
    code, _, err = stepbench_cli("run", "rosenbrock", "-m", "./mine.py")
    assert code == 2
    assert "of points (2, 3), (d, R), step must make such; it made (3, 2)" in err


@pytest.mark.parametrize("line", BAD_STEPS)
@pytest.mark.parametrize("command", [["run", "rosenbrock:dim=3", "-m"], ["check"]])
def test_a_step_that_breaks_the_contract_is_refused(line, command, stepbench_cli):
    write("mine.py", STEP.format(line))
    code, out, err = stepbench_cli(*command, "./mine.py")
    assert (code, out) == (2, "")
    assert re.search(r"^stepbench: \./mine\.py, " + BAD_STEPS[line], err), err


@pytest.mark.parametrize("text", ["def step(x, oracle, s):", "def step(self, x):", "def init():"])
def test_a_forgotten_argument_is_said_with_the_line(text, stepbench_cli):
    old = "def init(self, x):" if "init" in text else "def step(self, x, oracle, s):"
    write("mine.py", STEP.replace(old, text).format("return x, s"))
    for command in (["run", "rosenbrock", "-m"], ["check"]):
        code, _, err = stepbench_cli(*command, "./mine.py")
        assert code == 2
        assert re.search(r"^stepbench: \./mine\.py, line \d+: .*argument", err)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def f(x): return (x * x).sum(0)", r"line 5: .*takes 1 positional argument but 2 were given"),
        ("def f(self, x):\n        x[0] -= 1\n        return (x * x).sum(0)", r"line 6: it writes into an array"),
        ("f_star = '0'\n    def f(self, x): return (x * x).sum(0)", r"line 3: f_star must be a number; it is '0'"),
        ("def f(self, x): return (x * 1j).sum(0)", r"line 5: f .* it gave complex128 numbers"),
        ("view = ((1, -1), (-1, 1))\n    def f(self, x): return (x * x).sum(0)", r"line 3: view must be"),
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
        ("import helper", r"line 4: .*'helper'.*: a file beside this one is not imported"),
    ],
)
def test_a_line_that_cannot_stand_in_a_file_is_named(text, says, stepbench_cli):
    Path("helper.py").write_text("")
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


def test_a_minimum_that_is_not_one_ends_the_run(stepbench_cli):
    write("valley.py", VALLEY.replace("f_star = 0.0", "f_star = 1.0").replace("x_star = (1.0, 1.0)", ""))
    r = stepbench.run("./valley.py", "adam:lr=0.05", budget=5000)
    assert r.status == "failed"
    assert r.detail == "f is below the minimum f* = 1 that ./valley.py declares"
    assert r.f[-1] < 1 <= r.f[-2]
    assert stepbench.run("./valley.py", "gd", start=[1.0, 1.0]).status == "failed"


def test_a_path_may_be_a_path():
    write("valley.py", VALLEY)
    write("rule.py", RULE)
    r = stepbench.run(Path("valley.py"), Path("rule.py"), budget=5)
    assert str(r.problem) == "./valley.py"


def test_a_name_that_would_hide_a_module_is_refused(stepbench_cli):
    for name in ("numpy", "random", "none"):
        code, _, err = stepbench_cli("new", "method", name)
        assert code == 2
        assert "cannot be a name" in err
    assert not list(Path().glob("*.py"))
