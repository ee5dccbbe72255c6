"""The loop: budgets, ends, batches, noise, and what a result keeps."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog
from stepbench.engine import run_quietly


def test_record_0_is_the_start_and_costs_nothing():
    r = stepbench.run("rosenbrock", "gd", steps=3)
    assert r.x.shape == (4, 2)
    assert np.array_equal(r.x[0], [-1, 0])
    assert r.f[0] == 4 + 100  # (−1 − 1)² + 100 (0 − 1)²
    assert r.evals.tolist() == [0, 1, 2, 3]
    assert np.isnan(r.step_size[0])
    assert r.step_size[1:].tolist() == [0.001] * 3
    assert (r.status, r.detail, r.steps) == ("budget", "steps spent", 3)


def test_the_records_are_the_functions_own_values():
    r = stepbench.run("quadratic", "adam:lr=0.1", steps=50)
    assert np.allclose(r.f, 0.5 * (1000 * r.x[:, 0] ** 2 + r.x[:, 1] ** 2), rtol=1e-14)
    assert np.array_equal(r.error, r.f)
    assert np.allclose(r.distance, np.hypot(r.x[:, 0], r.x[:, 1]), rtol=1e-14)
    assert np.allclose(r.gradient_norm, np.hypot(1000 * r.x[:, 0], r.x[:, 1]), rtol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.sampled_from(["gd", "csawg:K=2", "csawg-p5:K=10", "csawg:K=30"]))
def test_a_budget_is_never_passed_and_no_step_within_it_is_left_out(budget, method):
    r = stepbench.run("rosenbrock", method, budget=budget)
    free = stepbench.run("rosenbrock", method, budget=2000, steps=budget + 1)
    assert r.status == "budget"
    assert r.evals[-1] <= budget < free.evals[r.steps + 1]
    assert np.array_equal(r.x, free.x[: r.steps + 1])


def test_a_target_ends_a_run_at_the_first_record_that_meets_it():
    through = stepbench.run("quadratic", "gd", budget=3000)
    r = stepbench.run("quadratic", "gd", budget=3000, target=0.5)
    k = int(np.argmax(through.error <= 0.5))
    assert (r.status, r.steps) == ("converged", k)
    assert np.array_equal(r.x, through.x[: k + 1])
    assert stepbench.run("quadratic", "gd", target=1e9).steps == 0


def test_divergence_says_when_and_what_and_stands_at_the_last_finite_point():
    with pytest.warns(stepbench.DivergenceWarning, match="diverged"):
        r = stepbench.run("quadratic", "gd:lr=1", budget=1000)
    # The first component grows by |1 − 1000| a step from 1; f overflows when 500 · 999^(2k) does.
    k = int(np.floor((np.log(np.finfo(float).max) - np.log(500)) / (2 * np.log(999))))
    assert r.status == "diverged"
    assert r.steps == k
    assert r.detail == f"f not finite at step {k + 1}, step size 1"
    assert np.isfinite(r.f).all()
    assert r.evals[-1] == k


def test_a_batch_with_diverging_runs_leaves_the_others_bits_and_warns_once_in_words():
    rates = np.geomspace(1e-6, 1.0, 1000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batch = stepbench.run("rosenbrock", stepbench.method("gd", lr=rates), budget=300)
    assert [w.category for w in caught] == [stepbench.DivergenceWarning]
    gone = batch.status == "diverged"
    assert 100 < gone.sum() < 900
    assert f"{gone.sum()} of 1000 runs diverged" in str(caught[0].message)
    tame = stepbench.run("rosenbrock", stepbench.method("gd", lr=rates[~gone]), budget=300)
    assert np.array_equal(batch.x[..., ~gone], tame.x)
    assert np.isfinite(batch.f).all()
    last = batch.steps[gone]
    assert np.array_equal(batch.x[-1][:, gone], batch.x[last, :, np.flatnonzero(gone)].T)


def test_a_run_that_ended_stands_still_while_the_batch_goes_on():
    batch = stepbench.run("quadratic", stepbench.method("gd", lr=[1e-3, 5e-4]), budget=20_000, target=1e-3)
    assert batch.status.tolist() == ["converged"] * 2
    early, late = batch.steps
    assert early < late
    assert (batch.x[early:, :, 0] == batch.x[early, :, 0]).all()
    assert (batch.evals[early:, 0] == early).all()
    alone = stepbench.run("quadratic", "gd", budget=20_000, target=1e-3)
    assert np.array_equal(batch.x[: early + 1, :, 0], alone.x)


def test_noise_has_the_stated_size_and_depends_on_seed_and_step_alone():
    quiet = {"start": [0.1, 0.0], "steps": 4000, "budget": 10_000, "noise": 0.5}
    r = stepbench.run("quadratic:kappa=1", "gd:lr=1", **quiet)
    # With Q = I and α = 1 each step lands on minus the noise of that step, so the path is the noise.
    assert np.allclose(r.x[1:].std(axis=0), 0.5, rtol=0.05)
    assert np.allclose(np.corrcoef(r.x[1:-1, 0], r.x[2:, 0])[0, 1], 0, atol=0.06)
    assert np.array_equal(r.x, stepbench.run("quadratic:kappa=1", "gd:lr=1", **quiet).x)
    assert not np.array_equal(r.x, stepbench.run("quadratic:kappa=1", "gd:lr=1", seed=1, **quiet).x)
    other = stepbench.run("quadratic:kappa=1", "momentum:p=0+constant:lr=1", **quiet)
    assert np.array_equal(r.x, other.x), "another method sees the same noise"


def test_within_a_step_every_question_is_about_the_same_sample():
    problem = stepbench.problem("linear-regression:n=50,batch=5")
    oracle = stepbench.Oracle(problem, noise=0.1)
    x, y = np.ones((2, 2)), np.zeros((2, 2))
    oracle.advance()
    first, _, again = oracle.grad(x), oracle.grad(y), oracle.grad(x)
    assert np.array_equal(first, again)
    oracle.advance()
    assert not np.array_equal(first, oracle.grad(x))


def test_asking_twice_at_the_same_point_costs_one_evaluation():
    oracle = stepbench.Oracle(stepbench.problem("rosenbrock"))
    x = np.zeros((2, 3))
    for _ in range(2):
        oracle.value(x)
        oracle.grad(x)
    assert (oracle.evals, oracle.fevals) == (1, 1)
    oracle.value(x + 1, where=np.array([True, False, True]))
    assert oracle.fevals.tolist() == [2, 1, 2]


def test_component_granularity_is_a_run_a_component_where_the_function_separates():
    """On a quadratic along the axes, DBD with a step size a component is DBD on each axis by itself."""
    both = stepbench.run("quadratic:kappa=10", "dbd:lr=0.03,eta=0.001,per=component", steps=20)
    assert both.step_size.shape == (21, 2)
    for axis, start in enumerate(([-1.0, 0.0], [0.0, 2.0])):
        alone = stepbench.run("quadratic:kappa=10", "dbd:lr=0.03,eta=0.001", steps=20, start=start)
        n = len(alone.x)  # f underflows to exactly 0 sooner with one component than with two
        assert n > 10
        assert np.array_equal(both.x[:n, axis], alone.x[:, axis])
        assert np.array_equal(both.step_size[1:n, axis], alone.step_size[1:])


def test_a_peer_is_counted_by_the_same_oracle_and_matches_scipy():
    from scipy.optimize import minimize, rosen, rosen_der

    r = stepbench.run("rosenbrock", "scipy:bfgs", start=[-1.2, 1.0])
    theirs = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method="bfgs", tol=1e-15)
    assert r.error[-1] < 1e-20
    assert r.evals[-1] <= theirs.njev
    assert abs(r.steps - theirs.nit) <= 3
    simplex = stepbench.run("rosenbrock", "scipy:nelder-mead", budget=100)
    assert (simplex.evals == 0).all()
    assert 90 < simplex.fevals[-1] <= 100
    assert simplex.status == "budget"


@pytest.mark.parametrize("solver", ["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"])
def test_every_peer_reaches_the_minimum_of_a_quadratic(solver):
    r = stepbench.run("quadratic:kappa=10", f"scipy:{solver}", target=1e-8)
    assert r.status == "converged"
    assert (np.diff(r.evals) >= 0).all()
    assert r.evals[-1] + r.fevals[-1] > 0


def test_ctrl_c_keeps_what_there_is():
    class Impatient:
        def __call__(self, done, total):
            if done >= 500:
                raise KeyboardInterrupt

    with pytest.raises(stepbench.Interrupted) as stop:
        stepbench.run("rosenbrock", "gd", progress=Impatient())
    r = stop.value.result
    assert (r.status, r.detail) == ("failed", "interrupted")
    through = stepbench.run("rosenbrock", "gd")
    assert 500 <= r.steps < 10_000
    assert np.array_equal(r.x, through.x[: r.steps + 1])


@pytest.mark.parametrize("method", ["csawg", "adam", "scipy:bfgs"])
def test_a_result_saves_and_loads(method, tmp_path):
    r = stepbench.run("rosenbrock:b=10", method, budget=50, seed=2, noise=0.0 if "scipy" in method else 0.1)
    r.save(tmp_path / "run.npz")
    back = stepbench.load(tmp_path / "run.npz")
    for name, value in vars(r).items():
        if name == "problem":
            assert back.problem.spec() == value.spec()
        else:
            assert np.array_equal(
                getattr(back, name), value, equal_nan=isinstance(value, np.ndarray) and value.dtype == float
            ), name
    batch = stepbench.run("rosenbrock", stepbench.method("gd", lr=[1e-4, 1e-3]), budget=50)
    batch.save(tmp_path / "batch.npz")
    assert stepbench.load(tmp_path / "batch.npz").status.tolist() == batch.status.tolist()


def test_a_file_that_is_no_result_is_refused_in_a_line(tmp_path):
    (tmp_path / "no.npz").write_text("no")
    for path in (tmp_path / "no.npz", tmp_path / "missing.npz"):
        with pytest.raises(InputError, match=r"is not a result that stepbench saved"):
            stepbench.load(path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budget": 0}, "budget must be an integer of at least 1"),
        ({"budget": 2.5}, "budget must be an integer"),
        ({"steps": 0}, "steps must be"),
        ({"seed": -1}, "seed must be"),
        ({"noise": -1.0}, "noise must be"),
        ({"noise": float("nan")}, "noise must be"),
        ({"target": float("nan")}, "target must be"),
        ({"target": -1.0}, "target must be"),
        ({"start": "here"}, "start must be numbers"),
        ({"start": [1.0]}, "start must have 2 numbers"),
        ({"start": np.zeros((2, 0))}, "start must have 2 numbers"),
        ({"start": [1.0, 2.0, 3.0]}, "start must have 2 numbers"),
        ({"start": [1.0, float("inf")]}, "start must be finite"),
        ({"start": [1e90, 1e90]}, "f is inf at the start"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(options, says):
    with pytest.raises(InputError, match=says):
        stepbench.run("rosenbrock", "gd", **options)


def test_arrays_of_different_lengths_are_refused():
    method = stepbench.method("adam", lr=[0.1, 0.2], beta1=[0.8, 0.85, 0.9])
    with pytest.raises(InputError, match="beta1 has 3, lr has 2"):
        stepbench.run("rosenbrock", method)
    with pytest.raises(InputError, match="start has 4"):
        stepbench.run("rosenbrock", stepbench.method("gd", lr=[0.1, 0.2]), start=np.zeros((2, 4)))


def test_a_need_that_the_problem_lacks_is_refused_with_the_way_out():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Unknown(stepbench.Problem):
        x0 = np.array([1.0])

        def f(self, x):
            return (x * x).sum(0)

        def grad(self, x):
            return 2 * x

    with pytest.raises(
        InputError, match=r"needs the minimum f\*, which Unknown does not supply: give it as the option f_star"
    ):
        stepbench.run(Unknown(), "polyak")
    assert stepbench.run(Unknown(), "polyak:f_star=0", steps=5).error is None

    class Sampled(Unknown):
        stochastic = True

        def sample(self, rng, step):
            return self

    with pytest.raises(InputError, match="needs the Hessian's diagonal"):
        stepbench.run(Sampled(), "idbd")
    with pytest.raises(InputError, match="Hessian-vector products"):
        stepbench.run(Sampled(), "exact:f_star=0")
    with pytest.raises(InputError, match="does not know its minimum"):
        stepbench.run(Unknown(), "gd", target=0.1)
    with pytest.raises(InputError, match="needs the minimum"):
        stepbench.run(Unknown(), "l4:known=true")
    assert stepbench.run(Unknown(), "l4", steps=5).told == ()


def test_one_run_of_a_batch_is_the_run_it_is_alone():
    batch = stepbench.run("rosenbrock", stepbench.method("csawg-p5:K=10", lr=[1e-3, 9e-4]), budget=600)
    one, alone = batch[0], stepbench.run("rosenbrock", "csawg-p5:K=10", budget=600)
    for name in ("x", "f", "error", "distance", "gradient_norm", "step_size", "evals", "fevals"):
        assert np.array_equal(getattr(one, name), getattr(alone, name), equal_nan=True), name
    assert (one.steps, one.status, one.detail) == (alone.steps, alone.status, alone.detail)
    assert one.first_at(1e-6) == alone.first_at(1e-6)
    for ask in (batch.table, batch.figure, lambda: batch.first_at(1.0)):
        with pytest.raises(InputError, match=r"choose one, as result\[0\]"):
            ask()
    with pytest.raises(InputError, match="not of a batch"):
        alone[0]


RULES = catalog.names("stepsizes")
NO_LR = ("polyak", "l4", "sps", "adagrad-norm")


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_one_step_size_a_component_or_refuses(rule):
    """With one a component, each component of a function that separates has the step sizes of its own run."""
    if not catalog.load("stepsizes", rule).per_component:
        with pytest.raises(InputError, match="cannot have one step size a component"):
            stepbench.method(f"{rule}:per=component")
        return
    r = stepbench.run(
        "quadratic", f"{rule}:lr=0.0009,per=component" if rule not in NO_LR else f"{rule}:per=component", steps=12
    )
    assert r.step_size.shape == (r.steps + 1, 2)
    if rule not in ("polyak", "sps", "l4"):  # these have the whole f − f* in every component's step size
        assert not np.array_equal(r.step_size[2:, 0], r.step_size[2:, 1])


@pytest.mark.parametrize("options", [{"noise": 0.1}, {}])
def test_a_peer_refuses_what_it_would_not_see(options):
    problem = "quadratic" if options else "linear-regression:batch=10"
    with pytest.raises(InputError, match="needs exact values of f"):
        stepbench.run(problem, "scipy:bfgs", **options)


def test_an_array_of_one_is_a_number():
    with pytest.warns(stepbench.DivergenceWarning, match="step size 1"):
        r = stepbench.run("quadratic", stepbench.method("gd", lr=[1.0]))
    assert r.x.ndim == 2


def test_a_question_is_charged_once_to_each_run_that_asks_it():
    oracle = stepbench.Oracle(stepbench.problem("rosenbrock"))
    x, first, second = np.zeros((2, 2)), np.array([True, False]), np.array([False, True])
    oracle.value(x, where=first)
    oracle.value(x, where=second)
    assert oracle.fevals.tolist() == [1, 1]
    oracle.value(x)
    assert oracle.fevals.tolist() == [1, 1]
    oracle.grad(x, where=first)
    oracle.grad(x)
    assert oracle.evals.tolist() == [1, 1]


def test_a_method_that_asks_for_no_gradients_spends_function_evaluations():
    from dataclasses import dataclass
    from typing import NamedTuple

    class State(NamedTuple):
        alpha: float

    @dataclass(frozen=True)
    class Shrink(stepbench.Method):
        """Halve the point as long as that lowers f."""

        def init(self, x):
            return State(0.5)

        def step(self, x, oracle, s):
            half = 0.5 * x
            lower = oracle.value(half) < oracle.value(x)
            return np.where(lower, half, x), s

    r = stepbench.run("quadratic", Shrink(), budget=100)
    assert (r.label, r.status) == ("Shrink", "budget")
    assert (r.evals == 0).all()
    assert r.fevals[-1] == 100


def test_a_problem_that_cannot_bear_what_is_not_finite_still_diverges_in_words():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Strict(stepbench.Problem):
        x0 = np.array([1.0])
        f_star = 0.0

        def f(self, x):
            if not np.isfinite(x).all():
                raise ArithmeticError("not here")
            return (x * x)[0]

        def grad(self, x):
            if not np.isfinite(x).all():
                raise ArithmeticError("not here")
            return 2 * x

    with pytest.warns(stepbench.DivergenceWarning):
        r = stepbench.run(Strict(), "gd:lr=1e100")
    assert r.status == "diverged"

    @dataclass(frozen=True)
    class Broken(Strict):
        def grad(self, x):
            if (abs(x) < 0.1).any():
                raise ArithmeticError("a fault of its own")
            return 2 * x

    with pytest.raises(ArithmeticError, match="a fault of its own"):
        stepbench.run(Broken(), "gd:lr=0.1")


def test_a_slow_problem_is_not_asked_far_beyond_its_target():
    import time
    from dataclasses import dataclass

    calls = []

    @dataclass(frozen=True)
    class Slow(type(stepbench.problem("quadratic"))):
        def grad(self, x):
            calls.append(1)
            time.sleep(0.02)
            return super().grad(x)

    r = stepbench.run(Slow(kappa=1.0), "gd:lr=0.5", target=0.5)
    assert r.status == "converged"
    assert len(calls) < 4 * r.steps + 8


def test_a_problem_of_the_catalogue_unpickles_in_a_new_process(tmp_path):
    import pickle
    import subprocess
    import sys

    things = (stepbench.problem("rosenbrock:b=7"), stepbench.Oracle(stepbench.problem("linear-regression:n=9,batch=3")))
    (tmp_path / "things").write_bytes(pickle.dumps(things))
    code = "import pickle; p, o = pickle.load(open('things', 'rb')); print(p, o.problem)"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["rosenbrock:b=7", "linear-regression:n=9,batch=3"]


def test_a_result_of_a_problem_of_ones_own_loads_with_it(tmp_path):
    class Own(type(stepbench.problem("quadratic"))):
        """A user's."""

    r = stepbench.run(Own(), "gd", steps=3, seed=np.int64(2), target=np.float32(0.5), budget=np.int64(50))
    r.save(tmp_path / "own.npz")
    with pytest.raises(InputError, match=r"give load\(…, problem=\)"):
        stepbench.load(tmp_path / "own.npz")
    back = stepbench.load(tmp_path / "own.npz", problem=Own())
    assert np.array_equal(back.x, r.x)
    assert (back.seed, back.budget) == (2, 50)
    np.save(tmp_path / "bare.npy", np.ones(3))
    half = (tmp_path / "own.npz").read_bytes()[:300]
    (tmp_path / "half.npz").write_bytes(half)
    np.savez(tmp_path / "facts.npz", facts="{}")
    for name in ("bare.npy", "half.npz", "facts.npz"):
        with pytest.raises(InputError, match="is not a result that stepbench saved"):
            stepbench.load(tmp_path / name)


