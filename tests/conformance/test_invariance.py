"""The invariance card against what theory says of each method."""

import numpy as np
import pytest

import stepbench
from stepbench import Direction
from stepbench.conformance.invariance import card

ROTATED, SHIFTED, W_SCALED, F_SCALED, RAISED = range(5)

# Which of the five changes leave the path as it is. Gradient methods with a constant step turn and move with the
# function, but have the unit of α = w²/f. Component-wise methods are tied to the axes; Adam's direction has no unit of
# f (but for ε), and its step is a length. Polyak's step (f − f*)/‖g‖² has exactly the unit that is needed. L4 guesses
# f* as a part of the least f seen, so that adding a constant changes its guess; AdaLoss reads f itself. BFGS begins
# with the identity for its Hessian.
THEORY = {
    "gd": {ROTATED, SHIFTED, RAISED},
    "heavy-ball": {ROTATED, SHIFTED, RAISED},
    "nesterov": {ROTATED, SHIFTED, RAISED},
    "rdbd:eta=1e-7,lr=1e-3": {ROTATED, SHIFTED, RAISED},
    "rdbd:eta=1e-5,lr=1e-3,per=component": {SHIFTED, RAISED},
    "adam": {SHIFTED, F_SCALED, RAISED},
    "rmsprop": {SHIFTED, F_SCALED, RAISED},
    "csawg": {SHIFTED, RAISED},
    "polyak": {ROTATED, SHIFTED, W_SCALED, F_SCALED, RAISED},
    "l4": {ROTATED, SHIFTED, W_SCALED, F_SCALED},
    "adaloss:b0=30": {ROTATED, SHIFTED},
    "scipy:bfgs": {ROTATED, SHIFTED, RAISED},
}


@pytest.mark.parametrize("method", THEORY)
def test_the_card_is_what_theory_says(method):
    holds = {k for k, change in enumerate(card(stepbench.method(method))) if change.holds}
    assert holds == THEORY[method]


def test_gradient_descent_has_the_unit_of_w_squared_over_f():
    # With f times 8 and w in units of 1/4, α must be 4²/8 times as large for the same path: so where w is scaled by 4
    # alone, a step 16 times as large undoes it. The card's deviation is that of the paths without.
    deviation = {change.change: change.deviation for change in card(stepbench.method("gd:lr=1e-4"))}
    assert 0.8 < deviation["w is scaled by 4"] <= 1  # a path of a sixteenth of the length
    assert deviation["f is scaled by 8"] > 1  # one several times as long


def test_a_method_that_looks_at_the_origin_is_found_out():
    class TowardsTheOrigin(Direction):
        def init(self, x):
            return ()

        def at(self, x, oracle, s):
            return oracle.grad(x) + 1e-3 * x, s

    changes = {change.change: change.holds for change in card(stepbench.method(TowardsTheOrigin()))}
    assert changes == {
        "w is rotated": True,
        "w is shifted": False,
        "w is scaled by 4": False,
        "f is scaled by 8": False,
        "100 is added to f": True,
    }


def test_a_small_deviation_is_measured_and_not_rounded_to_a_tick():
    # Adam's ε has the unit of the gradient: with a large one, scaling f changes the path, and the less the smaller ε.
    deviations = []
    for eps in (1e-1, 1e-2, 1e-3):
        [scaled] = [c for c in card(stepbench.method(f"adam:eps={eps}")) if c.change == "f is scaled by 8"]
        deviations.append(scaled.deviation)
    assert not np.isnan(deviations).any()
    np.testing.assert_allclose(np.array(deviations[:-1]) / deviations[1:], 10, rtol=0.3)


def test_a_path_that_breaks_off_is_not_the_same():
    class GivesUpHigh(Direction):
        def init(self, x):
            return ()

        def at(self, x, oracle, s):
            return np.where(oracle.value(x) > 90, np.nan, 1.0) * oracle.grad(x), s

    [raised] = [change for change in card(stepbench.method(GivesUpHigh())) if change.change == "100 is added to f"]
    assert raised.deviation == np.inf
    assert not raised.holds
