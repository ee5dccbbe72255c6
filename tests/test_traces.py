"""Every method but Csawg against a trace worked out in plain floats, against torch, or against a fact of its paper.

The traces below are written from the definitions: scalars, lists and loops, on
f(p, q) = (a − p)² + b (q − p²)², whose derivatives are spelled out here once more.
"""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import Oracle, Problem, catalog, method, problem, run
from stepbench.contracts import Joined

thirty = settings(deadline=None, max_examples=30, derandomize=True)


class Valley:
    """f(p, q) = (a − p)² + b (q − p²)² in plain floats, and a start."""

    def __init__(self, p, q, a=1.0, b=1.0):
        self.start, self.a, self.b = [p, q], a, b

    @property
    def spec(self):
        return f"rosenbrock:a={self.a},b={self.b}"

    def f(self, w):
        return (self.a - w[0]) ** 2 + self.b * (w[1] - w[0] ** 2) ** 2

    def g(self, w):
        t = w[1] - w[0] ** 2
        return [-2 * (self.a - w[0]) - 4 * self.b * w[0] * t, 2 * self.b * t]

    def curvature(self, w):
        return [2 - 4 * self.b * w[1] + 12 * self.b * w[0] ** 2, 2 * self.b]


MILD = Valley(0.5, -0.3)
STEEP = Valley(-0.4, 0.3, b=10.0)
RIDGE = Valley(0.0, 0.9, a=3.0)
"""Concave along the gradient: H = diag(2 − 3.6, 2) and g = (−6, 1.8), so gᵀHg < 0."""


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def minus(w, alpha, u):
    """w − α u, for one α or a list of them."""
    alphas = alpha if isinstance(alpha, list) else [alpha] * len(w)
    return [x - a * y for x, a, y in zip(w, alphas, u, strict=True)]


def follows(r, points, rtol=1e-10):
    """Assert that a run's records are the start and these points."""
    points = list(points)
    assert len(points) == len(r.x) - 1
    for k, w in enumerate(points, 1):
        np.testing.assert_allclose(r.x[k], w, rtol=rtol, atol=1e-14, err_msg=f"step {k}")


# Directions


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


def adam(beta1, beta2, eps, amsgrad=False, correct=True):
    """From the whole history: m = Σ (1 − β) β^(k−j) g_j, which is what the recursion unrolls to."""
    history = []

    def average(i, beta, power, k):
        return sum((1 - beta) * beta ** (k - j) * g[i] ** power for j, g in enumerate(history[:k], 1))

    def at(g, k):
        history.append(g)
        u = []
        for i in range(2):
            m, v = average(i, beta1, 1, k), average(i, beta2, 2, k)
            if amsgrad:
                v = max(average(i, beta2, 2, j) for j in range(1, k + 1))
            if correct:
                m, v = m / (1 - beta1**k), v / (1 - beta2**k)
            u.append(m / (math.sqrt(v) + eps))
        return u

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


DIRECTIONS = {
    "gradient": lambda g, k: g,
    "momentum:p=0.8": momentum(0.8),
    "ema:beta=0.7": ema(0.7),
    "rmsprop:beta=0.9,eps=0.01": rmsprop(0.9, 0.01),
    "adagrad:eps=0.01": adagrad(0.01),
    "adam:beta1=0.8,beta2=0.9,eps=0.01": adam(0.8, 0.9, 0.01),
    "amsgrad:beta1=0.8,beta2=0.5,eps=0.01": adam(0.8, 0.5, 0.01, amsgrad=True, correct=False),
    "amsgrad:beta1=0.8,beta2=0.5,eps=0.01,bias_correction=true": adam(0.8, 0.5, 0.01, amsgrad=True),
    "adamax:beta1=0.8,beta2=0.9": adamax(0.8, 0.9),
    "nadam:beta1=0.8,beta2=0.9,eps=0.01,psi=0.5": nadam(0.8, 0.9, 0.01, 0.5),
    "nadam:beta1=0.8,beta2=0.9,eps=0.01,psi=0.5,variant=reference": nadam(0.8, 0.9, 0.01, 0.5, torchs=True),
}


@pytest.mark.parametrize("spec", DIRECTIONS)
def test_direction(spec):
    """Ten steps of w ← w − 0.05 u; one gradient a step and no function values."""
    at, w, points = DIRECTIONS[spec], MILD.start, []
    for k in range(1, 11):
        w = minus(w, 0.05, at(MILD.g(w), k))
        points.append(w)
    r = run(MILD.spec, spec + "+constant:lr=0.05", start=MILD.start, steps=10)
    follows(r, points)
    np.testing.assert_array_equal(r.evals, range(11))
    np.testing.assert_array_equal(r.fevals, 0)
    np.testing.assert_array_equal(r.step_size[1:], 0.05)


@pytest.fixture
def torch():
    """The module, where it is installed, in double precision: NAdam keeps its product of μ in the default type."""
    module = pytest.importorskip("torch")
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(module.float32)


TORCH_OPTIMIZERS = {
    "gradient": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "amsgrad:bias_correction=true": ("Adam", {"amsgrad": True}),
    "adagrad": ("Adagrad", {}),
    "adamax": ("Adamax", {"eps": 0.0}),
    "nadam:variant=reference": ("NAdam", {}),
}


