"""Directions against traces in plain floats, and against torch's optimizers."""

import math
from itertools import pairwise

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD, STEEP, adam, follows, minus


def momentum(p):
    v = [0.0, 0.0]

    def at(g, k):
        for i in range(2):
            v[i] = p * v[i] + g[i]
        return list(v)

    return at


def ema(beta):
    m = [0.0, 0.0]

    def at(g, k):
        for i in range(2):
            m[i] = beta * m[i] + (1 - beta) * g[i]
        return [x / (1 - beta**k) for x in m]

    return at


def rmsprop(beta, eps):
    s = [0.0, 0.0]

    def at(g, k):
        for i in range(2):
            s[i] = beta * s[i] + (1 - beta) * g[i] ** 2
        return [g[i] / (math.sqrt(s[i]) + eps) for i in range(2)]

    return at


def adagrad(eps):
    squares = ([], [])

    def at(g, k):
        for i in range(2):
            squares[i].append(g[i] ** 2)
        return [g[i] / (math.sqrt(sum(squares[i])) + eps) for i in range(2)]

    return at


def adamax(beta1, beta2):
    history = []

    def at(g, k):
        history.append(g)
        u = []
        for i in range(2):
            m = sum((1 - beta1) * beta1 ** (k - j) * h[i] for j, h in enumerate(history, 1))
            largest = max(beta2 ** (k - j) * abs(h[i]) for j, h in enumerate(history, 1))
            u.append(m / (1 - beta1**k) / largest)
        return u

    return at


def nadam(beta1, beta2, eps, psi, torchs=False):
    """m = Σ_j (1 − d_j) (Π_{i>j} d_i) g_j, where d is μ as published, and β₁ in torch's reading."""
    history = []

    def mu(k):
        return beta1 * (1 - 0.5 * 0.96 ** (k * psi))

    def at(g, k):
        history.append(g)
        u = []
        for i in range(2):
            d = [beta1 if torchs else mu(j) for j in range(1, k + 1)]
            m = sum((1 - d[j]) * math.prod(d[j + 1 :]) * h[i] for j, h in enumerate(history))
            v = sum((1 - beta2) * beta2 ** (k - j) * h[i] ** 2 for j, h in enumerate(history, 1)) / (1 - beta2**k)
            now = math.prod(mu(j) for j in range(1, k + 1))
            m_hat = mu(k + 1) * m / (1 - now * mu(k + 1)) + (1 - mu(k)) * g[i] / (1 - now)
            u.append(m_hat / (math.sqrt(v) + eps))
        return u

    return at


def adan(beta1, beta2, beta3, eps):
    """From the whole history, each mean as the sum that its recursion unrolls to, over 1 − β^k."""
    history = []

    def mean(beta, values):
        k = len(values)
        return sum((1 - beta) * beta ** (k - j) * x for j, x in enumerate(values, 1)) / (1 - beta**k)

    def at(g, k):
        history.append(g)
        u = []
        for i in range(2):
            gs = [h[i] for h in history]
            changes = [0.0, *(b - a for a, b in pairwise(gs))]
            squares = [(x + beta2 * change) ** 2 for x, change in zip(gs, changes, strict=True)]
            u.append((mean(beta1, gs) + beta2 * mean(beta2, changes)) / (math.sqrt(mean(beta3, squares)) + eps))
        return u

    return at


