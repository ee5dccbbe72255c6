"""What a problem is: a function to minimise, with what is known of it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from stepbench import derivatives
from stepbench.arrays import Array, PerRun, Points, dot, like
from stepbench.fields import InputError, Parametric

Vector = np.ndarray[Any, Any]
Window = tuple[tuple[float, float], tuple[float, float]]


class Function(Protocol):
    """What a step sees of a problem: the problem itself, or a random sample of it."""

    def f(self, w: Points) -> PerRun:
        """The function: (d, R) -> (R,)."""

    def grad(self, w: Points) -> Points:
        """Its gradient: (d, R) -> (d, R)."""

    def hessian(self, w: Points) -> Array:
        """Its Hessian: (d, R) -> (d, d, R)."""


@dataclass(frozen=True)
class Problem(Parametric):
    """A function to minimise. A problem file holds one frozen dataclass that derives from this one.

    The docstring's first line is the problem's line in ``stepbench list``; its body gives the formula. A subclass
    gives ``x0`` and ``f``, mostly ``grad``, and whatever else is known; what stays None is unknown. A vector that is
    a constant of the class may be written as a tuple.
    """

    one_point_at_a_time: ClassVar[bool] = False
    """Whether the class writes f, grad and hessian for one point, (d,) -> a number, (d,) and (d, d).

    They are then asked about each run on its own, which is slower, but needs no thought of axes.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Make vectors of the tuples ``x0`` and ``x_star``; ask one point at a time where the class says so."""
        super().__init_subclass__(**options)
        if cls.one_point_at_a_time:
            for name in ("f", "grad", "hessian"):
                if name in vars(cls):
                    setattr(cls, name, _asked_of_each(vars(cls)[name]))
        for name in ("x0", "x_star"):
            value = vars(cls).get(name)
            if isinstance(value, tuple | list | np.ndarray) and name not in vars(cls).get("__annotations__", {}):
                setattr(cls, name, _constant(value))

    # What a file gives ------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def x0(self) -> Vector:
        """The customary start, (d,)."""

    @abstractmethod
    def f(self, w: Points) -> PerRun:
        """The function: (d, R) -> (R,)."""

    def grad(self, w: Points) -> Points:
        """Its gradient: (d, R) -> (d, R). Where a problem leaves it out, it is derived from f."""
        return self._take_gradient(self.f, w)

    def hessian(self, w: Points) -> Array:
        """Its matrix of second derivatives: (d, R) -> (d, d, R). Left out, it is derived from the gradient."""
        return self._take_hessian(self.grad, w)

    @property
    def f_star(self) -> float | None:
        """The minimum, where it is known."""
        return None

    @property
    def x_star(self) -> Vector | None:
        """The minimiser, (d,), where it is known; (d, m) where there are m."""
        return None

    @property
    def local_minima(self) -> tuple[float, ...]:
        """The values of other minima, where they are known; a value may be approached only at infinity."""
        return ()

    @property
    def mu(self) -> float | None:
        """Strong convexity: a lower bound on the Hessian's eigenvalues everywhere, above 0."""
        return None

    @property
    def L(self) -> float | None:
        """Smoothness: the Lipschitz constant of the gradient."""
        return None

    @property
    def smoothness(self) -> str:
        """How smooth f is: C∞, or C¹ where its Hessian jumps, C⁰ where its gradient does, C⁻¹ where it does itself."""
        return "C∞"

    @property
    def view(self) -> Window | None:
        """The window to draw, ((left, right), (bottom, top)), where there are two parameters."""
        return None

    @property
    def domain(self) -> Sequence[tuple[float, float]] | None:
        """Between what bounds, (low, high) for each of the d parameters, f is defined; None where it is everywhere.

        The bounds themselves are outside. Starts lie inside, those that are drawn too; a run may leave it, and is then
        lost as its f says.
        """
        return None

    @property
    def source(self) -> str:
        """Where the problem comes from."""
        return ""

    @property
    def stochastic(self) -> bool:
        """Whether each step sees a random sample of the function, drawn by ``sample``."""
        return False

    def sample(self, rng: np.random.Generator, step: int) -> Function:
        """What the given step, 1 or later, sees: a random function whose expectation is ``at(step - 1)``."""
        raise NotImplementedError

    def at(self, step: int) -> Function:
        """The function as it stands after so many steps: this one, unless the problem drifts."""
        return self

    # What only the bench asks; every question has an answer here, and a network gives its own -------------------------

    in_numpy: ClassVar[bool] = True
    """Whether runs move NumPy arrays, of which every one is recorded; a network's weights are tensors, and are not."""

    checks: ClassVar[str] = "functions"
    """The module of ``stepbench.conformance`` whose checks judge it."""

    samples_give: ClassVar[tuple[str, ...]] = ("f", "grad", "hessian")
    """The questions that a sample answers; the last one only where ``supplies`` has Hessian-vector products."""

    f_means: ClassVar[str] = ""
    """What f is, where it is more than a function's value, such as a training loss; empty elsewhere."""

    accuracy_means: ClassVar[str] = "accuracy"
    """What the accuracy is, where there is one."""

    @property
    def unchanged(self) -> Problem:
        """The problem that this one changes, as ``rosenbrock@rotate=30`` does rosenbrock; itself where it is none."""
        return self

    @property
    def libraries(self) -> dict[str, str]:
        """The libraries beyond NumPy, with their versions, on which the bits of its runs depend."""
        return {}

    @property
    def supplies(self) -> frozenset[str]:
        """What a method may need beyond f and its gradient, and this problem has, such as f_star, L or hvp."""
        known = {"f_star"} if self.f_star is not None else set()
        if self.L is not None:
            known |= {"L"}
        if self.random_start:
            known |= {"random_start"}
        if not self.stochastic or type(self).hessian is not Problem.hessian:
            known |= {"curvature", "hvp"}
        return frozenset(known)

    @cached_property
    def _take_gradient(self) -> derivatives.Derivative:
        return derivatives.derived(self.f, self.x0, self.moved_within)

    @cached_property
    def _take_hessian(self) -> derivatives.Derivative:
        return derivatives.derived(self.grad, self.x0, self.moved_within)

    @property
    def derived(self) -> tuple[str, ...]:
        """What the bench derives because the problem leaves it out: "grad", "hessian"."""
        return tuple(name for name in ("grad", "hessian") if getattr(type(self), name) is getattr(Problem, name))

    def derivation(self, name: Literal["grad", "hessian"]) -> str:
        """By what it derives one of them, in words; where these are differences, with the reason why."""
        function, way = (self.f, self._take_gradient) if name == "grad" else (self.grad, self._take_hessian)
        if way is derivatives.complex_step:
            return "the complex step"
        return f"central differences ({derivatives.obstacle(function, self.x0, self.moved_within)})"

    @property
    def conditioning(self) -> float | None:
        """The Hessian's condition number λmax/λmin at the (first) minimiser; infinite where it is singular there.

        None where the minimiser is unknown, or f has kinks.
        """
        twice = "grad" in self.derived and len(self.x0) > 50  # it would take minutes
        if self.x_star is None or self.smoothness in ("C⁰", "C⁻¹") or twice:
            return None
        w = np.reshape(self.x_star, (len(self.x_star), -1))[:, :1]
        eigenvalues = np.linalg.eigvalsh(self.hessian(np.repeat(w, 2, axis=1))[:, :, 0])
        largest = float(eigenvalues[-1])
        rounding = len(eigenvalues) * np.finfo(float).eps * largest
        return largest / float(eigenvalues[0]) if eigenvalues[0] > rounding else math.inf

    @property
    def tensors(self) -> tuple[int, ...]:
        """The sizes of the tensors that w is made of: a function has one; a network, those of weights and biases."""
        return (self.x0.size,)

    @property
    def learners(self) -> tuple[int, ...]:
        """The sizes of the parts of w that are trained each for itself, such as an actor and a critic: one, mostly.

        Where there are several, f of a sample has the value of its own part in every component, (d, R).
        """
        return (self.x0.size,)

    def within(self, w: Vector) -> Vector:
        """Which of the points (d, R) lie in the domain, (R,); raises InputError where that is not d pairs."""
        if self.domain is None:
            return np.ones(w.shape[1], dtype=bool)
        try:
            bounds = np.array(self.domain, dtype=float)
        except (TypeError, ValueError):
            bounds = np.empty(0)
        if bounds.shape != (len(w), 2) or not (bounds[:, 0] < bounds[:, 1]).all():
            raise InputError(
                f"{self}: domain must be a pair (low, high), low < high, for each of its {len(w)} parameters; inf and "
                f"-inf are no bounds"
            )
        return np.asarray(((bounds[:, :1] < w) & (w < bounds[:, 1:])).all(axis=0))

    def moved_within(self, w: Vector, way: Vector) -> Vector:
        """The points w + way, (d, R), where w lie in the domain; a way that leaves it is halved until it does not."""
        while self.domain is not None and way.any() and not (inside := self.within(w + way)).all():
            way = np.where(inside, way, way / 2)
        return w + way

    # Its random numbers

    @property
    def sampling(self) -> Literal["none", "batches", "stream"]:
        """What steps see: all of f, mini-batches of data, or a stream of which no two samples are the same."""
        return "stream" if self.stochastic else "none"

    @property
    def faithful(self) -> bool:
        """Whether a step sees a function and its derivatives, whose mean is f; not so where answers are damaged."""
        return True

    @property
    def fraction(self) -> float:
        """The part b/n of the data that a step sees: 1 unless the problem is a finite sum drawn in batches."""
        return 1.0

    @property
    def reuse(self) -> int:
        """How many steps in a row see the same sample."""
        return 1

    @property
    def random_start(self) -> bool:
        """Whether the start depends on the seed, as a network's weights do."""
        return False

    @property
    def seeded(self) -> bool:
        """Whether its runs differ from seed to seed, even without noise."""
        return self.stochastic or self.random_start

    def start(self, seed: int) -> Vector:
        """The start of a run with this seed, (d,)."""
        return self.x0

    def carry(self, seed: int, runs: int) -> Points | None:
        """What R runs with this seed carry from step to step beside their points, as they begin, (b, R); mostly None.

        Such are the running means of a network's batch norm. ``draw`` is given what the step before left, and what it
        draws has as ``carried`` what its own step leaves, by the first question that is asked of it.
        """
        return None

    def draw(self, seed: int, step: int, w: Points | None, carried: Points | None = None) -> Function:
        """What the given step, 1 or later, of a run with this seed sees: ``sample`` from that step's own numbers.

        ``w`` (d, R) is where the step begins; it matters only where data come from trying w out. ``carried`` is what
        the runs carry, as ``carry`` says.
        """
        return self.sample(np.random.default_rng((seed, step)), step)

    # Its runs

    @property
    def goal(self) -> float:
        """The error that a study asks for where none is given."""
        return 1e-6

    @property
    def lanes(self) -> int | None:
        """How many runs of a study go in lock-step; None where their size decides."""
        return None

    @property
    def every(self) -> int:
        """Steps from one record of a run to the next, where no number is given."""
        return 1

    def as_points(self, x: Vector) -> Points:
        """Points, (d, R), as the arrays that methods move; raises InputError where the problem cannot be run here."""
        return x

    def as_array(self, values: Vector) -> Array:
        """An array that a checkpoint kept, as the kind of array that methods move."""
        return values

    def at_work(self) -> AbstractContextManager[None]:
        """Within it, the machine is set as the problem needs it."""
        return nullcontext()

    def hvp(self, sample: Function, w: Points, v: Points) -> Points:
        """The Hessian at w of what a step sees, times v, (d, R)."""
        return (like(sample.hessian(w), w) * v[None]).sum(1)

    def look_at(self, points: Sequence[Points], steps: Sequence[int], carried: Sequence[Any]) -> dict[str, Vector]:
        """What is recorded of n points (d, R), each as it stood after its step, with what the runs carried then.

        Here these are ``x`` (n, d, R), ``f`` and ``gradient_norm`` (n, R): one call of f, and one of its gradient, for
        all the points together. f and the norm are NaN where a point is not finite.
        """
        x = np.stack(points, axis=1)
        d, n, R = x.shape
        columns = x.reshape(d, n * R)
        finite = np.isfinite(columns)
        lost = None if finite.all() else ~finite.all(axis=0)
        f, g = self._values(columns if lost is None else np.where(lost, np.resize(self.x0, d)[:, None], columns), steps)
        f = f if lost is None else np.where(lost, math.nan, f)
        norm = np.sqrt(dot(g, g))
        return {"x": x.transpose(1, 0, 2), "f": f.reshape(n, R), "gradient_norm": norm.reshape(n, R)}

    def _values(self, columns: Vector, steps: Sequence[int]) -> tuple[Vector, Vector]:
        """f and its gradient at the points of these steps; where the problem drifts, as it stood then."""
        stages = [self.at(step) for step in steps]
        if all(stage is self for stage in stages):
            return self.f(columns), self.grad(columns)
        parts = [np.ascontiguousarray(part) for part in np.split(columns, len(steps), axis=1)]
        f = [stage.f(part) for stage, part in zip(stages, parts, strict=True)]
        g = [stage.grad(part) for stage, part in zip(stages, parts, strict=True)]
        return np.concatenate(f), np.concatenate(g, axis=1)

    def recorded_step_sizes(self, alpha: Array) -> Any:
        """The step sizes of a step as they are recorded: one per run, (R,), or also per component, (d, R)."""
        return alpha

    def step_size_names(self, n: int) -> Sequence[str]:
        """How each of n step sizes is called in a legend."""
        return [f"α({i + 1})" for i in range(n)] if n > 1 else ["α"]


