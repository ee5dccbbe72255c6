"""Runs that a kernel makes: where NumPy has taken the first steps, a compiled program of them goes on."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from stepbench.contracts import Mark, Vector
from stepbench.engine.loop import Loop, Progress, Saving, patience
from stepbench.kernels.kernel import Kernel
from stepbench.kernels.llvm import LANES
from stepbench.kernels.recording import Leaf, Recording, Standing, rebuilt
from stepbench.kernels.symbols import Unrecordable

LINE = 64
"""The bytes of a cache line: what is written across two of them takes twice as long."""

NEAR = 1 << 20
"""About how many bytes of records some runs write before the next take the same steps: what stays at hand."""

MEMORY = 1 << 23
"""How many numbers there may be of what the steps of a block see."""

SECONDS = 0.05
"""About how long a block takes, so that progress is shown and Ctrl-C is heard."""


class Compiled:
    """A loop that goes on in a kernel.

    Raises Unrecordable where its program cannot be recorded.
    """

    def __init__(self, loop: Loop, begin: Standing, seed: int, noise: float) -> None:
        """Record the program of the steps from where the loop stood once, ``begin``."""
        self.loop, self.standing = loop, begin
        trace = loop.trace
        self.recording = Recording(trace.problem, loop.method, seed, noise, loop.oracle.horizon, trace.every)
        self.program = self.recording.program(begin)
        self.kernel: Kernel | None = None

    def drawing(self, first: int, n: int) -> float:
        """The seconds that it takes to find out what n steps see."""
        began = time.perf_counter()
        self.recording.rows(first, n)
        return time.perf_counter() - began

    def compile(self) -> None:
        """Make the kernel."""
        try:
            self.kernel = Kernel(self.program)
        except Exception as error:  # whatever a compiler may say on a machine that nobody has tried
            raise Unrecordable(f"it cannot be compiled here ({type(error).__name__}: {error})") from error
        self.layout = self.kernel.layout
        self.R = self.loop.trace.last.size
        self.chunks = -(-self.R // LANES)
        self.parameters = np.zeros((self.chunks, len(self.program.parameters), LANES))
        for k, name in enumerate(self.program.parameters):
            self.parameters[:, k] = self._lanes(self.recording.values[name])
        self.slots = np.zeros((self.chunks, len(self.layout.slots), LANES))
        self.table = self._rows(0)
        self.ends = self._rows(1, len(self.layout.ends))[0]
        self.ends[:] = 0.0

    def _lanes(self, values: Any) -> Vector:
        """Numbers of the runs, (R,), or one for all, as chunks of lanes; the last one fills them up."""
        lanes = np.empty(self.chunks * LANES)
        lanes[: self.R] = values
        lanes[self.R :] = lanes[self.R - 1]
        return lanes.reshape(self.chunks, LANES)

    def _rows(self, n: int, fields: int = 0) -> Vector:
        """A place for n records, (n, F, R) or a little wider, of so many fields; a kernel writes whole chunks there.

        A lone chunk writes beyond its runs, into what it writes next, so that a lone run takes no more than it needs.
        """
        width = self.R if self.chunks == 1 else self.chunks * LANES
        shape = n, fields or len(self.layout.fields), width
        numbers = np.empty(math.prod(shape) + 2 * LANES)
        first = -numbers.ctypes.data % LINE // numbers.itemsize
        return numbers[first : first + math.prod(shape)].reshape(shape)

    def _runs(self, lanes: Vector) -> Vector:
        """Chunks of lanes, (C, 16), as numbers of the runs, (R,)."""
        return lanes.reshape(-1)[: self.R].copy()

    def enter(self, phase: int, mark: Mark) -> None:
        """Put the runs as they stand, before a step of this phase, and what they have spent, into the slots."""
        program, trace = self.program, self.loop.trace
        w = self.standing.w
        filled: dict[str, Any] = {}
        for leaf in self.standing.leaves(program.carried):
            if leaf.slots[0] in self.layout.slots:
                filled |= zip(leaf.slots, leaf.entries, strict=True)
        stage = trace.problem.at(mark.step)
        f, g = stage.f(w), stage.grad(w)
        if program.carried:
            filled |= {"f": f} | {f"g.{i}": g[i] for i in range(program.d)}
        else:
            last = {name: column.kept[-1] for name, column in trace.columns.items()}
            filled |= {f"record.x.{i}": last["x"][i] for i in range(program.d)}
            filled |= {"record.f": last["f"], "record.square": last["gradient_norm"] ** 2}
            filled |= {f"record.{name}": last[name] for name in ("evals", "fevals")}
        filled |= {"evals": mark.evals, "fevals": mark.fevals, "refused": mark.refused}
        for k, name in enumerate(self.layout.slots):
            self.slots[:, k] = self._lanes(filled.get(name, math.nan))
        self.phase, self.seconds = phase, 0.0
        self.lanes = np.zeros((self.chunks, LANES))
        self.lanes.reshape(-1)[: self.R] = trace.last < 0

    def _place(self) -> None:
        """Make the place for every record that is to come, and let the trace have its columns there."""
        trace, d, sizes = self.loop.trace, self.program.d, self.layout.sizes
        self.table = self._rows(trace.room)
        runs = self.table[:, :, : self.R]
        columns = {"x": runs[:, :d], "f": runs[:, d], "gradient_norm": runs[:, d + 1]}
        trace.place(columns, self._alphas(runs) if sizes else None)

    # Stepping ---------------------------------------------------------------------------------------------------------

    def advance(self, n: int, last: int, out: Vector, whole: bool, threads: int = 1) -> None:
        """Take n steps; the last that there can be is a record, whatever its number."""
        trace, problem, kernel = self.loop.trace, self.loop.trace.problem, self.kernel
        assert kernel is not None
        begin = self.loop.oracle.step
        seen = self.recording.rows(begin + 1, n)
        known = problem.f_star is not None
        numbers = (
            problem.f_star or 0.0,
            trace.target if known else -math.inf,
            _largest_square(trace.grad_target),
            float(trace.budget),
        )
        phases = self._phases(n)
        piece = max(1, NEAR // self.table[0].nbytes) * trace.every if whole and self.chunks > 1 else n

        def some(first: int, end: int) -> None:
            for at in range(0, n, piece):
                rows = (begin + at) // trace.every - begin // trace.every
                arrays = (self.slots, self.parameters, seen[at:], out[rows:], self.ends, self.lanes)
                steps = (min(piece, n - at), int(phases[at]), begin + at, trace.every, last)
                kernel.advance(arrays, (first, end, self.ends.shape[-1], *steps), numbers, whole)

        cuts = [self.chunks * k // threads for k in range(threads + 1)]
        if threads == 1:
            some(0, self.chunks)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(some, cuts[:-1], cuts[1:]))

    def _phases(self, n: int) -> Vector:
        """The phases of the next n steps, and the one after them."""
        path = [self.phase]
        while (following := self.program.phases[path[-1]].next) not in path:
            path.append(following)
        again, place = path.index(following), np.arange(n + 1)
        return np.array(path)[np.where(place < again, place, again + (place - again) % (len(path) - again))]

    def spent(self, n: int) -> tuple[Vector, Vector, int]:
        """What each of the next n steps spends, where it is the same for all runs, and the phase after them."""
        phases, taken = self.program.phases, self._phases(n)
        each = np.zeros((len(phases), 2)) if self.layout.counted else [(p.evals, p.fevals) for p in phases]
        evals, fevals = np.cumsum(np.array(each)[taken[:n]], axis=0).astype(np.int64).T
        return evals, fevals, int(taken[n])

    def run(self, progress: Progress | None, save: Callable[[Loop], None] | None, often: int) -> None:
        """Step in blocks until every run has ended; as ``Loop.run`` does."""
        loop, trace, oracle = self.loop, self.loop.trace, self.loop.oracle
        # How long a search is, only its time will tell; else an operation takes a chunk of lanes some nanoseconds.
        length = min(1024, 1 + (1 << 22) // (len(self.program.operations) * self.chunks))
        length = 1 if self.program.searches else length

        def put_back_and_save(loop: Loop) -> None:
            self.leave()
            if save:
                save(loop)

        saving = Saving(save and put_back_and_save, often, oracle.step)
        if trace.whole:
            self._place()
        room = max(1, MEMORY // (len(self.program.seen) or 1))
        with patience() as stopped:
            while trace.running:
                if stopped.over:
                    stopped.end()
                    put_back_and_save(loop)
                    raise KeyboardInterrupt
                n = int(min(length, trace.horizon - oracle.step, room, saving.due - oracle.step))
                passing = self.block(n)
                if progress is not None:
                    progress(*trace.spent)
                if passing:
                    trace.end("budget", "the next step would pass the budget")
                    break
                saving(loop)
                length = min(4 * length, 1 << 20) if self.seconds < SECONDS else max(length // 2, 1)
            put_back_and_save(loop)

    def block(self, n: int) -> bool:
        """Take n steps, or as many as the budget allows, and record them; true where the next would pass it."""
        loop, trace, oracle = self.loop, self.loop.trace, self.loop.oracle
        passing, last = False, trace.horizon
        evals = fevals = np.zeros(n, dtype=np.int64)
        if self.layout.counted:
            after = self.spent(n)[2]
        else:
            evals, fevals, after = self.spent(n)
            evals, fevals = oracle.evals + evals, oracle.fevals + fevals
            used = np.where(evals > 0, evals, fevals)
            if used[-1] >= trace.budget:
                n = int(np.searchsorted(used, trace.budget, side="right"))  # the steps that do not pass it
                enough = int(np.searchsorted(used, trace.budget)) + 1  # those by which it is spent
                passing = n < enough
                n = min(n, enough)
                if not n:
                    return True
                evals, fevals, after = evals[:n], fevals[:n], self.spent(n)[2]
                last = oracle.step + n
        began, before = time.perf_counter(), oracle.step
        steps = np.arange(before + 1, before + n + 1)
        recorded = steps[(steps % trace.every == 0) | (steps >= last)]
        out = self.table[trace.length + 1 :][: len(recorded)]
        self.advance(n, last, out, trace.whole, self._threads(n))
        self.seconds = time.perf_counter() - began
        self.phase = after
        oracle.step = before + n
        if not self.layout.counted:
            oracle.evals, oracle.fevals = int(evals[-1]), int(fevals[-1])
        else:
            oracle.evals, oracle.fevals = self.counts()
        if len(recorded):
            share = (recorded - before) / n * self.seconds
            picked = recorded - before - 1
            self._record(out, recorded, evals[picked], fevals[picked], loop.elapsed + share)
        loop.elapsed += self.seconds
        return passing

    def counts(self) -> tuple[Vector, Vector]:
        """The evaluations that each run has spent, (R,), where they differ."""
        rows = (self.slots[:, self.layout.slots.index(name)] for name in ("evals", "fevals"))
        evals, fevals = (self._runs(row).astype(np.int64) for row in rows)
        return evals, fevals

    def _threads(self, n: int) -> int:
        """How many threads share n steps: one per core, where it is worth while to start them."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 1 if n * self.R < 1 << 18 else max(1, min(cores, self.chunks))

    @property
    def _why(self) -> str:
        """Why a step is refused, in words; "" where none is."""
        return next((phase.why for phase in self.program.phases if phase.why), "")

    def _record(self, out: Vector, steps: Vector, evals: Vector, fevals: Vector, elapsed: Vector) -> None:
        """Give the trace the records of a block: all of them, or those of ends."""
        trace, R = self.loop.trace, self.R
        lives = self.lanes.reshape(-1)[:R] > 0
        ended = np.flatnonzero((trace.last < 0) & ~lives)
        why = self._why
        spent = [counts[:, None] for counts in (steps, evals, fevals, elapsed)]
        if trace.whole:
            runs, d = out[:, :, :R], self.program.d
            if len(ended):
                runs[:, d, ended] = _known(runs[:, :d, ended], runs[:, d, ended])
            new = self._columns(runs[:, :d], runs[:, d], runs[:, d + 1], runs, *spent)
            new["refused"], judged = np.zeros((1, 1), dtype=np.int64), ended
            if len(ended):
                refused, number = (self.ends[self.layout.ends.index(name), :R] for name in ("refused", "step"))
                hit = (steps[:, None] >= number) & ~lives & (trace.last < 0)
                new["refused"] = np.where(hit, refused, 0).astype(np.int64)
            if max(int(new["evals"][-1].max()), int(new["fevals"][-1].max())) >= trace.budget:
                judged = np.flatnonzero(trace.last < 0)
            trace.take(new, self._alphas(runs), why, judged)
            return
        if len(ended):
            self._record_ends(ended, steps, evals, fevals, elapsed)
        now = self._ends_of(self._now()[None], *(values[-1:] for values in spent))
        trace.take_last(now, len(steps), why)

    def _record_ends(self, ended: Vector, steps: Vector, evals: Vector, fevals: Vector, elapsed: Vector) -> None:
        """Give the trace the last two records of the runs that have ended."""
        trace, fields = self.loop.trace, self.layout.fields
        table = dict(zip(self.layout.ends, self.ends[:, ended], strict=True))
        rows = {name: [table.get(f"before.{name}", table[name]), table[name]] for name in fields}
        number = table["step"]
        place = np.clip(np.searchsorted(steps, number), 0, len(steps) - 1)
        at = [np.where(steps[place] > steps[0], steps[np.maximum(place - 1, 0)], trace.step), steps[place]]
        kept = {name: trace.columns[name].kept[-1][ended] for name in ("evals", "fevals", "elapsed")}
        pair = [
            np.array(at).astype(np.int64),
            *(
                np.array([np.where(place > 0, row[np.maximum(place - 1, 0)], kept[name]), row[place]])
                for name, row in (("evals", evals), ("fevals", fevals), ("elapsed", elapsed))
            ),
        ]
        both = self._ends_of(np.array([[rows[name][k] for name in fields] for k in (0, 1)]), *pair)
        both["refused"] = np.array([np.zeros(len(ended)), table["refused"]]).astype(np.int64)
        first = self.layout.ends.index(fields[0])  # what a run ends with stands there as in a record
        size = self._alphas(self.ends[None, first : first + len(fields), : self.R])[0]
        trace.take_ends(both, size, self._why, ended)

    def _ends_of(self, rows: Vector, *spent: Vector) -> dict[str, Vector]:
        """The trace's columns of n records, from the fields (n, F, R), with ‖g‖² for ‖g‖."""
        x, f, square = rows[:, : self.program.d], rows[:, self.program.d], rows[:, self.program.d + 1]
        return self._columns(x, _known(x, f), np.sqrt(square), rows, *spent)

    def _columns(
        self,
        x: Vector,
        f: Vector,
        norm: Vector,
        rows: Vector,
        steps: Vector,
        evals: Vector,
        fevals: Vector,
        elapsed: Vector,
    ) -> dict[str, Vector]:
        """The trace's columns of n records, by name."""
        if self.layout.counted:
            names = self.layout.fields
            evals, fevals = (rows[:, names.index(name)].astype(np.int64) for name in ("evals", "fevals"))
        return {
            "x": x,
            "f": f,
            "gradient_norm": norm,
            "evals": evals,
            "fevals": fevals,
            "iteration": steps,
            "elapsed": elapsed,
        }

    def _alphas(self, rows: Vector) -> Any:
        """The step sizes of n records, as the engine has them."""
        sizes = self.layout.sizes
        if not sizes:
            return [None] * len(rows)
        alphas: Vector = rows[:, -sizes:]
        return alphas[:, 0] if self._lone_size() else alphas

    def _lone_size(self) -> bool:
        alpha: Any = getattr(self.standing.s, "alpha", None)
        return np.ndim(alpha) < 2

    def _now(self) -> Vector:
        """The last record of each run, (F, R), of those that go on."""
        places = {name: k for k, name in enumerate(self.layout.slots)}

        def slot(name: str) -> Vector:
            return self._runs(self.slots[:, places[name]])

        d = self.program.d
        if self.program.carried:
            g = np.array([slot(f"g.{i}") for i in range(d)])
            rows = [slot(f"w.{i}") for i in range(d)] + [slot("f"), np.add.reduce(g * g, axis=0)]
            rows += [slot(name) for name in ("evals", "fevals") if self.layout.counted]
        else:
            rows = [slot(f"record.{name}") for name in self.layout.fields if f"record.{name}" in places]
        rows += [np.full(self.R, math.nan)] * self.layout.sizes
        return np.array(rows)

    # Back to NumPy ----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Put the runs back into the loop, as they stand."""
        now = self.state()
        loop, oracle = self.loop, self.loop.oracle
        loop.w, loop.s = now.w, now.s
        if self.layout.refuses:
            refused = self._runs(self.slots[:, self.layout.slots.index("refused")])
            oracle.refused, oracle.why = refused.astype(np.int64), self._why
        mark = oracle.mark()
        loop.mark = mark._replace(f_at=now.f_at, f=now.f, f_paid=True, g_at=now.g_at, g=now.g, g_paid=True)
        oracle.restore(loop.mark)

    def state(self) -> Standing:
        """Where the runs stand, in NumPy's arrays."""
        program = self.program
        like = program.standings[self.phase]
        slots = {name: self._runs(self.slots[:, k]) for k, name in enumerate(self.layout.slots)}
        going = self._runs(self.lanes) > 0
        made: dict[int, Any] = {}

        def value(path: str, of: Any) -> Any:
            leaf = Leaf(path, of)
            if leaf.shape is None:
                if leaf.path not in slots:
                    return of
                runs = slots[leaf.path]
                one, *others = np.unique(runs[going] if going.any() else runs[:1])  # the others stand where they ended
                whole = isinstance(of, int) and not isinstance(of, bool)
                return runs if others else int(one) if whole else float(one)
            if id(of) not in made:
                made[id(of)] = np.array([slots[name] for name in leaf.slots]).reshape(*leaf.shape, self.R)
            return made[id(of)]

        w = value("w", like.w)
        s = rebuilt(like.s, value)
        looked: dict[str, Any] = {"mf": None, "mg": None}
        if program.carried:
            looked = {"mf": slots["f"], "mg": np.array([slots[f"g.{i}"] for i in range(program.d)])}
        memory: list[Any] = []
        for name, at, answer in (("mf", like.f_at, like.f), ("mg", like.g_at, like.g)):
            place = made.get(id(at)) if at is not None else None
            memory.append(place)
            if place is None:
                memory.append(None)
            elif program.carried and place is w:
                memory.append(looked[name])
            else:
                memory.append(value(name, answer))
        return Standing(w, s, *memory)


def standing(loop: Loop) -> Standing:
    """Where a loop's runs stand; where every step sees something else, the next one asks anew."""
    mark, forgets = loop.oracle.mark(), loop.oracle.forgets
    return Standing(loop.w, loop.s, *((None,) * 4 if forgets else (mark.f_at, mark.f, mark.g_at, mark.g)))


def _known(x: Vector, f: Vector) -> Vector:
    """f at points (n, d, R), NaN where one is not finite, whatever the text makes of it."""
    return np.where(np.isfinite(x).all(axis=1), f, math.nan)


def _largest_square(norm: float) -> float:
    """The largest number whose root is at most a norm; −1 where there is none."""
    if norm < 0:
        return -1.0
    square = norm * norm
    while math.sqrt(square) > norm:
        square = math.nextafter(square, 0.0)
    while math.sqrt(above := math.nextafter(square, math.inf)) <= norm:
        square = above
    return square
