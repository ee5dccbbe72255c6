"""Checkpoints: a run as it stands, in one file, from which the same call goes on with the same bits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from stepbench.arrays import as_numpy
from stepbench.contracts import Mark, Vector
from stepbench.contracts.states import changed, plain, restored
from stepbench.engine import archive
from stepbench.engine.loop import Loop
from stepbench.fields import InputError, refuse_no_file

FORM = 3


class Checkpoint:
    """The file of one run. Raises InputError where it holds another, is none, or cannot be written."""

    def __init__(self, path: str | Path, identity: str) -> None:
        self.path, self.identity = Path(path), identity
        self._held: Any = None
        refuse_no_file(self.path)
        if self.path.exists():
            self._held = self._read()
        else:
            self._write(None)  # whether it can be is known before anything is run

    def save(self, loop: Loop) -> None:
        """Write the run as it stands, in place of what the file held; one that is stopped meanwhile keeps that."""
        w, mark = loop.w, loop.mark
        asked = mark._replace(f_at=mark.f_at is w, g_at=mark.g_at is w)
        if not asked.f_at:
            asked = asked._replace(f=None, f_paid=None)
        if not asked.g_at:
            asked = asked._replace(g=None, g_paid=None)
        self._write({"w": w, "s": plain(loop.s), "mark": [*asked], "trace": loop.trace.dump(), "elapsed": loop.elapsed})

    def restore(self, loop: Loop) -> None:
        """Let a loop that has just begun go on from what the file holds, if there was one."""
        if self._held is None:
            return
        problem, held = loop.trace.problem, self._held

        def own(value: Any) -> Any:
            """A value as the loop works with it: an array may be a tensor there."""
            return problem.as_array(value) if isinstance(value, np.ndarray) else value

        w, s = own(held["w"]), restored(loop.s, changed(held["s"], own))
        mark = Mark(*(own(value) for value in held["mark"]))
        mark = mark._replace(f_at=w if mark.f_at else None, g_at=w if mark.g_at else None)
        loop.w, loop.s, loop.mark = w, s, mark
        loop.oracle.restore(mark)
        loop.trace.restore(held["trace"])
        loop.elapsed = held["elapsed"]

    def _write(self, data: dict[str, Any] | None) -> None:
        """Write the file; without data, only try to."""
        arrays: list[Vector] = []

        def placed(value: Any) -> Any:
            if value is None or isinstance(value, bool | int | float | str):
                return value
            arrays.append(as_numpy(value))
            return {"array": len(arrays) - 1}

        text = json.dumps({"form": FORM, "run": self.identity, "data": changed(data, placed)})
        place = Path(os.path.realpath(self.path))  # a link stays one
        beside = place.with_name(f"{place.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                archive.write(file, {"text": text, **{f"a{k}": array for k, array in enumerate(arrays)}})
                file.flush()
                os.fsync(file.fileno())
            if data is not None:
                beside.replace(place)
        except OSError as error:
            raise InputError(f"the checkpoint {self.path} cannot be written: {error.strerror}") from None
        finally:
            beside.unlink(missing_ok=True)

    def _read(self) -> Any:
        try:
            with self.path.open("rb") as file:
                held = archive.read(file)

            def found(entry: dict[str, Any]) -> Any:
                if entry.keys() != {"array"}:
                    return entry
                array = held[f"a{entry['array']}"]
                return array if array.ndim else array[()]

            told = json.loads(str(held["text"]), object_hook=found)
            form, run, data = told["form"], told["run"], told["data"]
        except InputError:
            raise
        except (OSError, KeyError, TypeError, ValueError):
            raise InputError(
                f"{self.path} is damaged, or not a checkpoint that stepbench wrote: name another file, or remove it"
            ) from None
        if form != FORM or run != self.identity:
            raise InputError(f"{self.path} holds another run{self._differs(run)}: name another file, or remove it")
        return data

    def _differs(self, run: str) -> str:
        """What differs between the run that the file holds and this one, in words."""
        try:
            theirs, ours = json.loads(run), json.loads(self.identity)
            return f" ({', '.join(key for key in ours if theirs.get(key) != ours[key])} differ)"
        except (ValueError, AttributeError):
            return ""
