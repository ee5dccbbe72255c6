"""The loop: a method steps in blocks, and what each block left is looked at together."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stepbench.arrays import Points
from stepbench.contracts import Mark, Method, Oracle, Peer, Spent
from stepbench.engine.records import StepLog, Trace

TOGETHER = 1 << 14
"""How many points are looked at in one call of f: enough to make Python's share small, few enough for the cache."""

Progress = Callable[[int, int], None]
"""Called now and then with how far it is, and the limit."""

# glibc hands freed blocks back to the system, to be asked for and zeroed again at every step, until it has seen a
# large one freed (mallopt(3), M_MMAP_THRESHOLD). This one is never touched, and so costs nothing.
np.empty(31 << 20, dtype=np.uint8)


class Loop:
    """A method on its way: where it stands, and what has been recorded of it.

    ``w``, ``s`` and ``mark`` are the point, the state and what the oracle has counted after the last whole step;
    ``elapsed`` are the seconds of stepping by then, in which looking does not count.
    """

    def __init__(self, method: Method, w: Points, oracle: Oracle, trace: Trace) -> None:
        self.method, self.oracle, self.trace = method, oracle, trace
        self.w, self.s, self.mark = w, method.init(w), oracle.mark()
        self.elapsed = 0.0
        self._clock = 0.0  # when stepping would have begun, had nothing else been done between
        self._patience = _Patience()

    def run(
        self,
        progress: Progress | None,
        save: Callable[[Loop], None] | None,
        often: int,
        *,
        until: float = math.inf,
    ) -> None:
        """Step in blocks, and look at each block's points together: one call of f for many steps.

        It stops after the step ``until``, where the runs go on elsewhere.

        ``save``, where there is one, is called after every so many steps, on Ctrl-C, and at the end; less often where
        it would take more than a twentieth of the time.
        """
        oracle, trace = self.oracle, self.trace
        advance = self._advance if save is None and trace.every == 1 else self._advance_marking
        length = 1 if until == math.inf else int(until) - oracle.step
        most = max(16, min(256, TOGETHER // self.w.shape[1]))
        saving = Saving(save, often, oracle.step)
        with patience() as self._patience:
            while trace.running and oracle.step < until:
                began, log = time.perf_counter(), StepLog()
                self._clock = began - self.elapsed
                end = min(trace.horizon, saving.due, until)
                try:
                    while len(log.records) < length and oracle.step < end:
                        if self._patience.over:
                            raise KeyboardInterrupt
                        advance(log, saving.due)
                except BaseException as stop:
                    self.elapsed = time.perf_counter() - self._clock
                    self._finish(log, stop, save)
                else:
                    self.elapsed = time.perf_counter() - self._clock
                    trace.add(log)
                now = time.perf_counter()
                if progress is not None:
                    progress(*trace.spent)
                saving(self)
                # The steps of a block after its last run has ended are wasted, so it is short where steps are slow.
                length = min(2 * length, most) if now - began < 0.05 else max(length // 2, 1)
            if save and not trace.running:
                save(self)

    def _finish(self, log: StepLog, stop: BaseException, save: Callable[[Loop], None] | None) -> None:
        """Record what an error, the end of the budget or Ctrl-C left of a block, and raise it again where it counts."""
        self._patience.end()
        trace = self.trace
        trace.add(log)
        if save and isinstance(stop, KeyboardInterrupt):
            save(self)
        if trace.running and self.mark.step > trace.step:  # it stopped between two records
            log = StepLog()
            self._note(log, self.mark)
            trace.add(log)
        if isinstance(stop, Spent):
            trace.end("budget", "the next step would pass the budget")
        # A block goes on a little after its last run has ended: an error in those steps is no error of any run.
        elif trace.running or not isinstance(stop, Exception):
            raise stop

    def _advance(self, log: StepLog, due: float) -> None:
        """Take one step, and note it."""
        oracle = self.oracle
        oracle.advance(self.w)
        self.w, self.s = self.method.step(self.w, oracle, self.s)
        self._note(log, oracle)

    def _advance_marking(self, log: StepLog, due: float) -> None:
        """Step until the next record, or until a saving is due, so that the run can be left after any of the steps."""
        trace = self.trace
        while not self._patience.over:
            self.oracle.advance(self.w)
            w, s = self.method.step(self.w, self.oracle, self.s)
            mark = self.oracle.mark()
            self.w, self.s, self.mark = w, s, mark  # no call between them, so that Ctrl-C leaves no half a step
            if mark.step % trace.every == 0 or mark.step >= trace.horizon:
                self._note(log, mark)
                return
            if mark.step >= due:
                return

    def _note(self, log: StepLog, counts: Oracle | Mark) -> None:
        alpha = getattr(self.s, "alpha", None)
        elapsed = time.perf_counter() - self._clock
        spent = counts.evals, counts.fevals, counts.step, elapsed
        log.note(self.w, alpha, *spent, counts.carried, counts.refused, counts.why)


PATIENCE = 0.5
"""Seconds that Ctrl-C waits for the end of a step: the first one of a network may take ten times as long."""


class Saving:
    """When a run is saved: after every so many steps, but in no more than a twentieth of the time.

    ``due`` is the number of the step after which it is next, infinite where nothing saves.
    """

    def __init__(self, save: Callable[[Loop], None] | None, often: int, step: int) -> None:
        self._save, self._often, self._not_before = save, often, 0.0
        self.due = math.inf if save is None else step + often

    def __call__(self, loop: Loop) -> None:
        """Save the run, where it is due."""
        if self._save is None or loop.oracle.step < self.due:
            return
        self.due = loop.oracle.step + self._often
        now = time.perf_counter()
        if now >= self._not_before:
            self._save(loop)
            self._not_before = time.perf_counter() + 20 * (time.perf_counter() - now)


class _Patience:
    """Whether Ctrl-C was pressed. Pressed again, or after a while, it interrupts in the middle of whatever there is."""

    over = False

    def __call__(self, number: int, frame: Any) -> None:
        if self.over:
            raise KeyboardInterrupt
        self.over = True
        if hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:  # Windows has none
            signal.signal(signal.SIGALRM, self)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    def end(self) -> None:
        """Wait for no step any more: what follows, such as a saving, is not interrupted unless Ctrl-C is pressed."""
        if hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is self:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)


@contextmanager
def patience() -> Iterator[_Patience]:
    """Within it, Ctrl-C waits for the end of a step, so that no record is left half made."""
    waiting = _Patience()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield waiting  # it comes to the main thread, or to somebody else
        return
    signal.signal(signal.SIGINT, waiting)
    try:
        yield waiting
    finally:
        waiting.end()
        signal.signal(signal.SIGINT, before)
    if waiting.over:  # it came in the last moment
        raise KeyboardInterrupt


def minimize(peer: Peer, w: Points, oracle: Oracle, trace: Trace, progress: Progress | None) -> None:
    """Let the peer run its own loop from w, (d, 2), and look at every iterate it reports.

    Where it stops by itself after more evaluations, the last record is of where it stood, with all that it spent.
    """
    last, elapsed, resumed = w, 0.0, time.perf_counter()

    def look(w: Points) -> None:
        log = StepLog()
        log.note(w, None, oracle.evals, oracle.fevals, trace.step + 1, elapsed)
        trace.add(log)
        if progress is not None:
            progress(*trace.spent)
        if not trace.running:
            raise Spent

    def record(w: Points) -> None:
        nonlocal last, elapsed, resumed
        elapsed += time.perf_counter() - resumed
        if not np.array_equal(w, last):
            last = w
            look(w)
        resumed = time.perf_counter()

    try:
        why = peer.minimize(w, oracle, record)
        elapsed += time.perf_counter() - resumed
        if (oracle.evals, oracle.fevals) != trace.counts:
            look(last)
        trace.stop(why)
    except Spent:  # in the middle of an iteration, or by ``look`` after the last: then no run is left to end
        trace.end("budget", "the next step would pass the budget")