def _asked_of_each(function: Any) -> Any:
    """A method that answers about one point, (d,), as one that answers about points (d, R), each on its own."""

    @wraps(function)
    def of_all(self: Problem, w: Points) -> Any:
        ask = function.__get__(self, type(self))
        if np.ndim(w) == 1:  # another of these methods asks
            return ask(w)
        # Each point is an array of its own, so that its sums have the same bits in every batch.
        return np.stack([np.asarray(ask(w[:, r].copy())) for r in range(w.shape[1])], axis=-1)

    return of_all


def _constant(value: Any) -> Any:
    """Numbers as a read-only array; anything else as it is, to be refused where it is used."""
    try:
        vector = np.array(value, dtype=float)
    except (TypeError, ValueError):
        return value
    vector.flags.writeable = False
    return vector


@dataclass(frozen=True)
class FiniteSum(Problem):
    """A problem that is a sum over data, from which each step may draw a mini-batch: its f is ``subset`` of all."""

    @property
    @abstractmethod
    def terms(self) -> int:
        """The number of terms in the sum."""

    @property
    @abstractmethod
    def batch_size(self) -> int | None:
        """Terms drawn per step; None for all of them."""

    @abstractmethod
    def subset(self, index: Vector) -> Function:
        """The sum over the chosen terms, scaled by terms / len(index) so that its expectation is the whole."""

    @cached_property
    def whole(self) -> Function:
        """The sum over all terms."""
        return self.subset(np.arange(self.terms))

    def f(self, w: Points) -> PerRun:
        """The sum over all terms."""
        return self.whole.f(w)

    def grad(self, w: Points) -> Points:
        """Its gradient."""
        return self.whole.grad(w)

    @property
    def stochastic(self) -> bool:
        """True where a step draws fewer terms than there are."""
        return self.batch_size is not None and self.batch_size < self.terms

    @property
    def sampling(self) -> Literal["none", "batches", "stream"]:
        """Mini-batches, or all of its terms as one."""
        return "batches"

    @property
    def fraction(self) -> float:
        """The part b/n of the data in a mini-batch."""
        return self.batch_size / self.terms if self.batch_size else 1.0

    def sample(self, rng: np.random.Generator, step: int) -> Function:
        """The sum over a mini-batch drawn uniformly, without repetition within the batch."""
        return self.subset(rng.choice(self.terms, size=self.batch_size, replace=False))
