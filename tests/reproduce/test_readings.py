"""Readings of what a paper says are run as what they say."""

import numpy as np
import pytest

import stepbench
from stepbench import Problem
from stepbench.reproduce.adaloss import BELOW, COROLLARY_1_STEPS, LONG_WAYS, THEOREM_1_STEPS, steps_below, threshold
from stepbench.reproduce.rdbd import PRINTED, USUAL
from stepbench.reproduce.tlr import READINGS, TWO_GRADIENTS, tlr


class Valley(Problem):
    """A curved valley whose gradient is not small."""

    x0 = (-1.0, 0.5)

    def f(self, w):
        return w[0] ** 2 + 5 * (w[1] - 0.3 * w[0] ** 2) ** 2


class Tenth(Valley):
    """A tenth of it, as App. D.1 of the RDBD paper prints the loss of ten classes."""

    def f(self, w):
        return super().f(w) / 10


@pytest.mark.parametrize(
    ("on_tenth", "on_whole"),
    [
        ("sgd:lr=0.3", PRINTED.sgd(0.3)),
        ("rdbd:lr=0.3,eta=0.01", PRINTED.delta_bar_delta("rdbd", 0.3)),
        ("dbd:lr=0.3,eta=0.01", PRINTED.delta_bar_delta("dbd", 0.3)),
    ],
)
def test_a_method_on_the_printed_loss_is_another_setting_of_it_on_the_usual_one(on_tenth, on_whole):
    tenth = stepbench.run(Tenth(), on_tenth, steps=300)
    whole = stepbench.run(Valley(), on_whole, steps=300)
    np.testing.assert_allclose(tenth.x, whole.x, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(tenth.step_size[1:], 10 * whole.step_size[1:], rtol=1e-6)
    assert (tenth.step_size[-1] != tenth.step_size[1]) == ("dbd" in on_tenth)


def test_the_usual_loss_has_the_papers_settings():
    assert USUAL.delta_bar_delta("rdbd") == "rdbd:lr=0.005,eta=0.01"
    assert USUAL.sgd() == "sgd:lr=0.005"


def test_the_readings_of_tlr_have_p_and_gamma_exchanged():
    text, figure = (stepbench.method(tlr(reading, 0.1)) for reading in READINGS)
    assert (text.rule.p, text.rule.gamma) == (0.2, 0.33)
    assert (figure.rule.gamma, round(figure.rule.p, 2)) == (0.2, 0.33)


@pytest.mark.parametrize("gamma", [0.2, 0.33, 0.5])
def test_two_gradients_correct_the_step_size_before_the_last(gamma):
    """On a bowl, α_{k+1} = α_k (1 + γ (1/(α_{k−1} L) − 1)) passes 1/L; eq. 8 with its look-ahead does not."""
    run = TWO_GRADIENTS.runs[f"γ = {gamma:g}"]
    found = stepbench.run(run.problem, run.method, steps=12).step_size[1:]
    alpha, eq_8 = [0.1, 0.1], [0.1]
    for _ in range(10):
        alpha.append(alpha[-1] * (1 + gamma * (1 / alpha[-2] - 1)))
        eq_8.append(eq_8[-1] * (1 + gamma * (1 / eq_8[-1] - 1)))
    np.testing.assert_allclose(found, alpha[: len(found)], rtol=1e-6)
    assert max(alpha) > 1.01
    assert max(eq_8) <= 1 + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("claim", [THEOREM_1_STEPS, COROLLARY_1_STEPS], ids=lambda claim: claim.name)
def test_the_first_stage_is_passed_through(claim):
    """b begins below ηλ₁/2 and is there for several steps, so that their count can miss its band."""
    lengths = []
    for (_, b0), run in list(claim.runs.items())[-len(LONG_WAYS) :]:
        eta = b0 / BELOW
        found = stepbench.run(run.problem.format(seed=1), run.method, target=run.target)
        assert b0 < eta * threshold(found)
        lengths.append(steps_below(found, eta))
    assert 5 <= lengths[0] < lengths[1] < lengths[2] < 100
