"""Optimizers that are written for torch, whichever library they come from, as methods."""

from __future__ import annotations

import json
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Oracle, Problem, Spent
from stepbench.fields import InputError
from stepbench.methods.libraries._foreign import Foreign, made, refused
from stepbench.methods.libraries._valley import Valley


class State(NamedTuple):
    """The number of steps, the step sizes, (R,), if there are any, and what each run's optimizer remembers.

    What differs from a new optimizer is remembered: a text, as bytes, of its form and its plain numbers, and then its
    arrays. Before the first step it is empty.
    """

    k: int
    alpha: Array | None
    memory: tuple[tuple[Array, ...], ...]


@dataclass(frozen=True)
class TensorMethod(Foreign):
    """One optimizer of torch's kind per run, over the d parameters of the run as one tensor.

    A step is state in, state out: an optimizer is made and given what it remembered. The one that took the step before
    is at hand, and goes on where the state is the one that it left.
    """

    make: ClassVar[Callable[..., Any]]
    """The class of the optimizer."""

    closes: ClassVar[bool] = False
    """Whether it asks for the loss and the gradient by itself, through a closure."""

    draws: ClassVar[bool] = False
    """Whether it draws random numbers."""

    def __post_init__(self) -> None:
        """Refuse what the optimizer itself refuses."""
        super().__post_init__()
        for run in range(self.runs):
            try:
                with _quiet():
                    self.optimizer_of(_parameter(np.zeros(2)), run)
            except (ValueError, TypeError, AssertionError) as error:
                raise InputError(f"{self.name}: {error}") from None

    def optimizer_of(self, parameter: Any, run: int) -> Any:
        """A new optimizer of a parameter, (d,), with the hyper-parameters of one run."""
        optimizer = self.make([parameter], **self.parameters(run))
        if hasattr(optimizer, "train"):  # one that keeps a second point for evaluation is told that it trains
            optimizer.train()
        return optimizer

    def init(self, w: Points) -> State:
        """Nothing is remembered yet."""
        self.refuse_tensors(w)
        R = w.shape[1]
        with _quiet():
            rates = [_rate(self.optimizer_of(_parameter(w[:, r]), r)) for r in range(R)]
        return State(0, _per_run(rates), ((),) * R)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Let each run's optimizer take its step."""
        g = None if self.closes else oracle.grad(w)
        new, memory, rates = w.copy(), [], []
        lost = np.zeros(w.shape[1], dtype=bool)
        with _quiet(), _generator_kept() if self.draws else nullcontext():
            for runs in self.alike(w, lambda r, first: s.memory[r] is s.memory[first]):
                r = runs.start
                if self.draws:
                    seed(oracle.gaussian(w, s.k)[0, r])
                worker = self._worker(w[:, r], r, s.memory[r])
                optimizer, parameter = worker.optimizer, worker.parameter
                closure = None
                if g is None:
                    closure = _closure(w, runs, parameter, oracle)
                else:
                    parameter.grad = _tensor(g[:, r])
                try:
                    optimizer.step(closure) if closure else optimizer.step()
                except (Spent, InputError):
                    raise
                except Exception as error:  # of a library that does not like what it met, such as a NaN
                    lost[runs] = True
                    oracle.refuse(lost.copy(), f"{self.name}: {type(error).__name__}: {error}")
                new[:, runs] = parameter.detach().numpy()[:, None]
                remembered = worker.remembered()
                self._at_hand[r] = remembered, worker
                memory += [remembered] * (runs.stop - r)
                rates += [_rate(optimizer)] * (runs.stop - r)
        return new, State(s.k + 1, _per_run(rates), tuple(memory))

    def _worker(self, column: Array, run: int, remembered: tuple[Array, ...]) -> _Worker:
        """An optimizer of the parameters in a column, (d,), that remembers this."""
        left, worker = self._at_hand.pop(run, (None, None))
        if worker is None or left is not remembered:
            parameter = _parameter(column)
            worker = _Worker(self.optimizer_of(parameter, run), parameter)
            worker.recall(remembered)
        worker.parameter.detach().numpy()[:] = column
        worker.parameter.grad = None
        return worker

    @cached_property
    def _at_hand(self) -> dict[int, tuple[tuple[Array, ...], _Worker]]:
        """By run, what the optimizer of the step before remembered after it, and the optimizer."""
        return {}


def seed(number: float) -> None:
    """Let torch's random numbers follow from this number, which is drawn for the step from the seed of the run."""
    import torch

    torch.manual_seed(int(np.float64(number).view(np.int64)))


