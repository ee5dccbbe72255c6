"""What mixes the runs of a batch, or is a slip, is found before anything runs."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench import Direction, InputError, Method, Problem, StepSize
from tests.catalog.own_files import write


def problem(f, d=2, **given):
    """A problem in d dimensions of a function of points, (d, R), with more given for its class."""
    methods = {"f": lambda self, w: f(w)} | {
        name: of if not callable(of) else _method(of) for name, of in given.items()
    }
    return type("Mine", (Problem,), {"x0": tuple(np.linspace(0.5, 1.0, d)), **methods})()


def _method(function):
    return lambda self, *given: function(*given)


def bowl(w):
    return (w**2).sum(axis=0)


MIXING = {
    "norm": lambda w: w[0] ** 2 + w[1] ** 2 - np.exp(-(np.linalg.norm(w) ** 2)),
    "sum": lambda w: bowl(w) + np.cos(np.sum(w**2)),
    "max": lambda w: w[0] ** 2 + w.max(),
    "min": lambda w: w[0] ** 2 + w.min(),
    "mean": lambda w: bowl(w - w.mean()),
    "mean over runs": lambda w: bowl(w - w.mean(axis=1, keepdims=True)),
    "sorted runs": lambda w: np.sort(w)[0] ** 2,
    "sums over runs": lambda w: np.cumsum(w, axis=1)[0] ** 2,
    "runs turned round": lambda w: w[0, ::-1] ** 2,
    "the first run": lambda w: w[0] ** 2 + w[1, 0],
    "the last run": lambda w: w[0] ** 2 + w[1, -1],
    "their number": lambda w: bowl(w) / w.shape[1],
    "far from the start only": lambda w: bowl(w) + np.where(bowl(w) > 9, np.linalg.norm(w), 0.0),
}


@pytest.mark.parametrize("how", MIXING)
@pytest.mark.parametrize("d", [2, 3, 4])
def test_an_f_that_mixes_runs_is_refused_with_the_axis_to_write(how, d):
    with pytest.raises(InputError, match=r"f mixes the runs: at \(.* beside \d other runs.*axis=0\)"):
        stepbench.run(problem(MIXING[how], d), "gd", budget=5)


def test_so_are_a_gradient_and_a_hessian_and_a_sample():
    with pytest.raises(InputError, match="grad mixes the runs"):
        stepbench.run(problem(bowl, grad=lambda w: 2 * w * (1 + 0 * w) + w.max() - w.max(axis=0)), "gd", budget=5)
    hessian = lambda w: np.eye(2)[:, :, None] * (2 + 0 * w[0]) * np.linalg.norm(w)  # noqa: E731
    with pytest.raises(InputError, match="hessian mixes the runs"):
        stepbench.run(problem(bowl, hessian=hessian), "gd", budget=5)
    with pytest.raises(InputError, match=r"hessian takes points .* one matrix per run; .* it gave \(2, 2\)"):
        stepbench.run(problem(bowl, hessian=lambda w: 2 * np.eye(2)), "gd", budget=5)
    drawn = problem(bowl, stochastic=True, sample=lambda rng, step: problem(MIXING["norm"]))
    with pytest.raises(InputError, match="f mixes the runs"):
        stepbench.run(drawn, "gd", budget=5)


@pytest.mark.parametrize("d", [2, 3, 4, 5])
@pytest.mark.parametrize("shape", [lambda w: (w**2).sum(axis=1), lambda w: (w**2).sum(), lambda w: w**2])
def test_sums_over_the_wrong_axis_are_refused_in_any_dimension(d, shape):
    for more in ({}, {"grad": lambda w: 2 * w}):
        with pytest.raises(InputError, match=r"f takes points .* must give an array \(R,\), .*axis=0"):
            stepbench.run(problem(shape, d, **more), "gd", budget=5)


def test_a_function_that_draws_at_random_is_told_so():
    rng = np.random.default_rng(0)
    noisy = problem(lambda w: bowl(w) + rng.standard_normal(w.shape[1]), grad=lambda w: 2 * w)
    with pytest.raises(InputError, match=r"f gives another answer each time .*sample\(rng, step\)"):
        stepbench.run(noisy, "gd", budget=5)


@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from([0, 1, 2]),
)
def test_a_function_that_keeps_them_apart_is_not_refused(d, power, kind):
    def f(w):
        scaled = [w, w @ np.eye(w.shape[1]), np.eye(len(w)) @ w][kind]  # BLAS rounds otherwise in other batches
        return (np.abs(scaled) ** power).sum(axis=0)

    assert stepbench.run(problem(f, d), "gd:lr=1e-3", budget=3).steps == 3


class State(NamedTuple):
    """A step size, and the last direction."""

    alpha: Any
    u: Any = None


class Rule(StepSize):
    """A step of unit length along all runs together."""

    def init(self, w):
        return State(0.01)

    def move(self, w, u, oracle, s):
        return w - 0.01 * u / np.linalg.norm(u), s


class Turning(Direction):
    """The gradient, less what all runs have of the last one: the first step is right."""

    def init(self, w):
        return State(0.01, 0.0 * w)

    def at(self, w, oracle, s):
        g = oracle.grad(w)
        return g + 0.1 * s.u.max(), State(0.01, g)


class Whole(Method):
    """A whole method whose step size is that of all runs."""

    def init(self, w):
        return State(0.01)

    def step(self, w, oracle, s):
        g = oracle.grad(w)
        return w - 0.01 * g / (1 + np.abs(g).max()), s


class Wandering(Method):
    """A method that draws from a stream of its own."""

    rng = np.random.default_rng(0)

    def init(self, w):
        return State(0.01)

    def step(self, w, oracle, s):
        return w + self.rng.standard_normal(w.shape), s


@pytest.mark.parametrize(
    ("method", "says"),
    [
        (Rule(), "move mixes the runs: from"),
        (Turning(), "at mixes the runs: from"),
        (Whole(), "step mixes the runs: from"),
        (Wandering(), "step gives another answer each time"),
    ],
)
def test_a_step_that_mixes_runs_is_refused_before_anything_runs(method, says):
    for call in (
        lambda: stepbench.run("rosenbrock", method, budget=5),
        lambda: stepbench.run("rosenbrock", method, budget=5, start=np.array([[0.0, 1.0], [0.0, 1.0]])),
        lambda: stepbench.compare("rosenbrock", [method, "gd"], budget=5),
        lambda: stepbench.sweep("rosenbrock", method, {"seed": [0, 1]}, budget=5),
    ):
        with pytest.raises(InputError, match=f"{says}.*oracle.dot"):
            call()


class Plain(Problem):
    """f and its gradient of one point, as SciPy has them."""

    one_point_at_a_time = True
    x0 = (1.0, 2.0, 3.0)

    def f(self, w):
        return float(np.linalg.norm(w) ** 2 + np.sum(w) if w[0] > 0 else w @ w + w.sum())

    def grad(self, w):
        assert w.shape == (3,)
        return [2 * v + 1 for v in w]

    def hessian(self, w):
        return 2 * np.eye(len(self.grad(w)))


def test_a_class_may_be_written_for_one_point_at_a_time():
    starts = np.array([[1.0, -2.0, 0.3], [2.0, 1.0, 0.1], [3.0, 5.0, -7.0]])
    batch = stepbench.run(Plain(), "gd:lr=0.1", budget=30, start=starts)
    for r in range(3):
        alone = stepbench.run(Plain(), "gd:lr=0.1", budget=30, start=starts[:, r])
        assert np.array_equal(batch[r].x, alone.x)
        assert np.array_equal(batch[r].f, alone.f)
    same = problem(lambda w: bowl(w) + w.sum(axis=0), 3)
    expected = stepbench.run(same, "gd:lr=0.1", budget=30, start=starts)
    np.testing.assert_allclose(batch.x, expected.x, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(Plain().hessian(starts), np.repeat(2 * np.eye(3)[:, :, None], 3, axis=2))


def test_then_its_gradient_may_be_derived_and_its_shapes_are_said():
    class Derived(Problem):
        one_point_at_a_time = True
        x0 = (1.0, 2.0)

        def f(self, w):
            return max(w @ w, 0)

    assert stepbench.run(Derived(), "gd:lr=0.1", budget=90).f[-1] < 1e-12

    class Vector(Derived):
        def f(self, w):
            return w * w

    with pytest.raises(InputError, match=r"f takes one point .* must give a number; .* gave \(2, 3\) together"):
        stepbench.run(Vector(), "gd", budget=5)


BOWL = "from stepbench import Problem\n\nclass B(Problem):\n    x0 = (1.0,)\n    def f(self, w): return w[0] ** 2\n"
"""A file."""

RIDGE = np.random.default_rng(0).standard_normal((50, 3))


def ridge(penalty):
    """Ridge regression from 0, where the penalty's gradient vanishes."""

    def grad(w):
        return 2 * RIDGE.T @ (RIDGE @ w - 1) / 50 + penalty * w

    return type(
        "Ridge",
        (Problem,),
        {
            "x0": (0.0, 0.0, 0.0),
            "f": lambda self, w: ((RIDGE @ w - 1) ** 2).mean(axis=0) + 5 * bowl(w),
            "grad": lambda self, w: grad(w),
        },
    )()


