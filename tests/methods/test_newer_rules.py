"""The newer rules against traces in plain floats, and against what their papers say of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import InputError, Oracle, method, problem, run
from tests.methods.plain_floats import MILD, RIDGE, STEEP, Sphere, adam, dot, follows, minus, thirty
from tests.newer_rules import pattern

# The traces: one generator per rule, which gives (w, the step size of the move)


def norm(a):
    return math.sqrt(dot(a, a))


def adgd(v, steps, lr):
    """Malitsky & Mishchenko 2020, Algorithm 1."""
    w, alpha, theta, last = v.start, lr, math.inf, None
    for _ in range(steps):
        g = v.g(w)
        if last is not None:
            inverse = norm(minus(w, 1, last[0])) / norm(minus(g, 1, last[1]))
            new = min(math.sqrt(1 + theta) * alpha, inverse / 2)
            alpha, theta = new, new / alpha
        last = w, g
        w = minus(w, alpha, g)
        yield w, alpha


def adgd_2024(v, steps, lr):
    """Malitsky & Mishchenko 2024: the curvature matters only where 2 (α L)² is above 1."""
    w, alpha, theta, last = v.start, lr, 1 / 3, None
    for _ in range(steps):
        g = v.g(w)
        if last is not None:
            L = norm(minus(g, 1, last[1])) / norm(minus(w, 1, last[0]))
            new = math.sqrt(2 / 3 + theta) * alpha
            if 2 * (alpha * L) ** 2 > 1:
                new = min(new, alpha / math.sqrt(2 * (alpha * L) ** 2 - 1))
            alpha, theta = new, new / alpha
        last = w, g
        w = minus(w, alpha, g)
        yield w, alpha


def bb_capped(v, steps, lr, cap):
    w, fit, last = v.start, lr, None
    for _ in range(steps):
        g = v.g(w)
        if last is not None:
            s, y = minus(w, 1, last[0]), minus(g, 1, last[1])
            fit = dot(s, s) / dot(s, y) if dot(s, y) > 0 else fit
        last, alpha = (w, g), min(fit, cap / norm(g))
        w = minus(w, alpha, g)
        yield w, alpha


def dog(v, steps, r_eps, c=1.0, eps=1e-8):
    path, squares = [v.start], []
    for _ in range(steps):
        squares.append(dot(v.g(path[-1]), v.g(path[-1])))
        r = max([r_eps * (1 + norm(v.start)), *(norm(minus(w, 1, v.start)) for w in path)])
        alpha = c * r / math.sqrt(sum(squares) + eps)
        path.append(minus(path[-1], alpha, v.g(path[-1])))
        yield path[-1], alpha


def dowg(v, steps, r_eps):
    path, weighted = [v.start], 0.0
    for _ in range(steps):
        r = max([r_eps, *(norm(minus(w, 1, v.start)) for w in path)])
        weighted += r**2 * dot(v.g(path[-1]), v.g(path[-1]))
        alpha = r**2 / math.sqrt(weighted)
        path.append(minus(path[-1], alpha, v.g(path[-1])))
        yield path[-1], alpha


def of_f(alpha_of):
    """A rule whose α follows from f, ‖g‖² and the step's number alone."""

    def trace(v, steps):
        w = v.start
        for k in range(steps):
            alpha = alpha_of(v.f(w), dot(v.g(w), v.g(w)), k)
            w = minus(w, alpha, v.g(w))
            yield w, alpha

    return trace


def dec_sps(v, steps, c0, gamma_b):
    w, alpha, c = v.start, gamma_b, c0
    for k in range(steps):
        g, c_new = v.g(w), c0 * math.sqrt(k + 1)
        alpha, c = min(v.f(w) / dot(g, g), c * alpha) / c_new, c_new
        w = minus(w, alpha, g)
        yield w, alpha


def of_h(h, L):
    def trace(v, steps):
        w = v.start
        for k in range(steps):
            w = minus(w, h(k) / L, v.g(w))
            yield w, h(k) / L

    return trace


