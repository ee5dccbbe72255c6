"""A study: it makes the runs that are missing, here or elsewhere, and keeps each as it ends."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stepbench import catalog
from stepbench.engine.identity import NOT_REBUILT, is_current
from stepbench.engine.memory import refuse_beyond
from stepbench.engine.prepare import whole
from stepbench.engine.result import Result, load
from stepbench.fields import InputError
from stepbench.study.batch import Batch, Work, perform
from stepbench.study.executors import Workplace, opened
from stepbench.study.runs import Keep, Outcomes, Piece, joined, objects, taken
from stepbench.study.store import Store

LOAD = 20_000_000
"""Components of points in one piece of work, runs times steps times parameters: about a second."""
WIDTH = 16384
"""Components of points in one step of it: what a step reads and writes stays in the processor's cache."""
NARROW = 512
"""Runs that are not divided any further: with fewer of them a step is mostly Python's overhead."""

WORKER = 40_000_000
"""Bytes of a worker process that has imported what it needs for functions."""

GONE = "the scheduler or all its workers are gone: start them again"


class Stopped(KeyboardInterrupt):
    """Ctrl-C during a study; the message says what is kept."""


@dataclass(frozen=True)
class _Share:
    """Some runs of one batch, by their places; a suspect piece was lost with its worker once."""

    batch: int
    places: range | list[int]
    work: Work
    suspect: bool = False


