"""What a method is: a direction with a step-size rule, a whole that does not split so, or one that owns its loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from stepbench.arrays import Array, Points
from stepbench.contracts.oracle import AnyOracle
from stepbench.fields import InputError, Parametric, Scalar, param, show_value

State = Any
"""A NamedTuple in the symbols of the paper, with a field ``alpha`` where there is a step size."""

NEEDS = {
    "f_star": ("the minimum f*", "give it as the option f_star"),
    "curvature": ("the Hessian's diagonal", "choose a problem whose samples give their Hessian"),
    "hvp": ("Hessian-vector products", "choose a problem whose samples give their Hessian"),
    "L": ("the smoothness constant L", "give it as the option L"),
    "random_start": ("a start that is drawn at random", "choose a network, or take law=normal"),
}
"""What a method may need beyond f and its gradient, in words, and where else it can come from."""


@dataclass(frozen=True)
class Direction(Parametric):
    """The u in w ← w − α u. Its text reads like its paper; it never changes an array it was given."""

    elementwise: ClassVar[bool] = True
    """Whether each component of u depends on that component of the gradients at w alone."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient: of ``NEEDS``, such as "f_star" or "hvp"."""
        return ()

    @abstractmethod
    def init(self, w: Points) -> State:
        """The state before the first step from w, (d, R)."""

    @abstractmethod
    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The direction u at w, (d, R), and the next state."""


@dataclass(frozen=True)
class StepSize(Parametric):
    """The α in w ← w − α u, and the move itself."""

    per_component: ClassVar[bool] = False
    """Whether its α comes from inner products alone, so that it can have one per component (``per=component``)."""

    per: ClassVar[Literal["run", "tensor"]] = "run"
    """How many step sizes its paper has: one per run, or one per tensor of a network."""

    elementwise: ClassVar[bool] = False
    """Whether each component moves by that component of u and of the gradients at w alone."""

    steady: ClassVar[bool] = False
    """Whether its step size is its ``lr`` at every step, so that another may set it meanwhile."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient: of ``NEEDS``, such as "f_star" or "hvp"."""
        return ()

    @abstractmethod
    def init(self, w: Points) -> State:
        """The state before the first step from w, (d, R)."""

    @abstractmethod
    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The next point w − α u, (d, R), and the next state."""


@dataclass(frozen=True)
class Runnable(Parametric):
    """What a run needs to know of a method, whoever owns the loop: a Method or a Peer."""

    plans: ClassVar[bool] = False
    """Whether some steps hold several moves (planning), to be drawn in another stroke."""

    @property
    def vector(self) -> str:
        """What counts as one vector, whose components inner products sum over: "run", "tensor" or "component"."""
        return "run"

    @property
    def plain(self) -> bool:
        """Whether every step is a step size times the gradient that it sees, so that α can be held against 2/L."""
        return False

    @property
    def gradient_free(self) -> bool:
        """Whether it asks for no gradients, so that evaluations of f are what it is charged for."""
        return False

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient, such as "f_star"; a field of the same name can supply it."""
        return ()

    @property
    def libraries(self) -> dict[str, str]:
        """The libraries beyond NumPy, with their versions, on which the bits of its runs depend."""
        return {}

    @property
    def parts(self) -> tuple[Parametric, ...]:
        """The objects whose fields are the method's hyper-parameters: itself, or its direction and its rule."""
        return (self,)

    def missing(self, supplies: frozenset[str]) -> tuple[str, ...]:
        """The needs that are not among what a problem supplies, and that no field of the same name gives."""
        given = {need for need in self.needs for part in self.parts if getattr(part, need, None) is not None}
        return tuple(need for need in self.needs if need not in supplies | given)


@dataclass(frozen=True)
class Method(Runnable):
    """One step of an optimisation method: state in, state out, nothing else remembered."""

    elementwise: ClassVar[bool] = False
    """Whether each component moves by that component of the gradients at w alone."""

    steady: ClassVar[bool] = False
    """Whether its step size is its ``lr`` at every step, so that another may set it meanwhile."""

    @abstractmethod
    def init(self, w: Points) -> State:
        """The state before the first step from w, (d, R)."""

    @abstractmethod
    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The next point, (d, R), and the next state."""


@dataclass(frozen=True)
class Peer(Runnable):
    """A minimiser that owns its loop and reports every iterate, such as one of another library."""

    @abstractmethod
    def minimize(self, w: Points, oracle: AnyOracle, record: Callable[[Points], None]) -> str:
        """Minimise from w, (d, 2), the same point twice; "" where it succeeded by its own rule, else why it stopped."""


class JoinedState(NamedTuple):
    """The states of a direction and of a step-size rule."""

    u: State
    rule: State

    @property
    def alpha(self) -> Array:
        """The rule's step size."""
        return self.rule.alpha


