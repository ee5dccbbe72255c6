"""Where the work of a study is done: in this process, in local worker processes, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import pydoc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from multiprocessing import resource_tracker
from typing import Any, NamedTuple

from stepbench.fields import InputError

SAME = ("stepbench", "numpy", "scipy")
"""The packages that a run's bits depend on."""

RETURN = 30
"""For how many seconds a cluster that has lost all its workers is given to start others."""


class Workplace(NamedTuple):
    """An executor, how many pieces of work it is given at a time, and whether it is gone for good."""

    executor: Executor
    room: int
    gone: Callable[[], bool] = lambda: False


def opened(workers: int, scheduler: str | None) -> AbstractContextManager[Workplace]:
    """The workplace that is asked for, to be closed afterwards."""
    if scheduler is not None:
        return _cluster(scheduler)
    return nullcontext(Workplace(InProcess(), 1)) if workers == 1 else _processes(workers)


class InProcess(Executor):
    """Do the work at once, here."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future of work that is done already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _processes(workers: int) -> Iterator[Workplace]:
    """Local processes; all of them end with the block, and at once where it ends by an error or by Ctrl-C."""
    others = {*multiprocessing.active_children()}
    pool: ProcessPoolExecutor | None = None
    try:
        with _uninterrupted():
            # Not forked: a fork of a process with threads, such as those of BLAS, may hang.
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin_worker)
            started = [pool.submit(os.getpid) for _ in range(workers)]  # so that all processes start now
        try:
            started[0].result()
        except BrokenExecutor:
            raise InputError(
                'the workers cannot start: in a script, put what it does under if __name__ == "__main__":'
            ) from None
        yield Workplace(pool, workers + 1)  # one lies ready, so that none waits while results are kept
    except BaseException:
        for process in {*multiprocessing.active_children()} - others:
            process.kill()
        raise
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait; a process that begins meanwhile never gets it, not even in its first lines."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield  # Ctrl-C goes to the main thread; Windows has no masks
        return
    resource_tracker.ensure_running()  # which unblocks the signal where it is started
    interrupted = False

    def note(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    handler = signal.signal(signal.SIGINT, note)  # another thread, which is not masked, may still get the signal
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if interrupted:
        raise KeyboardInterrupt


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent ends, in whichever way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[Workplace]:
    """A Dask cluster that has workers; what has not ended with the block is cancelled."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError('--scheduler needs Dask: python3 -m pip install "stepbench[dask]"') from None
    try:
        client: Any = Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"no Dask scheduler answers at {address} ({reason}): start one with dask scheduler") from None

    seen = time.monotonic()  # when there were workers

    def gone() -> bool:
        nonlocal seen
        while client.status == "connecting":  # it tries for a while to find the scheduler again
            time.sleep(0.1)
        if client.status != "running":
            return True
        with suppress(OSError):  # the connection breaks right now
            if client.nthreads():
                seen = time.monotonic()
        return time.monotonic() - seen > RETURN

    try:
        try:
            client.wait_for_workers(1, timeout=10)
        except TimeoutError:
            raise InputError(f"{address} has no workers: start some with dask worker {address}") from None
        try:
            _refuse_other_versions(client)
        except OSError:
            raise InputError(f"the scheduler at {address} is gone: start it again, and its workers") from None
        seen = time.monotonic()
        executor = client.get_executor(pure=False)
        try:
            yield Workplace(_Alike(executor), 2 * sum(client.nthreads().values()), gone)
        finally:
            with suppress(Exception):  # of a scheduler that is gone
                executor.shutdown(wait=False)
    finally:
        with suppress(Exception):
            client.close()


class _Alike(Executor):
    """A cluster whose workers are compared with this process before each piece of work, since some join late."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:  # type: ignore[override]
        """The future of the work, or of an ImportError that says how the worker differs."""
        difference, versions = _comparison()

        def work(content: bytes) -> Any:
            if why := difference(versions):
                raise ImportError(f"a worker {why}")
            fn, args = pickle.loads(content)
            return fn(*args)

        return self._executor.submit(work, pickle.dumps((fn, args)))


def _comparison() -> tuple[Callable[[dict[str, Any]], str], dict[str, Any]]:
    """A function that says how the place where it is called differs from here, and the versions that it compares.

    It is made in a function, so that Dask sends it whole and not by its name: stepbench may be missing there.
    """

    def difference(versions: dict[str, Any]) -> str:
        for package, here in versions.items():
            try:
                there, why = pydoc.locate(f"{package}.__version__"), ""
            except pydoc.ErrorDuringImport as error:
                there, why = None, f" ({' '.join(str(error).split())})"
            if there is None:
                return f"cannot import {package}{why}: install {package} {here} there"
            if there != here:
                return f"has {package} {there}, and this study {here}: install the same"
        return ""

    return difference, {package: pydoc.locate(f"{package}.__version__") for package in SAME}


def _refuse_other_versions(client: Any) -> None:
    """Raise InputError where the scheduler or a worker lacks a package, or has it in another version than is here."""
    difference, versions = _comparison()
    found = {"the scheduler": client.run_on_scheduler(difference, versions)}
    found |= {f"the worker {address}": why for address, why in client.run(difference, versions).items()}
    for place, why in found.items():
        if why:
            raise InputError(f"{place} {why}")
