"""Archives: the arrays of an .npz file, of which none is used where the file is damaged, or was changed since."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import IO, Any
from zlib import crc32

import numpy as np

from stepbench.contracts import Vector
from stepbench.engine.memory import refuse_beyond
from stepbench.fields import InputError

_ZIP64 = b"\1\0"
"""How the one extra field begins that NumPy lets zipfile write: the sizes of what is larger than 4 GiB."""
_SEAL = "seal"
"""The array that holds the checksum of all others."""


def write(file: IO[bytes], arrays: Mapping[str, Any], *, compressed: bool = False) -> None:
    """Write arrays, or what NumPy makes one of, to an open .npz file, with a checksum of them all."""
    held = {name: np.asarray(array) for name, array in arrays.items()}
    save = np.savez_compressed if compressed else np.savez
    save(file, **held, **{_SEAL: np.array(_sum(held))})  # type: ignore[arg-type]


def read(file: IO[bytes]) -> dict[str, Vector]:
    """Every array of an open .npz file that ``write`` wrote, by its name.

    Raises ValueError where it is none, is damaged, or was changed by another program, and InputError where the arrays
    do not fit into the memory.

    Each is read to its end, where its checksum is compared. NumPy alone stops where the shape says, and so takes a
    part for the whole where a digit of the shape is damaged. An entry of the archive's list that is longer than it was
    written swallows others, which would be taken for quantities that are unknown.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            refuse_beyond(sum(entry.file_size for entry in entries), "the arrays of this .npz file", "name another")
            for entry in entries:
                name = entry.filename
                if entry.comment or entry.extra[:2] not in (b"", _ZIP64):
                    raise ValueError(f"{name} hides the arrays behind it")
                with archive.open(entry) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"{name} is longer than its shape")
        seal = arrays.pop(_SEAL, None)
        if seal is None or seal.shape or seal != _sum(arrays):
            raise ValueError("its arrays are not those that were written")
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise what they like at damaged content
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None
    return arrays


def _sum(arrays: Mapping[str, Vector]) -> int:
    """The checksum of arrays: of their names, types, shapes and values."""
    checksum = 0
    for name, array in sorted(arrays.items()):
        checksum = crc32(f"{name} {array.dtype.str} {array.shape} ".encode(), checksum)
        checksum = crc32(np.ascontiguousarray(array).tobytes(), checksum)
    return checksum
