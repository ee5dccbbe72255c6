"""Recording: one step of a method on a problem, and one look at where it stands, as a program.

Where the structure of the state changes from step to step (buffers grow, a first gradient is remembered), and where
Python branches on a number of the state, such as a counter, each kind of step is a phase of its own, and the phases
lead from one to the next until one comes again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from stepbench.arrays import Points, dot
from stepbench.contracts import Method, Oracle, Problem, Vector
from stepbench.contracts.problem import Function
from stepbench.contracts.settings import with_arrays
from stepbench.kernels import symbols
from stepbench.kernels.seen import Seen, changed
from stepbench.kernels.symbols import ROUNDED, Decided, Node, Number, Symbols, Unrecordable

PHASES = 64
"""How many phases a program may have; a method that needs more counts without end, and runs in NumPy."""

SIZE = 6000
"""How many operations a program may have; a larger one would take seconds to compile."""


@dataclass(frozen=True)
class Phase:
    """One kind of step: from the slots before it to those after it.

    ``slots`` are the next values by slot, ``alpha`` the step sizes as they are recorded (none, one, or d), ``evals``
    and ``fevals`` what the step spends, ``refused`` whether the run cannot take it, and ``next`` the number of the
    phase that follows.
    """

    slots: dict[str, Number]
    alpha: tuple[Number, ...] | None
    evals: Number
    fevals: Number
    refused: Number
    why: str
    next: int


@dataclass(frozen=True)
class Program:
    """A method on a problem.

    ``slots`` are the names of all numbers that a run carries from step to step: ``w0 …`` its point, ``f`` and ``g0 …``
    what the look at it found, where ``carried``, and those of the method's state. ``parameters`` are the names of the
    inputs that stay as they are, ``seen`` those that each step has anew. ``f`` and ``g`` are the look, as functions
    of ``w0 …`` and of what the step sees, and ``square`` is ‖g‖². ``exact`` says that every operation is defined to the
    last bit. ``standings`` have the structure of the state before each phase. ``start`` are the first values of the
    state's slots, as functions of ``w0 …``, where the program begins at the start of a run.
    """

    d: int
    slots: tuple[str, ...]
    parameters: tuple[str, ...]
    seen: tuple[str, ...]
    phases: tuple[Phase, ...]
    f: Number
    g: tuple[Number, ...]
    square: Number
    carried: bool
    exact: bool
    standings: tuple[Standing, ...]
    start: dict[str, Number] = field(default_factory=dict)

    @property
    def searches(self) -> bool:
        """Whether a step holds a search, so that how long it takes hangs on values."""
        return any(node.op == "search" for phase in self.phases for node in ordered(self.roots(phase)))

    def roots(self, phase: Phase) -> list[Number]:
        """Everything that a step of a phase computes."""
        return [*phase.slots.values(), *(phase.alpha or ()), phase.evals, phase.fevals, phase.refused]

    @property
    def operations(self) -> list[Node]:
        """All operations of its phases and of the look."""
        return operations(
            [root for phase in self.phases for root in self.roots(phase)] + [*self.look, *self.start.values()]
        )

    @property
    def look(self) -> list[Number]:
        """Everything that a look computes."""
        return [self.f, *self.g, self.square]


def ordered(roots: Sequence[Number]) -> list[Node]:
    """The operations that lead to some nodes, inputs included, each after those that it needs."""
    done: dict[int, Node] = {}
    waiting: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots) if isinstance(root, Node)]
    while waiting:
        node, ready = waiting.pop()
        if id(node) in done:
            continue
        if ready:
            done[id(node)] = node
            continue
        waiting.append((node, True))
        waiting += [(a, False) for a in reversed(node.args) if isinstance(a, Node) and id(a) not in done]
    return [*done.values()]


@dataclass(frozen=True)
class Search:
    """What is repeated while any run searches: ``inputs`` become ``outputs`` by the operations of the ``body``.

    The first input and the first output are truths, whether the run searches; the others are numbers, and there may be
    more outputs than inputs. A search is the first argument of a node "search", whose others are the inputs' first
    values and what the body uses from outside. The node "found" of such a node and k is the last value of output k.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Number, ...]
    body: tuple[Node, ...]


