"""Where runs stand, on functions whose shape is known on paper: saddles, flat starts, and ways that never end."""

import math

import numpy as np
import pytest

import stepbench


def function(formula, start, **known):
    """A problem of this formula; ``known`` is what it declares."""
    return type("Own", (stepbench.Problem,), {"x0": start, "f": lambda self, w: formula(w), **known})()


def causes(autopsy):
    return {cause.kind: cause.numbers for span in autopsy.spans for cause in span.causes}


def kinds(autopsy):
    return [span.kind for span in autopsy.spans]


@pytest.fixture
def nothing_tried(monkeypatch):
    """Explains the run alone: what would have helped, which takes most of the time, is not looked for."""
    monkeypatch.setattr("stepbench.autopsy.tried", lambda *_: ())


def bowl(w):
    return w[0] ** 2 + 10 * w[1] ** 2


def two_wells(w):
    """Minima of −1/4 at w = (0, ±1/√2), and a saddle with the curvatures 2 and −2 between them, of f = 0."""
    return w[0] ** 2 - w[1] ** 2 + w[1] ** 4


@pytest.mark.usefixtures("nothing_tried")
@pytest.mark.parametrize("known", [{}, {"f_star": -0.25}])
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0)])
def test_a_saddle_is_named_with_its_eigenvalues(start, known):
    found = stepbench.explain(function(two_wells, start, **known), "gd:lr=0.1", budget=300)
    saddle = causes(found)["saddle"]
    assert (saddle["low"], saddle["high"]) == (pytest.approx(-2), pytest.approx(2))
    assert saddle["gradient"] == found.result.gradient_norm[int(saddle["step"])]
    assert "It stands at a saddle: the gradient is " in found.text
    assert "the Hessian's eigenvalues go from -2 to 2, of both signs." in found.text
    assert ("exactly 0" in found.text) == (start == (0.0, 0.0))


def test_a_saddle_that_is_left_again():
    """The second component grows by 1.2 per step from 1e-9: it is small for (9 / log10(1.2)) = 114 steps."""
    found = stepbench.explain(function(two_wells, (1.0, 1e-9), f_star=-0.25), "gd:lr=0.1", budget=140)
    saddle = causes(found)["saddle"]
    assert saddle["low"] == pytest.approx(-2, rel=1e-3)
    assert 40 < saddle["step"] < 60  # 0.8ᵏ and 1e-9 · 1.2ᵏ are equal at k = 51


@pytest.mark.usefixtures("nothing_tried")
def test_a_maximum_and_minima():
    found = stepbench.explain(function(lambda w: np.cos(w[0]) + np.cos(2 * w[1]), (0.0, 0.0)), "gd:lr=0.1", budget=50)
    assert causes(found)["maximum"] == pytest.approx({"gradient": 0, "low": -4, "high": -1, "step": 0, "known": 0})
    low = stepbench.explain(function(bowl, (1.0, 1.0), f_star=-1.0), "gd:lr=0.05", budget=500)
    assert causes(low)["minimum"]["low"] == pytest.approx(2)
    assert causes(low)["minimum"]["high"] == pytest.approx(20)
    assert "It stands at a local minimum, or f* is declared too low: the gradient is nearly 0" in low.text
    unknown = stepbench.explain(function(bowl, (1.0, 1.0)), "gd:lr=0.05", budget=500)
    assert "It stands at a minimum: " in unknown.text
    slow = stepbench.explain(function(bowl, (1.0, 1.0), f_star=0.0), "exponential:lr=0.05", budget=500)
    assert "minimum" not in causes(slow)  # what it has left of the way is its error


@pytest.mark.parametrize("method", ["gd", "adam", "momentum", "bb"])
def test_a_gradient_of_exactly_zero(method):
    constant = stepbench.explain(function(lambda w: 0 * w[0] + 3.0, (1.0, 2.0)), method, budget=50)
    assert "f stayed at 3. The gradient is exactly 0 after step 0, and the Hessian's eigenvalues are 0" in constant.text
    flat = function(lambda w: np.maximum(w[0], 0.0) ** 2 + 1, (-1.0,), f_star=0.0, smoothness="C⁰")
    assert "The gradient is exactly 0 after step 0: what follows" in stepbench.explain(flat, method, budget=50).text


@pytest.mark.parametrize(
    ("formula", "method", "ends"),
    [
        (lambda w: w[0] ** 2 - w[1] ** 2, "gd:lr=0.1", "budget"),
        (lambda w: w[1] - w[0], "gd:lr=0.1", "budget"),
        (lambda w: -np.log(1 + w[0] ** 2), "adam:lr=0.1", "budget"),
        (lambda w: -(w[0] ** 4) + w[1] ** 2, "gd:lr=0.1", "diverged"),
    ],
)
def test_a_function_that_falls_without_bound(formula, method, ends):
    found = stepbench.explain(function(formula, (1.0, 0.5)), method, budget=300)
    assert found.result.status == ends
    assert kinds(found) == ["unbounded"]
    assert "f falls without bound." in found.text
    assert "there is no minimum to reach" in found.text
    assert found.tried == found.helped == ()


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_tried")
def test_a_minimum_at_infinity():
    for known in ({}, {"f_star": 0.0}):
        found = stepbench.explain(function(lambda w: np.exp(-w[0]) + w[1] ** 2, (0.0, 1.0), **known), "gd:lr=0.1")
        assert "Its minimum is at infinity: " in found.text
        assert "was still falling when the budget was spent." in found.text
    assert "infinity" not in stepbench.explain(function(bowl, (1.0, 1.0)), "gd:lr=1e-5", budget=500).text


