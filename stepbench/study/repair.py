"""What is damaged in a study's file, and a new file of all that is sound in it; the file itself stays as it is."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stepbench.fields import InputError, refuse_no_file
from stepbench.study.batch import digest
from stepbench.study.rows import DamagedError, facts_of, parameters_of, piece_of, setting_of, with_trace
from stepbench.study.runs import Piece
from stepbench.study.store import NUMBERS, SCHEMA, Store, create

_HEADER = 100
"""The bytes of the header before the first page's own: https://www.sqlite.org/fileformat.html, section 1.3."""
_PLACES = (60, 68)
"""Where the format and the application stand in it."""
_CONSTANT = (slice(0, 24), slice(44, 92))
"""What of it is the same in every study; counters stand between and behind them."""


def damage_of(path: Path) -> list[str]:
    """What is damaged in a study, a line for each thing; raises InputError where it is none, or of another format."""
    with _copy_of(path) as copy:
        told = _told_by_sqlite(copy)
        if not _is_found(copy, told) and _mend_first_page(copy, path):
            told.append("the first page, with the list of tables, is damaged")
        with closing(sqlite3.connect(copy)) as db:
            sound = _Sound(db)
            for _ in sound.pieces():
                pass
            if sound.lost:
                sound.damage.append(f"{sound.kept:,} runs are sound; there were {sound.kept + sound.lost:,}")
        return told + sound.damage


def repair(path: Path, new: Path) -> tuple[int, int | None]:
    """Write what is sound to a new study; returns how many runs that are, and how many were lost, None if unknown.

    Raises InputError where the new file is there already, or where nothing of the old one can be read.
    """
    if new.exists():
        raise InputError(f"{new} is there already: name a new file")
    with _copy_of(path) as copy:
        if not _is_found(copy, _told_by_sqlite(copy)):
            _mend_first_page(copy, path)
        with closing(sqlite3.connect(copy)) as db, Store(new) as store:
            sound = _Sound(db)
            pieces = sound.pieces()
            while some := list(itertools.islice(pieces, 50)):
                store.put({piece.setting: sound.settings[piece.setting] for piece in some}, some)
        if not sound.kept:
            raise InputError(f"{path} has no run that can be read: begin anew with another file")
        return sound.kept, sound.lost


@contextmanager
def _copy_of(path: Path) -> Iterator[Path]:
    """A copy to work on, with what a killed process left beside the file; nobody writes while it is made."""
    if not path.exists():
        raise InputError(f"no study {path}: a sweep, map, tune or profile makes one with --study")
    refuse_no_file(path)
    try:
        path.open("rb").close()  # SQLite does not say what is wrong with a folder
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "study.db"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as lock:
            try:
                lock.execute("BEGIN")
                lock.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.Error as error:  # damage, or what a killed process left; only a lock is a reason to stop
                if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise InputError(f"{path} is locked by another process: try again when that has ended") from None
            try:
                shutil.copyfile(path, copy)
                for ending in ("-journal", "-wal"):
                    with suppress(FileNotFoundError):
                        shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}") from None
        with closing(sqlite3.connect(copy)) as db, suppress(sqlite3.Error):
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # undoes what a killed process left
        yield copy


def _told_by_sqlite(copy: Path) -> list[str]:
    """What SQLite itself finds wrong."""
    told = []
    with closing(sqlite3.connect(copy)) as db:
        try:
            for (text,) in db.execute("PRAGMA integrity_check"):
                told += [line for line in text.splitlines() if line != "ok" and not line.startswith("***")]
            for table, rowid, *_ in db.execute("PRAGMA foreign_key_check"):
                told.append(f"row {rowid} of {table} has a setting that is missing")
        except sqlite3.Error as error:
            told.append(str(error))
    return told


