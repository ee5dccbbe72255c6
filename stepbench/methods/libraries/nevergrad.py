"""nevergrad's optimizers, which ask for f alone, as peers: nevergrad:NGOpt, nevergrad:CMA, …."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Peer, Spent
from stepbench.fields import InputError
from stepbench.methods.libraries import _foreign


@dataclass(frozen=True)
class Nevergrad(_foreign.ForeignParts, Peer):
    """One optimizer of nevergrad, which is asked for points and told their f; the best point so far is its iterate."""

    @property
    def gradient_free(self) -> bool:
        """True: it asks for f alone."""
        return True

    def minimize(self, w: Points, oracle: AnyOracle, record: Callable[[Points], None]) -> str:
        """Minimise from w, (d, 2), and record the best point whenever there is a better one."""
        import nevergrad

        space = nevergrad.p.Array(init=w[:, 0])
        seed = np.float64(oracle.gaussian(w, 0)[0, 0]).view(np.uint64)
        space.random_state.seed(int(seed) % (1 << 32))
        best = np.inf
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                optimizer = nevergrad.optimizers.registry[self.optimizer](space, budget=oracle.horizon)
                for _ in range(oracle.horizon):
                    asked = optimizer.ask()
                    at: Array = np.repeat(np.asarray(asked.value, dtype=float)[:, None], 2, axis=1)
                    f = float(oracle.value(at)[0])
                    if f < best:
                        best = f
                        record(at)
                    optimizer.tell(asked, f)
            except (Spent, InputError):
                raise
            except Exception as error:
                raise InputError(f"{self.name} broke off: {type(error).__name__}: {error}") from None
        return "the next step would pass the budget"


def version() -> str:
    """The version of nevergrad that is installed."""
    return _foreign.version("nevergrad", "peers")


@cache
def names() -> tuple[str, ...]:
    """The optimizers of its registry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(
            sorted(_foreign.require("nevergrad", "nevergrad", "peers", "1.0").optimizers.registry, key=str.lower)
        )


def _without_parameters() -> None:
    """The signature of an optimizer that is made without any."""


@cache
def load(name: str) -> type:
    """The class of one of them; raises InputError where it needs what the bench lacks."""
    made: Any = _foreign.made(
        Nevergrad,
        "nevergrad",
        name,
        _without_parameters,
        algorithm=f"nevergrad's {name}: f is asked at the points that it proposes, the budget of the run is its own",
        source=f"nevergrad {version()}",
    )
    return made  # type: ignore[no-any-return]