@pytest.mark.parametrize("factor", [0.0, 5.0, 9.99, -10.0])
def test_a_gradient_that_is_right_at_the_start_only_is_refused(factor):
    with pytest.raises(InputError, match=r"the gradient is not the derivative of f: at \(.*leave it out"):
        stepbench.run(ridge(factor), "gd:lr=0.05", budget=5)
    assert stepbench.run(ridge(10.0), "gd:lr=0.05", budget=5).steps == 5


@pytest.mark.parametrize("at", [0.5, 5.0, 40.0])
def test_a_gradient_that_is_wrong_on_one_side_of_a_kink_is_refused(at):
    wrong = problem(lambda w: np.abs(w - at).sum(axis=0), grad=lambda w: np.where(w > at, 1.0, 1.0) * np.ones_like(w))
    with pytest.raises(InputError, match="the gradient is not the derivative of f"):
        stepbench.run(wrong, "gd", budget=5)
    right = problem(lambda w: np.abs(w - at).sum(axis=0), grad=lambda w: np.sign(w - at))
    assert stepbench.run(right, "gd", budget=5).steps == 5


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fstar", "f_star"),
        ("F_star", "f_star"),
        ("f_min", "f_star"),
        ("xstar", "x_star"),
        ("x_satr", "x_star"),
        ("minimiser", "x_star"),
        ("gradient", "grad"),
        ("gard", "grad"),
        ("Grad", "grad"),
        ("hess", "hessian"),
        ("Hessian", "hessian"),
        ("hessain", "hessian"),
        ("veiw", "view"),
        ("window", "view"),
        ("stochastics", ""),
        ("stocastic", "stochastic"),
        ("sampel", "sample"),
        ("one_point_at_time", "one_point_at_a_time"),
        ("data", ""),
        ("samples", ""),
        ("sources", ""),
        ("_fstar", ""),
        ("rate", ""),
        ("residual", ""),
        ("gradients_of_terms", ""),
    ],
)
def test_a_slip_in_a_name_is_told_with_what_may_be_meant(name, meant):
    thing = problem(bowl, **{name: 0.0})
    if not meant:
        assert stepbench.run(thing, "gd", budget=3).steps == 3
        return
    with pytest.raises(InputError, match=rf"Mine has {name}, which nothing reads \(did you mean {meant}\?\)"):
        stepbench.run(thing, "gd", budget=3)


