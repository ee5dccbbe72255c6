"""Problems of which each step sees something else, mini-batches or a drift: by both engines the runs are the same."""

import numpy as np
import pytest

from stepbench import InputError, Interrupted, Problem, run
from stepbench.engine.running import run_quietly
from tests.kernels.both import both, differences
from tests.kernels.drifting import Growing, Resting, Wandering

BATCHES = "linear-regression:n=20,noise=0.3,batch=4"
PROBLEMS = {
    "batches": BATCHES,
    "batches, turned": f"{BATCHES}@rotate=30,quantize=0.001",
    "stream": "learning/tracking:dim=4,relevant=2",
    "drift": Wandering(),
    "drift, turned": "learning/tracking:dim=2,relevant=1,period=3@rotate=30",
}
OPTIONS = {
    "whole": ({}, "momentum:p=0.5+rdbd:lr=1e-3,eta=1e-6"),
    "ends": ({"trace": False}, "bb"),
    "every": ({"every": 7}, "csawg"),
    "every, ends": ({"trace": False, "every": 7}, "gradient+sls"),
    "noise": ({"noise": 0.1, "seed": 3}, "csawg"),
    "noise, every, ends": ({"noise": 0.1, "trace": False, "every": 3}, "gradient:lr=0.01"),
    "target": ({"target": 0.1, "grad_target": 0.1}, "gradient:lr=0.03"),
    "Hessian": ({"every": 2}, "smd:lr=0.01"),
    "middle of a step": ({"budget": 61}, "csawg"),
}


def starts(problem):
    d = 4 if "dim=4" in str(problem) else 2
    return 0.3 * np.random.default_rng(5).standard_normal((d, 19))


@pytest.mark.one_in(11)
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize(("options", "method"), OPTIONS.values(), ids=OPTIONS)
def test_runs_have_the_same_bits_counts_and_ends(problem, options, method):
    """Each step's numbers are those of its own seed, in the step and in the look after it."""
    one, other = both(problem, method, **{"budget": 300, "start": starts(problem)} | options)
    assert other.engine == "a kernel"
    assert differences(one, other) == []


def test_what_diverges_diverges_alike():
    """At the step, and with the words, that NumPy has, where the runs before its end are kept too."""
    for options in ({}, {"trace": False}, {"every": 5}):
        start = np.geomspace(0.1, 300, 19) * starts(BATCHES)
        for problem in (BATCHES, Wandering(pace=0.3)):
            one, other = both(problem, "gradient:lr=0.015", budget=900, start=start, **options)
            assert "diverged" in other.status or problem == BATCHES
            assert differences(one, other) == []


@pytest.mark.parametrize("problem", [BATCHES, Wandering(pace=0.02)], ids=["batches", "drift"])
@pytest.mark.parametrize("order", [("numpy", "kernel"), ("kernel", "numpy")], ids="-".join)
def test_a_checkpoint_of_one_engine_goes_on_in_another(tmp_path, problem, order):
    """An interrupted run has the bits of one that was never stopped."""
    options = {"budget": 400, "start": starts(problem), "every": 3}
    problem = problem if isinstance(problem, str) else "learning/tracking:dim=2,relevant=2,period=7"
    whole = run_quietly(problem, "csawg", engine="numpy", **options)

    def stop(spent, limit):
        if spent >= 90:
            raise KeyboardInterrupt

    options |= {"checkpoint": tmp_path / "kept", "checkpoint_every": 40}
    with pytest.raises(Interrupted):
        run(problem, "csawg", engine=order[0], progress=stop, **options)
    assert (tmp_path / "kept").exists()
    assert differences(whole, run_quietly(problem, "csawg", engine=order[1], **options)) == []


class Asking(Problem):
    """A bowl whose samples depend on where its runs stand."""

    def __init__(self):
        """Begin at 1."""

    x0 = np.array([1.0, -2.0])
    stochastic = True

    def f(self, w):
        """The sum of the squares."""
        return (w * w).sum(0)

    def grad(self, w):
        """2 w."""
        return 2 * w

    def draw(self, seed, step, w, carried=None):
        """The bowl itself, wherever the runs stand."""
        assert w is not None
        return self


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("_kernels_always_pay")
@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (Asking(), "NumPy, since the samples of Asking hang on where its runs stand"),
        (Resting(), "NumPy, since it drifts at some steps, and stands still at others"),
        (Growing(), "a kernel, and from some step on NumPy, since what a step sees changes its shape"),
        ("linear-regression:n=900,batch=5", "operations, more than 6000"),
    ],
    ids=["where", "rests", "shape", "large"],
)
@pytest.mark.parametrize("options", [{}, {"trace": False, "every": 3}], ids=["whole", "ends"])
def test_what_cannot_be_recorded_runs_in_numpy_and_says_why(problem, why, options):
    """Also from the middle of a run on."""
    options |= {"budget": 200}
    one = run_quietly(problem, "gradient:lr=1e-3", engine="numpy", **options)
    other = run_quietly(problem, "gradient:lr=1e-3", **options)
    assert why in other.engine
    assert differences(one, other) == []
    with pytest.raises(InputError, match="no kernel can be made, since") as refusal:
        run_quietly(problem, "gradient:lr=1e-3", engine="kernel", **options)
    assert "\n" not in str(refusal.value)


