"""The engine's work written by hand: methods on Rosenbrock's function, and the loops that record a whole trace."""

import math

import numpy as np


def rosenbrock(w):
    """The value and the gradient at w, (2,) or (2, R)."""
    a, b = w[0], w[1]
    along, across = a - 1.0, b - a * a
    g = np.empty_like(w)
    g[0] = 2.0 * along - 400.0 * a * across
    g[1] = 200.0 * across
    return along * along + 100.0 * (across * across), g


# Methods. Each makes a function move(w, g) that returns the next w, the step size and how many gradients it asked for.


def gd(lr):
    """Gradient descent."""

    def move(w, g):
        return w - lr * g, lr, 1

    return move


def adam(lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam."""
    m = v = 0.0
    k = 0

    def move(w, g):
        nonlocal m, v, k
        k += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g)
        m_hat, v_hat = m / (1 - beta1**k), v / (1 - beta2**k)
        return w - lr * (m_hat / (np.sqrt(v_hat) + eps)), lr, 1

    return move


def rdbd(lr, eta):
    """RDBD, for a batch."""
    alpha, last_g, last_h = lr, np.zeros((2, lr.size)), np.zeros(lr.size)

    def move(w, g):
        nonlocal alpha, last_g, last_h
        h = (g * last_g).sum(axis=0)
        regret = np.where(h * last_h < 0, eta * last_h, 0.0)
        w = w + regret * last_g
        alpha = alpha - regret + eta * h
        last_g, last_h = g, h
        return w - alpha * g, alpha, 1

    return move


def csawg(lr, K):
    """Csawg with one plan and no plain steps after it, for one run."""
    B1, B2 = [], []
    alpha = np.full(2, math.nan)

    def move(w, g):
        nonlocal B1, B2, alpha
        w = w - lr * g
        if len(B1) < K:
            B1.append((w, g))
            return w, alpha, 1
        B2.append((w, g))
        if len(B2) < K:
            return w, alpha, 1
        above = sum(g * (w - ahead) for (w, g), (ahead, _) in zip(B1, B2, strict=True))
        below = sum(g * g for _, g in B1)
        alpha = np.divide(above, below, out=np.zeros(2), where=below != 0)
        B1, B2 = B2, []
        return w - alpha * rosenbrock(w)[1], alpha, 2

    return move


def run_one(w, move, steps, sizes):
    """The loop on a point (2,). Its step sizes go into ``sizes``, with one row per record."""
    ws, fs, norms = np.empty((steps + 1, 2)), np.empty(steps + 1), np.empty(steps + 1)
    evals = np.zeros(steps + 1, dtype=np.int64)
    for k in range(steps + 1):
        f, g = rosenbrock(w)
        norm = math.sqrt(g @ g)
        if not (math.isfinite(f) and math.isfinite(norm)):
            raise FloatingPointError(f"not finite at step {k}")
        ws[k], fs[k], norms[k] = w, f, norm
        if k < steps:
            w, sizes[k + 1], asked = move(w, g)
            evals[k + 1] = evals[k] + asked
    return trace(ws, fs, norms, sizes, evals)


def run_batch(w, move, steps):
    """The loop on points (2, R), all runs in lock-step."""
    shape = (steps + 1, w.shape[1])
    ws, fs, norms, sizes = np.empty((steps + 1, *w.shape)), np.empty(shape), np.empty(shape), np.empty(shape)
    sizes[0] = math.nan
    evals = np.zeros(steps + 1, dtype=np.int64)
    for k in range(steps + 1):
        f, g = rosenbrock(w)
        norm = np.sqrt((g * g).sum(axis=0))
        if not (np.isfinite(f).all() and np.isfinite(norm).all()):
            raise FloatingPointError(f"not finite at step {k}")
        ws[k], fs[k], norms[k] = w, f, norm
        if k < steps:
            w, sizes[k + 1], asked = move(w, g)
            evals[k + 1] = evals[k] + asked
    return trace(ws, fs, norms, sizes, np.broadcast_to(evals[:, None], shape))


def trace(ws, f, norm, sizes, evals):
    """The whole trace, from what a loop recorded, under the names that a Result gives it."""
    distance = ws - (1.0 if ws.ndim == 2 else np.ones((2, 1)))
    return {
        "x": ws,
        "f": f,
        "error": f - 0.0,
        "distance": np.sqrt((distance * distance).sum(axis=1)),
        "gradient_norm": norm,
        "step_size": sizes,
        "evals": evals,
    }
