"""optax's optimizers, those of its contrib included: optax:adam, optax:prodigy, optax:lbfgs, …."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Oracle
from stepbench.fields import InputError
from stepbench.methods.libraries import _foreign
from stepbench.methods.libraries._valley import Valley

LINE_SEARCHES = ("scale_by_backtracking_linesearch", "scale_by_zoom_linesearch")
"""Transformations that are optimizers when they follow the negative gradient, as in their documentation."""

MISSING = {"learning_rate": _foreign.LR, "max_backtracking_steps": 15, "max_linesearch_steps": 15}
"""Defaults for parameters that have none: the bench's step size, and the trials of the documentation's examples."""

MATRICES_ONLY = ("galore", "muon")
"""Those that are another optimizer, Adam, for a parameter that is no matrix."""

CHOICES = {"variant": ("sps", "sps+"), "initial_guess_strategy": ("one", "keep")}


class State(NamedTuple):
    """The step size, (R,), None where it has none, and the leaves of optax's state, (…, R)."""

    alpha: Array | None
    leaves: tuple[Array, ...]


@dataclass(frozen=True)
class Optax(_foreign.Foreign):
    """One optimizer of optax per run, over the d parameters of the run as one array, compiled by XLA.

    All runs go through one compiled text, one after the other, so that each has the bits that it has alone.
    """

    make: ClassVar[Callable[..., Any]]
    """The function that makes the optimizer."""

    asks: ClassVar[tuple[str, ...]] = ()
    """What its update takes beside the gradient, of "value", "grad" and "value_fn"."""

    lr_open: ClassVar[bool] = True
    """Whether its compiled text leaves the step size open, so that one text serves a sweep over it."""

    def __post_init__(self) -> None:
        """Refuse what optax itself refuses."""
        super().__post_init__()
        for run in range(self.runs):
            try:
                self.make(**self.parameters(run))
            except (ValueError, TypeError, AssertionError) as error:
                raise InputError(f"{self.name}: {error}") from None

    def init(self, w: Points) -> State:
        """optax's own first state, for each run."""
        self.refuse_tensors(w)
        import jax

        with in_double():
            runs = [jax.tree.leaves(self.make(**self.parameters(r)).init(w[:, r])) for r in range(w.shape[1])]
        return State(self._alpha(w), _stacked(runs))

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Let optax update each run."""
        g = oracle.grad(w)
        f = oracle.value(w) if self.asks else None
        update = self._searching if "value_fn" in self.asks else self._compiled
        new, after = w.copy(), []

        def remember(r: int, first: int) -> bool:
            return all(np.array_equal(leaf[..., r], leaf[..., first]) for leaf in s.leaves)

        with in_double():
            for runs in self.alike(w, remember):
                r = runs.start
                told = {"value": f, "grad": g}
                extra = {name: told[name][..., r] for name in self.asks if name in told}
                leaves = [leaf[..., r] for leaf in s.leaves]
                moved, held = update(w, runs, g[:, r], leaves, extra, oracle)
                new[:, runs] = np.asarray(moved)[:, None]
                after += [held] * (runs.stop - r)
        return new, State(s.alpha, _stacked(after))

    def _compiled(self, w: Points, runs: slice, g: Any, leaves: Any, extra: Any, oracle: Any) -> Any:
        """The update as XLA compiles it."""
        built_in = self.parameters(runs.start)
        numbers = {k: built_in.pop(k) for k in ("learning_rate",) if self.lr_open and k in built_in}
        return _program(type(self), (*built_in.items(),))(numbers, w[:, runs.start], g, leaves, extra)

    def _searching(self, w: Points, runs: slice, g: Any, leaves: Any, extra: Any, oracle: Any) -> Any:
        """The update operation by operation, so that its questions about f reach the oracle one by one."""
        import jax

        with jax.disable_jit():
            asked = {"value_fn": _asking(w, runs, oracle)}
            return _updated(self.make(**self.parameters(runs.start)), w[:, runs.start], g, leaves, extra | asked)

    def _alpha(self, w: Points) -> Array | None:
        lr = getattr(self, "lr", None)
        return None if lr is None else np.zeros(w.shape[1]) + lr


@contextmanager
def in_double() -> Iterator[None]:
    """Within it, jax computes in float64, whatever else the program has set."""
    import jax

    with jax.enable_x64(True):
        yield


@cache
def _program(cls: Any, others: tuple[tuple[str, Any], ...]) -> Any:
    """The compiled update of an optimizer whose parameters, but for the step size, are these."""
    import jax

    def program(numbers: Any, w: Any, g: Any, leaves: Any, extra: Any) -> Any:
        return _updated(cls.make(**dict(others), **numbers), w, g, leaves, extra)

    return jax.jit(program)


def _updated(optimizer: Any, w: Any, g: Any, leaves: Any, extra: Any) -> Any:
    """The next point, and the leaves of the next state."""
    import jax
    import optax

    w, g = jax.numpy.asarray(w), jax.numpy.asarray(g)
    form = jax.tree.structure(jax.eval_shape(optimizer.init, w))
    state = jax.tree.unflatten(form, [jax.numpy.asarray(leaf) for leaf in leaves])
    updates, state = optimizer.update(g, state, w, **extra)
    return optax.apply_updates(w, updates), jax.tree.leaves(state)


def _asking(w: Points, runs: slice, oracle: AnyOracle) -> Any:
    """The f of runs that stand alike, as a function that jax calls and differentiates by asking the oracle."""
    import jax

    only = np.zeros(w.shape[1], dtype=bool)
    only[runs] = True

    def at(point: Any) -> Points:
        points = w.copy()
        points[:, runs] = np.asarray(point)[:, None]
        return points

    def value(point: Any) -> Any:
        return jax.numpy.asarray(oracle.value(at(point), only)[runs.start])

    def gradient(point: Any) -> Any:
        return jax.numpy.asarray(oracle.grad(at(point), only)[:, runs.start])

    asked = jax.custom_vjp(value)
    asked.defvjp(lambda point: (value(point), gradient(point)), lambda g, scale: (scale * g,))
    return asked


def _stacked(runs: list[list[Any]]) -> tuple[Array, ...]:
    """The leaves of the runs' states, each as one array (…, R)."""
    return tuple(np.stack([np.asarray(leaf) for leaf in of_runs], axis=-1) for of_runs in zip(*runs, strict=True))