def test_what_a_class_gives_under_its_right_name_it_may_give_under_another_too():
    both = problem(bowl, grad=lambda w: 2 * w, gradient=lambda w: 2 * w)
    assert stepbench.run(both, "gd", budget=3).steps == 3


def test_a_slip_in_a_file_is_told_with_its_line(stepbench_cli):
    command = ("run", "quadratic", "--method", "./rule.py")
    rule = "from stepbench import StepSize\nclass R(StepSize):\n    def intit(self, w): return ()\n"
    write("rule.py", rule + "    def move(self, w, u, oracle, s): return w - u, s\n")
    assert "rule.py, line 2: R gives no init (is intit meant to be it?)" in stepbench_cli(*command)[2]
    write("rule.py", rule.replace("intit", "init") + "    def step(self, w, u, oracle, s): return w - u, s\n")
    assert "R gives no move (is step meant to be it?)" in stepbench_cli(*command)[2]
    write("p.py", BOWL.replace("def f(", "def fun("))
    assert "p.py, line 3: B gives no f (is fun meant to be it?)" in stepbench_cli("run", "./p.py")[2]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["start", "every", "at", "draw", "lanes", "goal", "derived", "hvp", "name", "spec"])
def test_a_field_that_hides_what_the_bench_asks_is_refused(name, stepbench_cli):
    write(
        "p.py",
        "from dataclasses import dataclass\nfrom stepbench import Problem\n\n@dataclass(frozen=True)\n"
        f"class P(Problem):\n    {name}: float = 1.0\n    x0 = (1.0,)\n    def f(self, w): return w[0] ** 2\n",
    )
    for command in ("run", "check", "show"):
        code, _, err = stepbench_cli(command, "./p.py")
        assert code == 2
        assert err.count("\n") == 1
        assert f"P has a field {name}, which hides what the bench asks by that name: rename it" in err


