"""TLR."""

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD, RIDGE, dot, follows, minus


def tlr(v, steps, lr, K, gamma, reference=False, log=None):
    """The points; ``log`` collects (c, curvature, factor) of each window."""
    w, alpha, last, window = v.start, lr, [0.0, 0.0], []
    for _ in range(steps):
        u = v.g(w)
        w = minus(w, alpha, u)
        window.append(u)
        if len(window) == K:
            total = [sum(g[i] for g in window) for i in range(2)]
            c = dot(last, total)
            curvature = dot(last, last) - c
            if reference:
                factor = 1 + gamma * c / (curvature + 1e-10)
            elif curvature > 0:
                factor = min(1 + gamma * c / curvature, 100.0)
            else:
                factor = 1.0
            if log is not None:
                log.append((c, curvature, factor))
            alpha *= factor
            last, window = total, []
        yield w


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize(
    ("valley", "lr", "event"),
    [
        (MILD, 0.3, lambda c, curvature, factor: 0 < factor < 1),  # the gradient turns: α shrinks
        (MILD, 0.02, lambda c, curvature, factor: 1 < factor < 100),  # it agrees: α grows
        (MILD, 1e-5, lambda c, curvature, factor: factor == 100),  # hardly any change: the factor is capped
        (RIDGE, 0.01, lambda c, curvature, factor: curvature < 0 and factor == 1),  # concave: α stays
    ],
    ids=["shrinks", "grows", "capped", "concave"],
)
def test_tlr(K, valley, lr, event):
    log = []
    points = list(tlr(valley, 4 * K, lr, K, 0.33, log=log))
    assert any(event(*window) for window in log)
    follows(run(valley.spec, f"tlr:lr={lr},K={K}", start=valley.start, steps=4 * K), points, rtol=1e-8)


@pytest.mark.parametrize(("valley", "lr", "event"), [(MILD, 1e-4, lambda f: f > 100), (RIDGE, 0.01, lambda f: f < 0)])
def test_tlr_as_published_has_no_cap_and_no_test_of_the_sign(valley, lr, event):
    """variant=reference: γ = 0.2, 1e-10 in the denominator; α may leap, and may become negative."""
    log = []
    points = list(tlr(valley, 3, lr, 1, 0.2, reference=True, log=log))
    assert any(event(factor) for _, _, factor in log)
    follows(run(valley.spec, f"tlr:lr={lr},K=1,variant=reference", start=valley.start, steps=3), points, rtol=1e-7)


@pytest.mark.parametrize(("variant", "K"), [("paper", 2), ("reference", 3)])
def test_the_window_of_tlr_is_a_part_of_an_epoch(variant, K):
    """K is a part of the batches of an epoch: of 10 batches, 0.20 are 2 steps (paper), a third are 3 (reference)."""
    data = "linear-regression:n=100,batch=10"
    r, same, other = (run(data, f"tlr:lr=1e-4,variant={variant}{k}", steps=12) for k in ("", f",K={K}", f",K={K - 1}"))
    np.testing.assert_array_equal(r.x, same.x)
    assert not np.array_equal(r.x, other.x)


def test_tlr_on_a_quadratic_takes_newtons_step_in_the_step_size():
    """With γ = 1 on one axis u_k = (1 − αλ) u_{k−1}, so the factor is 1 + (1 − αλ)/(αλ) = 1/(αλ): α becomes 1/λ."""
    r = run("quadratic:kappa=8", "tlr:lr=0.01,gamma=1,K=1", start=[1.0, 0.0], steps=3)
    alpha = (1 - r.x[1:, 0] / r.x[:-1, 0]) / 8
    np.testing.assert_allclose(alpha, [0.01, 0.01, 1 / 8], rtol=1e-9)
