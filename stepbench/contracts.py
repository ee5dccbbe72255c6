"""The contracts: what a problem is, and what a method is. A file of your own derives from one of these classes.

A problem is a function to minimise. A method is x ← x − α u, a direction u times a step-size rule α, joined; or a
whole that does not split so.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from stepbench import derivatives
from stepbench.arrays import Array, like, per_run
from stepbench.fields import Field, InputError, Parametric, fields_of, nearest, param

if TYPE_CHECKING:
    from stepbench.oracle import Oracle

NEEDS = {
    "f_star": ("the minimum f*", "give it as the option f_star"),
    "curvature": ("the Hessian's diagonal", "choose a problem whose samples give their Hessian"),
    "hvp": ("Hessian-vector products", "choose a problem whose samples give their Hessian"),
}
"""What a method may need beyond f and its gradient, in words, and where else it can come from."""

Vector = np.ndarray[Any, Any]
Window = tuple[tuple[float, float], tuple[float, float]]
State = Any
"""A NamedTuple in the symbols of the paper, with a field ``alpha`` where there is a step size."""


class Function(Protocol):
    """What a step sees of a problem: the problem itself, or a random sample of it."""

    def f(self, x: Array) -> Array:
        """The function: (d, R) -> (R,)."""

    def grad(self, x: Array) -> Array:
        """Its gradient: (d, R) -> (d, R)."""

    def hessian(self, x: Array) -> Array:
        """Its Hessian: (d, R) -> (d, d, R)."""


@dataclass(frozen=True)
class Problem(Parametric):
    """A function to minimise. A problem file holds one frozen dataclass that derives from this one.

    The docstring's first line is the problem's line in ``stepbench list``; its body gives the formula. A subclass
    gives ``x0`` and ``f``, mostly ``grad``, and whatever else is known; what stays None is unknown. A vector that is
    a constant of the class may be written as a tuple.
    """

    def __init_subclass__(cls) -> None:
        """Make vectors of the tuples ``x0`` and ``x_star``."""
        for name in ("x0", "x_star"):
            value = vars(cls).get(name)
            if isinstance(value, tuple | list | np.ndarray) and name not in vars(cls).get("__annotations__", {}):
                setattr(cls, name, _constant(value))

    @property
    @abstractmethod
    def x0(self) -> Vector:
        """The customary start, (d,)."""

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
    def view(self) -> Window | None:
        """The window to draw, ((left, right), (bottom, top)), where there are two parameters."""
        return None

    @property
    def source(self) -> str:
        """Where the problem comes from."""
        return ""

    @abstractmethod
    def f(self, x: Array) -> Array:
        """The function: (d, R) -> (R,)."""

    def grad(self, x: Array) -> Array:
        """Its gradient: (d, R) -> (d, R). Where a problem leaves it out, it is derived from f."""
        return self._take_gradient(self.f, x)

    def hessian(self, x: Array) -> Array:
        """Its matrix of second derivatives: (d, R) -> (d, d, R). Left out, it is derived from the gradient."""
        return self._take_hessian(self.grad, x)

    @cached_property
    def _take_gradient(self) -> derivatives.Derivative:
        return derivatives.derived(self.f, self.x0)

    @cached_property
    def _take_hessian(self) -> derivatives.Derivative:
        return derivatives.derived(self.grad, self.x0)

    @property
    def derived(self) -> tuple[str, ...]:
        """What the bench derives because the problem leaves it out: "grad", "hessian"."""
        return tuple(name for name in ("grad", "hessian") if getattr(type(self), name) is getattr(Problem, name))

    def derivation(self, name: Literal["grad", "hessian"]) -> str:
        """By what it derives one of them, in words."""
        return derivatives.NAMES[self._take_gradient if name == "grad" else self._take_hessian]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle a problem of the catalogue as its spec: its class is loaded from a file and cannot be imported."""
        if type(self).__module__.startswith("stepbench.problems."):
            from stepbench.catalog import problem

            return problem, (self.spec(),)
        return super().__reduce_ex__(protocol)

    @property
    def supplies(self) -> frozenset[str]:
        """What a method may need beyond f and its gradient, and this problem has: f_star, curvature, hvp."""
        known = {"f_star"} if self.f_star is not None else set()
        if not self.stochastic or type(self).hessian is not Problem.hessian:
            known |= {"curvature", "hvp"}
        return frozenset(known)

    @property
    def smoothness(self) -> str:
        """How smooth f is: C∞, or C¹ where its Hessian jumps, C⁰ where its gradient does, C⁻¹ where it does itself."""
        return "C∞"

    @property
    def conditioning(self) -> float | None:
        """The Hessian's condition number λmax/λmin at the (first) minimiser; infinite where it is singular there.

        None where the minimiser is unknown, or f has kinks.
        """
        twice = "grad" in self.derived and len(self.x0) > 50  # it would take minutes
        if self.x_star is None or self.smoothness in ("C⁰", "C⁻¹") or twice:
            return None
        x = np.reshape(self.x_star, (len(self.x_star), -1))[:, :1]
        eigenvalues = np.linalg.eigvalsh(self.hessian(np.repeat(x, 2, axis=1))[:, :, 0])
        largest = float(eigenvalues[-1])
        rounding = len(eigenvalues) * np.finfo(float).eps * largest
        return largest / float(eigenvalues[0]) if eigenvalues[0] > rounding else math.inf

    @property
    def fraction(self) -> float:
        """The part b/n of the data that a step sees: 1 unless the problem is a finite sum drawn in batches."""
        return 1.0

    @property
    def stochastic(self) -> bool:
        """Whether each step sees a random sample of the function, drawn by ``sample``."""
        return False

    def sample(self, rng: np.random.Generator, step: int) -> Function:
        """What the given step, 1 or later, sees: a random function whose expectation is ``at(step - 1)``."""
        raise NotImplementedError

    def draw(self, seed: int, step: int, x: Array | None) -> Function:
        """What the given step, 1 or later, of a run with this seed sees: ``sample`` from that step's own numbers.

        ``x`` (d, R) is where the step begins; it matters only where data come from trying w out.
        """
        return self.sample(np.random.default_rng((seed, step)), step)

    def at(self, step: int) -> Function:
        """The function as it stands after so many steps: this one, unless the problem drifts."""
        return self

    def hvp(self, sample: Function, x: Array, v: Array) -> Array:
        """The Hessian at x of what a step sees, times v, (d, R)."""
        return (like(sample.hessian(x), x) * v[None]).sum(1)

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

    @property
    def goal(self) -> float:
        """The error that a study asks for where none is said."""
        return 1e-6

    @property
    def lanes(self) -> int | None:
        """How many runs of a study go in lock-step; None where their size decides."""
        return None

    @property
    def every(self) -> int:
        """Steps from one record of a run to the next, where none are said."""
        return 1


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
        """Terms drawn a step; None for all of them."""

    @abstractmethod
    def subset(self, index: Vector) -> Function:
        """The sum over the chosen terms, scaled by terms / len(index) so that its expectation is the whole."""

    @cached_property
    def whole(self) -> Function:
        """The sum over all terms."""
        return self.subset(np.arange(self.terms))

    def f(self, x: Array) -> Array:
        """The sum over all terms."""
        return self.whole.f(x)

    def grad(self, x: Array) -> Array:
        """Its gradient."""
        return self.whole.grad(x)

    @property
    def stochastic(self) -> bool:
        """True where a step draws fewer terms than there are."""
        return self.batch_size is not None and self.batch_size < self.terms

    @property
    def fraction(self) -> float:
        """The part b/n of the data in a mini-batch."""
        return self.batch_size / self.terms if self.batch_size else 1.0

    def sample(self, rng: np.random.Generator, step: int) -> Function:
        """The sum over a mini-batch drawn uniformly, without repetition within the batch."""
        return self.subset(rng.choice(self.terms, size=self.batch_size, replace=False))


