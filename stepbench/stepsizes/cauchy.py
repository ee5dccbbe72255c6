"""Exact line search on the local quadratic model."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class Cauchy(StepSize):
    """Steps to the lowest point of the quadratic along the direction.

    Algorithm
        α = ⟨g, u⟩ / ⟨u, ∇²f u⟩;  where ⟨u, ∇²f u⟩ ≤ 0, the last α;  lr before the first
        w ← w − α u

    Needs
        A Hessian-vector product at each step, charged as one gradient evaluation.

    Source
        Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847; the form for quadratics
        in Nocedal & Wright, Numerical optimization, 2006, eq. 3.26.

    Deviations
        Cauchy goes to the lowest point of f itself along the gradient. The two are one where f is quadratic; elsewhere
        the step is the minimum of the quadratic model, and nothing makes sure that f falls. Where the model has no
        minimum the last step size is kept, which is the bench's.
    """

    needs = ("hvp",)

    lr: Scalar = param(0.001, "α₀", "step size before the model first has a minimum", "(0, inf)", search="1e-6:10:log")

    def init(self, w: Points) -> State:
        """α = lr."""
        return State(per_run(self.lr, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The model's lowest point along u."""
        bend = oracle.dot(u, oracle.hvp(w, u))
        alpha = where(bend > 0, ratio(oracle.dot(oracle.grad(w), u), bend), s.alpha)
        return w - alpha * u, State(alpha)
