"""The store: a study is one SQLite file, into which every run is written as soon as it has ended."""

from __future__ import annotations

import itertools
import json
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from stepbench.engine.columns import KEPT
from stepbench.fields import InputError
from stepbench.study.batch import Head, Keep, Outcome

APPLICATION = 0x53544250  # "STBP"
FORMAT = 2

_SQL = {
    "key": "BLOB PRIMARY KEY",
    "setting": "BLOB NOT NULL REFERENCES settings",
    "seed": "INTEGER NOT NULL",
    "parameters": "TEXT NOT NULL",
    "start": "BLOB",
    "status": "TEXT NOT NULL",
    "detail": "TEXT NOT NULL",
    **{column.kept: column.sql for column in KEPT},
    "point": "BLOB",
    "curve": "BLOB",
    "trace": "BLOB",
}
"""The table of runs: what tells a run from others, how it ended, the columns that a study keeps, and its blobs."""

_SCHEMA = f"""
CREATE TABLE settings (id BLOB PRIMARY KEY, setting TEXT NOT NULL);
CREATE TABLE runs ({", ".join(f"{name} {kind}" for name, kind in _SQL.items())});
CREATE INDEX by_setting ON runs (setting);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
"""
_HEAD = len(Head._fields)
_PUT = (
    f"INSERT INTO runs VALUES ({', '.join('?' for _ in _SQL)}) ON CONFLICT (key) DO UPDATE SET "
    "curve = coalesce(curve, excluded.curve), trace = coalesce(trace, excluded.trace)"
)
_COLUMNS = [*_SQL]
_WITHOUT_TRACE = ", ".join([*_COLUMNS[_HEAD:-1], "NULL"])


def _row(head: Head, outcome: Outcome) -> tuple[Any, ...]:
    status, detail, numbers, *rest = outcome
    return (*head, status, detail, *numbers, *rest)


def _outcome(row: Sequence[Any]) -> Outcome:
    status, detail, *numbers, point, curve, trace = row
    return Outcome(status, detail, tuple(numbers), point, curve, trace)


