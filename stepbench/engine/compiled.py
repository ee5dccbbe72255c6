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

MEMORY = 1 << 23
"""How many numbers of records a block may have, and of what its steps see."""

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
        self.ends = np.zeros((len(self.layout.ends), self.chunks * LANES))

    def _lanes(self, values: Any) -> Vector:
        """Numbers of the runs, (R,), or one for all, as chunks of lanes; the last one fills them up."""
        runs = np.broadcast_to(np.asarray(values, dtype=float), self.R)
        return np.pad(runs, (0, self.chunks * LANES - self.R), mode="edge").reshape(self.chunks, LANES)

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

    # Stepping ---------------------------------------------------------------------------------------------------------

    def advance(self, n: int, last: int, out: Vector, whole: bool, threads: int = 1) -> None:
        """Take n steps; the last that there can be is a record, whatever its number."""
        trace, problem = self.loop.trace, self.loop.trace.problem
        assert self.kernel is not None
        begin = self.loop.oracle.step
        seen = self.recording.rows(begin + 1, n)
        known = problem.f_star is not None
        numbers = (
            problem.f_star or 0.0,
            trace.target if known else -math.inf,
            _largest_square(trace.grad_target),
            float(trace.budget),
        )
        arrays = (self.slots, self.parameters, seen, out, self.ends, self.lanes)

        def some(first: int, end: int) -> None:
            whole_numbers = (first, end, self.chunks * LANES, n, self.phase, begin, trace.every, last)
            self.kernel.advance(arrays, whole_numbers, numbers, whole)  # type: ignore[union-attr]

        cuts = [self.chunks * k // threads for k in range(threads + 1)]
        if threads == 1:
            some(0, self.chunks)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(some, cuts[:-1], cuts[1:]))

    def spent(self, n: int) -> tuple[Vector, Vector, int]:
        """What each of the next n steps spends, where it is the same for all runs, and the phase after them."""
        phases, path = self.program.phases, [self.phase]
        while len(path) <= n and (following := phases[path[-1]].next) not in path:
            path.append(following)
        cycle = path[path.index(phases[path[-1]].next) :] if len(path) <= n else []
        taken = np.resize(cycle, n + 1 - (len(path) - len(cycle))) if cycle else np.empty(0, dtype=int)
        taken = np.concatenate([path[: len(path) - len(cycle)], taken]).astype(int)
        each = np.zeros((len(phases), 2)) if self.layout.counted else [(p.evals, p.fevals) for p in phases]
        evals, fevals = np.cumsum(np.array(each)[taken[:n]], axis=0).astype(np.int64).T
        return evals, fevals, int(taken[n])

    def run(self, progress: Progress | None, save: Callable[[Loop], None] | None, often: int) -> None:
        """Step in blocks until every run has ended; as ``Loop.run`` does."""
        loop, trace, oracle = self.loop, self.loop.trace, self.loop.oracle
        length = 1 if self.program.searches else 256  # how long a search is, only its time will tell

        def put_back_and_save(loop: Loop) -> None:
            self.leave()
            if save:
                save(loop)

        saving = Saving(save and put_back_and_save, often, oracle.step)
        records = MEMORY // ((len(self.layout.fields) + 4) * self.R) if trace.whole else MEMORY
        room = max(1, min(max(1, records) * trace.every, MEMORY // (len(self.program.seen) or 1)))
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
        out = np.empty((len(recorded) if trace.whole else 0, len(self.layout.fields), self.chunks * LANES))
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
        trace, R, fields = self.loop.trace, self.R, self.layout.fields
        lives = self.lanes.reshape(-1)[:R] > 0
        ended = np.flatnonzero((trace.last < 0) & ~lives)
        why = self._why
        spent = [np.broadcast_to(counts[:, None], (len(steps), R)) for counts in (steps, evals, fevals, elapsed)]
        if trace.whole:
            new = self._columns(out[:, :, :R], fields, *spent, mixed=len(ended) > 0)
            new["refused"] = np.zeros((len(steps), R), dtype=np.int64)
            alphas = self._alphas(out[:, :, :R], fields)
            judged = ended
            if len(ended):
                refused, number = (self.ends[self.layout.ends.index(name), :R] for name in ("refused", "step"))
                hit = (steps[:, None] >= number) & ~lives & (trace.last < 0)
                new["refused"] = np.where(hit, refused, 0).astype(np.int64)
            if max(int(new["evals"][-1].max()), int(new["fevals"][-1].max())) >= trace.budget:
                judged = np.flatnonzero(trace.last < 0)
            trace.take(new, alphas, why, judged)
            return
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
        both = self._columns(np.array([[rows[name][k] for name in fields] for k in (0, 1)]), fields, *pair)
        both["refused"] = np.array([np.zeros(len(ended)), table["refused"]]).astype(np.int64)
        first = self.layout.ends.index(fields[0])  # what a run ends with stands there as in a record
        size = self._alphas(self.ends[None, first : first + len(fields), :R], fields)[0]
        now = self._columns(self._now()[None], fields, *(values[-1:] for values in spent))
        trace.take_ends(both, now, size, why, ended, len(steps))

    def _columns(
        self,
        rows: Vector,
        fields: list[str],
        steps: Vector,
        evals: Vector,
        fevals: Vector,
        elapsed: Vector,
        *,
        mixed: bool = True,
    ) -> dict[str, Vector]:
        """The trace's columns of n records, from the fields (n, F, R); ``mixed`` where some may not be finite."""
        d = self.program.d
        x, f, square = rows[:, :d], rows[:, d], rows[:, d + 1]
        if self.layout.counted:
            evals, fevals = (rows[:, fields.index(name)].astype(np.int64) for name in ("evals", "fevals"))
        if mixed:  # f of a point that is not finite is not known, whatever the text makes of it
            f = np.where(np.isfinite(x).all(axis=1), f, math.nan)
        return {
            "x": x,
            "f": f,
            "gradient_norm": np.sqrt(square),
            "evals": evals,
            "fevals": fevals,
            "iteration": steps,
            "elapsed": elapsed,
        }

    def _alphas(self, rows: Vector, fields: list[str]) -> Any:
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
