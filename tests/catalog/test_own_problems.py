"""A file of the user's own that holds a problem."""

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.contracts import hyperparameters
from stepbench.report.landscape import window
from tests.catalog.own_files import RULE, VALLEY, write


def test_a_problem_of_f_alone_runs_as_the_one_that_gives_its_gradient():
    write("valley.py", VALLEY)
    mine = stepbench.run("./valley.py", "gd:lr=0.001", budget=500)
    built_in = stepbench.run("rosenbrock", "gd:lr=0.001", budget=500)
    np.testing.assert_allclose(mine.x, built_in.x, rtol=1e-9)
    np.testing.assert_allclose(mine.error, built_in.error, rtol=1e-8)
    assert mine.evals[-1] == 500


@pytest.mark.slow
def test_a_derived_hessian_serves_a_method_that_needs_one():
    write("valley.py", VALLEY)
    mine, built_in = (stepbench.run(p, "exact:T=40000", budget=400) for p in ("./valley.py", "rosenbrock"))
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


def test_a_path_may_be_a_path():
    write("valley.py", VALLEY)
    write("rule.py", RULE)
    r = stepbench.run(Path("valley.py"), Path("rule.py"), budget=5)
    assert str(r.problem) == "./valley.py"


def test_a_minimum_that_is_not_one_ends_the_run(stepbench_cli):
    write("valley.py", VALLEY.replace("f_star = 0.0", "f_star = 1.0").replace("x_star = (1.0, 1.0)", ""))
    r = stepbench.run("./valley.py", "adam:lr=0.05", budget=5000)
    assert r.status == "failed"
    assert r.detail == "f is below the minimum f* = 1 that ./valley.py declares"
    assert r.f[-1] < 1 <= r.f[-2]
    assert stepbench.run("./valley.py", "gd", start=[1.0, 1.0]).status == "failed"


def test_a_constant_that_the_users_own_code_reads_is_no_slip():
    class Penalty(stepbench.Problem):
        """|x| + |y| with x + 2y = 3 held by a penalty, whose factor MU is no misspelt strong convexity."""

        x0 = (10.0, 10.0)
        MU = 1e6

        def f(self, x):
            return np.abs(x).sum(axis=0) + self.MU * (x[0] + 2 * x[1] - 3) ** 2

    np.testing.assert_array_equal(stepbench.problem(Penalty()).grad(np.ones((2, 1))), np.ones((2, 1)))


def test_a_constant_that_nothing_reads_is_a_slip():
    class Misspelt(stepbench.Problem):
        """A bowl with a misspelt minimum."""

        x0 = (1.0,)
        fstar = 0.0

        def f(self, x):
            return x[0] ** 2

    with pytest.raises(stepbench.InputError, match=r"fstar, which nothing reads .did you mean f_star"):
        stepbench.run(Misspelt(), "gd", budget=2)


def test_a_constant_of_a_subclass_is_an_inherited_fields_new_default():
    @dataclass(frozen=True)
    class Long(type(stepbench.problem("quadratic"))):
        """The quadratic, longer than it is otherwise."""

        kappa = 1e4

    class Undecorated(type(stepbench.problem("quadratic"))):
        """One whose fields nothing sets."""

        kappa = 1e4

    assert Long().kappa == 1e4
    assert str(Long()) == "Long"
    assert Long(kappa=5.0).kappa == 5.0
    with pytest.raises(InputError, match=r"kappa=0\.5 must be"):
        Long(kappa=0.5)
    with pytest.raises(InputError, match=r"put @dataclass\(frozen=True\) on the line above"):
        Undecorated()
