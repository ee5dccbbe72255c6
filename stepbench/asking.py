"""What a method may ask while it takes a step."""

from __future__ import annotations

from typing import Protocol

from stepbench.arrays import Array


class Oracle(Protocol):
    """Answers the questions of a method, and counts them.

    On the bench the answers come from a problem; in a training loop they come from the closure and the gradients. A
    point, a gradient and a direction have shape (d, R): d parameters in each of R runs. A number per run has shape
    (R,). Points are never changed in place, so that the same array is the same point.

    Every method may ask for the value, the gradient and inner products. A method that asks for ``f_star``,
    ``curvature`` or ``hvp`` says so in its ``needs``. An oracle that cannot answer a question raises InputError.
    """

    @property
    def horizon(self) -> int:
        """The number of steps that the run may take; 0 where it is not known."""

    @property
    def fraction(self) -> float:
        """The part b/n of the data that a step sees; 1 where f is not a finite sum."""

    @property
    def condition(self) -> float | None:
        """The condition number L/μ of the problem; None where it is not known."""

    @property
    def f_star(self) -> float:
        """The minimum of f."""

    def value(self, w: Array, /, where: Array | None = None) -> Array:
        """f(w), (R,). With a mask ``where``, (R,), the evaluation is counted for the runs in the mask only."""

    def grad(self, w: Array, /, where: Array | None = None) -> Array:
        """The gradient at w, (d, R). With a mask ``where``, (R,), it is counted for the runs in the mask only."""

    def dot(self, a: Array, b: Array, /) -> Array:
        """The inner product of a and b, both (d, R), over what the method counts as one vector.

        Over a whole run it has shape (R,). Over a tensor it has shape (d, R), with the number of a tensor repeated for
        each of its components. Over single components it is the product a · b, (d, R).
        """

    def curvature(self, w: Array, /) -> Array:
        """The diagonal of the Hessian at w, (d, R). It is not counted."""

    def hvp(self, w: Array, v: Array, /) -> Array:
        """The Hessian at w times v, (d, R)."""

    def gaussian(self, w: Array, draw: int, /) -> Array:
        """Standard normal numbers in the shape of w, (d, R), the same for every run.

        The integer ``draw`` tells one set of numbers from another.
        """

    def elsewhere(self, w: Array, spread: Array, draw: int, /) -> Array:
        """Random points, (d, R), the same for every run: new starts where the problem draws its start at random.

        For other problems they are normal around w with standard deviation ``spread``. The integer ``draw`` tells one
        set of points from another.
        """
