"""Files of a user's own that several tests write."""

import textwrap
from pathlib import Path

VALLEY = """
    from dataclasses import dataclass
    from stepbench import Problem, param

    @dataclass(frozen=True)
    class Valley(Problem):
        '''A narrow curved valley.'''

        b: float = param(100.0, "b", "steepness", "(0, inf)")
        a: float = 1.0

        x0 = (-1.0, 0.0)
        x_star = (1.0, 1.0)
        f_star = 0.0

        def f(self, x):
            return (x[0] - self.a) ** 2 + self.b * (x[1] - x[0] * x[0]) ** 2
    """

RULE = """
    from dataclasses import dataclass
    from typing import NamedTuple
    from stepbench import StepSize, param
    from stepbench.fields import Scalar

    class State(NamedTuple):
        alpha: float

    @dataclass(frozen=True)
    class Rule(StepSize):
        lr: Scalar = param(0.001, "α", "step size", "(0, inf)")
        eps: float = 0.5

        def init(self, x):
            return State(self.lr)

        def move(self, x, u, oracle, s):
            return x - s.alpha * u, s
    """

HEAD = "import numpy as np\nfrom stepbench import Problem, StepSize, param\n"


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path
