"""SciPy's minimisers, as peers."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stepbench.arrays import Array
from stepbench.contracts import AnyOracle, Peer
from stepbench.fields import param


@dataclass(frozen=True)
class SciPy(Peer):
    """SciPy's minimisers: scipy:bfgs, scipy:nelder-mead, ….

    Algorithm
        scipy.optimize.minimize(f, w₀, method=solver, jac=∇f, tol=tol); one record an iteration of the solver's

    Source
        SciPy: Virtanen et al., SciPy 1.0, Nature Methods 2020; each solver's page names its own.

    Deviations
        SciPy's own stopping tolerances are set to tol, so that a solver does not rest far above the target that the
        others are run to. Where it stops by itself the status says so.
    """

    solver: Literal["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"] = param("bfgs", "", "the solver")
    tol: float = param(1e-15, "", "the solver's own tolerance for stopping", "(0, inf)")

    def minimize(self, x: Array, oracle: AnyOracle, record: Callable[[Array], None]) -> str:
        """Minimise from x, (d, 2); record every iterate."""
        from scipy.optimize import minimize

        def twin(w: Array) -> Array:  # a lone run has the bits of a batch only with a column beside it
            return np.repeat(np.asarray(w, dtype=float)[:, None], 2, axis=1)

        jacobian: Any = {}
        if not self.gradient_free:
            jacobian = {"jac": lambda w: oracle.grad(twin(w))[:, 0]}
        outcome = minimize(
            lambda w: float(oracle.value(twin(w))[0]),
            x[:, 0],
            method=self.solver,
            tol=self.tol,
            callback=lambda w: record(twin(w)),
            # The oracle's budget ends a run, and not a limit of the solver's own.
            options={"maxiter": oracle.horizon} | ({"maxfun": sys.maxsize} if self.solver == "l-bfgs-b" else {}),
            **jacobian,
        )
        record(twin(outcome.x))
        return "" if outcome.success else str(outcome.message)

    @property
    def gradient_free(self) -> bool:
        """True for the simplex method and for Powell's."""
        return self.solver in ("nelder-mead", "powell")

    def __str__(self) -> str:
        """scipy:bfgs."""
        return f"scipy:{self.solver}"
