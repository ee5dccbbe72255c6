"""Step sizes against traces in plain floats, on the gradient and on a momentum."""

import itertools
import math

import numpy as np
import pytest

from stepbench import method, run
from tests.methods.plain_floats import MILD, RIDGE, STEEP, dot, follows, l4, minus

# The traces: one generator per rule, which gives (w, the step size of the move)


def polyak(v, steps, f_star=0.0):
    w = v.start
    for _ in range(steps):
        g = v.g(w)
        alpha = (v.f(w) - f_star) / dot(g, g)
        w = minus(w, alpha, g)
        yield w, alpha


def l4_known(v, steps, eps=1e-12):
    w = v.start
    for _ in range(steps):
        g = v.g(w)
        alpha = (v.f(w) - 0.0) / (dot(g, g) + eps)
        w = minus(w, alpha, g)
        yield w, alpha


def dbd(v, steps, lr, eta):
    w, alpha, before = v.start, lr, [0.0, 0.0]
    for _ in range(steps):
        g = v.g(w)
        alpha += eta * dot(g, before)
        w, before = minus(w, alpha, g), g
        yield w, alpha


def hypergradient_mul(v, steps, lr, eta):
    w, alpha, before = v.start, lr, None
    for _ in range(steps):
        g = v.g(w)
        if before is not None:
            alpha *= 1 + eta * dot(before, g) / (math.hypot(*before) * math.hypot(*g))
        w, before = minus(w, alpha, g), g
        yield w, alpha


def delta_bar_delta(v, steps, lr, kappa, phi, theta):
    w, alpha, bar = v.start, [lr, lr], [0.0, 0.0]
    for _ in range(steps):
        delta = v.g(w)
        for i in range(2):
            if bar[i] * delta[i] > 0:
                alpha[i] += kappa
            elif bar[i] * delta[i] < 0:
                alpha[i] *= 1 - phi
            bar[i] = (1 - theta) * delta[i] + theta * bar[i]
        w = minus(w, alpha, delta)
        yield w, list(alpha)


def adaloss(v, steps, b0=1.0, a=1.0, c=0.0, eta=1.0):
    w, b_squared = v.start, b0**2
    for _ in range(steps):
        b_squared += a * abs(v.f(w) - c)
        alpha = eta / math.sqrt(b_squared)
        w = minus(w, alpha, v.g(w))
        yield w, alpha


def adaloss_adam(v, steps, b0=1.0, a=1.0):
    w, b = v.start, b0
    for _ in range(steps):
        b += a * abs(v.f(w))
        alpha = 1 / math.sqrt(b)
        w = minus(w, alpha, v.g(w))
        yield w, alpha


def adagrad_norm(v, steps, b0, eta):
    w, b_squared = v.start, b0**2
    for _ in range(steps):
        g = v.g(w)
        b_squared += dot(g, g)
        alpha = eta / math.sqrt(b_squared)
        w = minus(w, alpha, g)
        yield w, alpha


def sps(v, steps, c=0.5, alpha_max=1.0):
    w = v.start
    for _ in range(steps):
        g = v.g(w)
        alpha = min(v.f(w) / (c * dot(g, g)), alpha_max)
        w = minus(w, alpha, g)
        yield w, alpha


def bb(v, steps, lr, short):
    w, alpha, last = v.start, lr, None
    for _ in range(steps):
        g = v.g(w)
        if last is not None:
            s, y = minus(w, 1, last[0]), minus(g, 1, last[1])
            if dot(s, y) > 0:
                alpha = dot(s, y) / dot(y, y) if short else dot(s, s) / dot(s, y)
        last = w, g
        w = minus(w, alpha, g)
        yield w, alpha


def same_alpha(alpha_of_k):
    def trace(v, steps):
        w = v.start
        for k in range(steps):
            w = minus(w, alpha_of_k(k), v.g(w))
            yield w, alpha_of_k(k)

    return trace


# On the gradient

