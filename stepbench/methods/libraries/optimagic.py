"""optimagic's algorithms, many of which are other libraries', as peers: optimagic:scipy_slsqp, …."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Peer, Spent
from stepbench.fields import InputError
from stepbench.methods.libraries import _foreign


@dataclass(frozen=True)
class Optimagic(_foreign.ForeignParts, Peer):
    """One algorithm of optimagic; the best point so far is its iterate, since it tells of no other."""

    make: ClassVar[Callable[..., Any]]
    """The class of the algorithm."""

    asks_gradient: ClassVar[bool] = True
    """Whether it asks for the gradient."""

    @property
    def gradient_free(self) -> bool:
        """Whether it asks for f alone."""
        return not self.asks_gradient

    def minimize(self, w: Points, oracle: AnyOracle, record: Callable[[Points], None]) -> str:
        """Minimise from w, (d, 2), and record the best point whenever there is a better one."""
        import optimagic

        best, asked, at = np.inf, 0, w
        stops: list[Spent] = []  # optimagic takes them for errors of the function

        def counted(ask: Callable[[], Any]) -> Any:
            try:
                return ask()
            except Spent as spent:
                stops.append(spent)
                raise

        def f(point: Array) -> float:
            nonlocal best, asked, at
            if asked == oracle.horizon:
                raise _Over
            asked += 1
            at = np.repeat(np.asarray(point, dtype=float)[:, None], 2, axis=1)
            value = float(oracle.value(at)[0])
            if value < best:
                best = value
                counted(lambda: record(at))
            return value

        def gradient(point: Array) -> Array:
            same = np.array_equal(at[:, 0], point)
            w = at if same else np.repeat(np.asarray(point, dtype=float)[:, None], 2, axis=1)
            return counted(lambda: oracle.grad(w)[:, 0])

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = optimagic.minimize(
                    f,
                    w[:, 0].copy(),
                    self.make(**self.parameters(0)),
                    jac=gradient if self.asks_gradient else None,
                    collect_history=False,
                )
        except Exception as error:
            if stops:
                raise stops[0] from None
            if asked == oracle.horizon:
                return "the next step would pass the budget"
            raise InputError(f"{self.name} broke off: {type(error).__name__}: {error}") from None
        return "" if found.success else str(found.message).strip(" .:")


class _Over(Exception):  # noqa: N818 - not an error: f was asked as often as it may be
    """The evaluations of f are spent."""


def version() -> str:
    """The version of optimagic that is installed."""
    return _foreign.version("optimagic", "peers")


@cache
def _algorithms() -> dict[str, Any]:
    _foreign.require("optimagic", "optimagic", "peers", "0.5")
    from optimagic.algorithms import AVAILABLE_ALGORITHMS

    def fits(info: Any) -> bool:
        return not info.needs_bounds and not info.needs_hess and info.solver_type.value == "scalar"

    return {name: make for name, make in AVAILABLE_ALGORITHMS.items() if fits(make.algo_info)}


def names() -> tuple[str, ...]:
    """The algorithms that can be run here: those for f as a whole, without bounds, whose libraries are installed."""
    return tuple(sorted(_algorithms()))


@cache
def load(name: str) -> type:
    """The class of one of them; raises InputError where it needs what the bench lacks."""
    found = _algorithms()
    make = found[name]
    made: Any = _foreign.made(
        Optimagic,
        "optimagic",
        name,
        make,
        make=staticmethod(make),
        asks_gradient=make.algo_info.needs_jac,
        algorithm=f"optimagic's {name}: its documentation has the algorithm",
        source=f"optimagic {version()}",
    )
    return made  # type: ignore[no-any-return]
