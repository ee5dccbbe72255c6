"""Batches of runs that are made while somebody waits: their ends alone, within a little of the processor's time."""

from __future__ import annotations

import time
from typing import Any

from stepbench.contracts import Problem, Runnable
from stepbench.engine.result import Result
from stepbench.engine.running import Interrupted, run_quietly
from stepbench.fields import InputError
from stepbench.options import Engine
from stepbench.web.selection import Limit

SECONDS = 0.5
"""How much of the processor's time a batch may take, what a kernel takes to compile included."""


class TooSlowError(InputError):
    """The time was over before the runs had ended."""


class NoKernelError(InputError):
    """No kernel can be made of the method on the problem."""


def quickly(problem: Problem, method: Runnable, *, engine: Engine, **options: Any) -> Result:
    """The start and the end of each run of a batch.

    Raises TooSlowError, NoKernelError, or InputError for what cannot run.
    """
    limit = Limit(SECONDS, clock=time.process_time)
    try:
        return run_quietly(problem, method, trace=False, progress=limit, engine=engine, **options)
    except Interrupted:
        if not limit.over:
            raise
        raise TooSlowError(f"so many runs of {method} take longer than {SECONDS:g} seconds here") from None
    except InputError as error:
        if engine == "kernel" and "kernel" in str(error):
            raise NoKernelError(str(error)) from None
        raise