@dataclass(frozen=True)
class Direction(Parametric):
    """The u in x ← x − α u. Its text reads like its paper; it never changes an array it was given."""

    elementwise: ClassVar[bool] = True
    """Whether each component of u depends on that component of the gradients at x alone."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient: "f_star", "curvature", "hvp"."""
        return ()

    @abstractmethod
    def init(self, x: Array) -> State:
        """The state before the first step from x, (d, R)."""

    @abstractmethod
    def at(self, x: Array, oracle: Oracle, s: State) -> tuple[Array, State]:
        """The direction u at x, (d, R), and the next state."""


@dataclass(frozen=True)
class StepSize(Parametric):
    """The α in x ← x − α u, and the move itself."""

    per_component: ClassVar[bool] = False
    """Whether its α comes from inner products alone, so that it can have one a component (``per=component``)."""

    per: ClassVar[Literal["run", "tensor"]] = "run"
    """How many step sizes its paper has: one a run, or one for each tensor of a network."""

    elementwise: ClassVar[bool] = False
    """Whether each component moves by that component of u and of the gradients at x alone."""

    steady: ClassVar[bool] = False
    """Whether its step size is its ``lr`` at every step, so that another may set it meanwhile."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient: "f_star", "curvature", "hvp"."""
        return ()

    @abstractmethod
    def init(self, x: Array) -> State:
        """The state before the first step from x, (d, R)."""

    @abstractmethod
    def move(self, x: Array, u: Array, oracle: Oracle, s: State) -> tuple[Array, State]:
        """The next point x − α u, (d, R), and the next state."""


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
    def gradient_free(self) -> bool:
        """Whether it asks for no gradients, so that evaluations of f are what it is charged for."""
        return False

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads beyond f and its gradient, such as "f_star"; a field of the same name can supply it."""
        return ()

    @property
    def parts(self) -> tuple[Parametric, ...]:
        """The objects whose fields are the method's hyper-parameters: itself, or its direction and its rule."""
        return (self,)


