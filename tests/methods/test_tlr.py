"""TLR."""

import math

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD, RIDGE, dot, follows, minus


def tlr(v, steps, lr, K, gamma, reference=False, log=None):
    """The points; ``log`` collects (c, curvature, factor) of each window."""
    w, alpha, last, window = v.start, lr, [0.0, 0.0], []
    for k in range(steps):
        u = v.g(w)
        w = minus(w, alpha, u)
        if not reference or k > K:  # the code loses the first K + 1
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
    points = list(tlr(valley, 4 * K, lr, K, 0.2, log=log))
    assert any(event(*window) for window in log)
    follows(run(valley.spec, f"tlr:lr={lr},K={K}", start=valley.start, steps=4 * K), points, rtol=1e-8)


@pytest.mark.parametrize(("valley", "lr", "event"), [(MILD, 1e-4, lambda f: f > 100), (RIDGE, 0.01, lambda f: f < 0)])
def test_tlr_as_published_has_no_cap_and_no_test_of_the_sign(valley, lr, event):
    """variant=reference: γ = 0.2, 1e-10 in the denominator; α may leap, and may become negative."""
    log = []
    points = list(tlr(valley, 5, lr, 1, 0.2, reference=True, log=log))
    assert any(event(factor) for _, _, factor in log)
    follows(run(valley.spec, f"tlr:lr={lr},K=1,variant=reference", start=valley.start, steps=5), points, rtol=1e-7)


WINDOWED = ("tlr:lr=1e-4", "tlr:lr=1e-4,variant=reference", "dbd:lr=1e-4,eta=1e-9", "hypergradient-mul:lr=1e-4")


@pytest.mark.parametrize("rule", WINDOWED)
@pytest.mark.parametrize(("batch", "p", "K"), [(10, 1 / 3, 3), (10, 0.3, 3), (5, 0.49, 9), (30, 0.25, 1), (60, 0.2, 1)])
def test_a_window_is_a_part_of_an_epoch(rule, batch, p, K):
    """K is p times the mini-batches of an epoch rounded down, as the authors' int(p N), and at least 1."""
    data = f"linear-regression:n=100,batch={batch}"
    r, same, other = (run(data, f"{rule},{k}", steps=40) for k in (f"p={p}", f"K={K}", f"K={K + 1}"))
    np.testing.assert_array_equal(r.x, same.x)
    assert not np.array_equal(r.x, other.x)


def test_the_defaults_of_tlr_are_its_codes_and_its_figures():
    data = "linear-regression:n=90,batch=10"
    r, same = (run(data, f"tlr:lr=1e-4{k}", steps=12) for k in ("", ",gamma=0.2,K=3"))
    np.testing.assert_array_equal(r.x, same.x)


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("p", [0.0, 0.5])
def test_hypergradients_in_windows(K, p):
    """Once a window α is corrected by the mean directions of the last two: Retsinas et al. 2023, Table 1."""
    lr, eta = 0.02, 0.05

    def path(corrected):
        w, u, alpha, means, window, points, sizes = MILD.start, [0.0, 0.0], lr, [[0.0, 0.0]], [], [], []
        for _ in range(5 * K):
            u = [p * a + b for a, b in zip(u, MILD.g(w), strict=True)]
            w = minus(w, alpha, u)
            window.append(u)
            points.append(w)
            sizes.append(alpha)
            if len(window) == K:
                means.append([sum(one[i] for one in window) / K for i in range(2)])
                alpha, window = corrected(alpha, *means[-2:]), []
        return points, sizes

    def multiplied(alpha, a, b):
        return alpha * (1 + eta * dot(a, b) / (math.hypot(*a) * math.hypot(*b))) if any(a) else alpha

    for rule, corrected in (("dbd", lambda alpha, a, b: alpha + eta * dot(a, b)), ("hypergradient-mul", multiplied)):
        points, sizes = path(corrected)
        spec = f"momentum:p={p}+{rule}:lr={lr},eta={eta},K={K}"
        r = run(MILD.spec, spec, start=MILD.start, steps=5 * K)
        follows(r, points)
        np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10)
        assert len(set(sizes)) == 4  # the first window has none before


def test_tlr_on_a_quadratic_takes_newtons_step_in_the_step_size():
    """With γ = 1 on one axis u_k = (1 − αλ) u_{k−1}, so the factor is 1 + (1 − αλ)/(αλ) = 1/(αλ): α becomes 1/λ."""
    r = run("quadratic:kappa=8", "tlr:lr=0.01,gamma=1,K=1", start=[1.0, 0.0], steps=3)
    alpha = (1 - r.x[1:, 0] / r.x[:-1, 0]) / 8
    np.testing.assert_allclose(alpha, [0.01, 0.01, 1 / 8], rtol=1e-9)