def test_constants_may_be_fields_and_a_method_that_is_no_function_is_refused():
    @dataclass(frozen=True)
    class Known(Problem):
        mu: float = 2.0
        L: float = 2.0
        f_star: float = 0.0
        x0 = (1.0,)

        def f(self, w):
            return bowl(w)

    assert stepbench.run(Known(), "nesterov", budget=3).steps == 3
    with pytest.raises(InputError, match="Mine has a start that is no function"):
        stepbench.run(problem(bowl, start=(1.0, 2.0)), "gd", budget=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "0", [0.0]])
def test_a_minimum_that_is_no_number_is_refused(value):
    with pytest.raises(InputError, match="f_star must be a finite number, or be left out where it is unknown"):
        stepbench.run(problem(bowl, f_star=value), "gd", budget=3)


def test_a_gradient_whose_norm_overflows_is_told_so():
    huge = problem(lambda w: 1e200 * bowl(w), grad=lambda w: 2e200 * w)
    with pytest.raises(InputError, match=r"the gradient is \[1e\+200, 2e\+200\], whose squares are beyond the largest"):
        stepbench.run(huge, "gd", budget=3)


def test_a_class_that_a_call_makes_runs_and_is_named_by_its_file(stepbench_cli):
    text = (
        "from stepbench import Problem\n\ndef problem(x0):\n    def wrap(fun):\n"
        "        own = {'x0': x0, 'f': lambda self, w: fun(w), '__module__': fun.__module__}\n"
        "        return type(fun.__name__, (Problem,), own)\n"
        "    return wrap\n\n@problem((-1.0, 2.0))\ndef bowl(w):\n    return (w[0] - 3) ** 2 + w[1] ** 2\n"
    )
    write("decor.py", text)
    assert stepbench.run("./decor.py", "gd:lr=0.5", budget=3).f[-1] == 0
    write("decor.py", text.replace("(-1.0, 2.0)", "(-1.0, float('nan'))"))
    assert "stepbench: ./decor.py: x0 must be finite" in stepbench_cli("run", "./decor.py")[2]
    write("decor.py", text + "@problem((1.0,))\ndef other(w):\n    return w[0] ** 2\n")
    assert "holds more than one problem, bowl (made by a call) and other (made" in stepbench_cli("run", "./decor.py")[2]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("folder", ["exp[old]", "[/x]", "[bold]", ":heart:", "a:smile:b"])
def test_a_path_is_printed_as_it_is(folder, stepbench_cli):
    write(f"{folder}/bowl.py", BOWL)
    path = f"./{folder}/bowl.py"
    for command in (
        ("compare", path, "gd", "adam", "--budget", "5"),
        ("run", path, "--method", "gd", "--budget", "5"),
        ("sweep", path, "--method", "gd", "--over", "lr=0.01,0.1", "--budget", "5", "--study", f"{folder}/s.db"),
        ("tune", path, "gd", "adam", "--trials", "2", "--cases", "2", "--budget", "5", "--study", f"{folder}/s.db"),
        ("explain", path, "--method", "gd", "--budget", "5"),
        ("show", path),
        ("check", path),
    ):
        code, out, err = stepbench_cli(*command)
        assert (code, err) == (0, ""), command
        assert path in out.replace("\n", ""), command
