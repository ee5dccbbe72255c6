"""The rows of a study's tables, each with a checksum of its content, so that damage is never taken for a number.

The checksum is CRC-32. It sees every change of up to 32 bits that stand together, and one in 2³² of other changes
escapes it: enough against disks and cables, which is all that a study has to fear, at a tenth of what a cryptographic
digest costs per row. A curve and a trace bear their own, as they may come later, and a trace is read alone.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from stepbench.engine.columns import KEPT
from stepbench.study.batch import Head, Outcome

SETTINGS = {
    "id": "BLOB PRIMARY KEY",
    "setting": "TEXT NOT NULL UNIQUE",
    "runs": "INTEGER NOT NULL",
    "checksum": "INTEGER NOT NULL",
}
"""The table of settings: the digest of a setting, its JSON, and how many runs it has.

The index that keeps the JSON unique holds a second copy of it, from which ``repair`` restores a damaged one.
"""

RUNS = {
    "key": "BLOB PRIMARY KEY",
    "setting": "BLOB NOT NULL REFERENCES settings",
    "seed": "INTEGER NOT NULL",
    "parameters": "TEXT NOT NULL",
    "start": "BLOB",
    "status": "TEXT NOT NULL",
    "detail": "TEXT NOT NULL",
    **{column.kept: column.sql for column in KEPT},
    "point": "BLOB",
    "checksum": "INTEGER NOT NULL",
    "curve": "BLOB NOT NULL",
    "trace": "BLOB NOT NULL",
}
"""The table of runs: what tells a run from others, how it ended, the columns that a study keeps, and its blobs."""

_HEAD = len(Head._fields)
_SEAL = 4
"""The bytes of a checksum that stands before a blob."""
_NUMBER = 8
"""The bytes of a component of a point."""
_SIZES = struct.Struct(f"<q7i{len(KEPT)}d")


_FACTS = {
    **dict.fromkeys(("problem", "method", "stepbench"), str),
    "problem_parameters": dict,
    "noise": int | float,
    "budget": int,
    "steps": int | None,
    "target": int | float | None,
}
"""What every setting says, and of which type."""
_PLAIN = (int, float, str, type(None))  # True and False are integers


class DamagedError(Exception):
    """What was read is not what was written; the message says so in words."""


def setting_row(key: bytes, text: str, runs: int) -> tuple[Any, ...]:
    """The row of a setting that has so many runs."""
    return key, text, runs, crc32(f"{runs} {text}".encode(), crc32(key))


def setting_of(row: Sequence[Any]) -> tuple[bytes, str, int]:
    """The digest of a setting, its JSON, and how many runs it has; raises DamagedError."""
    key, text, runs, _ = row
    try:
        sound = setting_row(key, text, runs) == tuple(row)
    except TypeError:
        sound = False
    if not sound:
        raise DamagedError(f"the setting {_shown(key)} is damaged")
    return key, text, runs


def facts_of(key: bytes, text: str) -> dict[str, Any]:
    """What the JSON of a setting says; raises DamagedError where it is none, or of another shape."""
    try:
        facts: dict[str, Any] = json.loads(text)
        told = all(isinstance(facts[name], kind) for name, kind in _FACTS.items())
        if told and _is_plain(facts | {"problem_parameters": None}) and _is_plain(facts["problem_parameters"]):
            return facts
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise DamagedError(f"the setting {_shown(key)} does not say in JSON what a setting says")


def _is_plain(facts: dict[str, Any]) -> bool:
    """Whether every value is a number, a text or unknown; raises ValueError where UTF-8 cannot hold a text of it."""
    "".join([*facts, *(value for value in facts.values() if isinstance(value, str))]).encode()
    return all(isinstance(value, _PLAIN) for value in facts.values())


def parameters_of(head: Head) -> dict[str, Any]:
    """The hyper-parameters of a run; raises DamagedError where they are no JSON object."""
    try:
        parameters = json.loads(head.parameters)
        if isinstance(parameters, dict) and _is_plain(parameters):
            return parameters
    except (ValueError, RecursionError):
        pass
    raise DamagedError(f"the parameters of the run {_shown(head.key)} are no JSON object")


def run_row(head: Head, outcome: Outcome) -> tuple[Any, ...]:
    """The row of a run."""
    status, detail, numbers, point, curve, trace = outcome
    known = [None if number != number else number for number in numbers]  # SQLite takes NaN for unknown
    checksum = _checksum(*head, status, detail, known, point)
    sealed = sealed_blob(head.key, "curve", curve), sealed_blob(head.key, "trace", trace)
    return (*head, status, detail, *known, point, checksum, *sealed)


def run_of(row: Sequence[Any]) -> tuple[Head, Outcome]:
    """A run, of its row without its trace, where None stands for a curve that is not asked for; or DamagedError."""
    key, setting, seed, parameters, start, status, detail, *numbers, point, checksum, curve = row
    try:
        sound = _checksum(key, setting, seed, parameters, start, status, detail, numbers, point) == checksum
        sound = sound and len(start or b"") % _NUMBER == len(point or b"") % _NUMBER == 0
    except (TypeError, AttributeError, struct.error):  # a value of another type
        sound = False
    if not sound:
        raise DamagedError(f"the run {_shown(key)} is damaged")
    opened = None if curve is None else opened_blob(key, "curve", curve)
    outcome = Outcome(status, detail, tuple(numbers), point, opened)
    return Head(key, setting, seed, parameters, start), outcome


def _checksum(
    key: bytes,
    setting: bytes,
    seed: int,
    parameters: str,
    start: bytes | None,
    status: str,
    detail: str,
    numbers: Sequence[float | None],
    point: bytes | None,
) -> int:
    """The checksum of a run's values; their sizes are among what is summed, so that none can take from the next."""
    if None in numbers:
        numbers = [math.nan if number is None else number for number in numbers]
    sizes = _SIZES.pack(
        seed,
        len(key),
        len(setting),
        len(parameters),
        len(status),
        len(detail),
        -1 if start is None else len(start),
        -1 if point is None else len(point),
        *numbers,
    )
    texts = (parameters + status + detail).encode()
    return crc32(b"".join((sizes, key, setting, texts, start or b"", point or b"")))


def sealed_blob(key: bytes, name: str, content: bytes | None) -> bytes:
    """A curve or a trace behind its checksum; where there is none, the checksum says so."""
    checksum = crc32(name.encode(), crc32(key))
    if content is None:
        return checksum.to_bytes(_SEAL, "little")
    return crc32(content, crc32(b"=", checksum)).to_bytes(_SEAL, "little") + content


def opened_blob(key: bytes, name: str, sealed: bytes) -> bytes | None:
    """The curve or the trace that was sealed, None where there was none; raises DamagedError."""
    if sealed == sealed_blob(key, name, None):
        return None
    if isinstance(sealed, bytes):
        content = sealed[_SEAL:]
        if sealed == sealed_blob(key, name, content):
            return content
    raise DamagedError(f"the {name} of the run {_shown(key)} is damaged")


def _shown(key: Any) -> str:
    """A key as an export has it."""
    return key.hex() if isinstance(key, bytes) else repr(key)