@pytest.mark.parametrize(
    "method", ["csawg:M=100000000", "csawg:P=100000000", "exact:N=100000000", "exact:iterations=100000000"]
)
def test_no_step_runs_far_beyond_the_budget(method):
    r = stepbench.run("rosenbrock", method, budget=50)
    assert (r.status, r.detail) == ("budget", "the next step would pass the budget")
    assert r.evals[-1] <= 50


@pytest.mark.parametrize("method", ["gd", "adam", "csawg", "sls", "scipy:bfgs"])
@pytest.mark.parametrize("problem", ["rosenbrock", "easom", "mgh/wood"])
def test_a_run_without_a_trace_keeps_the_ends_of_the_same_run(problem, method):
    values = {} if method in ("sls", "scipy:bfgs") else {"lr": np.array([1e-4, 1e-2, 1e200])}
    with np.errstate(all="raise"):  # looking raises nothing, however far a run went
        runs = [
            run_quietly(problem, stepbench.method(method, **values), budget=60, target=1e-3, trace=trace)
            for trace in (True, False)
        ]
    whole, ends = runs
    assert len(ends.x) == 2
    assert ends.step_size is None
    for name in ("x", "f", "error", "distance", "gradient_norm", "evals", "fevals"):
        for k in (0, -1):
            assert np.array_equal(getattr(whole, name)[k], getattr(ends, name)[k])
    for name in ("status", "detail", "steps"):
        assert np.array_equal(getattr(whole, name), getattr(ends, name))