class Sample:
    """What a step sees: the attributes that are given, and as f and its gradient what ``go`` makes of them."""

    def __init__(self, go, **held):
        self.go = go
        self.__dict__ |= held

    def f(self, w):
        """The first of both."""
        return self.go.both(self, w)[0]

    def grad(self, w):
        """The second."""
        return self.go.both(self, w)[1]


class Made(Asking):
    """A bowl over three numbers, of which each step sees what a test says."""

    x0 = np.array([1.0, -2.0, 0.5])
    draw = Problem.draw

    def __init__(self, held, both):
        """Keep both functions, of which all objects are the same."""
        vars(self)["held"], vars(self)["both"] = held, both

    def sample(self, rng, step):
        """The attributes that a step has."""
        return Sample(self, **self.held(rng, step))


def scaled(c, w):
    """Σ c w², and its gradient."""
    return (c * w * w).sum(0), 2 * c * w


BUFFER = np.zeros((3, 1))


def refilled(rng, step):
    """Numbers in an array that is the same in all steps."""
    BUFFER[:] = rng.uniform(size=(3, 1))
    return {"a": BUFFER}


TEXTS = {
    "a number": (lambda rng, k: {"a": rng.uniform()}, lambda s, w: scaled(s.a**3 + s.a, w), ""),
    "a count": (lambda rng, k: {"a": k}, lambda s, w: scaled(1 / (1 + s.a) + s.a % 3, w), ""),
    "float32": (lambda rng, k: {"a": rng.uniform(size=(3, 1)).astype("f")}, lambda s, w: scaled(s.a, w), ""),
    "a list": (lambda rng, k: {"a": [0.3, rng.uniform(size=(3, 1))]}, lambda s, w: scaled(s.a[0] * s.a[1], w), ""),
    "a mask": (lambda rng, k: {"a": rng.uniform(size=(3, 1))}, lambda s, w: scaled(np.where(s.a > 0.5, 1, 0.2), w), ""),
    "sums": (
        lambda rng, k: {"a": rng.uniform(size=(50, 3))},
        lambda s, w: scaled(s.a.std() + s.a.mean(0)[:, None], w),
        "",
    ),
    "matrices": (
        lambda rng, k: {"a": rng.uniform(size=(9, 3))},
        lambda s, w: ((w * w).sum(0), np.einsum("ij,jr->ir", np.linalg.inv(s.a.T @ s.a), w)),
        "",
    ),
    "rows": (
        lambda rng, k: {"a": rng.uniform(size=(4, 3, 1))},
        lambda s, w: ((w * w).sum(0), sum((row * w).sum(0) * row for row in s.a)),
        "",
    ),
    "a branch": (
        lambda rng, k: {"a": rng.uniform()},
        lambda s, w: scaled(1 if s.a > 0.5 else 2, w),
        "each step has anew",
    ),
    "a function": (lambda rng, k: {"a": lambda w: k * w}, lambda s, w: (w.sum(0), s.a(w)), "holds a function"),
    "a buffer": (refilled, lambda s, w: scaled(s.a, w), "gives another w"),
}


@pytest.mark.usefixtures("_kernels_always_pay")
@pytest.mark.parametrize(("held", "text", "why"), TEXTS.values(), ids=TEXTS)
def test_whatever_a_sample_holds_the_bits_are_numpys(held, text, why):
    """What is computed of a sample alone is NumPy's anyway; what cannot be recorded runs in it."""
    one, other = (run_quietly(Made(held, text), "gradient:lr=1e-2", budget=200, engine=e) for e in ("numpy", "auto"))
    assert other.engine.startswith("NumPy, since") and why in other.engine if why else other.engine == "a kernel"
    assert differences(one, other) == []
