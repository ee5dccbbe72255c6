"""What the rules share that train their step size once a window: after every K steps, by what the window summed up."""

from collections.abc import Callable
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, zeros_like


class State(NamedTuple):
    """The step sizes of the last move and of the next, the sums of u in the last window and this one, its steps.

    ``u_last`` is None while a first window is under way that is to be lost.
    """

    alpha: Array
    alpha_next: Array
    u_last: Points | None
    u_sum: Points
    k: int


def steps_of(K: int | None, p: float, fraction: float) -> int:
    """The steps in a window: K, or p times the mini-batches of an epoch, ``1 / fraction``, rounded down; at least 1."""
    return K or max(1, int(p / fraction + 1e-9))  # so that 0.3 / 0.1 is 3


def start(lr: Array, w: Points, *, lost: bool = False) -> State:
    """α = lr, and no window is begun; a first window that is to be ``lost`` has a step more than the others."""
    return State(per_run(lr, w), per_run(lr, w), None if lost else zeros_like(w), zeros_like(w), -1 if lost else 0)


def move(
    w: Points, u: Points, s: State, steps: int, trained: Callable[[Array, Points, Points], Array]
) -> tuple[Points, State]:
    """w ← w − α u; the last of a window's steps trains the α of the next.

    ``trained`` gives that α from this one and from the sums of u in the last window and in this one, (d, R).
    """
    alpha = s.alpha_next
    w, u_sum, k = w - alpha * u, s.u_sum + u, s.k + 1
    if k < steps:
        return w, State(alpha, alpha, s.u_last, u_sum, k)
    if s.u_last is None:
        return w, State(alpha, alpha, zeros_like(w), zeros_like(w), 0)
    return w, State(alpha, trained(alpha, s.u_last, u_sum), u_sum, zeros_like(w), 0)