RULES = [
    # each row: the spec, the trace, the valley, and the function values that are asked for per step
    ("constant:lr=0.05", same_alpha(lambda k: 0.05), MILD, 0),
    ("sqrt:lr=0.2", same_alpha(lambda k: 0.2 / math.sqrt(k + 1)), MILD, 0),
    ("inverse-time:lr=0.2,decay=0.5", same_alpha(lambda k: 0.2 / (1 + 0.5 * k)), MILD, 0),
    ("decay-sqrt:eta=0.5,b0=2,c=3", same_alpha(lambda k: 0.5 / (2 + 3 * math.sqrt(k + 1))), MILD, 0),
    ("decay-sqrt:eta=0.5,b0=2,form=root", same_alpha(lambda k: 0.5 / math.sqrt(2 + k + 1)), MILD, 0),
    ("polyak", polyak, MILD, 1),
    ("polyak:f_star=-0.5", lambda v, n: polyak(v, n, -0.5), MILD, 1),
    ("l4", l4, MILD, 1),
    ("l4:a=0.5,gamma=0.6,tau=10,eps=0.1,time=3", lambda v, n: l4(v, n, 0.5, 0.6, 10.0, 0.1, 3.0), MILD, 1),
    ("l4:known=true,eps=0.1", lambda v, n: l4_known(v, n, 0.1), MILD, 1),
    ("dbd:lr=0.005,eta=0.01", lambda v, n: dbd(v, n, 0.005, 0.01), MILD, 0),
    ("hypergradient-mul:lr=0.02,eta=0.3", lambda v, n: hypergradient_mul(v, n, 0.02, 0.3), MILD, 0),
    (
        "delta-bar-delta:lr=0.05,kappa=0.02,phi=0.4,theta=0.3",
        lambda v, n: delta_bar_delta(v, n, 0.05, 0.02, 0.4, 0.3),
        STEEP,
        0,
    ),
    ("adaloss", adaloss, MILD, 1),
    ("adaloss:b0=2,a=0.7,c=0.3,eta=0.4", lambda v, n: adaloss(v, n, 2.0, 0.7, 0.3, 0.4), MILD, 1),
    ("adaloss:form=adam,b0=3,a=0.7", lambda v, n: adaloss_adam(v, n, 3.0, 0.7), MILD, 1),
    ("adagrad-norm:b0=2,eta=0.5", lambda v, n: adagrad_norm(v, n, 2.0, 0.5), MILD, 0),
    ("sps", sps, MILD, 1),
    ("sps:c=0.8,alpha_max=0.1", lambda v, n: sps(v, n, 0.8, 0.1), MILD, 1),
    ("bb:lr=0.05", lambda v, n: bb(v, n, 0.05, False), MILD, 0),
    ("bb:lr=0.05,form=short", lambda v, n: bb(v, n, 0.05, True), MILD, 0),
    ("bb:lr=0.02", lambda v, n: bb(v, n, 0.02, False), RIDGE, 0),
]


@pytest.mark.parametrize(("spec", "trace", "valley", "fevals"), RULES, ids=[row[0] for row in RULES])
def test_step_size(spec, trace, valley, fevals):
    """Eight steps on the gradient: the same points and step sizes, one gradient per step, and so many values of f."""
    expected = list(trace(valley, 8))
    r = run(valley.spec, spec, start=valley.start, steps=8)
    follows(r, [w for w, _ in expected])
    for k, (_, alpha) in enumerate(expected, 1):
        np.testing.assert_allclose(r.step_size[k], alpha, rtol=1e-9)
    np.testing.assert_array_equal(r.evals, range(9))
    np.testing.assert_array_equal(r.fevals, fevals * np.arange(9))


def test_delta_bar_delta_takes_all_three_branches():
    """The trace keeps its step sizes at first, lets them grow where signs agree, and cuts them after an overshoot."""
    sizes = [alpha for _, alpha in delta_bar_delta(STEEP, 8, 0.05, 0.02, 0.4, 0.3)]
    changes = {np.sign(b - a) for old, new in itertools.pairwise(sizes) for a, b in zip(old, new, strict=True)}
    assert sizes[0] == [0.05, 0.05]
    assert {1.0, -1.0} <= changes


def test_bb_keeps_its_step_where_the_curvature_is_negative():
    """On the ridge the first ⟨s, y⟩ is not positive, so the second step is still lr."""
    sizes = [alpha for _, alpha in bb(RIDGE, 8, 0.02, False)]
    assert sizes[1] == 0.02
    assert sizes[-1] != 0.02


# On a momentum


class History:
    """What a run on a momentum has seen: the points, gradients and directions up to now, and the α used so far."""

    def __init__(self, v):
        self.v, self.w, self.g, self.u, self.alpha = v, [v.start], [], [], []

    def bar(self, i, theta):
        """δ̄ of the steps before, as the sum that its recursion unrolls to."""
        return sum((1 - theta) * theta**j * g[i] for j, g in enumerate(reversed(self.g[:-1])))


