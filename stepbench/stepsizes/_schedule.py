"""What the schedules share: a step size that depends on the number of the step and on nothing else."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array
from stepbench.contracts import AnyOracle, StepSize


class State(NamedTuple):
    """The step size of the last step, and the number of steps taken."""

    alpha: Array
    k: int


@dataclass(frozen=True)
class Schedule(StepSize):
    """α_k as a function of k = 0, 1, 2 … and, where the schedule has an end, of the run's horizon."""

    elementwise = True

    @abstractmethod
    def at(self, k: int, horizon: int, last: Array) -> Array:
        """The step size of step k, in a run of ``horizon`` steps, after the step size ``last``."""

    def init(self, x: Array) -> State:
        """No step taken."""
        return State(0.0, 0)

    def move(self, x: Array, u: Array, oracle: AnyOracle, s: State) -> tuple[Array, State]:
        """w ← w − α_k u."""
        alpha = self.at(s.k, oracle.horizon, s.alpha)
        return x - alpha * u, State(alpha, s.k + 1)
