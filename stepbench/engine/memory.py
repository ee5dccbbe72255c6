"""How much memory something would need, against what is free: what cannot fit is refused before it is begun."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from stepbench.fields import InputError

LITTLE = 1 << 24
"""So many bytes are taken for free without a look."""


def refuse_beyond(needed: float, what: str, instead: str) -> None:
    """Raise InputError where so many bytes are not free, with what would need them and what to do instead."""
    if needed > LITTLE and needed > (there := free()):
        raise InputError(f"{what} would need {_shown(needed)} of memory, and {_shown(there)} are free: {instead}")


def free() -> float:
    """The bytes that this process can still have; infinite where the system does not say."""
    rooms = [_of_machine()]
    group = Path("/sys/fs/cgroup")  # of a container, https://docs.kernel.org/admin-guide/cgroup-v2.html
    with suppress(OSError, ValueError):  # there is none, or its limit is "max"
        rooms.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return max(min(rooms), 0.0)


def _of_machine() -> float:
    with suppress(OSError, KeyError, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return 1024.0 * (sizes["MemAvailable"] + sizes.get("SwapFree", 0))
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # Windows
        return float("inf")


def _shown(size: float) -> str:
    """Bytes as a message says them: 140 GB."""
    units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:,.0f} {units[0]}" if size >= 10 else f"{size:.1f} {units[0]}"
