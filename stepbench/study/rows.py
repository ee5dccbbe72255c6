"""The rows of a study's tables, each with a checksum of its content, so that damage is never taken for a number.

The checksum is CRC-32. It sees every change of up to 32 bits that stand together, and one in 2³² of other changes
escapes it: enough against disks and cables, which is all that a study has to fear, at a tenth of what a cryptographic
digest costs. A trace bears its own, as the rest is read without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from stepbench.engine.columns import KEPT
from stepbench.study.runs import Column, Heads, Outcomes, Piece, Run, objects

SETTINGS = {
    "id": "BLOB PRIMARY KEY",
    "setting": "TEXT NOT NULL UNIQUE",
    "runs": "INTEGER NOT NULL",
    "checksum": "INTEGER NOT NULL",
}
"""The table of settings: the digest of a setting, its JSON, and how many runs the table of runs has of it.

The index that keeps the JSON unique holds a second copy of it, from which ``repair`` restores a damaged one.
"""

RUNS = {
    "id": "INTEGER PRIMARY KEY",
    "setting": "BLOB NOT NULL REFERENCES settings",
    "key": "BLOB NOT NULL",
    "seed": "BLOB NOT NULL",
    "parameters": "BLOB NOT NULL",
    "start": "BLOB NOT NULL",
    "status": "BLOB NOT NULL",
    "detail": "BLOB NOT NULL",
    "numbers": "BLOB NOT NULL",
    "point": "BLOB NOT NULL",
    "curve": "BLOB",
    "checksum": "INTEGER NOT NULL",
    "trace": "BLOB",
}
"""The table of runs: a row has the columns of all runs of one setting that were put there together.

They are those of ``Heads`` and ``Outcomes`` in bytes: keys one after the other, numbers as int64 or float64, parameters
and statuses as lines, and details as a JSON list. A run of which more than the end is kept has a row of its own.
"""

_SEAL = 4
"""The bytes of a checksum that stands before a trace."""
_PAIR = 16
"""The bytes of a cost and a value of f on a curve."""

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


def parameters_of(run: Run) -> dict[str, Any]:
    """The hyper-parameters of a run; raises DamagedError where they are no JSON object."""
    try:
        parameters = json.loads(run.parameters)
        if isinstance(parameters, dict) and _is_plain(parameters):
            return parameters
    except (ValueError, RecursionError):
        pass
    raise DamagedError(f"the parameters of the run {_shown(run.key)} are no JSON object")


def rows_of(piece: Piece, number: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a piece, numbered from here on: one, and one more for each run of which more is kept than its end."""
    more = np.array([curve is not None for curve in piece.outcomes.curve], dtype=bool)
    parts = [np.flatnonzero(~more), *np.flatnonzero(more)[:, None]]
    return (_row(piece.part(part), k) for k, part in enumerate([part for part in parts if part.size], number))


def _row(piece: Piece, number: int) -> tuple[Any, ...]:
    (key, seed, parameters, start), (status, detail, numbers, point, curve, trace) = piece.heads, piece.outcomes
    columns = (
        piece.setting,
        b"".join(key),
        seed.astype("<i8").tobytes(),
        "\n".join(parameters).encode(),
        start.astype("<f8").tobytes(),
        "\n".join(status).encode(),
        json.dumps(detail.tolist()).encode(),
        numbers.astype("<f8").tobytes(),
        point.astype("<f8").tobytes(),
        curve[0],
    )
    sealed = None if trace[0] is None else _seal(key[0], trace[0]) + trace[0]
    return number, *columns, _checksum(number, columns, sealed is not None), sealed


def piece_of(row: Sequence[Any]) -> tuple[int, Piece]:
    """The number of a row, and its runs; raises DamagedError.

    In the place of the trace stands whether there is one; it is not among what is read.
    """
    number, *columns, checksum, traced = row
    try:
        sound = _checksum(number, columns, traced) == checksum
    except TypeError:  # a value of another type
        sound = False
    if not sound:
        raise DamagedError(f"the row {number} of runs is damaged")
    try:
        return number, _piece(columns, traced)
    except (ValueError, TypeError, AttributeError, RecursionError):  # whoever wrote it knows how checksums are made
        raise DamagedError(f"the row {number} of runs has another shape than runs have") from None


def _piece(columns: Sequence[Any], traced: bool) -> Piece:
    """The runs of the columns of a row; raises one of several errors where they are not of one shape."""
    setting, key, seed, parameters, start, status, detail, numbers, point, curve = columns
    keys = np.frombuffer(key, dtype="V16").tolist()

    def table(content: bytes) -> Column:
        return np.frombuffer(content, dtype="<f8").reshape(len(keys), -1)

    def texts(values: list[Any]) -> Column:
        "".join(values)
        return objects(values)

    heads = Heads(objects(keys), np.frombuffer(seed, dtype="<i8"), texts(parameters.decode().split("\n")), table(start))
    nothing = objects([None] * len(keys))
    curves = nothing if curve is None else objects([curve])
    outcomes = Outcomes(
        texts(status.decode().split("\n")), texts(json.loads(detail)), table(numbers), table(point), curves, nothing
    )
    sizes = {len(column) for column in (*heads, *outcomes)}
    if sizes != {len(keys)} or outcomes.numbers.shape[1] != len(KEPT) or len(curve or b"") % _PAIR:
        raise ValueError
    return Piece(setting, heads, outcomes, "end" if curve is None else "trace" if traced else "curve")


def _checksum(number: int, columns: Sequence[bytes | None], traced: bool) -> int:
    """The checksum of a row; sizes are among what is summed, so that no column can take from the next."""
    sizes = [None if column is None else len(column) for column in columns]
    checksum = crc32(f"{number} {sizes} {traced:d}".encode())
    for column in columns:
        checksum = crc32(column or b"", checksum)
    return checksum


def _seal(key: bytes, trace: bytes) -> bytes:
    return crc32(trace, crc32(key)).to_bytes(_SEAL, "little")


def with_trace(piece: Piece, sealed: Any) -> Piece:
    """The runs of a row with the trace that it has, if there is one; raises DamagedError."""
    if piece.keep != "trace":
        return piece
    [key] = piece.heads.key
    if isinstance(sealed, bytes) and sealed[:_SEAL] == _seal(key, sealed[_SEAL:]):
        return piece._replace(outcomes=piece.outcomes._replace(trace=objects([sealed[_SEAL:]])))
    raise DamagedError(f"the trace of the run {_shown(key)} is damaged")


def _shown(key: Any) -> str:
    """A key as an export has it."""
    return key.hex() if isinstance(key, bytes) else repr(key)