@dataclass(frozen=True)
class Method(Runnable):
    """One step of an optimisation method: state in, state out, nothing else remembered."""

    elementwise: ClassVar[bool] = False
    """Whether each component moves by that component of the gradients at x alone."""

    steady: ClassVar[bool] = False
    """Whether its step size is its ``lr`` at every step, so that another may set it meanwhile."""

    @abstractmethod
    def init(self, x: Array) -> State:
        """The state before the first step from x, (d, R)."""

    @abstractmethod
    def step(self, x: Array, oracle: Oracle, s: State) -> tuple[Array, State]:
        """The next point, (d, R), and the next state."""


@dataclass(frozen=True)
class Peer(Runnable):
    """A minimiser of another library, which owns its loop and reports every iterate."""

    @abstractmethod
    def minimize(self, x: Array, oracle: Oracle, record: Callable[[Array], None]) -> str:
        """Minimise from x, (d, 2), the same point twice; "" where it succeeded by its own rule, else why it stopped."""


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
    """A direction with a step-size rule: x ← x − α u."""

    direction: Direction
    rule: StepSize
    per: Literal["run", "tensor", "component"] | None = param(
        None, "", "one step size a run, tensor or component: what inner products sum over; none for the rule's own"
    )

    def __post_init__(self) -> None:
        """Refuse several step sizes of a rule that has only one, or has one a component already."""
        super().__post_init__()
        if self.per in ("tensor", "component") and not self.rule.per_component:
            raise InputError(f"{self.rule.name} cannot have one step size a {self.per}: leave out per={self.per}")

    @property
    def vector(self) -> str:
        """What inner products sum over: as told, or as the rule's paper has it."""
        return self.per or self.rule.per

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether both are."""
        return self.direction.elementwise and self.rule.elementwise

    @property
    def steady(self) -> bool:  # type: ignore[override]
        """Whether the rule is."""
        return self.rule.steady

    def init(self, x: Array) -> JoinedState:
        """Both initial states."""
        return JoinedState(self.direction.init(x), self.rule.init(x))

    def step(self, x: Array, oracle: Oracle, s: JoinedState) -> tuple[Array, JoinedState]:
        """Ask the direction for u, and let the rule move."""
        u, direction = self.direction.at(x, oracle, s.u)
        x, rule = self.rule.move(x, u, oracle, s.rule)
        return x, JoinedState(direction, rule)

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

    def spec(self) -> str:
        """Both whole specs."""
        return f"{self.direction.spec()}+{self.rule.spec()}" + (f",per={self.per}" if self.per else "")

    def __str__(self) -> str:
        """A short name: without the direction where it is the plain gradient, or the rule where it is the default."""
        direction, rule = str(self.direction), str(self.rule)
        own = [f"per={self.per}"] if self.per else []
        if self.rule.name == "constant":
            spec = last = "gd" if self.direction.name == "gradient" else direction
            own = [*rule.split(":")[1:], *own]
        else:
            spec, last = rule if self.direction.name == "gradient" else f"{direction}+{rule}", rule
        return spec + (("," if ":" in last else ":") + ",".join(own) if own else "")


def hyperparameters(method: Runnable) -> dict[str, tuple[Parametric, Field]]:
    """A method's hyper-parameters by the key that sets each: the field's name, or ``part.name`` where two share it.

    A part from a file is called as the file is; two from files that are called alike are ``direction`` and ``rule``.
    """
    owned = [(part, field) for part in method.parts for field in fields_of(type(part)).values()]
    names = [field.name for _, field in owned]
    stems = [Path(part.name).stem for part in method.parts]
    if len(set(stems[:2])) < len(stems[:2]):
        stems = ["direction", "rule", "join"]
    prefix = {id(part): word for part, word in zip(method.parts, stems, strict=True)}
    return {
        field.name if names.count(field.name) == 1 else f"{prefix[id(part)]}.{field.name}": (part, field)
        for part, field in owned
    }


def values_of(method: Runnable) -> dict[str, Any]:
    """A method's hyper-parameters as they are set, by the keys of ``hyperparameters``."""
    return {key: getattr(part, field.name) for key, (part, field) in hyperparameters(method).items()}