def two_divides(i):
    return 0 if i % 2 else 1 + two_divides(i // 2)


def silver(k):
    return 1 + (1 + math.sqrt(2)) ** (two_divides(k + 1) - 1)


def mechanic(v, steps, s_init, decay):
    """Cutkosky, Defazio & Mehta 2023, Algorithm 1, each tuner by itself."""
    betas = [1 - 10.0**-i for i in range(1, 7)]
    w, delta = v.start, [0.0, 0.0]
    s, m, squares, r = [0.0] * 6, [1e-6] * 6, [0.0] * 6, [0.0] * 6
    for _ in range(steps):
        g = v.g(w)
        pull = decay * sum(s) * norm(g) / (norm(w) + 1e-8)
        h = dot(delta, [a + pull * b for a, b in zip(g, w, strict=True)])
        for i, beta in enumerate(betas):
            m[i] = max(beta * m[i], abs(h))
            squares[i] = beta**2 * squares[i] + h**2
            r[i] = max(0.0, beta * r[i] - s[i] * h)
            s[i] = (s_init / 6 * m[i] + r[i]) / (math.sqrt(squares[i]) + 1e-8)
        delta = minus(delta, 1, g)
        w = minus(v.start, -sum(s), delta)
        yield w, sum(s)


def metaoptimize(v, steps, lr, eta, gamma=1.0, decay=0.0, rho=0.99, c=0.9, base=None):
    """Sharifnassab, Salehkaleybar & Sutton 2025, as their experiments' code has it, from all moves and all slopes.

    What a past move is worth now is γ (1 − κ α) for each move since then; m̄ is Σ (1 − ρ̄) ρ̄^(k−j) of the slopes.
    """
    w, beta, moves, slopes = v.start, math.log(lr), [], []
    for k in range(1, steps + 1):
        g, alpha = v.g(w), math.exp(beta)
        weights = [math.prod(gamma * (1 - decay * a) for a, _ in moves[j:]) for j in range(1, len(moves) + 1)]
        h = [sum(x * move[i] for x, (_, move) in zip(weights, moves, strict=True)) for i in range(2)]
        mean = sum((1 - rho) * rho ** (k - 2 - j) * slope for j, slope in enumerate(slopes))
        slopes.append(dot(h, g))
        blend = c * mean + (1 - c) * slopes[-1]
        beta -= eta * ((blend > 0) - (blend < 0))
        u = base(g, k) if base else g
        moves.append((alpha, [-alpha * (a + decay * b) for a, b in zip(u, w, strict=True)]))
        w = minus(w, -1, moves[-1][1])
        yield w, alpha


RULES = [
    # each row: the spec, the trace, the valley, and the function values that are asked for per step
    ("adgd:lr=0.01", lambda v, n: adgd(v, n, 0.01), MILD, 0),
    ("adgd:lr=0.01", lambda v, n: adgd(v, n, 0.01), RIDGE, 0),
    ("adgd:form=2024,lr=0.01", lambda v, n: adgd_2024(v, n, 0.01), MILD, 0),
    ("adgd:form=2024,lr=0.5", lambda v, n: adgd_2024(v, n, 0.5), MILD, 0),
    ("bb:lr=0.05,cap=0.1", lambda v, n: bb_capped(v, n, 0.05, 0.1), MILD, 0),
    ("dog:r_eps=0.03", lambda v, n: dog(v, n, 0.03), MILD, 0),
    ("dog:r_eps=0.03,c=0.5,eps=0.1", lambda v, n: dog(v, n, 0.03, 0.5, 0.1), MILD, 0),
    ("dowg", lambda v, n: dowg(v, n, 0.01), MILD, 0),
    ("ali-g", of_f(lambda f, square, k: min(f / (square + 1e-5), 0.1)), MILD, 1),
    ("ali-g:eta=9,delta=0.2,f_star=-0.5", of_f(lambda f, square, k: min((f + 0.5) / (square + 0.2), 9)), MILD, 1),
    ("sps-plus", of_f(lambda f, square, k: f / square), MILD, 1),
    ("sps-plus:f_star=0.4", of_f(lambda f, square, k: max(f - 0.4, 0) / square), MILD, 1),
    ("dec-sps", lambda v, n: dec_sps(v, n, 1.0, 10.0), MILD, 1),
    ("dec-sps:c0=3,gamma_b=0.1", lambda v, n: dec_sps(v, n, 3.0, 0.1), MILD, 1),
    ("ngn", of_f(lambda f, square, k: 1 / (1 + square / (2 * f))), MILD, 1),
    ("ngn:sigma=4", of_f(lambda f, square, k: 4 / (1 + 4 / (2 * f) * square)), MILD, 1),
    ("silver:L=50", of_h(silver, 50.0), MILD, 0),
    ("long-steps:L=50,t=3", of_h(lambda k: (1.5, 4.9, 1.5)[k % 3], 50.0), MILD, 0),
    ("long-steps:L=50,part=2,t=2", of_h(lambda k: (2.9, 1.5)[k // 2 % 2], 50.0), MILD, 0),
    ("mechanic:s_init=0.01", lambda v, n: mechanic(v, n, 0.01, 0.01), MILD, 0),
    ("mechanic:s_init=0.1,decay=0.5", lambda v, n: mechanic(v, n, 0.1, 0.5), MILD, 0),
    ("metaoptimize:lr=0.3,eta=0.2", lambda v, n: metaoptimize(v, n, 0.3, 0.2), MILD, 0),
    (
        "metaoptimize:lr=0.2,eta=0.3,gamma=0.3,decay=2,rho=0.9,c=0.5",
        lambda v, n: metaoptimize(v, n, 0.2, 0.3, 0.3, 2.0, 0.9, 0.5),
        MILD,
        0,
    ),
    (
        "adam+metaoptimize:lr=0.3,eta=0.2,gamma=0.7,decay=0.1",
        lambda v, n: metaoptimize(v, n, 0.3, 0.2, 0.7, 0.1, base=adam(0.9, 0.999, 1e-8)),
        MILD,
        0,
    ),
]


@pytest.mark.parametrize(("spec", "trace", "valley", "fevals"), RULES, ids=[row[0] for row in RULES])
def test_a_rules_points_and_step_sizes(spec, trace, valley, fevals):
    """Ten steps, mostly on the gradient, with one gradient per step and so many values of f."""
    expected = list(trace(valley, 10))
    r = run(valley.spec, spec, start=valley.start, steps=10)
    follows(r, [w for w, _ in expected])
    np.testing.assert_allclose(r.step_size[1:], [alpha for _, alpha in expected], rtol=1e-9)
    np.testing.assert_array_equal(r.evals, range(11))
    np.testing.assert_array_equal(r.fevals, fevals * np.arange(11))


# Whole methods, with (w, what is to be compared with the recorded step size, None for nothing)


def cocob(v, steps, alpha):
    """Orabona & Tommasi 2017, Algorithm 2, with its g, which is −∇f."""
    w = v.start
    L, G, reward, theta = ([0.0] * 2 for _ in range(4))
    for _ in range(steps):
        g, new = [-a for a in v.g(w)], []
        for i in range(2):
            L[i], G[i] = max(L[i], abs(g[i])), G[i] + abs(g[i])
            reward[i] = max(reward[i] + (w[i] - v.start[i]) * g[i], 0.0)
            theta[i] += g[i]
            new.append(v.start[i] + theta[i] / (L[i] * max(G[i] + L[i], alpha * L[i])) * (L[i] + reward[i]))
        w = new
        yield w, None


def schedule_free(v, steps, lr, beta, adam=False, warmup=0, decay=0.0):
    """From the definition of the average: w is Σ γ_i² z_i / Σ γ_i² over all z that steps led to."""
    w, z, mean, weights, points = v.start, v.start, [0.0, 0.0], [], []
    for t in range(1, steps + 1):
        y = [(1 - beta) * a + beta * b for a, b in zip(z, w, strict=True)]
        g = v.g(y)
        gamma = lr * (min(1.0, t / warmup) if warmup else 1.0)
        if adam:
            mean = [0.999 * a + 0.001 * b * b for a, b in zip(mean, g, strict=True)]
            gamma *= math.sqrt(1 - 0.999**t)
            g = [b / (math.sqrt(a) + 1e-8) for a, b in zip(mean, g, strict=True)]
        z = minus(minus(z, gamma, g), gamma * decay, y)
        weights.append(gamma**2)
        points.append(z)
        w = [sum(c * p[i] for c, p in zip(weights, points, strict=True)) / sum(weights) for i in range(2)]
        yield w, gamma


def d_adaptation(v, steps, d0, momentum=0.0):
    """The sum in the estimate from the whole history, 2 Σ λ_i ⟨g_i, s_i⟩."""
    w, z, d, history = v.start, v.start, d0, []
    for _ in range(steps):
        g = v.g(w)
        lam = d / norm(history[0][1] if history else g)
        s = [sum(a * b[i] for a, b, _ in history) for i in range(2)]
        history.append((lam, g, dot(g, s)))
        z = minus(z, lam, g)
        w = [momentum * a + (1 - momentum) * b for a, b in zip(w, z, strict=True)]
        s = minus(s, -lam, g)
        d = max(d, 2 * sum(a * product for a, _, product in history) / norm(s))
        yield w, lam


def d_adapt_adam(v, steps, d0):
    w, d, root = v.start, d0, math.sqrt(0.999)
    m, mean, s, r = [0.0] * 2, [0.0] * 2, [0.0] * 2, 0.0
    for _ in range(steps):
        g, lam = v.g(w), d
        r = root * r + (1 - root) * lam * sum(g[i] * s[i] / (math.sqrt(mean[i]) + 1e-8) for i in range(2))
        m = [0.9 * a + 0.1 * lam * b for a, b in zip(m, g, strict=True)]
        mean = [0.999 * a + 0.001 * b * b for a, b in zip(mean, g, strict=True)]
        s = [root * a + (1 - root) * lam * b for a, b in zip(s, g, strict=True)]
        w = [a - b / (math.sqrt(c) + 1e-8) for a, b, c in zip(w, m, mean, strict=True)]
        d = max(d, r / ((1 - root) * sum(map(abs, s))))
        yield w, lam


def prodigy(v, steps, d0):
    w, d, root = v.start, d0, math.sqrt(0.999)
    m, mean, s, r = [0.0] * 2, [0.0] * 2, [0.0] * 2, 0.0
    for _ in range(steps):
        g, alpha = v.g(w), d
        m = [0.9 * a + 0.1 * d * b for a, b in zip(m, g, strict=True)]
        mean = [0.999 * a + 0.001 * d**2 * b * b for a, b in zip(mean, g, strict=True)]
        r = root * r + (1 - root) * d**2 * dot(g, minus(v.start, 1, w))
        s = [root * a + (1 - root) * d**2 * b for a, b in zip(s, g, strict=True)]
        w = [a - d * b / (math.sqrt(c) + d * 1e-8) for a, b, c in zip(w, m, mean, strict=True)]
        d = max(d, r / sum(map(abs, s)))
        yield w, alpha


def prodigy_sgd(v, steps, d0):
    w, d, G, Q, r = v.start, d0, norm(v.g(v.start)), 0.0, 0.0
    for _ in range(steps):
        g = v.g(w)
        Q += d**2 * dot(g, g)
        alpha = d**2 / math.sqrt(d**2 * G**2 + Q)
        r += alpha * dot(g, minus(v.start, 1, w))
        w = minus(w, alpha, g)
        d = max(d, r / norm(minus(w, 1, v.start)))
        yield w, alpha


def momo(v, steps, lr, beta=0.9, adam=False, least=0.0):
    """From the whole history: the mean of the tangents, f_i + ⟨g_i, w − w_i⟩, with weights that sum to 1."""
    w, seen = v.start, []
    for k in range(1, steps + 1):
        seen.append((v.f(w), v.g(w), w))
        weights = [(1 - beta) * beta ** (k - i) / (1 - beta**k) for i in range(1, k + 1)]
        model = sum(c * (f + dot(g, minus(w, 1, at))) for c, (f, g, at) in zip(weights, seen, strict=True))
        d = [sum(c * g[i] for c, (_, g, _) in zip(weights, seen, strict=True)) for i in range(2)]
        D = [1.0, 1.0]
        if adam:
            squares = [0.001 * 0.999 ** (k - i) / (1 - 0.999**k) for i in range(1, k + 1)]
            D = [
                math.sqrt(sum(c * g[j] ** 2 for c, (_, g, _) in zip(squares, seen, strict=True))) + 1e-8 for j in (0, 1)
            ]
        u = [a / b for a, b in zip(d, D, strict=True)]
        tau = min(lr, max(model - least, 0.0) / dot(d, u))  # of the corrected mean; the means' own τ is this over ρ
        w = minus(w, tau, u)
        yield w, tau / (1 - beta**k)


def hdm(v, steps, eta, scalar=False, adagrad=True):
    w, P, G = v.start, [0.0, 0.0], [0.0, 0.0]
    for _ in range(steps):
        g = v.g(w)
        trial = minus(w, P, g)
        ahead = v.g(trial)
        h = [-a * b / dot(g, g) for a, b in zip(ahead, g, strict=True)]
        h = [sum(h)] * 2 if scalar else h
        better, used = v.f(trial) < v.f(w), P
        G = [a + b * b for a, b in zip(G, h, strict=True)]
        P = [p - eta * b / (math.sqrt(a) if adagrad else 1.0) for p, a, b in zip(P, G, h, strict=True)]
        w = trial if better else w
        alpha = used if better else [0.0, 0.0]
        yield w, alpha[0] if scalar else alpha


def autostep(v, steps, lr, mu=0.01, tau=1e4):
    w, alpha, h, top = v.start, [lr] * 2, [0.0] * 2, [0.0] * 2
    for _ in range(steps):
        g, c = v.g(w), v.curvature(w)
        for i in range(2):
            product = abs(g[i] * h[i])
            top[i] = max(product, top[i] + alpha[i] * c[i] * (product - top[i]) / tau)
            if top[i] != 0:
                alpha[i] *= math.exp(-mu * g[i] * h[i] / top[i])
        M = max(alpha[0] * c[0] + alpha[1] * c[1], 1.0)
        alpha = [a / M for a in alpha]
        w = minus(w, list(alpha), g)
        h = [a * (1 - b * d) - b * e for a, b, d, e in zip(h, alpha, c, g, strict=True)]
        yield w, list(alpha)


def k1(v, steps, lr, mu, R=1.0):
    w, beta, h = v.start, [math.log(lr)] * 2, [0.0] * 2
    for _ in range(steps):
        g, c = v.g(w), v.curvature(w)
        beta = [b - mu * x * y for b, x, y in zip(beta, g, h, strict=True)]
        alpha = [math.exp(b) / (R + sum(math.exp(x) * y for x, y in zip(beta, c, strict=True))) for b in beta]
        w = minus(w, alpha, g)
        h = [(x - a * y) * max(0.0, 1 - a * z) for x, a, y, z in zip(h, alpha, g, c, strict=True)]
        yield w, alpha


def smd(v, steps, lr, mu, lam=0.95):
    """With the off-diagonal number of the Hessian, −4 b p."""
    w, alpha, trace = v.start, [lr] * 2, [0.0] * 2
    for _ in range(steps):
        g, c, off = v.g(w), v.curvature(w), -4 * v.b * w[0]
        Hv = [c[0] * trace[0] + off * trace[1], off * trace[0] + c[1] * trace[1]]
        alpha = [a * max(0.1, 1 - mu * x * y) for a, x, y in zip(alpha, g, trace, strict=True)]
        trace = [lam * t - a * (x + lam * y) for t, a, x, y in zip(trace, alpha, g, Hv, strict=True)]
        w = minus(w, alpha, g)
        yield w, alpha


def lion(v, steps, lr):
    w, m = v.start, [0.0, 0.0]
    for _ in range(steps):
        g = v.g(w)
        u = [math.copysign(1.0, 0.9 * a + 0.1 * b) for a, b in zip(m, g, strict=True)]
        m = [0.99 * a + 0.01 * b for a, b in zip(m, g, strict=True)]
        w = minus(w, lr, u)
        yield w, lr


METHODS = [
    # each row: the spec, the trace, the valley, and the gradients and the values of f that are asked for per step
    ("cocob", lambda v, n: cocob(v, n, 100.0), MILD, 1, 0),
    ("cocob:alpha=3", lambda v, n: cocob(v, n, 3.0), STEEP, 1, 0),
    ("schedule-free:lr=0.1", lambda v, n: schedule_free(v, n, 0.1, 0.9), MILD, 1, 0),
    ("schedule-free:lr=0.1,beta=0", lambda v, n: schedule_free(v, n, 0.1, 0.0), MILD, 1, 0),
    (
        "schedule-free:lr=0.1,beta=0.5,warmup=4,decay=0.3",
        lambda v, n: schedule_free(v, n, 0.1, 0.5, warmup=4, decay=0.3),
        MILD,
        1,
        0,
    ),
    ("schedule-free-adam:lr=0.1", lambda v, n: schedule_free(v, n, 0.1, 0.9, adam=True), MILD, 1, 0),
    ("d-adaptation:d0=0.01", lambda v, n: d_adaptation(v, n, 0.01), MILD, 1, 0),
    ("d-adaptation:d0=0.1,momentum=0.5", lambda v, n: d_adaptation(v, n, 0.1, 0.5), MILD, 1, 0),
    ("d-adapt-adam:d0=0.01", lambda v, n: d_adapt_adam(v, n, 0.01), MILD, 1, 0),
    ("prodigy:d0=0.01", lambda v, n: prodigy(v, n, 0.01), MILD, 1, 0),
    ("prodigy:form=sgd,d0=0.01", lambda v, n: prodigy_sgd(v, n, 0.01), MILD, 1, 0),
    ("momo", lambda v, n: momo(v, n, 1.0), MILD, 1, 1),
    ("momo:lr=0.05,f_star=0.3", lambda v, n: momo(v, n, 0.05, least=0.3), MILD, 1, 1),
    ("momo-adam:lr=1", lambda v, n: momo(v, n, 1.0, adam=True), MILD, 1, 1),
    ("hdm", lambda v, n: hdm(v, n, 0.1), MILD, 2, 2),
    ("hdm:form=scalar,eta=0.02", lambda v, n: hdm(v, n, 0.02, scalar=True), STEEP, 2, 2),
    ("hdm:learner=gradient,eta=0.3", lambda v, n: hdm(v, n, 0.3, adagrad=False), MILD, 2, 2),
    ("autostep:lr=0.3,mu=0.2", lambda v, n: autostep(v, n, 0.3, 0.2), STEEP, 1, 0),
    ("autostep:lr=0.05,mu=0.5,tau=10", lambda v, n: autostep(v, n, 0.05, 0.5, 10.0), MILD, 1, 0),
    ("k1:lr=0.1,mu=0.5", lambda v, n: k1(v, n, 0.1, 0.5), STEEP, 1, 0),
    ("smd:lr=0.05,mu=0.5", lambda v, n: smd(v, n, 0.05, 0.5), MILD, 2, 0),
    ("smd:lr=0.05,mu=5,lam=0.9", lambda v, n: smd(v, n, 0.05, 5.0, 0.9), MILD, 2, 0),
    ("lion:lr=0.02", lambda v, n: lion(v, n, 0.02), MILD, 1, 0),
]


@pytest.mark.parametrize(("spec", "trace", "valley", "evals", "fevals"), METHODS, ids=[row[0] for row in METHODS])
def test_a_methods_points_and_step_sizes(spec, trace, valley, evals, fevals):
    """Ten steps; the first step of a method that tries or takes differences may ask for less."""
    expected = list(trace(valley, 10))
    r = run(valley.spec, spec, start=valley.start, steps=10)
    follows(r, [w for w, _ in expected], rtol=1e-9)
    if r.step_size is not None:
        np.testing.assert_allclose(r.step_size[1:], [alpha for _, alpha in expected], rtol=1e-8)
    np.testing.assert_array_equal(r.evals, evals * np.arange(11))
    np.testing.assert_array_equal(r.fevals, fevals * np.arange(11))


# What the papers say


STARTS = st.lists(st.integers(-50, 50).map(lambda i: i / 10), min_size=2, max_size=2).filter(any)


@thirty
@given(st.floats(1, 100), STARTS)
def test_adgds_step_size_stays_above_half_of_the_inverse_curvature(kappa, start):
    """α_k ≥ 1/(2L) once it is there (paper of 2020), and at most √2 times the last one or so."""
    r = run(f"quadratic:kappa={kappa}", "adgd", start=start, steps=30)
    sizes = r.step_size[2:]
    assert (sizes >= 1 / (2 * kappa) * (1 - 1e-9)).all()


@thirty
@given(st.floats(0.01, 1), STARTS)
def test_no_step_of_stabilised_bb_is_longer_than_its_cap(cap, start):
    r = run("rosenbrock:b=5", f"bb:lr=0.01,cap={cap}", start=start, steps=40)
    lengths = np.linalg.norm(np.diff(r.x, axis=0), axis=1)
    assert (lengths <= cap * (1 + 1e-9)).all()


def test_silver_steps_are_the_papers():
    """√2, 2, √2, 2 + √2, … in units of 1/L; the first 2^k − 1 of them sum to ρ^k − 1."""
    r = run(Sphere(4.0), "silver", steps=15)
    h, root, rho = 4.0 * r.step_size[1:], math.sqrt(2), 1 + math.sqrt(2)
    np.testing.assert_allclose(h[:8], [root, 2, root, 2 + root, root, 2, root, 1 + rho**2], rtol=1e-14)
    for k in (1, 2, 3, 4):
        assert sum(h[: 2**k - 1]) == pytest.approx(rho**k - 1, rel=1e-12)


@pytest.mark.parametrize("on", ["quadratic:kappa=1000", "huber-bowl", "tilted-bowl", "linear-regression:n=8,dim=3"])
def test_silver_keeps_its_theorem(on):
    """f(w_n) − f* ≤ L ‖w_0 − w*‖² / (1 + √(4 ρ^{2k} − 3)) after n = 2^k − 1 steps."""
    r = run(on, "silver", steps=127)
    way = np.sum((r.x[0] - np.asarray(r.problem.x_star).reshape(len(r.x[0]), -1)[:, 0]) ** 2)
    for k in range(1, 8):
        n = 2**k - 1
        if n < len(r.error):
            assert r.error[n] <= r.problem.L * way / (1 + math.sqrt(4 * (1 + math.sqrt(2)) ** (2 * k) - 3))


def test_the_long_patterns_are_the_papers():
    """Their means are held against the paper's table in ``tests/newer_rules.py``; here they are written out."""
    three, seven = [1.4, 2.0, 1.4], [1.4, 2.0, 1.4, 3.9, 1.4, 2.0, 1.4]
    written = {
        "2": [2.9, 1.5],
        "3": [1.5, 4.9, 1.5],
        "7": [1.5, 2.2, 1.5, 12.0, 1.5, 2.2, 1.5],
        "15": [*three, 4.5, *three, 29.7, *three, 4.5, *three],
        "31": [*seven, 8.2, *seven, 72.3, *seven, 8.2, *seven],
    }
    for t, steps in written.items():
        np.testing.assert_allclose(pattern(t), steps, rtol=1e-14)
    for t in ("63", "127"):
        assert pattern(t) == pattern(t)[::-1]


def test_what_needs_the_smoothness_constant_says_so():
    with pytest.raises(InputError, match="needs the smoothness constant L, which rosenbrock does not supply: give it"):
        run("rosenbrock", "silver")
    assert run("rosenbrock", "silver:L=3000", steps=3).steps == 3
    assert method("silver").needs == ("L",)


@thirty
@given(st.floats(0.1, 100), st.floats(0.01, 50), STARTS)
def test_ngn_lies_between_the_papers_bounds(L, sigma, start):
    """α ∈ [σ/(1 + σL), σ] for every L-smooth f that is nowhere negative (paper)."""
    r = run(Sphere(L), f"ngn:sigma={sigma}", start=start, steps=5)
    sizes = r.step_size[1:]
    assert (sizes <= sigma).all()
    assert (sizes >= sigma / (1 + sigma * L) * (1 - 1e-12)).all()


@thirty
@given(st.integers(0, 1000), st.floats(0.3, 5), st.floats(0.01, 20))
def test_dec_sps_falls_between_the_papers_bounds(seed, c0, gamma_b):
    """α_k ≤ c₀γ_b/c_k, and α never grows, as the paper says."""
    r = run("linear-regression:n=20,dim=3,batch=1", f"dec-sps:c0={c0},gamma_b={gamma_b}", seed=seed, steps=30)
    sizes, c = r.step_size[1:], c0 * np.sqrt(np.arange(1, 31))
    assert (sizes <= c0 * gamma_b / c * (1 + 1e-12)).all()
    assert (np.diff(sizes) <= 1e-12).all()
    assert (sizes > 0).all()


@pytest.mark.parametrize("rule", ["sps-plus", "ali-g:f_star=20", "sps-plus:f_star=20"])
def test_polyaks_heirs_rest_below_their_bound(rule):
    """½‖w‖² from (3, 4) is 12.5; below f* = 20 nothing moves, and with the right f* the first step is 12.5/25."""
    assert run(Sphere(1.0), rule, steps=1).step_size[1] == (0.5 if rule == "sps-plus" else 0.0)


def test_ngn_refuses_a_loss_below_zero():
    with pytest.raises(InputError, match="the loss is below 0, and NGN takes its root"):
        run(Sphere(1.0, f_star=-100.0), "ngn", steps=2)


@pytest.mark.parametrize("spec", ["d-adaptation", "prodigy:form=sgd"])
@thirty
@given(kappa=st.floats(1, 100), start=STARTS)
def test_the_estimate_stays_below_the_way_to_the_minimum(spec, kappa, start):
    """d ≤ ‖w_0 − w*‖ on every convex f, which both papers prove."""
    made = method(spec)
    oracle = Oracle(problem(f"quadratic:kappa={kappa}"), horizon=60)
    w = np.repeat(np.array(start)[:, None], 2, axis=1)
    s = made.init(w)
    for _ in range(60):
        oracle.advance()
        w, s = made.step(w, oracle, s)
    assert (s.d <= np.linalg.norm(start) * (1 + 1e-9)).all()


def test_cocobs_first_bet_is_one_part_in_alpha():
    """L = G = |g| and no reward: each component moves by exactly 1/α, whatever the gradient."""
    r = run(MILD.spec, "cocob", start=MILD.start, steps=1)
    np.testing.assert_allclose(abs(r.x[1] - r.x[0]), 0.01, rtol=1e-12)


def test_momo_without_momentum_is_polyaks_bounded_step():
    """With β = 0 it is SPS with c = 1."""
    a = run(MILD.spec, "momo:beta1=0,lr=0.2", start=MILD.start, steps=20)
    b = run(MILD.spec, "sps:c=1,alpha_max=0.2", start=MILD.start, steps=20)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-9)


def test_schedule_free_without_interpolation_is_the_average_of_gradient_descent():
    """β = 0 is Polyak and Ruppert's average."""
    r = run("quadratic:kappa=10", "schedule-free:lr=0.05,beta=0", steps=20)
    path = run("quadratic:kappa=10", "gd:lr=0.05", steps=20).x[1:]
    np.testing.assert_allclose(r.x[-1], path.mean(0), rtol=1e-9)


@thirty
@given(st.sampled_from(["diagonal", "scalar"]), st.lists(st.floats(-2, 2), min_size=2, max_size=2))
def test_f_never_rises_under_hdm(form, start):
    """That is what a null step is for."""
    r = run("rosenbrock:b=10", f"hdm:form={form}", start=start, steps=60)
    assert (np.diff(r.f) <= 0).all()


def test_hdm_learns_the_inverse_curvature_of_each_axis():
    """On ½(κw₁² + w₂²) the best diagonal is (1/κ, 1): its error falls faster and faster."""
    r = run("quadratic:kappa=30", "hdm", steps=500)
    assert r.status == "converged" or r.error[-1] < 1e-20
    np.testing.assert_allclose(r.step_size[r.step_size.any(axis=1)][-1], [1 / 30, 1], rtol=0.05)


def test_autostep_never_oversteps():
    """Σ α c ≤ 1: no update takes the prediction past its target."""
    r = run("linear-regression:n=30,dim=4,batch=1", "autostep:lr=0.5,mu=0.3", steps=200)
    assert np.isfinite(r.f).all()
    assert r.f[-1] < 0.1 * r.f[0]


def test_dog_per_tensor_is_spelt_per_tensor():
    assert method("dog:per=tensor").vector == "tensor"


def test_the_first_step_of_dog_and_dowg():
    """r_ε (1 + ‖w₀‖) and r_ε long, whatever the gradient's length; DoG's but for ε."""
    for spec, length in (("dog:r_eps=0.001", 0.001 * 6), ("dowg", 0.01)):
        r = run(Sphere(7.0), spec, steps=1)
        assert np.linalg.norm(r.x[1] - r.x[0]) == pytest.approx(length, rel=1e-8)


@pytest.mark.parametrize("base", ["", "adam+", "lion+"])
def test_metaoptimize_that_learns_nothing_is_its_base_with_a_decay(base):
    a = run(MILD.spec, f"{base}metaoptimize:lr=0.02,eta=0,decay=0.3", start=MILD.start, steps=20)
    b = run(MILD.spec, f"{base}constant:lr=0.02,wd=0.3", start=MILD.start, steps=20)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-12)


def test_metaoptimizes_step_size_rises_until_the_moves_go_too_far():
    """On ½‖w‖² no move with α below 1 goes past the minimum, so that all of them were too short: α rises by e^η."""
    r = run(Sphere(1.0), "metaoptimize:lr=0.001,eta=0.1", steps=70)
    np.testing.assert_allclose(r.step_size[2:], 0.001 * np.exp(0.1 * np.arange(69)), rtol=1e-12)
    assert r.error[-1] < 1e-11 * r.error[0]
    assert run(Sphere(1.0), "metaoptimize:lr=3,eta=0.1", steps=3).step_size[3] == pytest.approx(3 * math.exp(-0.1))


def test_lions_step_has_one_length_in_every_component():
    r = run("rosenbrock", "lion:lr=0.01", steps=30)
    np.testing.assert_allclose(abs(np.diff(r.x, axis=0)), 0.01, rtol=1e-9)


# The decay of a join


@pytest.mark.parametrize("spec", ["gd:lr=0.05,wd=0.3", "polyak:wd=0.3", "adagrad-norm:per=component,wd=0.3"])
def test_a_joins_decay_is_beside_its_step(spec):
    """w ← w − α u − α λ w, with the step size of that very step."""
    r = run(MILD.spec, spec, start=MILD.start, steps=8)
    for k in range(8):
        g, alpha = np.array(MILD.g(r.x[k])), r.step_size[k + 1]
        np.testing.assert_allclose(r.x[k + 1], r.x[k] - alpha * g - alpha * 0.3 * r.x[k], rtol=1e-12)


def test_adamw_is_torchs(torch):
    w = torch.tensor(MILD.start, requires_grad=True)
    optimizer = torch.optim.AdamW([w], lr=0.02, weight_decay=0.5)
    for _ in range(12):
        optimizer.zero_grad()
        ((1 - w[0]) ** 2 + (w[1] - w[0] ** 2) ** 2).backward()
        optimizer.step()
    r = run(MILD.spec, "adamw:lr=0.02,wd=0.5", start=MILD.start, steps=12)
    np.testing.assert_allclose(r.x[-1], w.detach().numpy(), rtol=1e-12)
    assert method("adamw").wd == 0.01


def test_a_joins_decay_may_differ_from_run_to_run_and_is_in_its_name():
    made = method("adam:lr=0.02", wd=np.array([0.0, 0.5]))
    both = run(MILD.spec, made, start=MILD.start, steps=12)
    for k, spec in enumerate(("adam:lr=0.02", "adam:lr=0.02,wd=0.5")):
        assert np.array_equal(both.x[..., k], run(MILD.spec, spec, start=MILD.start, steps=12).x)
    for spec in ("adamw:lr=0.02", "lion:wd=0.1", "adam+rdbd:per=component,wd=0.25"):
        assert method(method(spec).spec()).spec() == method(spec).spec() == method(str(method(spec))).spec()