def search(inputs: Sequence[Node], first: Sequence[Number], outputs: Sequence[Number]) -> list[Node]:
    """The last values of outputs that are computed from inputs, again and again, until no run searches."""
    varying = {id(node) for node in inputs}
    body: list[Node] = []
    outside = {id(a): a for a in outputs if isinstance(a, Node)}
    for node in ordered(outputs):
        used = {id(a): a for a in node.args if isinstance(a, Node)}
        if varying.intersection(used):
            varying.add(id(node))
            body.append(node)
            outside |= used
    needed = [node for key, node in outside.items() if key not in varying]
    whole = Node("search", (Search(tuple(inputs), tuple(outputs), tuple(body)), *first, *needed), "number")
    return [Node("found", (whole, k), "number" if k else "truth") for k in range(len(outputs))]


def operations(roots: Sequence[Number]) -> list[Node]:
    """All operations that lead to some nodes, those of searches included."""
    found = ordered(roots)
    return found + [each for node in found if node.op == "search" for each in node.args[0].body]


def evaluated(roots: Sequence[Number], inputs: dict[str, float]) -> list[Any]:
    """The numbers that some nodes are, where the inputs are these."""
    values: dict[int, Any] = {}

    def of(a: Number) -> Any:
        return values[id(a)] if isinstance(a, Node) else a

    def carry_out(nodes: Sequence[Node]) -> None:
        for node in nodes:
            if node.op == "input":
                values[id(node)] = inputs[node.args[0]]
            elif node.op == "search":
                values[id(node)] = attempt(node.args[0], [*map(of, node.args[1:])])
            elif node.op == "found":
                values[id(node)] = of(node.args[0])[node.args[1]]
            elif node.op == "select":
                values[id(node)] = symbols.select(*map(of, node.args))
            else:
                values[id(node)] = symbols.apply(node.op, *map(of, node.args))

    def attempt(searched: Search, last: list[Any]) -> list[Any]:
        while True:
            values.update(zip(map(id, searched.inputs), last, strict=False))
            carry_out(searched.body)
            last = [*map(of, searched.outputs)]
            if not last[0]:
                return last

    carry_out(ordered(roots))
    return [of(root) for root in roots]


# States as slots ------------------------------------------------------------------------------------------------------