def cosine(a, b):
    return dot(a, b) / (math.hypot(*a) * math.hypot(*b))


def l4_on(h):
    F = 0.75 * h.v.f(h.w[0])
    for w in h.w[1:]:
        F = min(F * 1.001, h.v.f(w))
    weights = [0.9**j for j in range(len(h.g))]
    mean = [sum(b * g[i] for b, g in zip(weights, reversed(h.g), strict=True)) / sum(weights) for i in range(2)]
    return 0.15 * (h.v.f(h.w[-1]) - 0.9 * F) / (dot(mean, h.u[-1]) + 1e-12)


def bb_on(h):
    if len(h.w) == 1:
        return 0.02
    s, y = minus(h.w[-1], 1, h.w[-2]), minus(h.g[-1], 1, h.g[-2])
    return dot(s, s) / dot(s, y) if dot(s, y) > 0 else h.alpha[-1]


def delta_bar_delta_on(h):
    if len(h.w) == 1:
        return [0.05, 0.05]
    signs = [h.bar(i, 0.7) * h.g[-1][i] for i in range(2)]
    return [a + 0.02 if sign > 0 else a * 0.6 for a, sign in zip(h.alpha[-1], signs, strict=True)]


ON_MOMENTUM = {
    "polyak": lambda h: h.v.f(h.w[-1]) / dot(h.g[-1], h.g[-1]),
    "sps:alpha_max=inf": lambda h: h.v.f(h.w[-1]) / (0.5 * dot(h.g[-1], h.g[-1])),
    "l4": l4_on,
    "adagrad-norm": lambda h: 1 / math.sqrt(1 + sum(dot(g, g) for g in h.g)),
    "bb:lr=0.02": bb_on,
    "hypergradient-mul:lr=0.02,eta=0.3": lambda h: (
        0.02 * math.prod(1 + 0.3 * cosine(u, g) for u, g in zip(h.u, h.g[1:], strict=False))
    ),
    "dbd:lr=0.02,eta=0.003": lambda h: 0.02 + 0.003 * sum(dot(u, g) for u, g in zip(h.u, h.g[1:], strict=False)),
    "rdbd:lr=0.02,eta=0.003": lambda h: 0.02 + 0.003 * sum(dot(a, b) for a, b in itertools.pairwise(h.u)),
    "delta-bar-delta:lr=0.05,kappa=0.02,phi=0.4,theta=0.7": delta_bar_delta_on,
}


@pytest.mark.parametrize("rule", ON_MOMENTUM)
def test_what_a_rule_reads_on_a_direction_that_is_not_the_gradient(rule):
    """Three steps on a momentum, where g, u and the last of each all differ.

    Polyak's rules, AdaGrad-Norm and BB read ⟨g, g⟩; L4 ⟨ĝ, u⟩, with the mean gradient ĝ; DBD
    and the cosine g with the last u; RDBD u with the last u (all positive here, so nothing is taken back); Jacobs's
    rule the gradient alone.
    """
    h = History(MILD)
    for _ in range(3):
        g = MILD.g(h.w[-1])
        h.g.append(g)
        h.u.append([0.5 * a + b for a, b in zip(h.u[-1], g, strict=True)] if h.u else g)
        h.alpha.append(ON_MOMENTUM[rule](h))
        h.w.append(minus(h.w[-1], h.alpha[-1], h.u[-1]))
    r = run(MILD.spec, "momentum:p=0.5+" + rule, start=MILD.start, steps=3)
    follows(r, h.w[1:])
    np.testing.assert_allclose(r.step_size[1:], h.alpha, rtol=1e-9)


# What is recorded as the step size is what the step was taken with


@pytest.mark.parametrize(
    "spec", ["lossgrad", "tlr:K=1", "tlr:K=3,variant=reference", "sls", "adaloss:b0=50", "dbd:eta=1e-5"]
)
def test_the_recorded_step_size_is_the_one_that_was_taken(spec):
    r = run("quadratic:kappa=3", method(spec), steps=12)
    for k in range(1, r.steps + 1):
        g = r.x[k - 1] * np.array([3.0, 1.0])
        np.testing.assert_allclose(r.x[k - 1] - r.x[k], r.step_size[k] * g, rtol=1e-9, atol=1e-300)
