"""Changes that make a problem harder: other coordinates, another start, and answers that are less than exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from stepbench.arrays import Array, PerRun, Points, contract, like
from stepbench.contracts.problem import Function, Problem, Vector, Window
from stepbench.fields import Field, InputError, fields_of, param, show_value


@dataclass(frozen=True)
class Changed(Problem):
    """A problem in other coordinates, from another start, or with less exact answers.

    Written ``rosenbrock:b=10@rotate=30,noise=0.1``. With z the parameters of the problem that is changed,
    w = Q D⁻¹ z + shift: each parameter is scaled, then the axes are turned, then all is shifted. Start, minimiser,
    window and derivatives are carried along, and f* stays; μ and L stay where nothing is scaled, and are unknown
    elsewhere. What steps see may be noisy, quantised, truncated or missing. What is recorded is the exact function.
    """

    base: Problem
    rotate: float = param(0.0, "θ", "degrees by which each axis is turned towards the next, one after another")
    scale: float = param(1.0, "", "how many times as steep the last axis becomes; those between, evenly", "(0, 1e12]")
    shift: float = param(0.0, "", "what is added to each parameter")
    perturb: float = param(0.0, "", "length of the start's random displacement, in units of max(1, ‖w₀‖)", "[0, inf)")
    noise: float = param(0.0, "σ", "standard deviation of noise on f and on each ∂f/∂w_i", "[0, inf)")
    quantize: float = param(0.0, "", "mesh width: f and ∇f are asked at the nearest point of the mesh", "[0, inf)")
    truncate: int | None = param(None, "", "significant digits of f and ∇f; none for all", "[1, 17]")
    nan: float = param(0.0, "", "part of the questions that are answered NaN", "[0, 1)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.base.in_numpy:
            raise InputError(f"{self.base} is a network, and @ changes functions: leave out what follows it")
        if self.rotate and self.base.x0.size == 1:
            raise InputError(f"{self.base} has one parameter: there is nothing to rotate")
        if self.rotate and self.base.domain is not None:
            raise InputError(f"{self.base} is defined within bounds of each parameter, and so cannot be rotated")

    # Its name

    @property
    def unchanged(self) -> Problem:
        """The problem that is changed."""
        return self.base

    @property
    def name(self) -> str:
        """What is changed, and how."""
        return str(self)

    def spec(self) -> str:
        """The whole spec of what is changed, and the changes."""
        return f"{self.base.spec()}@{self._changes}"

    def __str__(self) -> str:
        return f"{self.base}@{self._changes}"

    @property
    def _changes(self) -> str:
        values = [(field, getattr(self, name)) for name, field in fields_of(type(self)).items()]
        stated = [f"{field.name}={show_value(value)}" for field, value in values if value != field.default]
        return ",".join(stated) or "rotate=0"

    # Its coordinates

    @cached_property
    def _axes(self) -> Vector | None:
        """Q, (d, d): each axis is turned towards the next, one plane after another; None where none is turned."""
        if not self.rotate:
            return None
        angle, Q = np.deg2rad(self.rotate), np.eye(self.base.x0.size)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for i in range(len(Q) - 1):
            Q[:, i : i + 2] = Q[:, i : i + 2] @ turn
        return Q

    @cached_property
    def _steepness(self) -> Vector | None:
        """D, (d, 1), from 1 to the scale, evenly in the logarithm; None where nothing is scaled."""
        if self.scale == 1:
            return None
        d = self.base.x0.size
        return np.asarray(self.scale ** np.linspace(float(d == 1), 1.0, d))[:, None]

    def _back(self, w: Points) -> Points:
        """The base's parameters z = D Qᵀ (w − shift)."""
        z = w - self.shift if self.shift else w
        z = z if self._axes is None else contract("ij,ir->jr", self._axes, z)
        return z if self._steepness is None else like(self._steepness, w) * z

    def _forth(self, z: Vector) -> Vector:
        """w = Q D⁻¹ z + shift, of one point (d,) or of several, (d, m)."""
        w = np.reshape(z, (len(z), -1))
        w = w if self._steepness is None else w / self._steepness
        w = w if self._axes is None else self._axes @ w
        return np.reshape(w + self.shift, np.shape(z))

    @cached_property
    def _moved(self) -> _Moved:
        return _Moved(self, self.base)

    def f(self, w: Points) -> PerRun:
        """The base's f at z."""
        return self._moved.f(w)

    def grad(self, w: Points) -> Points:
        """Q D ∇f(z)."""
        return self._moved.grad(w)

    def hessian(self, w: Points) -> Array:
        """Q D ∇²f(z) D Qᵀ."""
        return self._moved.hessian(w)

    # What is known of it

    @cached_property
    def x0(self) -> Vector:
        """The base's start."""
        return self._forth(self.base.x0)

    @cached_property
    def x_star(self) -> Vector | None:
        """The base's minimiser, or minimisers."""
        return None if self.base.x_star is None else self._forth(self.base.x_star)

    @property
    def f_star(self) -> float | None:
        """The base's minimum."""
        return self.base.f_star

    @property
    def local_minima(self) -> tuple[float, ...]:
        """The base's."""
        return self.base.local_minima

    @property
    def mu(self) -> float | None:
        """The base's, where nothing is scaled."""
        return self.base.mu if self.scale == 1 else None

    @property
    def L(self) -> float | None:
        """The base's, where nothing is scaled."""
        return self.base.L if self.scale == 1 else None

    @property
    def smoothness(self) -> str:
        """The base's."""
        return self.base.smoothness

    @property
    def view(self) -> Window | None:
        """A window that holds the base's."""
        if self.base.view is None:
            return None
        (left, right), (bottom, top) = self.base.view
        corners = self._forth(np.array([[left, left, right, right], [bottom, top, bottom, top]]))
        low, high = corners.min(axis=1).tolist(), corners.max(axis=1).tolist()
        return (low[0], high[0]), (low[1], high[1])

    @property
    def domain(self) -> Sequence[tuple[float, float]] | None:
        """The base's, scaled and shifted."""
        if self.base.domain is None:
            return None
        return [(float(low), float(high)) for low, high in self._forth(np.array(self.base.domain, dtype=float))]

    @property
    def source(self) -> str:
        """The base's."""
        return self.base.source

    @property
    def derived(self) -> tuple[str, ...]:
        """What the bench derives of the base."""
        return self.base.derived

    def derivation(self, name: Literal["grad", "hessian"]) -> str:
        """As the base's."""
        return self.base.derivation(name)

    @property
    def libraries(self) -> dict[str, str]:
        """The base's."""
        return self.base.libraries

    @property
    def goal(self) -> float:
        """The base's."""
        return self.base.goal

    # Its random numbers

    @property
    def _damaged(self) -> bool:
        return bool(self.noise or self.quantize or self.truncate or self.nan)

    @property
    def faithful(self) -> bool:
        """Whether what a step sees is undamaged."""
        return not self._damaged and self.base.faithful

    @property
    def stochastic(self) -> bool:
        """Whether steps see other answers than the exact ones."""
        return self._damaged or self.base.stochastic

    @property
    def seeded(self) -> bool:
        """Whether its answers, or its start, are random."""
        return bool(self.noise or self.nan or self.perturb) or self.base.seeded

    @property
    def random_start(self) -> bool:
        """Whether its start is displaced, or the base's is random."""
        return bool(self.perturb) or self.base.random_start

    @property
    def sampling(self) -> Literal["none", "batches", "stream"]:
        """A stream where answers are random; else as the base's."""
        return "stream" if self.noise or self.nan else self.base.sampling

    @property
    def fraction(self) -> float:
        """The base's."""
        return self.base.fraction

    @property
    def supplies(self) -> frozenset[str]:
        """Curvature where the base has it."""
        lacking = {"curvature", "hvp"} - self.base.supplies if self.base.stochastic else set()
        return super().supplies - lacking

    def start(self, seed: int) -> Vector:
        """The start, displaced in a direction that the seed decides."""
        begin = self._forth(self.base.start(seed))
        if not self.perturb:
            return begin
        way = np.random.default_rng((seed, 0)).standard_normal(begin.size)
        way *= self.perturb * max(1.0, float(np.linalg.norm(begin))) / np.linalg.norm(way)
        return np.asarray(self.moved_within(begin[:, None], way[:, None])[:, 0])

    def at(self, step: int) -> Function:
        """The base as it stands then, in these coordinates."""
        stage = self.base.at(step)
        return self if stage is self.base else _Moved(self, stage)

    def sample(self, rng: np.random.Generator, step: int) -> Function:
        """What the base's step sees, in these coordinates, with the damage of its answers."""
        seen = self.base.sample(rng, step) if self.base.stochastic else self.base.at(step - 1)
        moved = _Moved(self, seen)
        return _Damaged(self, moved, int(rng.integers(1 << 63))) if self._damaged else moved


