"""Where the work of a study is done: in this process, in local worker processes, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from stepbench.fields import InputError


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
def opened(workers: int, scheduler: str | None) -> Iterator[tuple[Executor, int]]:
    """An executor, and how many batches to give it at a time."""
    if scheduler is not None:
        with _cluster(scheduler) as client:
            executor = client.get_executor(pure=False)
            try:
                yield executor, 2 * sum(client.nthreads().values())
            finally:
                executor.shutdown(wait=False)  # cancels what has not ended
    elif workers == 1:
        yield InProcess(), 1
    else:
        # Not forked: a fork of a process with threads, such as those of BLAS, may hang.
        others = {*multiprocessing.active_children()}
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin_worker)
        try:
            yield pool, workers
        except BaseException:
            for process in {*multiprocessing.active_children()} - others:
                process.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """A client of a Dask scheduler that has workers."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError('--scheduler needs Dask: python3 -m pip install "stepbench[dask]"') from None
    try:
        client: Any = Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"no Dask scheduler answers at {address} ({reason}): start one with dask scheduler") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=10)
        except TimeoutError:
            raise InputError(f"{address} has no workers: start some with dask worker {address}") from None
        yield client
