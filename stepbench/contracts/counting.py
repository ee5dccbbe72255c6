"""The oracle of a run: it answers a method's questions about the problem, and counts them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from stepbench import arrays
from stepbench.arrays import Array, PerRun, Points
from stepbench.contracts.problem import Function, Problem


class Spent(Exception):  # noqa: N818 - not an error: the run is over
    """The budget ran out in the middle of a step."""


class Mark(NamedTuple):
    """What an oracle has counted and remembers after a step.

    ``f_at`` and ``g_at`` are the last points that f and its gradient were asked at, ``f`` and ``g`` the answers, and
    ``f_paid`` and ``g_paid`` the runs that were charged for them; ``drawn_at`` is where the sample in use was drawn.
    ``carried`` is what the runs carry beside their points (``Problem.carry``). ``refused`` is the first step that a run
    could not take, (R,), 0 while it can, and ``why`` says why, in words.
    """

    step: int
    evals: Any
    fevals: Any
    f_at: Any
    f: Any
    f_paid: Any
    g_at: Any
    g: Any
    g_paid: Any
    drawn_at: Any
    carried: Any
    refused: Any
    why: str


class Oracle:
    """Answers a method's questions about the problem, and counts them.

    A question asked twice at the same point costs one evaluation: the last point is remembered. ``advance`` draws the
    sample of the next step.

    ``step`` is the number of the step under way; ``evals`` and ``fevals`` count gradient and function evaluations: an
    int, or an (R,) array once a method has asked for some runs only. ``refused`` and ``why`` are as in ``Mark``.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        seed: int = 0,
        noise: float = 0.0,
        horizon: int = 1,
        per: str = "run",
        budget: float = math.inf,
        carried: Any = None,
    ) -> None:
        """See a problem through this oracle.

        ``noise`` is the standard deviation of the Gaussian added to each component of the gradient, ``horizon`` the
        number of steps the run may take, and ``per`` what counts as one vector: "run", "tensor" or "component". A
        question that takes every run past the ``budget`` of gradient evaluations raises Spent. ``carried`` is what the
        runs carry as they begin, (b, R), where ``Problem.carry`` gives something.
        """
        self._budget = budget
        self.problem = problem
        self.horizon = horizon
        self.evals: Any = 0
        self.fevals: Any = 0
        self.refused: Any = 0
        self.why = ""
        self.dot: Callable[[Any, Any], Any] = operator.mul if per == "component" else arrays.dot
        sizes = problem.tensors if per == "tensor" else problem.learners
        if per != "component" and len(sizes) > 1:
            self.dot = partial(arrays.dot_per_tensor, sizes)
        self._seed = seed
        self._noise = noise
        self.step = 0
        self._random = problem.stochastic or noise > 0
        self._sample: Function = problem
        self._begun = carried  # what the runs carried before the first sample was drawn
        self._noise_vector: Any = 0.0
        self._d = problem.x0.size if noise else 0
        self._drawn_at: Any = None
        self._f_paid: Any = None
        self._g_paid: Any = None
        self._forget()

    def advance(self, w: Points | None = None) -> None:
        """Go on to the next step: where the problem is random, draw its sample; where it drifts, follow it.

        ``w`` (d, R), where the step begins, is for a problem whose samples depend on it: a policy that is tried out.
        """
        self.step += 1
        if self._random:
            # Addressed by the step's number and not drawn from a running stream, so that any step can be replayed.
            reuse = self.problem.reuse
            if not self.problem.stochastic:
                self._sample = self.problem.at(self.step - 1)
            elif (self.step - 1) % reuse == 0:
                self._sample = self.problem.draw(self._seed, self.step, w, self.carried)
                self._drawn_at = w if reuse > 1 else None
            if self._noise:
                self._noise_vector = self.noise_of(self.step)
            self._forget()
        elif (stage := self.problem.at(self.step - 1)) is not self._sample:  # it drifts
            self._sample = stage
            self._forget()
        else:
            # The last point is still known, and asking there again is free for every run: one that a line search left
            # out at the end, because its own search had ended before, was charged for that point at an earlier trial.
            self._f_paid = self._g_paid = True

    @property
    def carried(self) -> Any:
        """What the runs carry beside their points, (b, R), as the questions so far left it; None for nothing."""
        return None if self._begun is None else getattr(self._sample, "carried", self._begun)

    @property
    def sample(self) -> Function:
        """What the step under way sees of the problem."""
        return self._sample

    @property
    def forgets(self) -> bool:
        """Whether no step knows what the one before it has asked: each sees something else."""
        return self._random or self.problem.at(0) is not self.problem.at(1)

    def mark(self) -> Mark:
        """What it has counted and remembers now."""
        return Mark(
            self.step,
            self.evals,
            self.fevals,
            self._f_at,
            self._f,
            self._f_paid,
            self._g_at,
            self._g,
            self._g_paid,
            self._drawn_at,
            self.carried,
            self.refused,
            self.why,
        )

    def restore(self, mark: Mark) -> None:
        """Go on from there."""
        self.step, self.evals, self.fevals = mark[:3]
        self._f_at, self._f, self._f_paid, self._g_at, self._g, self._g_paid, self._drawn_at = mark[3:10]
        self._sample, self._begun = self.problem, mark.carried
        self.refused, self.why = mark.refused, mark.why
        if not self._random:
            self._sample = self.problem.at(max(self.step - 1, 0))
        elif over := self.step % self.problem.reuse:  # the next step sees what was drawn so many steps ago
            self._sample = self.problem.draw(self._seed, self.step - over + 1, self._drawn_at)

    def _forget(self) -> None:
        self._f_at = self._f = self._g_at = self._g = None

    def value(self, w: Points, where: Array | None = None) -> PerRun:
        """f(w), (R,). With a mask ``where``, (R,), only the runs in it are charged."""
        if w is not self._f_at:
            self._f_at, self._f, self._f_paid = w, self._sample.f(w), None
        due, self._f_paid = _charge(self._f_paid, where)
        self.fevals = self.fevals + due
        return self._f

    def grad(self, w: Points, where: Array | None = None) -> Points:
        """The gradient at w, (d, R). With a mask ``where``, (R,), only the runs in it are charged."""
        if w is not self._g_at:
            g = self._sample.grad(w)
            self._g_at, self._g, self._g_paid = w, g + arrays.like(self._noise_vector, w) if self._noise else g, None
        if where is None and self._g_paid is None:
            self._g_paid = True
            self._spend(1)
            return self._g
        due, self._g_paid = _charge(self._g_paid, where)
        self._spend(due)
        return self._g

    def _spend(self, due: Any) -> None:
        self.evals = self.evals + due
        over = self.evals > self._budget
        if over is True or (over is not False and over.all()):
            raise Spent

    def curvature(self, w: Points) -> Points:
        """The diagonal of the Hessian at w, (d, R). Not charged: a method that needs it says so."""
        return arrays.diagonal(arrays.like(self._sample.hessian(w), w))

    def hvp(self, w: Points, v: Points) -> Points:
        """The Hessian at w times v, (d, R); charged as one gradient evaluation."""
        self._spend(1)
        return self.problem.hvp(self._sample, w, v)

    def noise_of(self, step: int) -> Points:
        """What noise adds to every gradient of a step, (d, 1): the same for every run, and whenever it is asked for."""
        rng = np.random.default_rng((self._seed, step, 1))
        return self._noise * rng.standard_normal((self._d, 1))

    def gaussian(self, w: Points, draw: int) -> Points:
        """Standard normal vectors, (d, R), the same for every run; ``draw`` tells one from another."""
        numbers = np.random.default_rng((self._seed, 0, draw)).standard_normal((len(w), 1))
        return 0.0 * w + arrays.like(numbers, w)

    def another_start(self, w: Points, draw: int) -> Points:
        """Points drawn as the start of a run is, (d, R), the same for every run; ``draw`` tells one from another."""
        seed = np.random.SeedSequence((self._seed, 0, draw)).generate_state(1, np.uint64)[0] >> np.uint64(1)
        return 0.0 * w + arrays.like(self.problem.start(int(seed))[:, None], w)

    repeat = staticmethod(arrays.repeat)

    def refuse(self, where: Array, why: str) -> None:
        """Say in words why some runs, a mask (R,), cannot take this step: each ends before it, and the others go on."""
        self.refused = arrays.where(_per_run(where) & (self.refused == 0), self.step, self.refused)
        self.why = why

    @property
    def f_star(self) -> float:
        """The minimum of f. A method that reads it declares the need."""
        assert self.problem.f_star is not None
        return self.problem.f_star

    @property
    def L(self) -> float:
        """The smoothness constant of f. A method that reads it declares the need."""
        assert self.problem.L is not None
        return self.problem.L

    @property
    def condition(self) -> float | None:
        """The condition number L/μ, where the problem declares both."""
        mu, L = self.problem.mu, self.problem.L
        return L / mu if mu and L else None

    @property
    def fraction(self) -> float:
        """The part b/n of the data that a step sees; 1 where f is not a finite sum."""
        return self.problem.fraction


def _per_run(where: Any) -> Any:
    """A mask (R,): where there are several learners, the runs in which one of them is meant."""
    return where.any(0) if where.ndim > 1 else where


def _charge(paid: Any, where: Any) -> tuple[Any, Any]:
    """What a question costs, and who has paid for its point then: None for nobody, True for all, or a mask."""
    where = None if where is None else _per_run(where)
    if paid is None:
        return (1, True) if where is None else (where, where)
    if paid is True:
        return 0, True
    return (~paid, True) if where is None else (where & ~paid, where | paid)