class Store:
    """The runs of a study by their keys, in a file, or in memory where there is none.

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
            used = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)
            application, form, pages, page_size = (
                connection.execute(f"PRAGMA {word}").fetchone()[0]
                for word in ("application_id", "user_version", "page_count", "page_size")
            )
            if used and application != APPLICATION:
                raise InputError(f"{self} is a database of another program: choose another file with --study")
            if form > FORMAT:
                raise InputError(
                    f"{self} was written by a newer stepbench (format {form}; this one knows {FORMAT}): upgrade, or "
                    "choose another file"
                )
            there = [column for _, column, *_ in connection.execute("PRAGMA table_info(runs)")]
            if used and (form < FORMAT or (there and there != _COLUMNS)):
                raise InputError(
                    f"{self} was written by another version of stepbench, whose runs have other columns: choose "
                    "another file"
                )
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

    def found(self, keys: Sequence[bytes], keep: Keep = "end") -> dict[bytes, Outcome]:
        """Those of the runs that are here, with what is to be kept of each; traces are not read."""
        complete = "" if keep == "end" else f"AND ({keep} IS NOT NULL OR point IS NULL)"
        outcomes: dict[bytes, Outcome] = {}
        with self._explained():
            if not self._has_tables():
                return outcomes
            for begin in range(0, len(keys), 500):
                some = keys[begin : begin + 500]
                marks = ", ".join("?" for _ in some)
                query = f"SELECT key, {_WITHOUT_TRACE} FROM runs WHERE key IN ({marks}) {complete}"
                outcomes |= {key: _outcome(outcome) for key, *outcome in self._db.execute(query, some)}
        return outcomes

    def put(self, settings: Mapping[bytes, str], runs: Iterable[tuple[Head, Outcome]]) -> None:
        """Commit runs that have ended; a run that is here already only gains the curve or the trace that it lacks."""
        with self._explained(), self._transaction():
            if not self._has_tables():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._db.execute(statement)
            self._db.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
            self._db.executemany(_PUT, (_row(head, outcome) for head, outcome in runs))

    def settings(self) -> dict[bytes, str]:
        """What runs have in common, as JSON, in an order that does not depend on when it came in."""
        with self._explained():
            settings = dict(self._db.execute("SELECT * FROM settings")) if self._has_tables() else {}
        return dict(sorted(settings.items(), key=lambda item: item[1]))

    def runs(self, setting: bytes) -> list[tuple[Head, Outcome]]:
        """The runs of a setting by seed, parameters and start; traces are not read."""
        query = f"SELECT {', '.join(Head._fields)}, {_WITHOUT_TRACE} FROM runs WHERE setting = ?"
        with self._explained():
            runs = [(Head(*row[:_HEAD]), _outcome(row[_HEAD:])) for row in self._db.execute(query, [setting])]

        def place(run: tuple[Head, Outcome]) -> tuple[Any, ...]:
            head, _ = run
            # Values of several types cannot be compared with each other: their types are, first.
            values = [(str(type(v)), 0 if v is None else v) for v in json.loads(head.parameters).values()]
            return head.seed, values, head.start or b"", head.key

        return sorted(runs, key=place)

    def traces(self) -> Iterator[tuple[bytes, bytes]]:
        """Every trace that was kept, with its run's key."""
        with self._explained():
            if self._has_tables():
                yield from self._db.execute("SELECT key, trace FROM runs WHERE trace IS NOT NULL ORDER BY key")

    def trace(self, key: bytes) -> bytes | None:
        """The trace of one run; None where there is none."""
        with self._explained():
            row = self._db.execute("SELECT trace FROM runs WHERE key = ?", [key]).fetchone()
        return None if row is None else row[0]

    def statuses(self) -> list[tuple[bytes, str, int]]:
        """How many runs of each setting have each status."""
        with self._explained():
            if not self._has_tables():
                return []
            query = "SELECT setting, status, count(*) FROM runs GROUP BY setting, status"
            return self._db.execute(query).fetchall()

    def remove(self, settings: Iterable[bytes], status: str | None = None) -> int:
        """Remove the runs of these settings, or those of one status among them; returns how many there were."""
        chosen = [(setting, status or "%") for setting in settings]
        with self._explained():
            if not self._has_tables():
                return 0
        with self._explained(), self._transaction():
            before = self._db.total_changes
            self._db.executemany("DELETE FROM runs WHERE setting = ? AND status LIKE ?", chosen)
            removed = self._db.total_changes - before
            self._db.execute("DELETE FROM settings WHERE id NOT IN (SELECT setting FROM runs)")
        with self._explained():
            self._db.execute("VACUUM")
        return removed

    def merge(self, other: Store) -> tuple[int, int]:
        """Take over the runs of another study; returns how many were new, and how many are here with other numbers."""
        if self.path is not None and other.path is not None and self.path.resolve() == other.path.resolve():
            raise InputError(f"{other} cannot be merged into itself")
        taken, unlike = 0, 0
        settings = other.settings()
        with other._explained():
            rows = other._db.execute("SELECT * FROM runs") if settings else ()
            while some := list(itertools.islice(rows, 500)):
                runs = [(Head(*row[:_HEAD]), _outcome(row[_HEAD:])) for row in some]
                here = self.found([head.key for head, _ in runs])
                taken += len(runs) - len(here)
                unlike += sum(head.key in here and here[head.key][:4] != end[:4] for head, end in runs)
                self.put({head.setting: settings[head.setting] for head, _ in runs}, runs)
        return taken, unlike

    def _has_tables(self) -> bool:
        if "_db" not in vars(self) and self.path is not None and not self.path.exists():
            return False
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise SQLite's errors as an InputError, one line that says what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise InputError(f"{self} is locked by another process: try again when that has ended") from None
            if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise InputError(f"{self} cannot grow, the disk may be full: {error}; make room") from None
            if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
                raise InputError(f"{self} cannot be written: {error}; choose another place with --study") from None
            raise InputError(
                f"{self} is truncated or damaged: {error}; restore it from a copy, or choose another file"
            ) from None


def _vet(path: Path) -> None:
    """Raise InputError where the first bytes say that the file is no study.

    SQLite is asked only later, since it may write to the file that it opens.
    """
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
        raise InputError(f"{path} is not a study of stepbench: choose another file with --study")
    if len(head) < 100:
        raise InputError(f"{path} is truncated, to {len(head)} bytes: restore it from a copy, or choose another file")
    # https://www.sqlite.org/fileformat.html, section 1.3: the application's number stands at byte 68.
    if struct.unpack_from(">I", head, 68)[0] != APPLICATION:
        raise InputError(f"{path} is a database of another program: choose another file with --study")