DIRECTIONS = {
    "gradient": lambda g, k: g,
    "momentum:p=0.8": momentum(0.8),
    "ema:beta=0.7": ema(0.7),
    "rmsprop:beta=0.9,eps=0.01": rmsprop(0.9, 0.01),
    "adagrad:eps=0.01": adagrad(0.01),
    "adam:beta1=0.8,beta2=0.9,eps=0.01": adam(0.8, 0.9, 0.01),
    "adam:beta1=0.8,beta2=0.9,eps=0.01,bias=false": adam(0.8, 0.9, 0.01, correct=False),
    "amsgrad:beta1=0.8,beta2=0.5,eps=0.01": adam(0.8, 0.5, 0.01, amsgrad=True, correct=False),
    "amsgrad:beta1=0.8,beta2=0.5,eps=0.01,bias=true": adam(0.8, 0.5, 0.01, amsgrad=True),
    "adamax:beta1=0.8,beta2=0.9": adamax(0.8, 0.9),
    "adan": adan(0.98, 0.92, 0.99, 1e-8),
    "adan:beta1=0.8,beta2=0.6,beta3=0.9,eps=0.01": adan(0.8, 0.6, 0.9, 0.01),
    "nadam:beta1=0.8,beta2=0.9,eps=0.01,psi=0.5": nadam(0.8, 0.9, 0.01, 0.5),
    "nadam:beta1=0.8,beta2=0.9,eps=0.01,psi=0.5,variant=reference": nadam(0.8, 0.9, 0.01, 0.5, torchs=True),
}


@pytest.mark.parametrize("spec", DIRECTIONS)
def test_direction(spec):
    """Ten steps of w ← w − 0.05 u; one gradient per step and no function values."""
    at, w, points = DIRECTIONS[spec], MILD.start, []
    for k in range(1, 11):
        w = minus(w, 0.05, at(MILD.g(w), k))
        points.append(w)
    r = run(MILD.spec, spec + "+constant:lr=0.05", start=MILD.start, steps=10)
    follows(r, points)
    np.testing.assert_array_equal(r.evals, range(11))
    np.testing.assert_array_equal(r.fevals, 0)
    np.testing.assert_array_equal(r.step_size[1:], 0.05)


TORCH_OPTIMIZERS = {
    "gradient": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "amsgrad:bias=true": ("Adam", {"amsgrad": True}),
    "adagrad": ("Adagrad", {}),
    "adamax": ("Adamax", {"eps": 0.0}),
    "nadam:variant=reference": ("NAdam", {}),
}


def hundred_points(make, torch, **options):
    """Where an optimizer of torch's kind goes in a hundred steps."""
    w = torch.tensor(STEEP.start, dtype=torch.float64, requires_grad=True)
    optimizer = make([w], lr=0.005, **options)
    points = []
    for _ in range(100):
        optimizer.zero_grad()
        STEEP.f(w).backward()
        optimizer.step()
        points.append(w.detach().numpy().copy())
    return points


@pytest.mark.parametrize("spec", TORCH_OPTIMIZERS)
def test_direction_is_torchs_optimizer(spec, torch):
    """With our defaults, a hundred steps are those of torch, which has the same defaults (Adamax: we have no ε)."""
    name, options = TORCH_OPTIMIZERS[spec]
    points = hundred_points(getattr(torch.optim, name), torch, **options)
    follows(run(STEEP.spec, spec + "+constant:lr=0.005", start=STEEP.start, steps=100), points, rtol=1e-9)


@pytest.mark.parametrize(("spec", "options"), [("adan", {}), ("adan:wd=0.1", {"weight_decay": 0.1})])
def test_adan_is_pytorch_optimizers(spec, options, torch):
    """A hundred steps, with the same defaults, and with the decay that is not the paper's but a join's."""
    library = pytest.importorskip("pytorch_optimizer")
    points = hundred_points(library.Adan, torch, weight_decouple=True, **options)
    follows(
        run(STEEP.spec, f"{spec}{',' if ':' in spec else ':'}lr=0.005", start=STEEP.start, steps=100), points, 1e-12
    )


def test_adan_that_does_not_look_ahead_is_adam():
    a = run(MILD.spec, "adan:beta1=0.9,beta2=0,beta3=0.999,lr=0.05", start=MILD.start, steps=30)
    np.testing.assert_allclose(a.x, run(MILD.spec, "adam:lr=0.05", start=MILD.start, steps=30).x, rtol=1e-12)


def test_adamax_does_not_move_a_component_without_gradient():
    """Its largest gradient so far is 0, and 0/0 counts as 0."""
    r = run("quadratic:kappa=1", "adamax:lr=0.1", start=[1.0, 0.0], steps=3)
    np.testing.assert_array_equal(r.x[:, 1], 0.0)
    assert np.isfinite(r.x).all()