@dataclass(frozen=True)
class Joined(Method):
    """A direction with a step-size rule: w ← w − α u, or with a decoupled weight decay w ← w − α u − α λ w.

    The decay is that of Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, Algorithm 2; ``adamw``
    is adam+constant:wd=0.01.
    """

    direction: Direction
    rule: StepSize
    per: Literal["run", "tensor", "component"] | None = param(
        None, "", "one step size per run, tensor or component: what inner products sum over; none for the rule's own"
    )
    wd: Scalar | None = param(None, "λ", "weight decay, beside the direction and times α; none for none", "[0, inf)")

    def __post_init__(self) -> None:
        """Refuse several step sizes of a rule that has only one, or that has one per component already."""
        super().__post_init__()
        if self.per in ("tensor", "component") and not self.rule.per_component:
            raise InputError(f"{self.rule.name} cannot have one step size per {self.per}: leave out per={self.per}")

    @property
    def vector(self) -> str:
        """What inner products sum over: as ``per`` says, or as the rule's paper has it."""
        return self.per or self.rule.per

    @property
    def plain(self) -> bool:
        """Whether its direction is the gradient itself, and no decay is beside it."""
        return self.direction.name == "gradient" and self.wd is None

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether both are."""
        return self.direction.elementwise and self.rule.elementwise

    @property
    def steady(self) -> bool:  # type: ignore[override]
        """Whether the rule is."""
        return self.rule.steady

    def init(self, w: Points) -> JoinedState:
        """Both initial states."""
        return JoinedState(self.direction.init(w), self.rule.init(w))

    def step(self, w: Points, oracle: AnyOracle, s: JoinedState) -> tuple[Points, JoinedState]:
        """Ask the direction for u, let the rule move, and decay."""
        u, direction = self.direction.at(w, oracle, s.u)
        moved, rule = self.rule.move(w, u, oracle, s.rule)
        if self.wd is not None:
            if not hasattr(rule, "alpha"):
                raise InputError(
                    f"{self.rule.name} has no step size α, which a weight decay is multiplied by: leave out wd"
                )
            moved = moved - rule.alpha * self.wd * w
        return moved, JoinedState(direction, rule)

    @property
    def needs(self) -> tuple[str, ...]:
        """The needs of both."""
        return self.direction.needs + self.rule.needs

    @property
    def parts(self) -> tuple[Parametric, ...]:
        """The direction, the rule, and the join for its own field."""
        return (self.direction, self.rule, self)

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.direction.name}+{self.rule.name}"

    @property
    def short_name(self) -> str:
        """Both names, but for the direction where it is the plain gradient, and the rule where it is the default."""
        return self._short(self.direction.name, self.rule.name)

    def _short(self, direction: str, rule: str) -> str:
        """The two as texts, without what goes without saying."""
        plain = self.direction.name == "gradient"
        if self.rule.name == "constant":
            return "gd" if plain else direction
        return rule if plain else f"{direction}+{rule}"

    def spec(self) -> str:
        """Both whole specs."""
        return ",".join([f"{self.direction.spec()}+{self.rule.spec()}", *self._own])

    @property
    def _own(self) -> list[str]:
        """Its own fields that are set, as a spec states them."""
        wd = [] if self.wd is None else [f"wd={show_value(self.wd)}"]
        return ([f"per={self.per}"] if self.per else []) + wd

    def __str__(self) -> str:
        """A short name: without the direction where it is the plain gradient, or the rule where it is the default."""
        direction, rule = str(self.direction), str(self.rule)
        own = self._own
        spec, last = self._short(direction, rule), rule
        if self.rule.name == "constant":
            last = spec
            own = [*rule.split(":")[1:], *own]
        return spec + (("," if ":" in last else ":") + ",".join(own) if own else "")