@pytest.mark.parametrize("spec", TORCH_OPTIMIZERS)
def test_direction_is_torchs_optimizer(spec, torch):
    """With our defaults, a hundred steps are those of torch, which has the same defaults (Adamax: we have no ε)."""
    name, options = TORCH_OPTIMIZERS[spec]
    w = torch.tensor(STEEP.start, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], lr=0.005, **options)
    points = []
    for _ in range(100):
        optimizer.zero_grad()
        STEEP.f(w).backward()
        optimizer.step()
        points.append(w.detach().numpy().copy())
    follows(run(STEEP.spec, spec + "+constant:lr=0.005", start=STEEP.start, steps=100), points, rtol=1e-9)


def test_adamax_does_not_move_a_component_without_gradient():
    """0/0 is 0: its largest gradient so far is 0."""
    r = run("quadratic:kappa=1", "adamax:lr=0.1", start=[1.0, 0.0], steps=3)
    np.testing.assert_array_equal(r.x[:, 1], 0.0)
    assert np.isfinite(r.x).all()


# Step sizes: one generator a rule, giving (w, the α of the move, what else is counted)


def polyak(v, steps, f_star=0.0):
    w = v.start
    for _ in range(steps):
        g = v.g(w)
        alpha = (v.f(w) - f_star) / dot(g, g)
        w = minus(w, alpha, g)
        yield w, alpha


def l4(v, steps, a=0.15, gamma=0.9, tau=1000.0, eps=1e-12):
    w, F = v.start, None
    for _ in range(steps):
        f, g = v.f(w), v.g(w)
        F = 0.75 * f if F is None else min(F, f)
        alpha = a * (f - gamma * F) / (dot(g, g) + eps)
        w = minus(w, alpha, g)
        F *= 1 + 1 / tau
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


RULES = [
    # the spec, the trace, the valley, function values asked for a step
    ("constant:lr=0.05", same_alpha(lambda k: 0.05), MILD, 0),
    ("sqrt:lr=0.2", same_alpha(lambda k: 0.2 / math.sqrt(k + 1)), MILD, 0),
    ("inverse-time:lr=0.2,decay=0.5", same_alpha(lambda k: 0.2 / (1 + 0.5 * k)), MILD, 0),
    ("decay-sqrt:eta=0.5,b0=2,c=3", same_alpha(lambda k: 0.5 / (2 + 3 * math.sqrt(k + 1))), MILD, 0),
    ("decay-sqrt:eta=0.5,b0=2,form=root", same_alpha(lambda k: 0.5 / math.sqrt(2 + k + 1)), MILD, 0),
    ("polyak", polyak, MILD, 1),
    ("polyak:f_star=-0.5", lambda v, n: polyak(v, n, -0.5), MILD, 1),
    ("l4", l4, MILD, 1),
    ("l4:a=0.5,gamma=0.6,tau=10,eps=0.1", lambda v, n: l4(v, n, 0.5, 0.6, 10.0, 0.1), MILD, 1),
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
    """Eight steps on the gradient: the same points, the same step sizes, one gradient a step, so many values of f."""
    expected = list(trace(valley, 8))
    r = run(valley.spec, spec, start=valley.start, steps=8)
    follows(r, [w for w, _ in expected])
    for k, (_, alpha) in enumerate(expected, 1):
        np.testing.assert_allclose(r.step_size[k], alpha, rtol=1e-9)
    np.testing.assert_array_equal(r.evals, range(9))
    np.testing.assert_array_equal(r.fevals, fevals * np.arange(9))


def test_delta_bar_delta_takes_all_three_branches():
    """The trace above grows, cuts and keeps: a first step with no average, agreement, and an overshoot."""
    sizes = [alpha for _, alpha in delta_bar_delta(STEEP, 8, 0.05, 0.02, 0.4, 0.3)]
    changes = {np.sign(b - a) for old, new in itertools.pairwise(sizes) for a, b in zip(old, new, strict=True)}
    assert sizes[0] == [0.05, 0.05]
    assert {1.0, -1.0} <= changes


def test_bb_keeps_its_step_where_the_curvature_is_negative():
    """On the ridge the first ⟨s, y⟩ is not positive, so the second step is still lr."""
    sizes = [alpha for _, alpha in bb(RIDGE, 8, 0.02, False)]
    assert sizes[1] == 0.02
    assert sizes[-1] != 0.02


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
    return 0.15 * (h.v.f(h.w[-1]) - 0.9 * F) / (dot(h.g[-1], h.u[-1]) + 1e-12)


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

    Polyak's rules, AdaGrad-Norm and BB read ⟨g, g⟩; L4 the slope ⟨g, u⟩; DBD and the cosine g with the last u; RDBD
    u with the last u (all positive here, so nothing is taken back); Jacobs's rule the gradient alone.
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


@pytest.mark.parametrize("rule", ["dbd", "rdbd", "hypergradient-mul", "tlr:K=2", "bb", "adagrad-norm"])
def test_a_step_size_a_component_is_a_run_a_component(rule):
    """Where f is a sum over components and the rule reads only gradients, per=component decouples them."""
    both = run("quadratic:kappa=4", f"{rule}{',' if ':' in rule else ':'}per=component", start=[1.0, 2.0], steps=8)
    for i in range(2):
        start = [0.0, 0.0]
        start[i] = both.x[0, i]
        alone = run("quadratic:kappa=4", rule, start=start, steps=8)
        np.testing.assert_allclose(both.x[:, i], alone.x[:, i], rtol=1e-12)
        np.testing.assert_allclose(both.step_size[1:, i], alone.step_size[1:], rtol=1e-12)


# Polyak, L4, SPS


@pytest.mark.parametrize("L", [1.0, 50.0])
def test_polyak_halves_the_distance_on_an_isotropic_quadratic(L):
    """f = ½ L ‖x‖² has α = (½ L ‖x‖²) / (L² ‖x‖²) = 1/(2L), and x − α L x = x/2."""
    r = run(Sphere(L), "polyak", steps=10)
    np.testing.assert_allclose(r.distance[1:] / r.distance[:-1], 0.5, rtol=1e-12)
    np.testing.assert_allclose(r.step_size[1:], 1 / (2 * L), rtol=1e-12)


@dataclass(frozen=True)
class Sphere(Problem):
    """½ L ‖x‖² + least, from (3, 4)."""

    L: float = 1.0
    f_star: float = 0.0
    x0 = np.array([3.0, 4.0])
    x_star = np.zeros(2)

    def f(self, x):
        return 0.5 * self.L * (x * x).sum(0) + self.f_star

    def grad(self, x):
        return self.L * x


@pytest.mark.parametrize("rule", ["polyak", "sps", "sps:smooth=true"])
def test_a_polyak_step_is_0_where_the_gradient_is_0(rule):
    """Division by ⟨g, g⟩ = 0 at a stationary point must give no move, and no NaN, though f > f* there (f* = −1)."""
    made = method(rule, f_star=-1.0)
    x = np.zeros((2, 2))
    moved, s = made.step(x, Oracle(problem("quadratic")), made.init(x))
    np.testing.assert_array_equal(moved, 0.0)
    np.testing.assert_array_equal(s.alpha, 0.0)


@thirty
@given(
    st.floats(1, 1e3),
    st.floats(-180, 180),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)).filter(lambda w: math.hypot(*w) > 0.1),
)
def test_polyak_never_increases_the_distance(kappa, angle, start):
    """For convex f, ‖w⁺ − w*‖² ≤ ‖w − w*‖² − (f − f*)²/‖g‖² (Yao 2022, §2.1, with α put in)."""
    r = run(problem("quadratic", kappa=kappa, angle=angle), "polyak", start=start, steps=30)
    gain = np.square(r.f[:-1] / r.gradient_norm[:-1])
    assert (np.square(r.distance[1:]) <= (np.square(r.distance[:-1]) - gain) + 1e-9 * np.square(r.distance[0])).all()


