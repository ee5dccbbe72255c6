"""The store: a study is one SQLite file, into which every run is written as soon as it has ended."""

from __future__ import annotations

import itertools
import shlex
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from stepbench.fields import InputError, refuse_no_file, same_file
from stepbench.study.batch import Head, Keep, Outcome
from stepbench.study.rows import (
    RUNS,
    SETTINGS,
    DamagedError,
    facts_of,
    opened_blob,
    parameters_of,
    run_of,
    run_row,
    sealed_blob,
    setting_of,
    setting_row,
)

APPLICATION = 0x53544250  # "STBP"
FORMAT = 3


def _table(name: str, columns: Mapping[str, str]) -> str:
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})"


SCHEMA = (_table("settings", SETTINGS), _table("runs", RUNS), "CREATE INDEX by_setting ON runs (setting)")
NUMBERS = {"application_id": APPLICATION, "user_version": FORMAT}
"""By which SQLite tells a study from other databases, and its format."""
_ABSENT = len(sealed_blob(b"", "", None))
_PUT = (
    f"INSERT INTO runs VALUES ({', '.join('?' for _ in RUNS)}) ON CONFLICT (key) DO UPDATE SET "
    f"curve = CASE length(curve) WHEN {_ABSENT} THEN excluded.curve ELSE curve END, "
    f"trace = CASE length(trace) WHEN {_ABSENT} THEN excluded.trace ELSE trace END"
)
_ENDS = ", ".join([*RUNS][:-1])
"""The columns of a run without its trace."""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of a study in a database that has none."""
    for statement in (*SCHEMA, *(f"PRAGMA {word} = {number}" for word, number in NUMBERS.items())):
        db.execute(statement)


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

    def found(self, keys: Sequence[bytes], keep: Keep = "end") -> dict[bytes, Outcome]:
        """Those of the runs that are here, with what is to be kept of each; traces are not read."""
        outcomes: dict[bytes, Outcome] = {}
        with self._explained():
            if not self._has_tables():
                return outcomes
            for begin in range(0, len(keys), 500):
                some = keys[begin : begin + 500]
                marks = ", ".join("?" for _ in some)
                query = f"SELECT {_ENDS}, length(trace) FROM runs WHERE key IN ({marks})"
                for *row, size in self._db.execute(query, some):
                    head, outcome = run_of(row)
                    crashed = outcome.numbers[0] is None
                    lacks = (keep == "curve" and outcome.curve is None) or (keep == "trace" and size == _ABSENT)
                    if crashed or not lacks:
                        outcomes[head.key] = outcome
        return outcomes

    def put(self, settings: Mapping[bytes, str], runs: Iterable[tuple[Head, Outcome]]) -> None:
        """Commit runs that have ended; a run that is here already only gains the curve or the trace that it lacks."""
        with self._explained(), self._transaction():
            if not self._has_tables():
                create(self._db)
            new = (setting_row(key, text, 0) for key, text in settings.items())
            self._db.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?, ?, ?)", new)
            [(last,)] = self._db.execute("SELECT coalesce(max(rowid), 0) FROM runs")
            self._db.executemany(_PUT, itertools.starmap(run_row, runs))
            added = "SELECT setting, count(*) FROM runs NOT INDEXED WHERE rowid > ? GROUP BY setting"
            for setting, n in self._db.execute(added, [last]).fetchall():
                self._count(setting, n)

    def settings(self) -> dict[bytes, str]:
        """What runs have in common, as JSON, in an order that does not depend on when it came in."""
        return {key: text for key, (text, _) in self._settings().items()}

    def facts(self) -> dict[bytes, dict[str, Any]]:
        """What the JSON of each setting says, in the same order."""
        settings = self.settings()
        with self._explained():
            return {key: facts_of(key, text) for key, text in settings.items()}

    def sizes(self) -> dict[bytes, int]:
        """How many runs each setting has."""
        return {key: runs for key, (_, runs) in self._settings().items()}

    def runs(self, setting: bytes) -> list[tuple[Head, Outcome]]:
        """The runs of a setting by seed, parameters and start; traces are not read."""

        def place(run: tuple[Head, Outcome]) -> tuple[Any, ...]:
            head, _ = run
            # Values of several types cannot be compared with each other: their types are, first.
            values = [(str(type(v)), 0 if v is None else v) for v in parameters_of(head).values()]
            return head.seed, values, head.start or b"", head.key

        with self._explained():
            return sorted(self._each(setting), key=place)

    def traces(self) -> Iterator[tuple[bytes, bytes]]:
        """Every trace that was kept, with its run's key."""
        return ((head.key, outcome.trace) for head, outcome in self._each(traces=True) if outcome.trace is not None)

    def trace(self, key: bytes) -> bytes | None:
        """The trace of one run; None where there is none."""
        with self._explained():
            row = self._db.execute("SELECT trace FROM runs WHERE key = ?", [key]).fetchone()
            return None if row is None else opened_blob(key, "trace", row[0])

    def statuses(self) -> list[tuple[bytes, str, int]]:
        """How many runs of each setting have each status."""
        counts = Counter((head.setting, outcome.status) for head, outcome in self._each())
        return [(setting, status, n) for (setting, status), n in counts.items()]

    def remove(self, settings: Iterable[bytes], status: str | None = None) -> int:
        """Remove the runs of these settings, or those of one status among them; returns how many there were."""
        chosen = {
            setting: [[head.key] for head, outcome in self._each(setting) if status in (None, outcome.status)]
            for setting in settings
        }
        removed = 0
        with self._explained():
            if not self._has_tables():
                return removed
        with self._explained(), self._transaction():
            for setting, keys in chosen.items():
                before = self._db.total_changes
                self._db.executemany("DELETE FROM runs WHERE key = ?", keys)
                gone = self._db.total_changes - before
                if gone:
                    self._count(setting, -gone)
                removed += gone
            self._db.execute("DELETE FROM settings WHERE runs = 0")
        with self._explained():
            self._db.execute("VACUUM")
        return removed

    def merge(self, other: Store) -> tuple[int, int]:
        """Take over the runs of another study; returns how many were new, and how many are here with other numbers."""
        if self.path is not None and other.path is not None and same_file(self.path, other.path):
            raise InputError(f"{other} cannot be merged into itself")
        taken, unlike = 0, 0
        settings, there = other.settings(), other._each(traces=True)
        while runs := list(itertools.islice(there, 500)):
            here = self.found([head.key for head, _ in runs])
            taken += len(runs) - len(here)
            unlike += sum(head.key in here and here[head.key][:4] != end[:4] for head, end in runs)
            self.put({head.setting: settings[head.setting] for head, _ in runs}, runs)
        return taken, unlike

    def _settings(self) -> dict[bytes, tuple[str, int]]:
        """The JSON of every setting and how many runs it has, in the order of the JSON."""
        with self._explained():
            if not self._has_tables():
                return {}
            with self._transaction("DEFERRED"):
                rows = [setting_of(row) for row in self._db.execute("SELECT * FROM settings")]
                settings = {key: (text, runs) for key, text, runs in rows}
                for (setting,) in self._db.execute("SELECT DISTINCT setting FROM runs"):
                    if setting not in settings:
                        raise DamagedError("the list of settings lacks one")
        return dict(sorted(settings.items(), key=lambda item: item[1][0]))

    def _setting(self, key: bytes) -> tuple[str, int]:
        """The JSON of a setting, and how many runs it has."""
        row = self._db.execute("SELECT * FROM settings WHERE id = ?", [key]).fetchone()
        if row is None:
            raise DamagedError("the list of settings lacks one")
        _, text, runs = setting_of(row)
        return text, runs

    def _count(self, setting: bytes, more: int) -> None:
        """Note that a setting has so many runs more."""
        text, runs = self._setting(setting)
        self._db.execute("REPLACE INTO settings VALUES (?, ?, ?, ?)", setting_row(setting, text, runs + more))

    def _each(self, setting: bytes | None = None, *, traces: bool = False) -> Iterator[tuple[Head, Outcome]]:
        """Every run, or every one of a setting; where some are missing or twice, the last of them is an InputError."""
        which, values = ("", []) if setting is None else ("WHERE setting = ?", [setting])
        query = f"SELECT {_ENDS}, {'trace' if traces else 'NULL'} FROM runs {which}"
        with self._explained():
            if not self._has_tables():
                return
            with self._transaction("DEFERRED"):
                keys: set[bytes] = set()
                found: Counter[bytes] = Counter()
                for *row, trace in self._db.execute(query, values):
                    head, outcome = run_of(row)
                    if head.key in keys:
                        raise DamagedError(f"the run {head.key.hex()} is there twice")
                    keys.add(head.key)
                    found[head.setting] += 1
                    yield head, outcome._replace(trace=opened_blob(head.key, "trace", trace)) if traces else outcome
                sizes = {key: runs for key, _, runs in map(setting_of, self._db.execute("SELECT * FROM settings"))}
                for key in sizes if setting is None else [setting]:
                    if found[key] != (runs := sizes.get(key, 0)):
                        raise DamagedError(f"the list of runs has {found[key]:,} of a setting's {runs:,}")

    def _has_tables(self) -> bool:
        if "_db" not in vars(self) and self.path is not None and not self.path.exists():
            return False
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone())

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
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
