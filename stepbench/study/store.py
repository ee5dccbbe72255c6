"""The store: a study is one SQLite file, into which every run is written as soon as it has ended."""

from __future__ import annotations

import itertools
import shlex
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stepbench.fields import InputError, refuse_no_file, same_file
from stepbench.study.rows import (
    RUNS,
    SETTINGS,
    DamagedError,
    facts_of,
    parameters_of,
    piece_of,
    rows_of,
    setting_of,
    setting_row,
    with_trace,
)
from stepbench.study.runs import KEEPS, Keep, Piece, Run

APPLICATION = 0x53544250  # "STBP"
FORMAT = 4


def _table(name: str, columns: Mapping[str, str]) -> str:
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})"


SCHEMA = (_table("settings", SETTINGS), _table("runs", RUNS), "CREATE INDEX by_setting ON runs (setting)")
NUMBERS = {"application_id": APPLICATION, "user_version": FORMAT}
"""By which SQLite tells a study from other databases, and its format."""
_PUT = f"INSERT INTO runs VALUES ({', '.join('?' for _ in RUNS)})"
_ENDS = ", ".join([*RUNS][:-1])
"""The columns of runs without their traces."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a study in a database that has none."""
    for statement in (*SCHEMA, *(f"PRAGMA {word} = {number}" for word, number in NUMBERS.items())):
        db.execute(statement)