def parameters(problem: Problem) -> dict[str, tuple[Problem, Field]]:
    """A problem's fields by the key that sets each, with what holds it; the keys of changes are as ``@rotate``."""
    base = problem.unchanged
    own: dict[str, tuple[Problem, Field]] = {key: (base, field) for key, field in fields_of(type(base)).items()}
    if base is problem:
        return own
    return own | {f"@{key}": (problem, field) for key, field in fields_of(type(problem)).items()}


class _Moved:
    """A function in the coordinates of a changed problem."""

    def __init__(self, change: Changed, function: Function) -> None:
        self._change, self._function = change, function

    @property
    def unchanged(self) -> Function:
        """What the base's step sees."""
        return self._function

    def f(self, w: Points) -> PerRun:
        return self._function.f(self._change._back(w))

    def grad(self, w: Points) -> Points:
        change = self._change
        g = self._function.grad(change._back(w))
        g = g if change._steepness is None else like(change._steepness, w) * g
        return g if change._axes is None else contract("ij,jr->ir", change._axes, g)

    def hessian(self, w: Points) -> Array:
        change = self._change
        H, D = self._function.hessian(change._back(w)), change._steepness
        H = H if D is None else D[:, :, None] * H * D[None]
        Q = change._axes
        return H if Q is None else contract("jb,ibr->ijr", Q, contract("ia,abr->ibr", Q, H))


