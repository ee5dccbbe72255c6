"""What a method may ask of a problem, whoever answers: the counting oracle of a run, or a training loop in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stepbench.arrays import Array, PerRun, Points


class AnyOracle(Protocol):
    """A problem as one run sees it. Every answer within a step is about the same random sample, where there is one.

    A question asked twice at the same point costs one evaluation. Points are never changed in place, so the same array
    is the same point. Raises InputError for what cannot be answered; a method declares in ``needs`` what it asks beyond
    f and its gradient, so that such a run is refused before it starts.
    """

    def value(self, w: Points, where: Array | None = None) -> PerRun:
        """f(w), (R,). With a mask ``where``, (R,), only the runs in it are charged."""

    def grad(self, w: Points, where: Array | None = None) -> Points:
        """The gradient at w, (d, R). With a mask ``where``, (R,), only the runs in it are charged."""

    def curvature(self, w: Points) -> Points:
        """The diagonal of the Hessian at w, (d, R); not charged."""

    def hvp(self, w: Points, v: Points) -> Points:
        """The Hessian at w times v, (d, R); charged as one gradient evaluation, or two where it is a difference."""

    def dot(self, a: Points, b: Points) -> Array:
        """The inner product of what counts as one vector: (R,) per run; (d, R) per tensor or per component."""

    def gaussian(self, w: Points, draw: int) -> Points:
        """Standard normal vectors, (d, R), the same for every run; ``draw`` tells one from another."""

    def another_start(self, w: Points, draw: int) -> Points:
        """Points drawn as the start of a run is, (d, R), the same for every run; ``draw`` tells one from another.

        A method that asks declares the need "random_start".
        """

    def repeat(self, attempt: Callable[..., Sequence[Array]], searching: Array, *tried: Array) -> list[Array]:
        """Make an attempt again and again, while any run is searching: ``arrays.repeat``.

        A search that is written so can be compiled; what it asks the oracle must be about points of the attempt's own.
        """

    def refuse(self, where: Array, why: str) -> None:
        """Say in words why some runs, a mask (R,), cannot take this step: each ends before it, and the others go on."""

    @property
    def f_star(self) -> float:
        """The minimum of f."""

    @property
    def L(self) -> float:
        """The smoothness constant of f: ∇f has this Lipschitz constant. A method that asks declares the need "L"."""

    @property
    def condition(self) -> float | None:
        """The condition number L/μ, where the problem declares both."""

    @property
    def fraction(self) -> float:
        """The part b/n of the data that a step sees; 1 where f is not a finite sum."""

    @property
    def horizon(self) -> int:
        """The number of steps that the run may take."""