class Store:
    """The runs of a study, in a file, or in memory where there is none.

    Opening raises InputError, and leaves the file as it is, where it is no study, or a truncated, damaged or newer
    one. Two processes may write at once; each waits ``patience`` seconds for the other.
    """

    def __init__(self, path: str | Path | None, *, new: bool = True, patience: float = 10.0) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None:
            if not new and not self.path.exists():
                raise InputError(f"no study {self.path}: a sweep, map, tune or profile makes one with --study")
            _vet(self.path)
        self._patience = patience

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """The connection, made when it is first used: a file is there only once something is put into it."""
        name = ":memory:" if self.path is None else str(self.path)
        connection = sqlite3.connect(name, timeout=self._patience, isolation_level=None)
        try:
            connection.execute("BEGIN")  # nobody writes while we look; first SQLite mends what a killed process left
            tables = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
            application, form, pages, page_size = (
                connection.execute(f"PRAGMA {word}").fetchone()[0] for word in (*NUMBERS, "page_count", "page_size")
            )
            used = bool(tables or application)
            if used and application != APPLICATION:
                raise InputError(f"{self} is a database of another program: choose another file")
            if form > FORMAT:
                raise InputError(
                    f"{self} was written by a newer stepbench (format {form}; this one knows {FORMAT}): upgrade, or "
                    "choose another file"
                )
            if used and form < FORMAT:
                raise InputError(
                    f"{self} was written by another version of stepbench, whose runs have other columns: choose "
                    "another file"
                )
            if used and tables != [*SCHEMA]:
                raise DamagedError("its list of tables is not that of a study")
            if self.path is not None and self.path.stat().st_size < pages * page_size:
                raise sqlite3.DatabaseError("its end is missing")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        if "_db" in vars(self):
            self._db.close()

    def __str__(self) -> str:
        """The file's name."""
        return "memory" if self.path is None else str(self.path)

    def found(self, setting: bytes, keep: Keep = "end") -> Piece:
        """The runs of a setting of which so much is kept, without their traces.

        Each is there once: where it was put several times, the first time that the most was kept of it counts. A run
        that crashed has no more than its end.
        """
        pieces = [
            piece if KEEPS.index(piece.keep) >= KEEPS.index(keep) else piece.part(piece.outcomes.crashed)
            for _, piece in self._each(setting)
        ]
        pieces.sort(key=lambda piece: -KEEPS.index(piece.keep))
        whole = Piece.joined(setting, pieces)
        first: dict[bytes, int] = {}
        for place, key in enumerate(whole.heads.key.tolist()):
            first.setdefault(key, place)
        return whole.part(np.array([*first.values()], dtype=int))

    def put(self, settings: Mapping[bytes, str], pieces: Iterable[Piece]) -> None:
        """Commit runs that have ended, whether or not some are here already."""
        with self._explained(), self._transaction():
            if not self._has_tables():
                create(self._db)
            new = (setting_row(key, text, 0) for key, text in settings.items())
            self._db.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?, ?, ?)", new)
            [(number,)] = self._db.execute("SELECT coalesce(max(id), 0) FROM runs")
            for piece in pieces:
                for row in rows_of(piece, number + 1):
                    self._db.execute(_PUT, row)
                    number += 1
                self._count(piece.setting, len(piece.heads.key))

    def settings(self) -> dict[bytes, str]:
        """What runs have in common, as JSON, in an order that does not depend on when it came in."""
        with self._explained():
            if not self._has_tables():
                return {}
            with self._transaction("DEFERRED"):
                rows = [setting_of(row) for row in self._db.execute("SELECT * FROM settings")]
                settings = {key: text for key, text, _ in rows}
                for (setting,) in self._db.execute("SELECT DISTINCT setting FROM runs"):
                    if setting not in settings:
                        raise DamagedError("the list of settings lacks one")
        return dict(sorted(settings.items(), key=lambda item: item[1]))

    def facts(self) -> dict[bytes, dict[str, Any]]:
        """What the JSON of each setting says, in the same order."""
        settings = self.settings()
        with self._explained():
            return {key: facts_of(key, text) for key, text in settings.items()}

    def size(self, setting: bytes) -> int:
        """How many runs a setting has."""
        return len(self.found(setting).heads.key)

    def runs(self, setting: bytes) -> list[Run]:
        """The runs of a setting by seed, parameters and start; traces are not read."""

        def place(run: Run) -> tuple[Any, ...]:
            # Values of several types cannot be compared with each other: their types are, first.
            values = [(str(type(v)), 0 if v is None else v) for v in parameters_of(run).values()]
            return run.seed, values, run.start or [], run.key

        with self._explained():
            return sorted(self.found(setting).runs(), key=place)

    def traces(self, settings: Iterable[bytes] | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Every trace that was kept of the runs of these settings, or of all, with its run's key."""
        for setting in self.settings() if settings is None else settings:
            seen: set[bytes] = set()
            for _, piece in self._each(setting, traces=True):
                key, trace = piece.heads.key[0], piece.outcomes.trace[0]
                if trace is not None and key not in seen:
                    seen.add(key)
                    yield key, trace

    def statuses(self) -> list[tuple[bytes, str, int]]:
        """How many runs of each setting have each status."""
        counts = {key: Counter(self.found(key).outcomes.status.tolist()) for key in self.settings()}
        return [(key, status, n) for key, of_setting in counts.items() for status, n in of_setting.items()]

    def remove(self, settings: Iterable[bytes], status: str | None = None) -> int:
        """Remove the runs of these settings, or those of one status among them; returns how many there were."""
        removed = 0
        with self._explained():
            if not self._has_tables():
                return removed
            with self._transaction():
                for setting in settings:
                    gone = {run.key for run in self.found(setting).runs() if status in (None, run.status)}
                    self._remove(setting, gone)
                    removed += len(gone)
                self._db.execute("DELETE FROM settings WHERE runs = 0")
            self._db.execute("VACUUM")
        return removed

    def _remove(self, setting: bytes, gone: set[bytes]) -> None:
        """Remove these runs of a setting, wherever they stand."""
        for number, piece in [*self._each(setting)]:
            rest = piece.part([place for place, key in enumerate(piece.heads.key) if key not in gone])
            if less := len(piece.heads.key) - len(rest.heads.key):
                self._db.execute("DELETE FROM runs WHERE id = ?", [number])
                self._db.executemany(_PUT, rows_of(rest, number))  # runs with a trace stand alone: it has none
                self._count(setting, -less)

    def merge(self, other: Store) -> tuple[int, int]:
        """Take over the runs of another study; returns how many were new, and how many are here with other numbers.

        Of a run that is here with the same numbers, the curve or the trace that it lacks is taken over.
        """
        if self.path is not None and other.path is not None and same_file(self.path, other.path):
            raise InputError(f"{other} cannot be merged into itself")
        new: set[bytes] = set()
        unlike: set[bytes] = set()

        def lacking(setting: bytes) -> Iterator[Piece]:
            """What is to be put here of the runs of a setting."""
            here = {keep: {run.key: run.end for run in self.found(setting, keep).runs()} for keep in KEEPS}
            for _, piece in other._each(setting, traces=True):
                ends = [(run.key, run.end) for run in piece.runs()]
                new.update(key for key, _ in ends if key not in here["end"])
                unlike.update(key for key, end in ends if here["end"].get(key, end) != end)
                yield piece.part([not (key in here[piece.keep] or key in unlike) for key, _ in ends])

        for setting, text in other.settings().items():
            pieces = lacking(setting)
            while some := list(itertools.islice(pieces, 50)):
                self.put({setting: text}, some)
        return len(new), len(unlike)

    def _setting(self, key: bytes) -> tuple[str, int]:
        """The JSON of a setting, and how many runs the table has of it; no text and no runs where it is not here."""
        row = self._db.execute("SELECT * FROM settings WHERE id = ?", [key]).fetchone()
        return ("", 0) if row is None else setting_of(row)[1:]

    def _count(self, setting: bytes, more: int) -> None:
        """Note that a setting has so many runs more."""
        text, runs = self._setting(setting)
        self._db.execute("REPLACE INTO settings VALUES (?, ?, ?, ?)", setting_row(setting, text, runs + more))

    def _each(self, setting: bytes, *, traces: bool = False) -> Iterator[tuple[int, Piece]]:
        """Every row of a setting, by its number; where some are missing or twice, the last of them is an InputError."""
        last = "trace" if traces else "NULL"
        query = f"SELECT {_ENDS}, trace IS NOT NULL, {last} FROM runs WHERE setting = ? ORDER BY id"
        with self._explained():
            if not self._has_tables():
                return
            with self._transaction("DEFERRED"):
                numbers: set[int] = set()
                found = 0
                for *row, trace in self._db.execute(query, [setting]):
                    number, piece = piece_of(row)
                    if number in numbers or piece.setting != setting:
                        raise DamagedError(f"the row {number} of runs is listed twice, or with another setting")
                    numbers.add(number)
                    found += len(piece.heads.key)
                    yield number, with_trace(piece, trace) if traces else piece
                _, runs = self._setting(setting)
                if found != runs:
                    raise DamagedError(f"the list of runs has {found:,} of a setting's {runs:,}")

    def _has_tables(self) -> bool:
        if "_db" not in vars(self) and self.path is not None and not self.path.exists():
            return False
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone())

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        if self._db.in_transaction:  # of the caller
            yield
            return
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise damage, and SQLite's errors, as an InputError, one line that says what to do."""
        try:
            yield
        except DamagedError as error:
            raise InputError(f"{self} is damaged: {error}; {self._what_to_do()}") from None
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise InputError(f"{self} is locked by another process: try again when that has ended") from None
            if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise InputError(f"{self} cannot grow, the disk may be full: {error}; make room") from None
            if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise InputError(f"{self} cannot be written: {error}; choose another place with --study") from None
            raise InputError(f"{self} is truncated or damaged: {error}; {self._what_to_do()}") from None

    def _what_to_do(self) -> str:
        """The commands that name what is damaged, and that save the rest."""
        file = shlex.quote(str(self))
        return f"stepbench study check {file} names all damage, stepbench study repair {file} NEW saves the rest"


def _vet(path: Path) -> None:
    """Raise InputError where the first bytes say that the file is no study.

    SQLite is asked only later, since it may write to the file that it opens.
    """
    refuse_no_file(path)
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if not head or path.with_name(path.name + "-journal").exists():  # an unfinished commit, maybe the first
        return
    if not head.startswith(b"SQLite format 3\0"[: len(head)]):
        raise InputError(f"{path} is not a study of stepbench: choose another file")
    if len(head) < 100:
        raise InputError(f"{path} is truncated, to {len(head)} bytes: restore it from a copy, or choose another file")
    # https://www.sqlite.org/fileformat.html, section 1.3: the application's number stands at byte 68.
    if struct.unpack_from(">I", head, 68)[0] != APPLICATION:
        raise InputError(f"{path} is a database of another program: choose another file")
