"""Cauchy's method: exact line search on the local quadratic model."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, where
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class Cauchy(Method):
    """Goes to the lowest point of the model along −g.

    Algorithm
        α = ⟨g, g⟩ / ⟨g, ∇²f g⟩;  where ⟨g, ∇²f g⟩ ≤ 0, the last α;  lr before the first
        w ← w − α g

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

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The model's lowest point along the gradient."""
        g = oracle.grad(w)
        bend = oracle.dot(g, oracle.hvp(w, g))
        alpha = where(bend > 0, ratio(oracle.dot(g, g), bend), s.alpha)
        return w - alpha * g, State(alpha)