class Study:
    """Runs kept in one file, and where new ones are made.

    ``path`` is the file; None keeps the runs in memory. ``workers`` are local processes (1: this one);
    ``scheduler`` is the address of a Dask cluster. ``traces`` keeps every record of each run, not only its end.
    ``progress`` is called with the number of runs made, and of all that are to be made. Where ``makes`` is false, none
    is made, and what is missing is an InputError.

    ``made`` and ``reused`` count the runs that were asked for; ``stale`` is, once the study is closed, how many of
    those that it keeps are of another version of stepbench, so that nothing uses them again.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        workers: int = 1,
        scheduler: str | None = None,
        traces: bool = False,
        progress: Callable[[int, int], None] | None = None,
        makes: bool = True,
    ) -> None:
        workers = whole("workers", workers, 1)
        if workers > 1:
            refuse_beyond(workers * WORKER, f"{workers:,} workers", "give fewer")
        if workers > 1 and scheduler is not None:
            raise InputError("local workers or a scheduler: give one of them")
        self.store = Store(path)
        self._workers, self._scheduler, self._traces = workers, scheduler, traces
        self._progress = progress
        self._makes = makes
        self.made = 0
        self.reused = 0
        self.stale = 0

    def __enter__(self) -> Study:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.stale = sum(
                    self.store.size(key) for key, facts in self.store.facts().items() if not is_current(facts)
                )
        finally:
            self.store.__exit__()

    def outcomes(self, batches: Sequence[Batch], keep: Keep = "end") -> list[Outcomes]:
        """The outcomes of all runs of each batch, in order; those that are not here yet are made.

        Raises Stopped on Ctrl-C, and InputError where the file cannot be written; what ended before is kept.
        """
        keep = "trace" if self._traces else keep
        self._refuse_bound(batches)
        if keep != "end":
            most = max((batch.traced for batch in batches), default=0.0)
            refuse_beyond(most, "every record of a run", "give a smaller budget")
        keys = [batch.heads.key.tolist() for batch in batches]
        here = {setting: [self.store.found(setting, keep)] for setting in dict.fromkeys(batch.id for batch in batches)}
        known = {key for [found] in here.values() for key in found.heads.key}
        missing: list[list[int]] = []
        for of_batch in keys:  # what is asked for twice is made once
            missing.append([i for i, key in enumerate(of_batch) if key not in known])
            known.update(of_batch)
        total, made = sum(map(len, missing)), 0
        putting: list[Piece] = []
        if total and not self._makes:
            raise InputError(
                f"{self.store} lacks {total:,} of these {sum(map(len, keys)):,} runs: give the command "
                "that makes them, with --study and --plot"
            )
        try:
            if total:
                settings = {batch.id: batch.setting for batch, places in zip(batches, missing, strict=True) if places}
                self.store.put(settings, ())  # whether the file can be written is known before anything is run
            works = [replace(batch.work, keep=keep) for batch in batches]
            for share, outcomes in self._done(works, missing):
                batch = batches[share.batch]
                putting = [Piece(batch.id, taken(batch.heads, share.places), outcomes)]
                # The setting again, as another process may have removed what had no runs.
                self.store.put({batch.id: batch.setting}, putting)
                ends = outcomes._replace(trace=objects([None] * len(share.places)))  # traces are large
                here[batch.id].append(putting[0]._replace(outcomes=ends))
                made, putting = made + len(share.places), []
                if self._progress is not None:
                    self._progress(made, total)
        except KeyboardInterrupt:
            for piece in putting:  # the last commit may have been made
                made += len({*piece.heads.key}.intersection(self.store.found(piece.setting, keep).heads.key))
            raise Stopped(f"{made:,} of {total:,} runs were made, and are kept in {self.store}") from None
        except InputError as error:
            if made:
                raise InputError(f"{error}. {made:,} of {total:,} runs are kept") from None
            raise
        self.made += made
        self.reused += sum(map(len, keys)) - made
        pieces = {setting: Piece.joined(setting, parts) for setting, parts in here.items()}
        places = {key: place for piece in pieces.values() for place, key in enumerate(piece.heads.key)}
        return [
            taken(pieces[batch.id].outcomes, [places[key] for key in of_batch])
            for batch, of_batch in zip(batches, keys, strict=True)
        ]

    def _refuse_bound(self, batches: Sequence[Batch]) -> None:
        """Refuse to keep, or to send elsewhere, runs that only this program can make."""
        for batch in batches:
            if batch.bound is None:
                continue
            elsewhere = "a worker could not load it" if self._workers > 1 or self._scheduler else ""
            if elsewhere or self.store.path is not None:
                raise InputError(
                    f"{batch.bound} {NOT_REBUILT}: {elsewhere or 'a kept run of it could not be known again'}; name it "
                    "by a file of its own, or leave out the study and the workers"
                )

    def results(self, batches: Sequence[Batch]) -> list[list[Result]]:
        """Every record of all runs of each batch, in order; what is not here yet is made, as by ``outcomes``.

        Raises InputError where a run crashed, with the reason.
        """
        outcomes = self.outcomes(batches, keep="trace")
        wanted = {key for batch in batches for key in batch.heads.key}
        settings = dict.fromkeys(batch.id for batch in batches)
        traces = {key: trace for key, trace in self.store.traces(settings) if key in wanted}
        results: list[list[Result]] = []
        for batch, ends in zip(batches, outcomes, strict=True):
            problem = catalog.problem(batch.work.problem)
            of_batch = []
            for key, detail in zip(batch.heads.key, ends.detail, strict=True):
                if key not in traces:
                    raise InputError(f"{batch.work.method} on {batch.work.problem}: {detail}")
                of_batch.append(load(io.BytesIO(traces[key]), problem))
            results.append(of_batch)
        return results

    def in_order(self, placed: Sequence[tuple[Batch, Sequence[int]]]) -> Outcomes:
        """The outcomes of all runs, each at the place that is given for it beside its batch."""
        outcomes = joined(self.outcomes([batch for batch, _ in placed]))
        return taken(outcomes, np.argsort(np.concatenate([places for _, places in placed])))

    def _done(self, works: Sequence[Work], missing: Sequence[list[int]]) -> Iterator[tuple[_Share, Outcomes]]:
        """The missing runs of each batch, piece by piece, as they end."""
        if not any(missing):
            return
        waiting: deque[_Share] = deque()
        while True:
            with opened(self._workers, self._scheduler) as workplace:
                if not waiting:
                    shares = -(-2 * workplace.room // len([*filter(None, missing)])) if workplace.room > 1 else 1
                    for b, (work, places) in enumerate(zip(works, missing, strict=True)):
                        size = _size_of_piece(work, len(places), shares)
                        for begin in range(0, len(places), size):
                            waiting.append(_Share(b, places[begin : begin + size], work))
                yield from _drained(workplace, waiting)
            if not waiting:
                return


def _size_of_piece(work: Work, runs: int, shares: int) -> int:
    """How many runs to make at a time: enough for lock-step to pay, few enough that little is lost with a worker."""
    if work.lanes is not None:
        return min(work.lanes, max(1, -(-runs // shares)))
    options = work.options
    steps = min(options["budget"], options["steps"] or options["budget"])
    most: int = LOAD // (steps * (work.dim if work.keep == "end" else work.dim + 8))
    return max(1, min(most, WIDTH // work.dim, max(NARROW, -(-runs // shares))))


def _drained(workplace: Workplace, waiting: deque[_Share]) -> Iterator[tuple[_Share, Outcomes]]:
    """The waiting pieces with their outcomes, as they end, until there are none, or until the executor broke.

    Pieces that were lost with a worker wait again, behind all others. They are then run one at a time: a piece that
    loses its worker a second time is the reason for it, and its runs have failed.
    """
    running: dict[Future[Outcomes], _Share] = {}

    def lose(piece: _Share) -> None:
        waiting.append(replace(piece, suspect=True))

    while waiting or running:
        try:
            while waiting and len(running) < (1 if waiting[0].suspect else workplace.room):
                piece = waiting[0]
                running[workplace.executor.submit(perform, piece.work.part(piece.places))] = piece
                waiting.popleft()
        except BrokenExecutor:
            break
        done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
        if not done and workplace.gone():
            raise InputError(GONE)
        broken = False
        for future in done:
            piece = running.pop(future)
            try:
                outcomes = future.result()
            except InputError:
                raise
            except ImportError as error:  # of a worker that is not like this process
                raise InputError(str(error)) from None
            except Exception as error:  # it is the executor's: an error of a run is an outcome
                if workplace.gone():
                    raise InputError(GONE) from None
                broken |= isinstance(error, BrokenExecutor)
                if not piece.suspect:
                    lose(piece)
                    continue
                why = f"its worker died twice ({type(error).__name__})"
                outcomes = Outcomes.failed(why, len(piece.places))
            yield piece, outcomes
        if broken:
            break
    for piece in running.values():
        lose(piece)


@contextmanager
def using(study: Study | str | Path | None) -> Iterator[Study]:
    """The study itself, or the one of a path, closed afterwards."""
    if isinstance(study, Study):
        yield study
    else:
        with Study(study) as opened:
            yield opened
