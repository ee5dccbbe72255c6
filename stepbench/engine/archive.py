"""Archives: the arrays of an .npz file, of which none is used where the file is damaged."""

from __future__ import annotations

import zipfile
from typing import IO

import numpy as np

from stepbench.contracts import Vector


def read(file: IO[bytes]) -> dict[str, Vector]:
    """Every array of an open .npz file, by its name; raises ValueError where it is none, or is damaged.

    Each is read to its end, where its checksum is compared. NumPy alone stops where the shape says, and so takes a
    part for the whole where a digit of the shape is damaged.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                    if member.read(1):
                        raise ValueError(f"{name} is longer than its shape")
    except Exception as error:  # zipfile, zlib and NumPy raise what they like at damaged content
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None
    return arrays
