"""SciPy's minimisers, as peers."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Peer
from stepbench.fields import InputError, param


def regular_simplex(w: Array, side: float) -> Array:
    """The d + 1 corners, one in each row, of a simplex whose edges all have the length ``side``; w, (d,), is the first.

    Spendley, Hext & Himsworth 1962.
    """
    d = len(w)
    p, q = (side * (np.sqrt(d + 1) + more) / (d * np.sqrt(2)) for more in (d - 1, -1))
    return np.vstack([w, w + q + (p - q) * np.eye(d)])


@dataclass(frozen=True)
class SciPy(Peer):
    """SciPy's minimisers: scipy:bfgs, scipy:nelder-mead, ….

    Algorithm
        scipy.optimize.minimize(f, w₀, method=solver, jac=∇f, tol=tol); one record per iteration of the solver
        nelder-mead begins with w₀ and, for each component, w₀ with this component 5 % larger (2.5e-4 where it is 0);
        with side it begins with a regular simplex: w₀, and w₀ + q + (p − q) e_i for each unit vector e_i, where
            p = side (√(d+1) + d − 1)/(d √2),  q = side (√(d+1) − 1)/(d √2)

    Source
        SciPy: Virtanen et al., SciPy 1.0, Nature Methods 2020; each solver's page names its own. The regular simplex
        is that of Spendley, Hext & Himsworth, Technometrics 1962.

    Deviations
        SciPy's own stopping tolerances are set to tol, so that no solver stops far above the target that the other
        methods are run to. Where a solver stops by itself, the status says so.
    """

    solver: Literal["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"] = param("bfgs", "", "the solver")
    tol: float = param(1e-15, "", "the solver's own tolerance for stopping", "(0, inf)")
    side: float | None = param(
        None,
        "",
        "the edges of nelder-mead's first simplex, where it is to be regular; none for SciPy's own",
        "(0, inf)",
    )

    def __post_init__(self) -> None:
        """Refuse a first simplex for a solver that has none."""
        super().__post_init__()
        if self.side is not None and self.solver != "nelder-mead":
            raise InputError(f"{self} begins with no simplex: leave out side, or take scipy:nelder-mead")

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
            options={"maxiter": oracle.horizon}
            | ({"maxfun": sys.maxsize} if self.solver == "l-bfgs-b" else {})
            | ({} if self.side is None else {"initial_simplex": regular_simplex(w[:, 0], self.side)}),
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
