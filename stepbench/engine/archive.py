"""Archives: the arrays of an .npz file, of which none is used where the file is damaged."""

from __future__ import annotations

import zipfile
from typing import IO

import numpy as np

from stepbench.contracts import Vector

_ZIP64 = b"\1\0"
"""How the one extra field begins that NumPy lets zipfile write: the sizes of what is larger than 4 GiB."""


def read(file: IO[bytes]) -> dict[str, Vector]:
    """Every array of an open .npz file, by its name; raises ValueError where it is none, or is damaged.

    Each is read to its end, where its checksum is compared. NumPy alone stops where the shape says, and so takes a
    part for the whole where a digit of the shape is damaged. An entry of the archive's list that is longer than it was
    written swallows others, which would be taken for quantities that are unknown.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                name = entry.filename
                if entry.comment or entry.extra[:2] not in (b"", _ZIP64):
                    raise ValueError(f"{name} hides the arrays behind it")
                with archive.open(entry) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"{name} is longer than its shape")
    except Exception as error:  # zipfile, zlib and NumPy raise what they like at damaged content
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None
    return arrays
