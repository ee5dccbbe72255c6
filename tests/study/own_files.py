"""Files of a user's own: a rule, a problem that ends its worker, and one that raises."""

RULE = '''
from dataclasses import dataclass
from typing import Any, NamedTuple

from stepbench import param, Problem, StepSize
from stepbench.fields import Scalar


class State(NamedTuple):
    alpha: Any


@dataclass(frozen=True)
class Mine(StepSize):
    """A step size that shrinks by a factor at every step."""

    lr: Scalar = param(0.01, "α", "step size", "(0, inf)")
    keep: float = param(FACTOR, "γ", "what is kept of it", "(0, 1]")

    def init(self, x):
        return State(self.lr)

    def move(self, x, u, oracle, s):
        return x - s.alpha * u, State(s.alpha * self.keep)
'''

DEADLY = '''
import multiprocessing
import os
import signal
from dataclasses import dataclass



@dataclass(frozen=True)
class Deadly(Problem):
    """A bowl that ends the worker it is in."""

    bad: int = 0
    x0 = (1.0, 2.0)
    f_star = 0.0

    def f(self, x):
        if self.bad in (10, 20, 30) and multiprocessing.parent_process() is not None:
            tries = os.path.join(FOLDER, f"tries{self.bad}")
            with open(tries, "a") as file:
                file.write("x")
            if self.bad == 10:
                os._exit(1)
            if self.bad == 20 or os.path.getsize(tries) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        return (x * x).sum(0)

    def grad(self, x):
        return 2.0 * x
'''

RAISING = '''


class Raising(Problem):
    """A bowl that cannot be asked far out."""

    x0 = (1.0, 2.0)
    f_star = 0.0

    def f(self, x):
        if (abs(x) > 50).any():
            raise ArithmeticError("nothing is known beyond 50,\\n ∇f least of all")
        return (x * x).sum(0)

    def grad(self, x):
        return 2.0 * x
'''
