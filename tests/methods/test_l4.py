"""L4: where its step size comes from, and what it refuses."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import InputError, Problem, method, run
from tests.methods.plain_floats import MILD, follows, l4, thirty

PUBLISHED = ("l4-mom", "l4-adam", "momentum+l4")
"""The directions of which the mean gradient ĝ is a part: the two of the published code, and the first one's sum."""


@pytest.mark.parametrize(
    ("spec", "problem", "error"),
    [("l4-mom", "quadratic", 1e-9), ("l4-adam", "rosenbrock", 1e-9), ("momentum+l4", "quadratic", 1e-9)],
)
def test_l4_gets_there_and_never_steps_back(spec, problem, error):
    """With the last gradient in place of the mean, l4-mom ended at 319 here, and l4-adam at 4.6."""
    r = run(problem, spec, budget=2000)
    assert r.error[-1] < error
    assert (r.step_size[1:] > 0).all()


@thirty
@given(
    st.sampled_from(PUBLISHED),
    st.integers(0, 1000),
    st.sampled_from([1, 5, 20]),
    st.floats(0, 3),
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
)
def test_a_published_l4_never_steps_back_on_random_samples(spec, seed, batch, noise, start):
    """⟨ĝ, u⟩ is a sum of squares over positive numbers, and f ≥ 0 is above 0.9 of any loss that was met."""
    problem = f"linear-regression:n=20,dim=3,batch={batch},noise={noise}"
    r = run(problem, spec, seed=seed, start=start, steps=60)
    assert (r.step_size[1:] >= 0).all()


def test_l4_follows_the_lowest_loss_and_forgets_it():
    """With τ = 1 the estimate F doubles at every step and is brought back to the loss by min(F, f): then F = f."""
    r = run(MILD.spec, "l4:tau=1,time=1", start=MILD.start, steps=6)
    follows(r, [w for w, _ in l4(MILD, 6, tau=1.0, time=1.0)])
    np.testing.assert_allclose(r.step_size[2:], 0.15 * 0.1 * r.f[1:-1] / np.square(r.gradient_norm[1:-1]), rtol=1e-9)


def test_the_mean_gradient_is_that_of_the_whole_path():
    """ĝ of step k is Σ β^(k−j) g_j / Σ β^(k−j), here from the recorded points, and u the last gradient."""
    r = run(MILD.spec, "l4:time=4", start=MILD.start, steps=6)
    g = np.array([MILD.g(w) for w in r.x[:-1]])
    F = 0.75 * r.f[0]
    for k in range(1, 7):
        weights = 0.75 ** np.arange(k)[::-1]
        mean = weights @ g[:k] / weights.sum()
        F = min(F, r.f[k - 1])
        assert r.step_size[k] == pytest.approx(0.15 * (r.f[k - 1] - 0.9 * F) / (mean @ g[k - 1]), rel=1e-9)
        F *= 1.001


@dataclass(frozen=True)
class Bowl(Problem):
    """½‖w‖² − 1, whose minimum nobody told."""

    x0 = (3.0, 4.0)

    def f(self, w):
        return 0.5 * (w * w).sum(0) - 1

    def grad(self, w):
        return w


OVERSHOOTS = "l4-mom:a=2,gamma=0"
BELOW = "the loss is below 0, and L4 aims at a part of the lowest loss: add a constant to f"


def test_a_run_that_meets_a_loss_below_0_says_so():
    """It stands where it met it: that point is recorded, and no step is taken from there.

    With a = 2 and γ = 0 the first step from a distance r is α = 1 − 2/r², so that w is 2/r² times as far: f < 0.
    """
    r = run(Bowl(), OVERSHOOTS, steps=500)
    assert r.status == "failed"
    assert r.f[-2] >= 0 > r.f[-1]
    assert r.detail == f"at step {r.steps + 1} {BELOW}"
    assert r.step_size[1:] == pytest.approx([1 - 2 / 25])


@pytest.mark.parametrize("every", [1, 7])
def test_the_other_runs_of_a_batch_go_on(every):
    """Each run of the batch is what it is alone; one that starts below 0 fails at its first step."""
    a = np.array([2.0, 0.15, 0.15])
    starts = np.array([[3.0, 0.5, 9.0], [4.0, 0.5, -2.0]])
    batch = run(Bowl(), method("l4-mom", gamma=0.0, a=a), start=starts, steps=40, every=every)
    assert batch.status.tolist() == ["failed", "failed", "budget"]
    assert batch.detail[1] == f"at step 1 {BELOW}"
    assert batch.steps[1] == 0
    for r in (0, 2):
        alone = run(Bowl(), method("l4-mom", gamma=0.0, a=a[r]), start=starts[:, r], steps=40, every=every)
        assert (batch.status[r], batch.detail[r]) == (alone.status, alone.detail)
        np.testing.assert_array_equal(batch.x[: len(alone.x), :, r], alone.x)


def test_a_run_that_starts_below_0_is_refused():
    with pytest.raises(InputError, match=f"at step 1 {BELOW}"):
        run(Bowl(), "l4-mom", start=(0.5, 0.5))


def test_a_sample_counts_and_not_the_whole_function():
    """What the rule sees is the loss of its step's sample, which may be below 0 where the whole is not."""

    @dataclass(frozen=True)
    class Tilted(Problem):
        x0 = (3.0, 4.0)
        stochastic = True
        level = 100.0

        def f(self, w):
            return 0.5 * (w * w).sum(0) + self.level

        def grad(self, w):
            return w

        def sample(self, rng, step):
            made = Tilted()
            object.__setattr__(made, "level", -100.0 if step == 3 else 100.0)
            return made

    r = run(Tilted(), "l4-mom", steps=10)
    assert (r.status, r.detail, r.steps) == ("failed", f"at step 3 {BELOW}", 2)
    assert (r.f > 0).all()


def test_a_known_minimum_may_be_below_0():
    """known=true aims at f* itself, wherever it is."""
    r = run(Bowl(), "l4:known=true,f_star=-1", steps=60)
    assert r.status == "budget"
    assert r.f[-1] == pytest.approx(-1, abs=1e-9)


def test_a_checkpoint_remembers_what_was_refused(tmp_path):
    """A run that failed between two records goes on as failed, and as if it had never been stopped."""
    bowl = tmp_path / "bowl.py"
    bowl.write_text(
        "from stepbench import Problem\n\n\nclass Bowl(Problem):\n    x0 = (3.0, 4.0)\n\n"
        "    def f(self, w):\n        return 0.5 * (w * w).sum(0) - 1\n\n"
        "    def grad(self, w):\n        return w.copy()\n"
    )
    whole = run(bowl, OVERSHOOTS, steps=60, every=50)
    for _ in range(2):
        again = run(bowl, OVERSHOOTS, steps=60, every=50, checkpoint=tmp_path / "kept", checkpoint_every=1)
    assert whole.status == "failed"
    assert (again.status, again.detail) == (whole.status, whole.detail)
