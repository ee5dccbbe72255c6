"""A sweep of a thousand learning rates as one writes it with optax; the studies race against it."""

import jax
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)
rates = np.geomspace(1e-5, 1, 1000)


def f(w):
    along, across = w[0] - 1.0, w[1] - w[0] * w[0]
    return along * along + 100.0 * (across * across)


def run(lr):
    rule = optax.adam(lr)

    def step(carry, _):
        w, state = carry
        value, g = jax.value_and_grad(f)(w)
        updates, state = rule.update(g, state)
        return (optax.apply_updates(w, updates), state), value

    w = jax.numpy.array([-1.0, 0.0])
    return jax.lax.scan(step, (w, rule.init(w)), length=1001)[1]


sweep = jax.jit(jax.vmap(run))


def table():
    """Make the runs and print what came out; the first call compiles."""
    errors = np.asarray(sweep(rates))
    reached = errors <= 1e-6
    cost = np.where(reached.any(axis=1), reached.argmax(axis=1), np.inf)
    best = cost.argmin()
    print(f"best lr {rates[best]:.3g}, cost {cost[best]}, reached {reached.any(axis=1).mean():.1%}")


if __name__ == "__main__":
    table()