def version() -> str:
    """The version of optax that is installed."""
    return _foreign.version("optax", "peers")


@cache
def _optimizers() -> dict[str, Any]:
    optax = _foreign.require("optax", "optax", "peers", "0.2.4")
    found = {}
    for module in (optax, _foreign.require("optax", "optax.contrib", "peers", "0.2.4")):
        for name, make in vars(module).items():
            if not inspect.isfunction(make) or name.startswith("_"):
                continue
            signature = inspect.signature(make)
            rates = {"learning_rate", "max_learning_rate"} & {*signature.parameters}
            told = signature.return_annotation
            is_one = rates and (told is signature.empty or "GradientTransformation" in str(told))
            if name in LINE_SEARCHES or (is_one and not name.startswith("scale_by_")):
                found[name] = make
    return found


def names() -> tuple[str, ...]:
    """The functions of optax, and of optax.contrib, that make a whole optimizer."""
    return tuple(sorted(_optimizers()))


@cache
def load(name: str) -> type:
    """The class of one of them; raises InputError where it needs what the bench lacks."""
    found = _optimizers()
    if name in MATRICES_ONLY:
        raise _foreign.refused("optax", name, _foreign.MATRICES)
    make = found[name]
    if name in LINE_SEARCHES:
        make = _after_descent(make)
    made = _foreign.made(
        Optax,
        "optax",
        name,
        make,
        make=staticmethod(make),
        algorithm=f"optax.{name}: its documentation has the algorithm"
        + ("; it scales the negative gradient" if name in LINE_SEARCHES else ""),
        source=f"optax.{name} of optax {version()}",
        choices=CHOICES,
        missing=MISSING,
    )
    cls: Any = made
    why = ""
    for asks in ((), ("value",), ("value", "grad", "value_fn")):
        for traced in (True, False):
            cls.asks, cls.lr_open = asks, traced
            try:
                _tried(cls())
            except Exception as error:  # whatever a library says
                why = (str(error) or type(error).__name__).removeprefix(f"optax:{name}: ")
            else:
                return made
    raise _foreign.refused("optax", name, why)


def _after_descent(search: Callable[..., Any]) -> Callable[..., Any]:
    """A line search along the negative gradient."""
    import optax

    def make(**parameters: Any) -> Any:
        return optax.chain(optax.sgd(1.0), search(**parameters))

    make.__signature__ = inspect.signature(search)  # type: ignore[attr-defined]
    return make


def _tried(method: Optax) -> None:
    """Take a step from a point in three dimensions."""
    valley = Valley()
    w = np.repeat(valley.x0[:, None], 2, axis=1)
    oracle = Oracle(valley)
    oracle.advance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method.step(w, oracle, method.init(w))
