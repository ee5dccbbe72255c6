"""The contracts: what a problem is, what a method is, and what a method may ask. A file of your own derives from these.

A problem is a function to minimise. A method is w ← w − α u, a direction u times a step-size rule α, joined; or a
whole that does not split so.
"""

from stepbench.contracts.changes import Changed, parameters
from stepbench.contracts.counting import Mark, Oracle, Spent
from stepbench.contracts.least_squares import LeastSquares, LinearFit, LinearLeastSquares
from stepbench.contracts.method import NEEDS, Direction, Joined, Method, Peer, Runnable, State, StepSize
from stepbench.contracts.oracle import AnyOracle
from stepbench.contracts.problem import FiniteSum, Function, Problem, Vector, Window
from stepbench.contracts.settings import (
    changed,
    hyperparameters,
    in_library,
    same,
    unbatched,
    values_of,
    varying,
    with_arrays,
    with_values,
)

__all__ = [
    "NEEDS",
    "AnyOracle",
    "Changed",
    "Direction",
    "FiniteSum",
    "Function",
    "Joined",
    "LeastSquares",
    "LinearFit",
    "LinearLeastSquares",
    "Mark",
    "Method",
    "Oracle",
    "Peer",
    "Problem",
    "Runnable",
    "Spent",
    "State",
    "StepSize",
    "Vector",
    "Window",
    "changed",
    "hyperparameters",
    "in_library",
    "parameters",
    "same",
    "unbatched",
    "values_of",
    "varying",
    "with_arrays",
    "with_values",
]
