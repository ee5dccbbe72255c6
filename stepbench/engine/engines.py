"""Which engine makes a run: NumPy, or a kernel where that pays and has been seen to do the same."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from itertools import zip_longest
from typing import Any, get_args

import numpy as np

from stepbench.contracts import Mark, Method, Peer, Problem, Vector
from stepbench.engine.compiled import Compiled, standing
from stepbench.engine.effects import kept, speaks
from stepbench.engine.loop import Loop, Progress
from stepbench.engine.prepare import Prepared
from stepbench.fields import InputError
from stepbench.kernels.kernel import seconds
from stepbench.kernels.llvm import LANES
from stepbench.kernels.recording import Recording, Standing
from stepbench.kernels.symbols import Unrecordable
from stepbench.options import Engine

FIRST, TRIED = 2, 4
"""How many steps NumPy takes first, and then of which the kernel must make the same before it goes on."""

LEAST = 0.05
"""Work of so few seconds is left to NumPy without a look at what its kernel would take to compile."""

OTHER_BITS = "a kernel would have other bits (it uses functions such as exp, which libraries round differently)"
TOO_SHORT = "it is sooner done than a kernel is compiled"
DRAWN = "its time goes into drawing what the steps see, which NumPy does"


def available() -> bool:
    """Whether the compiler is installed."""
    return importlib.util.find_spec("llvmlite") is not None


def refuse_engine(engine: Engine, given: Prepared) -> None:
    """Raise InputError where a kernel is asked for that cannot be, and this is known before anything runs."""
    if engine not in get_args(Engine):
        raise InputError(f"engine must be {', '.join(get_args(Engine)[:-1])} or {get_args(Engine)[-1]}, got {engine}")
    if engine != "kernel":
        return
    if not available():
        raise InputError('a kernel needs llvmlite: pip install "stepbench[fast]"')
    if why := obstacle(given.problem, given.method):
        raise _refusal(given.problem, given.method, why)


def _refusal(problem: Problem, method: Method | Peer, why: str) -> InputError:
    return InputError(f"{problem}, {method}: no kernel can be made, since {why}; leave the engine to NumPy")


def bits_of(engine: Engine, given: Prepared) -> str:
    """The engine, where runs have other bits by it than by NumPy, or may have; "" where they have not."""
    if engine != "kernel" or not isinstance(given.method, Method):
        return ""
    recording = Recording(given.problem, given.method, given.seed, given.noise, given.horizon, given.every)
    first = Standing(given.start, given.method.init(given.start), None, None, None, None)
    try:
        return "" if recording.program(first).exact else "kernel"
    except Unrecordable:  # of a first step, which NumPy takes
        return "kernel"


def obstacle(problem: Problem, method: Method | Peer) -> str:
    """Why runs cannot be recorded, as far as it is seen without trying; "" where nothing is."""
    if isinstance(method, Peer):
        return "it owns its loop"
    if not problem.in_numpy:
        return f"{problem} is a network"
    base = problem.unchanged
    if (type(base).draw, type(base).carry, base.reuse) != (Problem.draw, Problem.carry, 1):
        return f"the samples of {problem} hang on where its runs stand"
    return _spoken([base, *method.parts])


def _spoken(texts: list[Any]) -> str:
    word = speaks(texts)
    return f"its text uses {word} at each call" if word else ""


def _texts(loop: Loop) -> list[Any]:
    """What the text of a run is in: the problem as it is written, the class of what a step sees, and the method."""
    seen = loop.oracle.sample
    return [loop.trace.problem.unchanged, type(getattr(seen, "unchanged", seen)), *loop.method.parts]


def go(
    loop: Loop,
    engine: Engine,
    seed: int,
    noise: float,
    progress: Progress | None,
    save: Callable[[Loop], None] | None,
    often: int,
) -> str:
    """Run a loop to its end, in a kernel where that pays; returns which engine did it, and why, in words.

    On "auto" a kernel is used only where it has NumPy's bits. Raises InputError where "kernel" is asked for and cannot
    be had.
    """
    trace = loop.trace
    if engine == "numpy":
        loop.run(progress, save, often)
        return "NumPy, as asked"
    why = obstacle(trace.problem, loop.method) or ("" if available() else "llvmlite is not installed")
    if not why:
        loop.run(progress, save, often, until=loop.oracle.step + FIRST)
        held = kept(_texts(loop))
        begin, before = standing(loop), loop.oracle.mark()
        going, began = trace.last < 0, time.perf_counter()
        loop.run(progress, save, often, until=before.step + TRIED)
        pace = (time.perf_counter() - began) / TRIED / 2  # in NumPy's first blocks, which are short, a step costs more
        if not trace.running:
            return "NumPy, for a few steps"
        work = pace * (trace.horizon - trace.step)
        if engine == "auto" and work < LEAST:
            why = TOO_SHORT
        elif kept(_texts(loop)) != held:
            why = "its text keeps something from call to call"
        else:
            why = _spoken(_texts(loop))
    if not why:
        try:
            made = Compiled(loop, begin, seed, noise)
            drawing = made.drawing(before.step + 1, TRIED) / TRIED / 2 * (trace.horizon - trace.step)
            if engine == "auto" and not made.program.exact:
                why = OTHER_BITS
            elif engine == "auto" and work - drawing < seconds(made.program):
                why = TOO_SHORT if drawing < work / 2 else DRAWN
            else:
                made.compile()
                why = _differs(made, before, going)
        except Unrecordable as reason:
            why = str(reason)
    if why:
        if engine == "kernel":
            raise _refusal(trace.problem, loop.method, why)
        loop.run(progress, save, often)
        return f"NumPy, since {why}"
    try:
        if trace.running:
            made.run(progress, save, often)
    except Unrecordable as reason:  # a step sees what is unlike all before it
        if engine == "kernel":
            raise _refusal(trace.problem, loop.method, str(reason)) from None
        made.leave()
        loop.run(progress, save, often)
        return f"a kernel, and from some step on NumPy, since {reason}"
    return "a kernel"


def _differs(made: Compiled, before: Mark, going: Vector) -> str:
    """Let the kernel take the steps that NumPy has just taken; says so where it comes to another end, or "".

    ``before`` is what the oracle had counted before them, and ``going`` the runs that went on then, (R,). The kernel
    then stands where the loop does.
    """
    loop, oracle = made.loop, made.loop.oracle
    after = oracle.mark()
    n = after.step - before.step
    made.enter(0, before)
    oracle.step = before.step
    try:
        made.advance(n, loop.trace.horizon, np.empty((0, len(made.layout.fields), made.chunks * LANES)), False)
    finally:
        oracle.step = after.step
    live = going & (loop.trace.last < 0)
    evals, fevals, made.phase = made.spent(n)
    counts = made.counts() if made.layout.counted else (before.evals + evals[-1], before.fevals + fevals[-1])
    for mine, theirs in zip(counts, (after.evals, after.fevals), strict=True):
        if not (np.broadcast_to(mine, live.shape) == theirs)[live].all():
            return "the text counts otherwise when it is recorded"
    here, there = made.state(), standing(loop)
    pairs = [*zip_longest(here.leaves(False), there.leaves(False))]
    # A number for all runs may be one per run when it is recorded, as a schedule's is that will differ among them.
    if any(one is None or other is None or one.slots != other.slots for one, other in pairs):
        return "the text has another state when it is recorded"
    for one, other in pairs:
        for a, b in zip(one.entries, other.entries, strict=True):
            a, b = (np.broadcast_to(np.asarray(x, dtype=float), live.shape)[live] for x in (a, b))
            same = np.array_equal(a, b, equal_nan=True) if made.program.exact else np.allclose(a, b, 1e-9, 1e-12, True)
            if not same:
                return f"the text gives another {one.path} when it is recorded"
    made.standing = there
    made.enter(made.phase, after)
    return ""
