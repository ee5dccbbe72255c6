"""What the schedules share: a step size that depends on the step's number alone."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param
from stepbench.stepsizes import _window


class State(NamedTuple):
    """The step size of the last step, and the number of steps taken."""

    alpha: Array
    k: int


@dataclass(frozen=True)
class Schedule(StepSize):
    """α_k as a function of k = 0, 1, 2, … and, where the schedule has an end, of the horizon, the run's steps.

    With part=1 a schedule goes by epochs: k, the horizon, and all that a schedule counts in steps are then epochs.

    A schedule's text is in the verbs of ``arrays``, with no ``if`` on k, so that kernels can be made of it.
    """

    elementwise = True

    part: float | None = param(
        None, "", "part of an epoch for each step of the schedule; none for one step", "(0, inf)"
    )

    @abstractmethod
    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """The step size of step k, in a run of ``horizon`` steps, after the step size ``last``."""

    def unit(self, oracle: AnyOracle) -> Array:
        """What the step sizes are in units of: 1, but for schedules that the smoothness of f scales."""
        return 1

    def init(self, w: Points) -> State:
        """No step is taken yet."""
        return State(0.0, 0)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """w ← w − α_k u."""
        if self.part is None:
            alpha = self.step_size(s.k, oracle.horizon, s.alpha) * self.unit(oracle)
        else:
            steps = _window.steps_of(None, self.part, oracle.fraction)
            next_size = self.step_size(s.k // steps, -(-oracle.horizon // steps), s.alpha) * self.unit(oracle)
            alpha = where(s.k % steps == 0, next_size, s.alpha)
        return w - alpha * u, State(alpha, s.k + 1)


@dataclass(frozen=True)
class ScheduleOfL(Schedule):
    """A schedule in units of 1/L, where ∇f has the Lipschitz constant L."""

    needs = ("L",)

    L: Scalar | None = param(None, "L", "the smoothness constant of f; none to ask the problem", "(0, inf)")

    def unit(self, oracle: AnyOracle) -> Array:
        """1/L."""
        return 1 / (oracle.L if self.L is None else self.L)