@contextmanager
def _generator_kept() -> Iterator[None]:
    """After it, torch's random numbers go on as if none had been drawn within."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def tensor_class(library: str, name: str, make: Callable[..., Any], **how: Any) -> type:
    """The class of an optimizer of torch's kind; raises InputError where it cannot run on the bench's problems.

    Whether it can is seen by trying: some steps in a valley must have the bits of a plain loop.
    """
    cls = made(TensorMethod, library, name, make, make=staticmethod(make), **how)
    why = _obstacle(cls)
    if why and "closure" in why.lower():
        cls.closes = True  # type: ignore[attr-defined]
        why = _obstacle(cls)
    if why:
        raise refused(library, name, why)
    return cls


def _obstacle(cls: Any) -> str:
    """Why an optimizer cannot take the steps that it is tried with, as the library says it; "" where it can."""
    import torch

    try:
        with _generator_kept():
            before = torch.get_rng_state()
            plain_loop(cls(), Valley(), 2)
            cls.draws = not torch.equal(before, torch.get_rng_state())
            return _differs(cls())
    except Exception as error:  # whatever a library says
        return (str(error) or type(error).__name__).removeprefix(f"{cls.library}:{cls.optimizer}: ")


class _Worker:
    """An optimizer, to which what another remembered is given when it is new, and of which it is taken again."""

    def __init__(self, optimizer: Any, parameter: Any) -> None:
        self.optimizer, self.parameter = optimizer, parameter
        self.groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        self.attributes = {k: v for k, v in vars(optimizer).items() if _plain(v)}

    def recall(self, remembered: tuple[Array, ...]) -> None:
        """Give the optimizer what it remembered."""
        if not remembered:
            return
        form = json.loads(bytes(np.asarray(remembered[0])).decode())
        state, groups, attributes = (_thawed(part, remembered, self.parameter) for part in form)
        self.optimizer.state.update(state)
        for group, changes in zip(self.optimizer.param_groups, groups, strict=True):
            group.update(changes)
        vars(self.optimizer).update(attributes)

    def remembered(self) -> tuple[Array, ...]:
        """What the optimizer remembers now, beyond what a new one has."""
        arrays: list[Array] = [None]
        form = [
            _frozen(dict(self.optimizer.state), arrays, self.parameter),
            _frozen(
                [
                    {k: v for k, v in group.items() if k != "params" and not _alike(v, new.get(k, _NONE))}
                    for group, new in zip(self.optimizer.param_groups, self.groups, strict=True)
                ],
                arrays,
                self.parameter,
            ),
            _frozen(
                {
                    k: v
                    for k, v in vars(self.optimizer).items()
                    if k not in _OWN and _plain(v) and not _alike(v, self.attributes.get(k, _NONE))
                },
                arrays,
                self.parameter,
            ),
        ]
        arrays[0] = np.frombuffer(json.dumps(form).encode(), dtype=np.uint8)
        return tuple(arrays)


_NONE = object()
_OWN = ("state", "param_groups", "defaults")


def _plain(value: Any) -> bool:
    """Whether it is a number, a text or a tensor, or a container of them."""
    import torch

    if isinstance(value, dict):
        return all(map(_plain, value.values())) and all(isinstance(k, str | int | torch.Tensor) for k in value)
    if isinstance(value, list | tuple | deque):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str | torch.Tensor)


def _alike(a: Any, b: Any) -> bool:
    """Whether a plain value is still what it was; false for what can change in place."""
    import torch

    if isinstance(a, list | dict | deque | torch.Tensor):
        return False
    return a is b or (type(a) is type(b) and isinstance(a, bool | int | float | str | tuple) and bool(a == b))


def _frozen(value: Any, arrays: list[Array], parameter: Any) -> Any:
    """A value as JSON; tensors are copied to the list of arrays, and stand there by their place in it."""
    import torch

    def inner(value: Any) -> Any:
        return _frozen(value, arrays, parameter)

    if value is parameter:
        return {"w": 0}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        half = value.dtype == torch.bfloat16
        held = value.detach()
        arrays.append((held.view(torch.int16) if half else held).numpy().copy())
        return {"b" if half else "t": len(arrays) - 1}
    if isinstance(value, dict):
        return {"d": [[inner(k), inner(v)] for k, v in value.items()]}
    if isinstance(value, deque):
        return {"q": [inner(v) for v in value], "most": value.maxlen}
    if isinstance(value, tuple):
        return {"u": [inner(v) for v in value]}
    if isinstance(value, list):
        return _frozen_row(value, arrays) or [inner(v) for v in value]
    raise InputError(f"it remembers a {type(value).__name__}, which cannot be written down as numbers")


def _frozen_row(row: list[Any], arrays: list[Array]) -> Any:
    """A list of tensors of one kind, and of None, with the tensors in one array; None where it is another."""
    import torch

    tensors = [v for v in row if v is not None]
    if len(tensors) < 2 or not all(type(v) is torch.Tensor and not v.requires_grad for v in tensors):
        return None
    if len({(v.dtype, v.shape) for v in tensors}) > 1 or tensors[0].dtype == torch.bfloat16:
        return None
    arrays.append(torch.stack(tensors).numpy())
    return {"r": len(arrays) - 1, "full": [v is not None for v in row]}


def _thawed(form: Any, arrays: tuple[Array, ...], parameter: Any) -> Any:
    """The value that ``_frozen`` made JSON of."""
    import torch

    def inner(form: Any) -> Any:
        return _thawed(form, arrays, parameter)

    if isinstance(form, list):
        return [inner(v) for v in form]
    if not isinstance(form, dict):
        return form
    [kind, held], *more = form.items()
    if kind == "w":
        return parameter
    if kind == "t":
        return torch.from_numpy(np.array(arrays[held]))
    if kind == "b":
        return torch.from_numpy(np.array(arrays[held])).view(torch.bfloat16)
    if kind == "r":
        held = iter(torch.from_numpy(np.array(arrays[held])))
        return [next(held).clone() if full else None for full in more[0][1]]
    if kind == "d":
        return {inner(k): inner(v) for k, v in held}
    if kind == "q":
        return deque((inner(v) for v in held), maxlen=more[0][1])
    return tuple(inner(v) for v in held)


def _closure(w: Points, runs: slice, parameter: Any, oracle: AnyOracle) -> Callable[[], Any]:
    """What an optimizer calls for the loss and the gradient where its parameter is; each call is counted."""
    import torch

    only = np.zeros(w.shape[1], dtype=bool)
    only[runs] = True
    first = True

    def closure() -> Any:
        nonlocal first
        at = w
        if not first:
            at = w.copy()
            at[:, runs] = parameter.detach().numpy()[:, None]
        first = False
        f, g = oracle.value(at, only)[runs.start], oracle.grad(at, only)[:, runs.start]
        parameter.grad = _tensor(g)
        return torch.tensor(float(f), dtype=torch.float64)

    return closure


def _tensor(column: Array) -> Any:
    import torch

    return torch.from_numpy(np.array(column, dtype=float))


def _parameter(column: Array) -> Any:
    return _tensor(column).requires_grad_()


def _rate(optimizer: Any) -> float | None:
    rate = optimizer.param_groups[0].get("lr")
    return None if rate is None else float(rate)


def _per_run(rates: list[float | None]) -> Array | None:
    return None if None in rates else np.array(rates, dtype=float)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it, libraries warn nobody of what the bench does on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


STEPS = 12


def _differs(method: TensorMethod) -> str:
    """How the method's steps in a valley differ from those of a plain loop; "" where they do not."""
    problem = Valley()
    path = plain_loop(method, problem, STEPS)
    w = np.repeat(problem.x0[:, None], 2, axis=1)
    oracle, s = Oracle(problem, horizon=STEPS), method.init(w)
    for k in range(STEPS):
        oracle.advance()
        method._at_hand.clear()  # so that all it remembers is what was written down
        with np.errstate(all="ignore"):
            w, s = method.step(w, oracle, s)
        if oracle.why:
            return oracle.why.removeprefix(f"{method.name}: ")
        if not np.array_equal(w[:, 0], path[k + 1], equal_nan=True):
            return f"it keeps something outside its state, so that step {k + 1} is not that of a plain loop"
    return ""


def plain_loop(method: TensorMethod, problem: Problem, steps: int) -> Array:
    """The points, (steps + 1, d), of a loop as one writes it in torch, with no bench in it."""
    import torch

    parameter = _parameter(problem.x0)
    path = [parameter.detach().numpy().copy()]

    def closure() -> Any:
        w = np.repeat(parameter.detach().numpy()[:, None], 2, axis=1)
        parameter.grad = _tensor(problem.grad(w)[:, 0])
        return torch.tensor(float(problem.f(w)[0]), dtype=torch.float64)

    with _quiet(), np.errstate(all="ignore"):
        optimizer = method.optimizer_of(parameter, 0)
        for k in range(steps):
            if method.draws:
                seed(Oracle(problem).gaussian(problem.x0[:, None], k)[0, 0])
            if method.closes:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
            path.append(parameter.detach().numpy().copy())
    return np.array(path)