class _Damaged:
    """A function whose answers are less than exact, as a changed problem says; ``key`` decides the random ones.

    They depend on the key, the question and the point, and on nothing else: a question that is asked twice in a step
    has one answer, whatever was asked before and whichever points stand beside it.
    """

    def __init__(self, change: Changed, function: _Moved, key: int) -> None:
        self._change, self._function, self._key = change, function, key

    @property
    def unchanged(self) -> Function:
        """What the base's step sees."""
        return self._function.unchanged

    def f(self, w: Points) -> PerRun:
        return self._answered(self._function.f, w, 0)

    def grad(self, w: Points) -> Points:
        return self._answered(self._function.grad, w, 1)

    def hessian(self, w: Points) -> Array:
        """Exact, at the point of the mesh: only f and ∇f are damaged further."""
        return self._function.hessian(self._quantized(w))

    def _quantized(self, w: Points) -> Points:
        h = self._change.quantize
        return h * np.round(w / h) if h else w

    def _answered(self, ask: Callable[[Points], Array], w: Points, question: int) -> Array:
        change = self._change
        answer = ask(self._quantized(w))
        rows = np.reshape(answer, (-1, w.shape[1]))
        if change.noise or change.nan:
            uniform = _uniform(self._key, question, w, 1 + len(rows))
            if change.noise:
                from scipy.special import ndtri

                rows = rows + change.noise * ndtri(uniform[1:])
            rows = np.where(uniform[0] < change.nan, np.nan, rows)
        if change.truncate:
            rows = np.reshape([float(f"{value:.{change.truncate - 1}e}") for value in rows.flat], rows.shape)
        return np.reshape(rows, np.shape(answer))


GOLDEN = 0x9E3779B97F4A7C15


def _uniform(key: int, question: int, w: Vector, rows: int) -> Vector:
    """Numbers between 0 and 1, (rows, R), each decided by the key, the question, the row and the run's point alone.

    Source: the mixing is that of SplitMix64, Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators.
    """
    state = np.full(w.shape[1], (key + question * GOLDEN) % (1 << 64), dtype=np.uint64)
    for bits in np.ascontiguousarray(w + 0.0).view(np.uint64):  # −0 counts as 0
        state = _mixed(state ^ bits)
    counters = (np.arange(1, rows + 1, dtype=np.uint64) * np.uint64(GOLDEN))[:, None]
    return ((_mixed(state + counters) >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


def _mixed(z: Vector) -> Vector:
    """SplitMix64's next number after each state."""
    z = z + np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
