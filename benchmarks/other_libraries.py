"""The engine's work in torch.optim and in optax: Rosenbrock's function, many runs at once, with the whole trace."""

import numpy as np

from benchmarks.bare_loops import trace


def in_torch(optimizer, starts, rate, steps):
    """Make the runs with a torch optimizer, on one parameter (2, R) that holds them all; the loss is their sum."""
    import torch

    w = torch.tensor(starts, requires_grad=True)
    optimizer = getattr(torch.optim, optimizer)([w], lr=rate)
    ws = torch.empty((steps + 1, *w.shape), dtype=w.dtype)
    fs, norms = torch.empty((2, steps + 1, w.shape[1]), dtype=w.dtype)

    def closure():
        optimizer.zero_grad()
        along, across = w[0] - 1.0, w[1] - w[0] * w[0]
        f = along * along + 100.0 * (across * across)
        loss = f.sum()
        loss.backward()
        ws[k], fs[k], norms[k] = w.detach(), f.detach(), w.grad.norm(dim=0)
        return loss

    for k in range(steps):  # noqa: B007 - the closure records step k
        optimizer.step(closure)
    k = steps
    closure()
    if not torch.isfinite(fs).all():
        raise FloatingPointError("not finite")
    sizes, evals = np.full(fs.shape, rate), np.arange(steps + 1)[:, None]
    return trace(ws.numpy(), fs.numpy(), norms.numpy(), sizes, np.broadcast_to(evals, fs.shape))


def in_optax(optimizer, start, rates, steps):
    """A function that makes the runs with an optax optimizer: a scan over steps, under vmap over rates.

    Its first call compiles; each function made here compiles anew.
    """
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def f(w):
        along, across = w[0] - 1.0, w[1] - w[0] * w[0]
        return along * along + 100.0 * (across * across)

    def run(lr):
        rule = getattr(optax, optimizer)(lr)

        def step(carry, _):
            w, state = carry
            value, g = jax.value_and_grad(f)(w)
            updates, state = rule.update(g, state)
            return (optax.apply_updates(w, updates), state), (w, value, jax.numpy.sqrt((g * g).sum()))

        w = jax.numpy.array(start)
        return jax.lax.scan(step, (w, rule.init(w)), length=steps + 1)[1]

    compiled = jax.jit(jax.vmap(run, out_axes=-1))

    def make():
        ws, fs, norms = map(np.asarray, compiled(rates))
        if not np.isfinite(fs).all():
            raise FloatingPointError("not finite")
        sizes, evals = np.broadcast_to(rates, fs.shape), np.arange(steps + 1)[:, None]
        return trace(ws, fs, norms, sizes, np.broadcast_to(evals, fs.shape))

    return make