def test_a_declared_minimum_that_is_too_high():
    found = stepbench.explain(function(bowl, (1.0, 1.0), f_star=0.5), "gd:lr=0.05", budget=500)
    assert found.text.startswith("Failed: f is below the minimum f* = 0.5")
    ahead = stepbench.explain(function(lambda w: -w[0], (0.0,), f_star=-1e3), "gd:lr=0.001", budget=500)
    assert causes(ahead)["declared"]["f_star"] == -1e3
    assert "The problem declares f* = -1000, but on along its way f falls below that" in ahead.text


@pytest.mark.one_in(3)
@pytest.mark.usefixtures("nothing_tried")
@pytest.mark.parametrize("seed", range(5))
def test_noise_makes_a_run_hover(seed):
    """Around the minimum of a quadratic w is an autoregression: the middle of the points is the minimum."""
    for lr in (0.05, 0.005):
        known = {"f_star": 0.0, "x_star": (0.0, 0.0)} if seed % 2 else {}
        found = stepbench.explain(function(bowl, (1.0, 1.0), **known), f"gd:lr={lr}", noise=1, budget=4000, seed=seed)
        assert set(kinds(found)) == {"stalled"}
        assert causes(found)["hovers"]["noisy"]
        assert "It hovers around a minimum, since what it sees is noisy: " in found.text
        assert "short" not in causes(found)


def test_steps_that_are_too_long_make_a_run_hover():
    """Of |w₁| + |w₂| every step of gradient descent is α√2 long, however near the minimum is."""
    kinks = function(lambda w: np.abs(w).sum(0), (1.03, 1.12), smoothness="C⁰")
    hovers = causes(stepbench.explain(kinks, "gd:lr=0.1", budget=300))["hovers"]
    assert hovers["length"] == pytest.approx(0.1 * math.sqrt(2))
    assert not hovers["noisy"]
    assert math.isnan(hovers["left"])


@pytest.mark.usefixtures("nothing_tried")
def test_an_error_that_was_reached_and_lost_again():
    found = stepbench.explain("rosenbrock", "adam:lr=0.01")
    r = found.result
    [undone] = [span for span in found.spans if span.kind == "undone"]
    assert undone.first == 10_000 - int(r.error[::-1].argmin())
    left = int(undone.numbers["left"])
    assert r.error[left + 1 :].min() > r.error[left]  # it never came back to it
    assert r.error[left] < 1e-20
    assert f"after step {left:,} it rose, and it is {r.error[-1]:.2e} at the end." in found.text
    limit = causes(found)["limit"]
    moved = np.linalg.norm(r.x[left + 1] - r.x[left])
    assert (limit["step"], limit["now"]) == (left + 1, pytest.approx(moved / r.gradient_norm[left]))
    steady = stepbench.explain("quadratic:kappa=10", "gd:lr=0.01", budget=300)
    assert "undone" not in kinds(steady)


@pytest.mark.usefixtures("nothing_tried")
def test_a_value_of_f_that_was_reached_and_lost_again():
    """The minimum of w⁴/4 − w, of −3/4, has the curvature 3: a step size that grows throws out what is there above 2/3.

    From 0.1 to 0.8 in a straight line it is there after 567 of 700 steps. A little noise keeps the gradient from 0.
    """
    well = function(lambda w: w[0] ** 4 / 4 - w[0], (0.1,))
    found = stepbench.explain(well, "linear:lr=0.1,end=8", budget=700, noise=1e-6)
    [undone] = [span for span in found.spans if span.kind == "undone"]
    assert undone.numbers["before"] == pytest.approx(-0.75)
    assert undone.numbers["left"] > 567
    assert found.result.f[-1] > -0.7
    limit = causes(found)["limit"]
    assert limit["now"] == found.result.step_size[int(limit["step"])] > 2 / 3


@pytest.mark.usefixtures("nothing_tried")
@pytest.mark.parametrize("method", ["exponential:lr=0.001", "gd:lr=1e-5", "inverse-time:lr=0.01"])
def test_sizes_are_those_of_the_steps_they_are_named_with(method):
    found = stepbench.explain("rosenbrock", method, budget=3000)
    sizes = found.result.step_size
    for kind, numbers in causes(found).items():
        if kind == "shrank":
            assert numbers["before"] == sizes[int(numbers["step"])]
        if kind == "limit":
            assert numbers["now"] == sizes[int(numbers["step"])]
        if kind == "short":
            assert numbers["now"] * numbers["times"] == pytest.approx(numbers["stable"])
    assert {"shrank", "short", "limit"} & causes(found).keys()


def test_a_run_that_met_its_target_says_so():
    found = stepbench.explain("quadratic:kappa=10", "gd:lr=0.1", target=1e-3, budget=500)
    assert f"The error met the target, 0.001, at step {found.result.steps}." in found.text


@pytest.mark.usefixtures("nothing_tried")
def test_a_run_that_still_falls_says_so():
    valley = function(lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2, (-1.0, 0.0))
    for problem in (valley, "rosenbrock"):
        assert "It was still falling when the budget was spent." in stepbench.explain(problem, "gd", budget=2000).text
    done = stepbench.explain(function(bowl, (1.0, 1.0)), "gd:lr=0.05", budget=500)
    assert "still falling" not in done.text
