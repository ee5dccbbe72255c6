"""SciPy's minimisers, as peers."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Peer
from stepbench.fields import param


@dataclass(frozen=True)
class SciPy(Peer):
    """SciPy's minimisers: scipy:bfgs, scipy:nelder-mead, ….

    Algorithm
        scipy.optimize.minimize(f, w₀, method=solver, jac=∇f, tol=tol); one record per iteration of the solver

    Source
        SciPy: Virtanen et al., SciPy 1.0, Nature Methods 2020; each solver's page names its own.

    Deviations
        SciPy's own stopping tolerances are set to tol, so that no solver stops far above the target that the other
        methods are run to. Where a solver stops by itself, the status says so.
    """

    solver: Literal["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"] = param("bfgs", "", "the solver")
    tol: float = param(1e-15, "", "the solver's own tolerance for stopping", "(0, inf)")

    def minimize(self, w: Points, oracle: AnyOracle, record: Callable[[Array], None]) -> str:
        """Minimise from w, (d, 2), and record every iterate."""
        from scipy.optimize import minimize

        def twin(flat: Array) -> Array:  # two equal columns: NumPy may round a single column differently
            return np.repeat(np.asarray(flat, dtype=float)[:, None], 2, axis=1)

        jacobian: Any = {}
        if not self.gradient_free:
            jacobian = {"jac": lambda flat: oracle.grad(twin(flat))[:, 0]}
        outcome = minimize(
            lambda flat: float(oracle.value(twin(flat))[0]),
            w[:, 0],
            method=self.solver,
            tol=self.tol,
            callback=lambda flat: record(twin(flat)),
            # The oracle's budget ends a run, not the solver's own limit.
            options={"maxiter": oracle.horizon} | ({"maxfun": sys.maxsize} if self.solver == "l-bfgs-b" else {}),
            **jacobian,
        )
        record(twin(outcome.x))
        return "" if outcome.success else str(outcome.message).strip(" .:")

    @property
    def gradient_free(self) -> bool:
        """True for Nelder and Mead's method and for Powell's."""
        return self.solver in ("nelder-mead", "powell")

    def __str__(self) -> str:
        """The spec, such as scipy:bfgs."""
        return f"scipy:{self.solver}"