def test_l4_with_the_minimum_known_is_polyak_on_the_gradient():
    """Both are (f − f*)/⟨g, g⟩ but for ε = 1e-12 (Yao 2022, §2.2: "the two step-sizes match")."""
    a, b = (run("rosenbrock:b=1", rule, start=MILD.start, steps=10) for rule in ("l4:known=true", "polyak"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-8)


def test_l4_follows_the_lowest_loss_and_forgets_it():
    """With τ = 1 the estimate F doubles at every step and is brought back to the loss by min(F, f): then F = f."""
    r = run(MILD.spec, "l4:tau=1", start=MILD.start, steps=6)
    follows(r, [w for w, _ in l4(MILD, 6, tau=1.0)])
    np.testing.assert_allclose(r.step_size[2:], 0.15 * 0.1 * r.f[1:-1] / np.square(r.gradient_norm[1:-1]), rtol=1e-9)


def test_smooth_sps_lets_its_step_size_double_an_epoch_at_most():
    """min(γ^(b/n) α_{t−1}, f/(c‖g‖²)): with no mini-batches b/n = 1. The bound binds here, from α_max on."""
    v = Valley(0.5, -0.3)
    w, alpha, bound_hit = v.start, 0.01, 0
    points = []
    for _ in range(10):
        g = v.g(w)
        wanted = v.f(w) / (0.5 * dot(g, g))
        bound_hit += wanted > 2 * alpha
        alpha = min(wanted, 2 * alpha)
        w = minus(w, alpha, g)
        points.append(w)
    assert 2 <= bound_hit < 10
    follows(run(v.spec, "sps:smooth=true,alpha_max=0.01", start=v.start, steps=10), points)


@pytest.mark.parametrize("rule", ["sps:smooth=true,alpha_max=1e-4", "sls:alpha_max=10"])
def test_growth_is_counted_an_epoch_and_not_a_step(rule):
    """With n/b = 3 batches an epoch, α may grow by γ^(b/n) = 2^(1/3) a step, and here it does so at some."""
    r = run("linear-regression:n=30,batch=10,dim=3", rule, steps=60)
    factors = r.step_size[2:] / r.step_size[1:-1]
    assert (factors <= 2 ** (1 / 3) * (1 + 1e-12)).all()
    assert (np.abs(factors - 2 ** (1 / 3)) < 1e-9).any()


# LossGrad


def lossgrad(v, steps, lr, c, p=0.0):
    """The points, and the α of each move, on a momentum p: the loss promised to fall by α ⟨g, u⟩."""
    w, alpha, u = v.start, lr, [0.0, 0.0]
    for _ in range(steps):
        g = v.g(w)
        u = [p * a + b for a, b in zip(u, g, strict=True)]
        promised = alpha * dot(g, u)
        ahead = minus(w, alpha, u)
        r = (v.f(ahead) - v.f(w) + promised) / promised
        used, alpha, w = alpha, alpha / c if r > 0.5 else alpha * c, ahead
        yield w, used


@pytest.mark.parametrize(("lr", "c", "p"), [(0.01, 1.05, 0.0), (0.09, 1.5, 0.0), (0.2, 1.2, 0.0), (0.09, 1.5, 0.5)])
def test_lossgrad(lr, c, p):
    """Its points; two new function values at the first step and one at each other, where w is the last w′."""
    expected = list(lossgrad(MILD, 8, lr, c, p))
    r = run(MILD.spec, f"momentum:p={p}+lossgrad:lr={lr},c={c}", start=MILD.start, steps=8)
    follows(r, [w for w, _ in expected])
    np.testing.assert_array_equal(r.evals, range(9))
    np.testing.assert_array_equal(r.fevals, [0, *range(2, 10)])


def test_lossgrad_both_grows_and_shrinks_in_the_traces():
    used = [alpha for _, alpha in lossgrad(MILD, 8, 0.09, 1.5)]
    assert {b > a for a, b in itertools.pairwise(used)} == {True, False}


@pytest.mark.parametrize(("part", "grows"), [(0.5, True), (0.999, True), (1.001, False), (3.0, False)])
@pytest.mark.parametrize("curvature", [1.0, 8.0])
def test_lossgrad_tends_to_one_over_the_curvature(curvature, part, grows):
    """On a quadratic f(w − αg) = f − α‖g‖² + ½α² gᵀHg, so r = ½ α gᵀHg/‖g‖²: it passes ½ at α = 1/curvature.

    Started on an axis, the curvature along g is that axis's eigenvalue; the second move shows the new α.
    """
    start = [0.0, 1.0] if curvature == 1 else [1.0, 0.0]
    axis = start.index(1.0)
    r = run("quadratic:kappa=8", f"lossgrad:lr={part / curvature},c=1.01", start=start, steps=2)
    alpha = 1 - r.x[1:, axis] / r.x[:-1, axis]  # α times the curvature, as x⁺ = (1 − α λ) x
    assert alpha[1] / alpha[0] == pytest.approx(1.01 if grows else 1 / 1.01, rel=1e-6)


@dataclass(frozen=True)
class Wall(Problem):
    """x² where |x| < 2, and beyond that nothing finite: infinite or NaN."""

    beyond: float = math.inf
    x0 = np.array([1.0])

    def f(self, x):
        return np.where(abs(x[0]) < 2, x[0] * x[0], self.beyond)

    def grad(self, x):
        return 2 * x


@pytest.mark.parametrize("beyond", [math.inf, math.nan])
def test_lossgrad_shrinks_where_the_loss_is_not_finite(beyond):
    made = method("lossgrad:lr=10,c=2")
    x = np.ones((1, 2))
    _, s = made.step(x, Oracle(Wall(beyond)), made.init(x))
    np.testing.assert_array_equal(s.rule.alpha_next, 5.0)


def test_lossgrad_shrinks_where_nothing_was_promised():
    """At a stationary point r = 0/0."""
    made = method("lossgrad:lr=0.5,c=2")
    x = np.zeros((2, 2))
    with np.errstate(invalid="ignore"):
        moved, s = made.step(x, Oracle(problem("quadratic")), made.init(x))
    np.testing.assert_array_equal(moved, 0.0)
    np.testing.assert_array_equal(s.rule.alpha_next, 0.25)


# DBD and RDBD


def rdbd(v, steps, lr, eta, alpha_max=math.inf, regrets=None):
    """Algorithm 1, line by line; ``regrets`` collects the steps at which the last change is taken back."""
    x, alpha, u_last, h_last = v.start, lr, [0.0, 0.0], 0.0
    for t in range(1, steps + 1):
        u = v.g(x)
        h = dot(u, u_last)
        if h * h_last < 0:
            x = [a + eta * h_last * b for a, b in zip(x, u_last, strict=True)]
            alpha = alpha - eta * h_last
            if regrets is not None:
                regrets.append(t)
        alpha = min(alpha + eta * h, alpha_max)
        x = minus(x, alpha, u)
        u_last, h_last = u, h
        yield x, alpha


@pytest.mark.parametrize(
    ("lr", "eta", "alpha_max", "regretful"),
    [(0.05, 0.01, math.inf, True), (0.1, 0.001, math.inf, True), (0.01, 0.01, 0.05, False)],
)
def test_rdbd(lr, eta, alpha_max, regretful):
    """Its traces; in two of them ⟨u_t, u_{t−1}⟩ changes its sign, so that the last change of α is taken back."""
    regrets = []
    expected = list(rdbd(STEEP, 12, lr, eta, alpha_max, regrets))
    assert bool(regrets) == regretful
    r = run(STEEP.spec, f"rdbd:lr={lr},eta={eta},alpha_max={alpha_max}", start=STEEP.start, steps=12)
    follows(r, [x for x, _ in expected], rtol=1e-8)
    np.testing.assert_allclose(r.step_size[1:], [alpha for _, alpha in expected], rtol=1e-8)
    assert (r.step_size[1:] <= alpha_max).all()
    if alpha_max < math.inf:
        assert (r.step_size[1:] == alpha_max).any()


def test_rdbd_without_a_change_of_sign_is_dbd_on_the_gradient():
    """Nothing to regret while the gradients keep pointing the same way."""
    a, b = (run("quadratic:kappa=2", f"{rule}:lr=0.01,eta=0.001", steps=10) for rule in ("rdbd", "dbd"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-12)


def test_the_theory_of_rdbd_is_theorem_4_4():
    """α₀ = √(f(x₀) − f*) / (σ √(LT)),  η = γ √(f(x₀) − f*) / (T σ³ √(LT))."""
    L, sigma, T, gamma, gap = 7.0, 3.0, 50, 0.4, 2.5
    made = catalog.load("stepsizes", "rdbd").theory(L, sigma, T, gamma, gap)
    assert made.lr == pytest.approx(gap**0.5 / (sigma * (L * T) ** 0.5), rel=1e-14)
    assert made.eta == pytest.approx(gamma * gap**0.5 / (T * sigma**3 * (L * T) ** 0.5), rel=1e-14)


# TLR


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
    """K = p × batches an epoch: of 10 batches, 0.20 is 2 steps (paper) and a third is 3 (reference)."""
    data = "linear-regression:n=100,batch=10"
    r, same, other = (run(data, f"tlr:lr=1e-4,variant={variant}{k}", steps=12) for k in ("", f",K={K}", f",K={K - 1}"))
    np.testing.assert_array_equal(r.x, same.x)
    assert not np.array_equal(r.x, other.x)


def test_tlr_on_a_quadratic_takes_newtons_step_in_the_step_size():
    """With γ = 1 on one axis u_k = (1 − αλ) u_{k−1}, so the factor is 1 + (1 − αλ)/(αλ) = 1/(αλ): α becomes 1/λ."""
    r = run("quadratic:kappa=8", "tlr:lr=0.01,gamma=1,K=1", start=[1.0, 0.0], steps=3)
    alpha = (1 - r.x[1:, 0] / r.x[:-1, 0]) / 8
    np.testing.assert_allclose(alpha, [0.01, 0.01, 1 / 8], rtol=1e-9)


# AdaLoss, AdaGrad-Norm


@thirty
@given(
    st.sampled_from(["adaloss", "adaloss:form=adam", "adaloss:c=1.5,a=0.3", "adagrad-norm", "adam+adaloss"]),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    st.integers(0, 100),
)
def test_a_step_size_over_a_growing_sum_never_grows(rule, start, seed):
    """b only adds what is not negative, whatever the function, the point or the noise."""
    r = run("rosenbrock:b=1", rule, start=start, steps=40, seed=seed, noise=0.1, target=None)
    assume(r.steps > 1)
    assert (np.diff(r.step_size[1:]) <= 0).all()


@pytest.mark.parametrize("form", ["paper", "adam"])
def test_adaloss_counts_a_negative_loss_by_its_size(form):
    """b grows by |f|: with f = 12.5 − 20 at the start, b² (or b) = 1 + 7.5, and α = 1/√8.5 in either form."""
    r = run(Sphere(1.0, -20.0), f"adaloss:form={form}", steps=1)
    np.testing.assert_allclose(r.step_size[1], 1 / math.sqrt(8.5), rtol=1e-12)


def test_adaloss_with_the_loss_in_place_of_the_gradient_norm():
    """On f = ½ L‖x‖², ‖g‖² = 2 L f: AdaLoss with a = 2L is AdaGrad-Norm."""
    a, b = (run(Sphere(3.0), rule, steps=20) for rule in ("adaloss:a=6,b0=2", "adagrad-norm:b0=2"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-10)


def test_adagrad_norm_a_component_is_adagrad():
    """b² a component is b₀² + Σ g², AdaGrad's sum but for its start; b₀ = 1e-9 and ε = 0 leave no difference."""
    a = run("quadratic:kappa=5", "adagrad-norm:b0=1e-9,eta=0.3,per=component", steps=20)
    b = run("quadratic:kappa=5", "adagrad:eps=0+constant:lr=0.3", steps=20)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-10)


# Line search


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_sls(p):
    """Backtracking written out; a value of f at w (the accepted trial's, so new only at the start) and one a trial."""
    c, beta, alpha_max, gamma = 0.3, 0.6, 0.8, 1.5
    w, u, alpha, points, sizes, fevals = STEEP.start, [0.0, 0.0], alpha_max, [], [], [1]
    backtracks = 0
    for k in range(8):
        g, f = STEEP.g(w), STEEP.f(w)
        u = [p * a + b for a, b in zip(u, g, strict=True)]
        alpha = alpha_max if k == 0 else min(alpha * gamma, alpha_max)
        trials = 1
        while not STEEP.f(minus(w, alpha, u)) <= f - c * alpha * dot(g, u):
            alpha *= beta
            trials += 1
        w = minus(w, alpha, u)
        backtracks += trials - 1
        points.append(w)
        sizes.append(alpha)
        fevals.append(fevals[-1] + trials)
    assert backtracks > 3
    r = run(
        STEEP.spec,
        f"momentum:p={p}+sls:c={c},beta={beta},alpha_max={alpha_max},gamma={gamma}",
        start=STEEP.start,
        steps=8,
    )
    follows(r, points)
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10)
    np.testing.assert_array_equal(r.fevals[1:], fevals[1:])
    np.testing.assert_array_equal(r.evals, range(9))


@thirty
@given(
    st.floats(0.01, 0.9),
    st.floats(0.2, 0.95),
    st.sampled_from(["rosenbrock", "quadratic", "quadratic:angle=30", "linear-regression:noise=1"]),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_every_step_of_the_line_search_falls_as_armijo_asks(c, beta, spec, start):
    """f(w⁺) ≤ f(w) − c α ‖g‖², with α the largest of its start times β^j that does: α/β does not, or is no trial."""
    p = problem(spec)
    made = method("sls", c=c, beta=beta, alpha_max=2.0)
    r = run(p, made, start=start, steps=25)
    f, slope, alpha = r.f, np.square(r.gradient_norm), r.step_size
    slack = 1e-12 * (1 + np.abs(f[:-1]))
    assert (f[1:] <= f[:-1] - c * alpha[1:] * slope[:-1] + slack).all()
    for k in range(1, r.steps + 1):
        first = 2.0 if k == 1 else min(2 * alpha[k - 1], 2.0)
        if alpha[k] < first * 0.999:
            w = r.x[k - 1][:, None] - alpha[k] / beta * p.grad(np.repeat(r.x[k - 1][:, None], 2, axis=1))
            assert p.f(w)[0] > f[k - 1] - c * alpha[k] / beta * slope[k - 1] - slack[k - 1]


def test_line_searches_of_a_batch_are_charged_each_for_its_own():
    """Runs in lock-step: one that has found its step is not charged for the trials of another."""
    starts = np.array([[0.1, -1.0, 1.2], [0.2, 0.5, 1.0]])
    batch = run("rosenbrock", "sls", start=starts, steps=10)
    for r in range(3):
        alone = run("rosenbrock", "sls", start=starts[:, r], steps=10)
        np.testing.assert_array_equal(batch.fevals[:, r], alone.fevals)
        np.testing.assert_array_equal(batch.x[:, :, r], alone.x)
    assert len(set(batch.fevals[-1])) > 1


def test_a_line_search_looks_at_the_sample_of_its_step():
    """On mini-batches the trials see the step's own sample: with one sample of interpolated data it always ends."""
    r = run("linear-regression:n=10,batch=1,dim=3", "sls", steps=400)
    assert r.error[-1] < 1e-6 * r.error[0]


# The exact constant step


def test_exact_knows_the_smoothness_of_the_quadratic():
    """Its Hessian is the same everywhere, and the power iteration finds 1000, 10 × 20 products for it."""
    made = method("exact")
    x = np.repeat(np.array([[-1.0], [2.0]]), 2, axis=1)
    oracle = Oracle(problem("quadratic:angle=20"))
    np.testing.assert_allclose(made.rule.smoothness(x, oracle), 1000, rtol=1e-9)
    assert oracle.evals == 10 * 20


@pytest.mark.parametrize(
    ("p", "start"),
    [("rosenbrock", (-1.0, 0.0)), ("rosenbrock", (0.0, 5.0)), ("quadratic:kappa=50,dim=4", (1, 1, 1, 1))],
)
def test_exact_takes_the_spectral_norm_of_the_hessian(p, start):
    """The largest |eigenvalue|, though it be negative: (0, 5) has 2 − 400·5 = −1998 and 200."""
    made = method("exact:spread=0,N=1,iterations=60")
    x = np.repeat(np.array(start, dtype=float)[:, None], 2, axis=1)
    H = problem(p).hessian(x)[:, :, 0]
    norm = max(abs(np.linalg.eigvalsh(H)))
    np.testing.assert_allclose(made.rule.smoothness(x, Oracle(problem(p))), norm, rtol=1e-9)


def test_exact_takes_the_largest_of_several_points():
    """K̂ is a maximum over the same points and more: it never falls with N, and grows where a worse point comes."""
    x = np.repeat(np.array([[-1.0], [0.0]]), 2, axis=1)
    K = [method(f"exact:N={N}").rule.smoothness(x, Oracle(problem("rosenbrock")))[0] for N in range(1, 11)]
    assert (np.diff(K) >= 0).all()
    assert K[-1] > K[0]


@pytest.mark.parametrize(("option", "T", "gap"), [("", 30, 502.0), (",T=7", 7, 502.0), (",f_star=2.0", 30, 500.0)])
def test_the_exact_step_size_and_its_cost(option, T, gap):
    """α = √(2 (f(w₀) − f*)/(K̂ T)), f(w₀) = ½ (1000 + 4); N × iterations evaluations at the first step, one a step."""
    r = run("quadratic", f"exact:N=3,iterations=40{option}", steps=30, budget=1000)
    np.testing.assert_allclose(r.step_size[1:], math.sqrt(2 * gap / (1000 * T)), rtol=1e-9)
    np.testing.assert_array_equal(r.evals[1:4], [121, 122, 123])
    np.testing.assert_array_equal(r.fevals[1:], 1)


# Schedules

SCHEDULES = [
    ("linear:lr=0.3,end=0.2,T=20", lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=20), 30),
    ("linear:lr=0.3", lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=30), 30),
    ("step:lr=0.3,gamma=0.5,every=7", lambda s, o: s.StepLR(o, step_size=7, gamma=0.5), 30),
    ("exponential:lr=0.3,gamma=0.9", lambda s, o: s.ExponentialLR(o, gamma=0.9), 30),
    ("cosine:lr=0.3,end=0.1", lambda s, o: s.CosineAnnealingLR(o, T_max=30, eta_min=0.03), 30),
    (
        "one-cycle:lr=0.3",
        lambda s, o: s.OneCycleLR(o, max_lr=0.3, total_steps=30, cycle_momentum=False),
        30,
    ),
    (
        "one-cycle:lr=0.3,warmup=0.5,div=10,final_div=100,T=20",
        lambda s, o: s.OneCycleLR(
            o, max_lr=0.3, total_steps=20, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
        20,
    ),
]


@pytest.mark.parametrize(("spec", "schedule", "steps"), SCHEDULES, ids=[row[0] for row in SCHEDULES])
def test_schedule_is_torchs(spec, schedule, steps, torch):
    """The step size of step k, from k = 0."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler, sizes = schedule(torch.optim.lr_scheduler, optimizer), []
    for k in range(steps):
        sizes.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if k < steps - 1:
            scheduler.step()
    r = run("quadratic:kappa=1", spec, steps=steps)
    assert r.steps == steps
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    ("spec", "last"),
    [("linear:lr=0.3,end=0.2,T=5", 0.06), ("cosine:lr=0.3,end=0.2,T=5", 0.06), ("one-cycle:lr=0.3,T=5", 0.3 / 25e4)],
)
def test_a_schedule_rests_at_its_end(spec, last):
    """A run longer than T keeps the last step size: no schedule starts over."""
    r = run("quadratic:kappa=1", spec, steps=12)
    np.testing.assert_allclose(r.step_size[7:], last, rtol=1e-12)


# Whole methods


@pytest.mark.parametrize("alias", ["gd", "sgd", "constant", "gradient"])
def test_gradient_descent(alias):
    """On a quadratic each component is (1 − αλ)^k of its start."""
    r = run("quadratic:kappa=10", f"{alias}:lr=0.03", steps=20)
    k = np.arange(21)[:, None]
    np.testing.assert_allclose(r.x, np.array([-1.0, 2.0]) * (1 - 0.03 * np.array([10.0, 1.0])) ** k, rtol=1e-12)


def test_heavy_ball():
    """w_{k+1} = w_k − α g_k + p (w_k − w_{k−1}), the first step without a last one."""
    points = [MILD.start, MILD.start]
    for _ in range(10):
        w, before = points[-1], points[-2]
        g = MILD.g(w)
        points.append([w[i] - 0.03 * g[i] + 0.8 * (w[i] - before[i]) for i in range(2)])
    follows(run(MILD.spec, "heavy-ball:lr=0.03,p=0.8", start=MILD.start, steps=10), points[2:])


def test_the_heavy_ball_is_momentum_with_a_constant_step():
    """−α v_k = w_{k+1} − w_k, so −α p v_{k−1} = p (w_k − w_{k−1}) (Yao 2022, eq. 6 and 10)."""
    a, b = (run("rosenbrock", m, steps=200) for m in ("heavy-ball:lr=2e-4,p=0.9", "momentum:p=0.9+constant:lr=2e-4"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-9)


def look_ahead(g, w, lr, betas):
    before = w
    for beta in betas:
        y = [a + beta * (a - b) for a, b in zip(w, before, strict=True)]
        before, w = w, minus(y, lr, g(y))
        yield w


def test_nesterov_with_given_momentum():
    r = run(MILD.spec, "nesterov:lr=0.03,momentum=0.7", start=MILD.start, steps=10)
    follows(r, look_ahead(MILD.g, MILD.start, 0.03, [0.7] * 10))
    np.testing.assert_array_equal(r.evals, range(11))


def test_nesterov_takes_its_momentum_from_the_condition_number():
    """κ = 9 declared: (3 − 1)/(3 + 1) = ½. Given momentum goes before it."""
    r = run("quadratic:kappa=9", "nesterov:lr=0.05", steps=10)
    follows(r, look_ahead(lambda w: [9 * w[0], w[1]], [-1.0, 2.0], 0.05, [0.5] * 10))
    given_ = run("quadratic:kappa=9", "nesterov:lr=0.05,momentum=0.2", steps=10)
    follows(given_, look_ahead(lambda w: [9 * w[0], w[1]], [-1.0, 2.0], 0.05, [0.2] * 10))


def test_nesterov_runs_the_sequence_of_1983_where_no_condition_number_is_known():
    """a: 1, 1.618, 2.194, … each solving a² − a = its predecessor squared; β_k = (a_k − 1)/a_{k+1}."""
    a = [1.0]
    for _ in range(10):
        a.append(float(max(np.roots([1, -1, -(a[-1] ** 2)]))))
    betas = [(a[k] - 1) / a[k + 1] for k in range(10)]
    assert betas[0] == 0
    assert betas[1] == pytest.approx(0.28175, abs=1e-5)
    r = run(MILD.spec, "nesterov:lr=0.03", start=MILD.start, steps=10)
    follows(r, look_ahead(MILD.g, MILD.start, 0.03, betas))


def test_nesterov_converges_at_the_rate_of_its_theory():
    """With α = 1/L and the momentum of κ, f falls by at least 1 − √(μ/L) a step: f_k ≤ (1 − 1/√κ)^k (f₀ + ½μ‖w₀‖²)."""
    r = run("quadratic:angle=30", "nesterov:lr=0.001", steps=500)
    bound = (1 - 1 / math.sqrt(1000)) ** np.arange(501) * (r.error[0] + 0.5 * r.distance[0] ** 2)
    assert (r.error <= bound).all()


@pytest.mark.parametrize("lr", [0.01, 0.2])
def test_idbd(lr):
    """Its update in plain floats; with the large step 1 − αc is negative, so that the trace is cut at 0."""
    theta, w, h, cut, points, sizes = 0.05, MILD.start, [0.0, 0.0], 0, [], []
    beta = [math.log(lr)] * 2
    for _ in range(6):
        g, c = MILD.g(w), MILD.curvature(w)
        beta = [beta[i] - theta * g[i] * h[i] for i in range(2)]
        alpha = [math.exp(b) for b in beta]
        w = minus(w, alpha, g)
        cut += sum(1 - alpha[i] * c[i] < 0 for i in range(2))
        h = [h[i] * max(0.0, 1 - alpha[i] * c[i]) - alpha[i] * g[i] for i in range(2)]
        points.append(w)
        sizes.append(alpha)
    assert (cut > 0) == (lr == 0.2)
    r = run(MILD.spec, f"idbd:lr={lr},theta={theta}", start=MILD.start, steps=6)
    follows(r, points)
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10)
    np.testing.assert_array_equal(r.evals, range(7))


@dataclass(frozen=True)
class Stream(Problem):
    """Supervised examples one at a time: each step sees ½ (y − wᵀx)² of one (x, y), kept in ``seen``."""

    seen: list = field(default_factory=list)
    x0 = np.zeros(3)
    w = np.array([1.0, -2.0, 0.5])
    stochastic = True

    def sample(self, rng, step):
        x = rng.standard_normal(3)
        self.seen.append((x.tolist(), float(self.w @ x)))
        return Example(*self.seen[-1])

    def f(self, x):  # the expectation over x ~ N(0, I)
        return 0.5 * ((x - self.w[:, None]) ** 2).sum(0)

    def grad(self, x):
        return x - self.w[:, None]

    def hessian(self, x):
        return np.repeat(np.eye(3)[:, :, None], x.shape[-1], axis=2)


class Example:
    """½ (y − wᵀx)² as a function of w."""

    def __init__(self, x, y):
        self.x, self.y = np.array(x)[:, None], y

    def f(self, w):
        return 0.5 * (self.y - (self.x * w).sum(0)) ** 2

    def grad(self, w):
        return -(self.y - (self.x * w).sum(0)) * self.x

    def hessian(self, w):
        return np.repeat((self.x * self.x.T)[:, :, None], w.shape[-1], axis=2)


def test_idbd_is_suttons_lms():
    """Sutton 1992, Figure 2, in his signs: β += θ δ x h; α = e^β; w += α δ x; h = h [1 − α x²]⁺ + α δ x."""
    stream = Stream()
    r = run(stream, "idbd:lr=0.05,theta=0.02", steps=40, seed=3)
    examples = stream.seen[-40:]  # one more was drawn before the run, to see what samples have
    assert len(stream.seen) == 41
    w, beta, h, points = [0.0] * 3, [math.log(0.05)] * 3, [0.0] * 3, []
    for x, y in examples:
        delta = y - dot(w, x)
        w = list(w)
        for i in range(3):
            beta[i] += 0.02 * delta * x[i] * h[i]
            alpha = math.exp(beta[i])
            w[i] += alpha * delta * x[i]
            h[i] = h[i] * max(1 - alpha * x[i] ** 2, 0) + alpha * delta * x[i]
        points.append(w)
    follows(r, points)
    assert r.f[-1] < 0.1 * r.f[0]


# Names for settings


def part(kind, name, **fields):
    return catalog.load(kind, name)(**fields)


ALIASES = {
    "gd": (part("directions", "gradient"), part("stepsizes", "constant")),
    "sgd": (part("directions", "gradient"), part("stepsizes", "constant")),
    "adam": (part("directions", "adam"), part("stepsizes", "constant")),
    "l4": (part("directions", "gradient"), part("stepsizes", "l4")),
    "l4-mom": (part("directions", "ema", beta=0.9), part("stepsizes", "l4", a=0.15, gamma=0.9, tau=1000.0, eps=1e-12)),
    "l4-adam": (part("directions", "adam", eps=1e-4), part("stepsizes", "l4", a=0.15)),
    "adam+rdbd": (part("directions", "adam", beta1=0.05, beta2=0.99), part("stepsizes", "rdbd", lr=0.005, eta=5e-7)),
    "adam-sqrt": (part("directions", "adam"), part("stepsizes", "decay-sqrt", eta=1.0, form="root")),
    "adam-exact": (part("directions", "adam"), part("stepsizes", "exact", N=10)),
    "adamloss": (part("directions", "adam", beta1=0.9, beta2=0.99), part("stepsizes", "adaloss", form="adam")),
}


@pytest.mark.parametrize("alias", ALIASES)
def test_a_name_is_its_expansion(alias):
    direction, rule = ALIASES[alias]
    assert stepbench.method(alias) == Joined(direction, rule)


def test_every_alias_is_checked():
    assert set(catalog.ALIASES) - {"csawg-p5"} <= set(ALIASES)


def test_adamloss_is_algorithm_2():
    """Wu et al. 2022, Algorithm 2: b_t = b_{t−1} + a|f|, η_t = 1/√b_t, on Adam with β₂ = 0.99."""
    at, w, b, points = adam(0.9, 0.99, 1e-8), MILD.start, 4.0, []
    for k in range(1, 9):
        b += 0.5 * abs(MILD.f(w))
        w = minus(w, 1 / math.sqrt(b), at(MILD.g(w), k))
        points.append(w)
    follows(run(MILD.spec, "adamloss:b0=4,a=0.5", start=MILD.start, steps=8), points)


# What is recorded as the step size is what the step was taken with


@pytest.mark.parametrize(
    "spec", ["lossgrad", "tlr:K=1", "tlr:K=3,variant=reference", "sls", "adaloss:b0=50", "dbd:eta=1e-5"]
)
def test_the_recorded_step_size_is_the_one_that_was_taken(spec):
    r = run("quadratic:kappa=3", method(spec), steps=12)
    for k in range(1, r.steps + 1):
        g = r.x[k - 1] * np.array([3.0, 1.0])
        np.testing.assert_allclose(r.x[k - 1] - r.x[k], r.step_size[k] * g, rtol=1e-9, atol=1e-300)


def test_the_line_search_does_not_take_a_value_that_is_not_a_number():
    """f = x − log x is not a number left of 0, where the first trial from x = 3 with α = 10 lands."""

    @dataclass(frozen=True)
    class Barrier(Problem):
        x0 = np.array([3.0])

        def f(self, x):
            return (x - np.log(x))[0]

        def grad(self, x):
            return 1 - 1 / x

    r = run(Barrier(), method("sls:alpha_max=10"), steps=20)
    assert r.status == "budget"
    np.testing.assert_allclose(r.x[-1], 1.0, atol=1e-3)


def test_lossgrad_shrinks_where_r_is_minus_infinity():
    """A direction that climbs promises less than nothing: with f infinite ahead, r = ∞ / −1."""

    x = np.ones((1, 2))
    rule = method("lossgrad:lr=1,c=2").rule
    oracle = Oracle(Wall(math.inf))
    s = rule.init(x)
    _, s = rule.move(x, -oracle.grad(x), oracle, s)
    np.testing.assert_array_equal(s.alpha_next, 0.5)