@dataclass
class Leaf:
    """A number or an array of a state: where it stands in it, and what it is."""

    path: str
    value: Any

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape without the axis of the runs; None for a number."""
        return np.shape(self.value)[:-1] if np.ndim(self.value) else None

    @property
    def slots(self) -> list[str]:
        """The names of its entries; one per run has the name that one for all runs has."""
        return [f"{self.path}.{k}" for k in range(math.prod(self.shape))] if self.shape else [self.path]

    @property
    def entries(self) -> list[Any]:
        """Its entries, in the order of ``slots``: one each with symbols, and rows (R,) with arrays."""
        if self.shape is None:
            return [self.value[()] if isinstance(self.value, np.ndarray) else self.value]
        return [*np.reshape(self.value, (-1, np.shape(self.value)[-1]))]


def leaves(state: Any, path: str = "s") -> Iterator[Leaf]:
    """The numbers and arrays of a state; raises Unrecordable where it holds anything else."""
    if isinstance(state, tuple):
        for name, value in zip(getattr(state, "_fields", range(len(state))), state, strict=True):
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(state, bool | int | float | np.number | Node | np.ndarray):
        yield Leaf(path, state)
    elif state is not None and not isinstance(state, str):
        raise Unrecordable(f"its state holds a {type(state).__name__}")


def rebuilt(state: Any, values: Callable[[str, Any], Any], path: str = "s") -> Any:
    """A state of the same structure, with what a function gives for each number or array, by its path."""
    if isinstance(state, tuple):
        names = getattr(state, "_fields", range(len(state)))
        parts = [rebuilt(value, values, f"{path}.{name}") for name, value in zip(names, state, strict=True)]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state if state is None or isinstance(state, str) else values(path, state)


@dataclass
class Standing:
    """Where a run stands between two steps: its point, its state, and what the oracle remembers of each question."""

    w: Any
    s: Any
    f_at: Any
    f: Any
    g_at: Any
    g: Any

    def leaves(self, carried: bool) -> list[Leaf]:
        """Its numbers and arrays, the point first; of an array that stands twice, the first.

        With ``carried`` the answers at the point itself are known from the look, and are left out.
        """
        found: list[Leaf] = []
        for leaf in [Leaf("w", self.w), *leaves(self.s)]:
            if leaf.shape is None or not any(leaf.value is other.value for other in found):
                found.append(leaf)
        for name, at, answer in (("mf", self.f_at, self.f), ("mg", self.g_at, self.g)):
            if at is not None and any(at is leaf.value for leaf in found) and not (carried and at is self.w):
                found.append(Leaf(name, answer))
        return found

    def signature(self, known: set[str]) -> Any:
        """Its structure; of the numbers whose paths are known, the values too."""
        places: dict[int, str] = {}

        def mark(path: str, value: Any) -> Any:
            if np.ndim(value):
                return places.setdefault(id(value), path), np.shape(value)[:-1]
            return ("number", value) if path in known or isinstance(value, bool) else "number"

        point = mark("w", self.w)
        state = _frozen(rebuilt(self.s, mark))
        return point, state, *(places.get(id(at)) if at is not None else None for at in (self.f_at, self.g_at))


def _frozen(marks: Any) -> Any:
    return (type(marks).__name__, *map(_frozen, marks)) if isinstance(marks, tuple) else marks


def with_inputs(problem: Problem, names: Sequence[str], nonzero: Sequence[str] = ()) -> Problem:
    """The problem with inputs in place of some of its real fields, ``q.`` and the field; what it cached is left out."""
    if not names:
        return problem
    given: dict[str, Any] = {name: symbols.node("input", f"q.{name}") for name in names}
    given |= {name: symbols.Nonzero("input", (f"q.{name}",), "number") for name in names if name in nonzero}
    made: Problem = changed(problem, given)
    return made


# The recording --------------------------------------------------------------------------------------------------------


class _Sample:
    """What a step sees of a problem; at the point where it begins f and the gradient are known from the look."""

    def __init__(self, function: Function, at: Any, known: tuple[Any, Any] | None) -> None:
        self._function, self._at, self._known = function, at, known

    def f(self, w: Points) -> Any:
        return self._known[0] if self._known and w is self._at else symbols.symbols(self._function.f(w))

    def grad(self, w: Points) -> Any:
        return self._known[1] if self._known and w is self._at else symbols.symbols(self._function.grad(w))

    def hessian(self, w: Points) -> Any:
        return symbols.symbols(self._function.hessian(w))


class _Recorder(Oracle):
    """The oracle of a step that is recorded: it counts as ever, and has no budget."""

    def __init__(self, problem: Problem, *, seed: int, noise: float, horizon: int, per: str, carried: bool) -> None:
        super().__init__(problem, seed=seed, noise=noise, horizon=horizon, per=per)
        self.carried_look = carried
        self.cannot: Any = False
        self._anew = self.forgets
        self._at = lru_cache(maxsize=2)(problem.at)  # each step asks anew what the one before it has looked at
        self.seen = Seen(self._seen_by, horizon)
        self._shown, self.stage, self._noise_vector = self.seen.symbolic
        self._searches = 0
        self._within: set[int] = set()  # the ids of a search's inputs, while its attempt is recorded
        self._barred: list[Symbols] = []  # points at which nothing may be asked

    def _seen_by(self, step: int) -> tuple[Function, Function, Any]:
        """What a step sees, what the look after it sees, and the noise."""
        problem = self.problem
        sample = problem.draw(self._seed, step, None) if problem.stochastic else self._at(step - 1)
        stage = self._at(step)
        if not self._random and (sample is not stage) != self._anew:
            raise Unrecordable("it drifts at some steps, and stands still at others")
        return sample, stage, self.noise_of(step) if self._noise else 0.0

    def rows(self, first: int, n: int) -> Vector:
        """What the program takes anew at each of n steps, (n, K): its inputs ``seen``.

        Raises Unrecordable where a step sees what has another structure.
        """
        if not self.seen.names and type(self.problem.unchanged).at is Problem.at:
            return np.empty((n, 0))
        return self.seen.rows(first, n)

    def begin(self, standing: Standing) -> None:
        """Stand before a step."""
        known = _found(len(standing.w)) if self.carried_look else None
        self._sample = _Sample(self._shown, standing.w, known)
        self.evals = self.fevals = 0
        self.cannot, self.why, self._barred = False, "", []
        self._f_at, self._f, self._g_at, self._g = standing.f_at, standing.f, standing.g_at, standing.g
        self._f_paid = self._g_paid = True

    def _spend(self, due: Any) -> None:
        self.evals = self.evals + due

    def value(self, w: Points, where: Any = None) -> Any:
        self._vet(w)
        return super().value(w, where)

    def grad(self, w: Points, where: Any = None) -> Any:
        self._vet(w)
        return super().grad(w, where)

    def _vet(self, w: Points) -> None:
        """Refuse a question whose price hangs on how often a search has gone round."""
        if any(w is point for point in self._barred):
            raise Unrecordable("it asks again where a search asked before")
        if self._within and not self._within.intersection(id(node) for node in ordered(_entries(w))):
            raise Unrecordable("a search asks at a point from outside")

    def repeat(self, attempt: Callable[..., Sequence[Any]], searching: Any, *tried: Any) -> list[Any]:
        """Record one attempt, as a search."""
        if self._within:
            raise Unrecordable("it searches within a search")
        self._searches += 1
        name = f"search{self._searches}"
        going = symbols.symbols([symbols.node("input", f"{name}.going", kind="truth")])
        before = [symbols.symbols(a) for a in tried]
        given = [_input([f"{name}.{n}.{k}" for k in range(a.size)], a.shape) for n, a in enumerate(before)]
        spent = [symbols.node("input", f"{name}.{count}") for count in ("evals", "fevals")]
        counts, points = [self.evals, self.fevals], [self._f_at, self._g_at]
        inputs = [*_entries(going, *given), *spent]
        self._within, self._barred, (self.evals, self.fevals) = {id(node) for node in inputs}, given, spent
        again, *after = attempt(going, *given)
        self._within = set()
        if [np.shape(a) for a in after] != [a.shape for a in before]:
            raise Unrecordable("what a search tries changes its shape")
        asked = [
            (name, at) for name, at, was in zip("fg", (self._f_at, self._g_at), points, strict=True) if at is not was
        ]
        answers = [getattr(self, f"_{name}") for name, _ in asked]
        found = iter(
            search(
                inputs,
                [symbols.as_truth(*_entries(searching)), *map(symbols.as_number, _entries(*before, *counts))],
                [symbols.as_truth(*_entries(again))]
                + [symbols.as_number(a) for a in _entries(*after, self.evals, self.fevals, *answers)],
            )
        )
        next(found)
        ended = [_next(found, a.shape) for a in before]
        self.evals, self.fevals = (
            was if now is unchanged else last
            for was, now, unchanged, last in zip(
                counts, (self.evals, self.fevals), spent, (next(found), next(found)), strict=True
            )
        )
        for (name, at), answer in zip(asked, answers, strict=True):
            place = next((end for end, a in zip(ended, after, strict=True) if a is at), None)
            setattr(self, f"_{name}_at", place)
            setattr(self, f"_{name}", _next(found, answer.shape))
        self._barred = ended
        return ended

    def refuse(self, where: Any, why: str) -> None:
        self.cannot, self.why = np.logical_or(self.cannot, where), why


def _found(d: int) -> tuple[Symbols, Symbols]:
    """What the look at the point where a step begins has found: f and the gradient."""
    return _input(["f"], (1,)), _input([f"g.{i}" for i in range(d)], (d, 1))


def _entries(*arrays: Any) -> list[Any]:
    """The entries of some arrays, one after the other."""
    return [entry for a in arrays for entry in symbols.symbols(a).reshape(-1)]


def _next(entries: Iterator[Any], shape: tuple[int, ...]) -> Symbols:
    """The next entries as an array."""
    return symbols.symbols(np.array([next(entries) for _ in range(math.prod(shape))], object).reshape(shape))


def _input(names: Sequence[str], shape: tuple[int, ...]) -> Symbols:
    return symbols.inputs(shape, lambda k: names[k])


@dataclass
class Recording:
    """A method on a problem as it is recorded from where a run stands.

    ``horizon`` is the number of steps that the run may take, and ``every`` that from one record to the next. ``values``
    are the method's real hyper-parameters by the names of their inputs, numbers or arrays (R,), and ``rows(first, n)``
    what the program takes anew at each of n steps, as the recorder's. ``free`` are real fields of the problem that are
    inputs too, each named ``q.`` and the field, and not numbers of the program; ``nonzero`` are those among them of
    which the program may take it that they are not 0. Raises Unrecordable where the text cannot be recorded.
    """

    problem: Problem
    method: Method
    seed: int
    noise: float
    horizon: int
    every: int = 1
    values: dict[str, Any] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    rows: Callable[[int, int], Vector] = field(init=False)
    free: tuple[str, ...] = ()
    nonzero: tuple[str, ...] = ()

    @property
    def carried(self) -> bool:
        """Whether the look at the end of a step is also what the next step asks first."""
        return self.every == 1 and not self.noise and not self.problem.stochastic

    def program(self, standing: Standing | None = None) -> Program:
        """The program of the steps from there on; from the start of a run where no standing is given."""
        try:
            while True:
                try:
                    return self._program(standing)
                except Decided as decided:
                    self._know(decided)
        except Unrecordable:
            raise
        except Exception as error:  # of text that looks at types, or asks for what symbols have not
            raise Unrecordable(f"{type(error).__name__}: {error}") from error

    def _know(self, decided: Decided) -> None:
        """Take the numbers that a branch hangs on as they are; raises Unrecordable where they differ among the runs."""
        names = [node.args[0] for node in ordered([decided.node]) if node.op == "input"]
        for name in names:
            if name in self.known or (name in self.values and np.ndim(self.values[name])):
                raise decided
            if not name.startswith(("p.", "q.", "s")):
                raise decided
            self.known.add(name)
        if not names:
            raise decided

    def _program(self, standing: Standing | None) -> Program:
        symbols.begin()
        free = [name for name in self.free if f"q.{name}" not in self.known]
        problem = with_inputs(self.problem, free, self.nonzero)
        oracle = _Recorder(
            problem,
            seed=self.seed,
            noise=self.noise,
            horizon=self.horizon,
            per=self.method.vector,
            carried=self.carried,
        )
        self.rows = oracle.rows
        method = self._with_inputs()
        self.values |= {f"q.{name}": getattr(self.problem, name) for name in self.free}
        start: dict[str, Number] = {}
        if standing is None:
            d = self.problem.x0.size
            w = _input([f"w.{i}" for i in range(d)], (d, 1))
            standing = Standing(w, method.init(w), *(None,) * 4)
            for leaf in standing.leaves(self.carried)[1:]:
                if leaf.path not in self.known:
                    start |= zip(leaf.slots, map(symbols.node_or_number, leaf.entries), strict=True)
        phases: list[Phase] = []
        seen: dict[Any, int] = {}
        standings: list[Standing] = []
        now = standing
        while (signature := now.signature(self.known)) not in seen:
            if len(phases) >= PHASES:
                raise Unrecordable(f"its state does not come back to a structure it had, in {PHASES} steps")
            seen[signature] = len(phases)
            standings.append(now)
            now, phase = self._step(method, oracle, now, len(phases) + 1)
            phases.append(phase)
        if len({len(phase.alpha or ()) for phase in phases}) > 1:
            raise Unrecordable("the number of its step sizes changes")
        phases[-1] = Phase(**{**vars(phases[-1]), "next": seen[signature]})
        d = len(standing.w)
        w = _input([f"w.{i}" for i in range(d)], (d, 1))
        f, g = symbols.symbols(oracle.stage.f(w)), symbols.symbols(oracle.stage.grad(w))
        if f.shape != (1,) or g.shape != (d, 1):
            raise Unrecordable("f or its gradient has another shape on symbols")
        square = symbols.symbols(dot(g, g))
        names = [f"w.{i}" for i in range(d)]
        if self.carried:
            names += ["f", *(f"g.{i}" for i in range(d))]
        for leaf in standing.leaves(self.carried):
            names += [] if leaf.path in self.known else leaf.slots
        for phase in phases:
            names += phase.slots
        made = Program(
            d,
            tuple(dict.fromkeys(names)),
            tuple(name for name in self.values if name not in self.known),
            tuple(oracle.seen.names),
            tuple(phases),
            symbols.node_or_number(f[0]),
            tuple(symbols.node_or_number(entry) for entry in g[:, 0]),
            symbols.node_or_number(square[0]),
            self.carried,
            True,
            tuple(standings),
            start,
        )
        made_of = made.operations
        if len(made_of) > SIZE:
            raise Unrecordable(f"a step has {len(made_of)} operations, more than {SIZE}")
        if any(node.op == "input" and node.args[0].startswith("search") for node in made_of):
            raise Unrecordable("what a search tries is used outside of it")
        return Program(**{**vars(made), "exact": not any(node.op in ROUNDED for node in made_of)})

    def _with_inputs(self) -> Method:
        """The method with inputs in place of its real hyper-parameters."""
        self.values = {}

        def made(value: Any) -> Any:
            name = f"p.{len(self.values)}"
            self.values[name] = value
            if name in self.known:
                return value
            return _input([name], (1,)) if np.ndim(value) else symbols.node("input", name)

        method: Method = with_arrays(self.method, made)
        return method

    def _step(self, method: Method, oracle: _Recorder, before: Standing, following: int) -> tuple[Standing, Phase]:
        """Record one step from a standing, of which only the structure counts; also where it leads."""
        now = self._on_symbols(before)
        oracle.begin(now)
        w, s = method.step(now.w, oracle, now.s)
        if not isinstance(w, np.ndarray) or w.shape != now.w.shape:
            raise Unrecordable("a step gives no points on symbols")
        memory = (None,) * 4 if oracle.forgets else (oracle._f_at, oracle._f, oracle._g_at, oracle._g)
        after = Standing(w, s, *memory)
        slots: dict[str, Number] = {}
        for leaf in after.leaves(self.carried):
            if leaf.path not in self.known:
                slots |= zip(leaf.slots, map(symbols.node_or_number, leaf.entries), strict=True)
        alpha = getattr(s, "alpha", None)
        sizes = None
        if alpha is not None:
            sizes = tuple(symbols.node_or_number(entry) for entry in Leaf("", alpha).entries)
        evals, fevals = (symbols.as_number(count) for count in (oracle.evals, oracle.fevals))
        refused = symbols.node_or_number(oracle.cannot)
        return after, Phase(slots, sizes, evals, fevals, refused, oracle.why, following)

    def _on_symbols(self, standing: Standing) -> Standing:
        """The same standing with inputs in place of its numbers and arrays; the same array stays the same."""
        held: dict[int, Any] = {}

        def made(path: str, value: Any) -> Any:
            if not np.ndim(value):
                if path in self.known or isinstance(value, bool):
                    return value
                return symbols.node("input", path)
            if id(value) not in held:
                leaf = Leaf(path, value)
                held[id(value)] = _input(leaf.slots, (*np.shape(value)[:-1], 1))
            return held[id(value)]

        w = made("w", standing.w)
        s = rebuilt(standing.s, made)
        memory = []
        looked = _found(len(w)) if self.carried else (None, None)
        questions = ("mf", standing.f_at, standing.f, looked[0]), ("mg", standing.g_at, standing.g, looked[1])
        for name, at, answer, known in questions:
            at = held.get(id(at)) if at is not None else None
            memory += [at, None if at is None else known if self.carried and at is w else made(name, answer)]
        return Standing(w, s, *memory)