def _is_found(copy: Path, told: list[str]) -> bool:
    """Whether SQLite, which has told nothing bad, finds the tables of a study, wherever another program moved them."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(copy)) as db:
        tables = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        numbers = [db.execute(f"PRAGMA {word}").fetchone()[0] for word in NUMBERS]
        return not told and tables == [*SCHEMA] and numbers == [*NUMBERS.values()]
    return False


def _mend_first_page(copy: Path, path: Path) -> bool:
    """Give the copy the first page of a new study, whose tables begin at the same pages; whether it had another.

    Raises InputError where the file is no study of this format: neither its numbers nor its tables say so.
    """
    held = copy.read_bytes()[:65536]
    size = struct.unpack_from(">H", held, 16)[0] if len(held) >= _HEADER else 0
    new = copy.with_name("new.db")
    with closing(sqlite3.connect(new)) as db:
        db.execute(f"PRAGMA page_size = {size}")  # SQLite takes its own for one that cannot be
        create(db)
    page = bytearray(new.read_bytes()[: struct.unpack_from(">H", new.read_bytes(), 16)[0]])
    held = held[: len(page)]
    known = held[:16] == page[:16] and all(held[at : at + 4] == page[at : at + 4] for at in _PLACES)
    same = held[_HEADER:] == page[_HEADER:]
    if not known and not same:
        with Store(path, new=False) as store:
            store.settings()  # it says what is wrong
        raise InputError(f"{path} is not a study of stepbench that this version reads")
    sound = same and all(held[part] == page[part] for part in _CONSTANT)
    page[28:40] = bytes(12)  # there are as many pages as the file has, and none is known to be free
    with copy.open("r+b") as file:
        file.write(page)
    return not sound


@dataclass
class _Sound:
    """What is sound in a file: ``settings``, and ``pieces``, which counts their runs; ``damage`` names the rest."""

    db: sqlite3.Connection
    damage: list[str] = field(default_factory=list)
    kept: int = 0

    @cached_property
    def _rows(self) -> list[tuple[bytes, str, int]]:
        """The rows of settings that are sound."""
        rows = []
        for row in self._each("settings", "sqlite_autoindex_settings_1", "sqlite_autoindex_settings_2"):
            with self._noted():
                rows.append(setting_of(row))
        return rows

    @cached_property
    def settings(self) -> dict[bytes, str]:
        """The settings by their digests: those of the table, and those of which only the second copy is sound."""
        settings = {key: text for key, text, _ in self._rows}
        with suppress(sqlite3.Error):
            query = "SELECT setting FROM settings INDEXED BY sqlite_autoindex_settings_2"
            for (text,) in self.db.execute(query):
                if isinstance(text, str):
                    settings.setdefault(digest(text), text)
        for key, text in [*settings.items()]:
            with self._noted():
                facts_of(key, text)
                continue
            del settings[key]
        return settings

    @property
    def lost(self) -> int | None:
        """How many runs were there besides those that are kept; None where it is not known."""
        known = {key for key, _, _ in self._rows} == self.settings.keys()
        return sum(runs for _, _, runs in self._rows) - self.kept if known else None

    def pieces(self) -> Iterator[Piece]:
        """The rows of runs that are sound, each without the trace that is not."""
        for *row, sealed in self._each("runs", "by_setting"):
            with self._noted():
                _, piece = piece_of([*row, sealed is not None])
                for run in piece.runs():
                    parameters_of(run)
                if piece.setting not in self.settings:
                    raise DamagedError(f"the setting of {len(piece.heads.key):,} runs is lost")
                with self._noted():
                    piece = with_trace(piece, sealed)
                self.kept += len(piece.heads.key)
                yield piece

    def _each(self, table: str, *indexes: str) -> Iterator[tuple[Any, ...]]:
        """Every row that can be read, found from either end of the table, or from its indexes."""
        rowids: set[int] = set()
        ways = ("NOT INDEXED ORDER BY rowid", "NOT INDEXED ORDER BY rowid DESC", *(f"INDEXED BY {i}" for i in indexes))
        for way in ways:
            with suppress(sqlite3.Error):
                rowids.update(rowid for (rowid,) in self.db.execute(f"SELECT rowid FROM {table} {way}"))
        for rowid in sorted(rowids):
            try:
                row = self.db.execute(f"SELECT * FROM {table} WHERE rowid = ?", [rowid]).fetchone()
            except sqlite3.Error as error:
                self.damage.append(f"row {rowid} of {table} cannot be read: {error}")
                continue
            if row is not None:
                yield row

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Note what is damaged, and go on."""
        try:
            yield
        except DamagedError as error:
            self.damage.append(str(error))