def changed(part: Any, values: dict[str, Any]) -> Any:
    """A copy of the object with some fields changed; text is read as the field's kind says."""
    known = fields_of(type(part))
    for key in values:
        if key not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{part.name} has no field {key}{nearest(key, known)}; {has}")
    read = {k: known[k].parse(v) if isinstance(v, str) else v for k, v in values.items()}
    return dataclasses.replace(part, **read)


def with_values(method: Runnable, values: dict[str, Any]) -> Any:
    """The same method with some hyper-parameters changed, by the keys of ``hyperparameters``."""
    known = hyperparameters(method)
    if unknown := [key for key in values if key not in known]:
        has = f"it has {', '.join(known)}"
        raise InputError(f"{method} has no hyper-parameter {unknown[0]}{nearest(unknown[0], known)}; {has}")

    def remade(part: Parametric) -> Any:
        return changed(part, {known[k][1].name: v for k, v in values.items() if known[k][0] is part})

    if not isinstance(method, Joined):
        return remade(method)
    joined = remade(method)
    return dataclasses.replace(joined, direction=remade(method.direction), rule=remade(method.rule))


def unbatched(method: Runnable) -> Any:
    """The method of the first run of a batch."""
    arrays = {key: value for key, value in values_of(method).items() if isinstance(value, np.ndarray)}
    return with_values(method, {key: float(value[0]) for key, value in arrays.items()})


def fitted(method: Any, x: Array) -> Any:
    """The method as points (d, R) need it: where they are tensors, its real hyper-parameters are such too, (R,).

    A number and an array of it must give a run the same bits, and torch computes 1 − β of a number in float64.
    """
    if isinstance(x, np.ndarray):
        return method
    return with_arrays(method, lambda value: per_run(like(np.asarray(value), x), x))


def with_arrays(method: Any, array: Callable[[Any], Array]) -> Any:
    """The method with another library's arrays in place of its real hyper-parameters; they are not looked at."""
    made = copy.copy(method)
    for field in dataclasses.fields(method):
        value, known = getattr(method, field.name), fields_of(type(method)).get(field.name)
        if isinstance(value, Parametric):
            object.__setattr__(made, field.name, with_arrays(value, array))
        elif known is not None and known.many and value is not None:
            object.__setattr__(made, field.name, array(value))
    return made
