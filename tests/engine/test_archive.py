"""A saved result or a checkpoint is taken as it was written, or refused in one line."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.engine import archive


def saved(path):
    stepbench.run("rosenbrock", "adam+rdbd", budget=9).save(path)


def read_saved(path):
    stepbench.load(path)


def checkpoint(path):
    stepbench.run("rosenbrock", "adam+rdbd", budget=9, checkpoint=path)


KINDS = pytest.mark.parametrize(("write", "read"), [(saved, read_saved), (checkpoint, checkpoint)])


@KINDS
def test_what_another_program_changed_is_refused_and_not_shown(write, read):
    """Every array in turn is left out, cut, or made another one; the file is a sound .npz file each time."""
    path = Path("run.npz")
    write(path)
    with np.load(path) as held:
        arrays = dict(held)
    assert len(arrays) > 8
    np.savez(path, **arrays)
    read(path)  # the same arrays are the same run, whoever wrote them
    for name, array in arrays.items():
        rest = {other: arrays[other] for other in arrays if other != name}
        short = array[:1] if array.ndim else np.array("{}")
        for changed in ({}, {name: short}, {name: np.full(array.shape, "a")}, {name: np.zeros((3, 2))}):
            np.savez(path, **rest, **changed)
            with pytest.raises(InputError, match=r"not a (result|checkpoint) that stepbench (saved|wrote)"):
                read(path)


@KINDS
def test_a_small_file_of_large_arrays_is_refused_before_they_are_read(write, read, monkeypatch):
    """Zeros are packed a thousand to one."""
    path = Path("run.npz")
    write(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as held:
        held.writestr("zeros.npy", bytes(1 << 25))
    monkeypatch.setattr("stepbench.engine.memory.free", lambda: 20e6)
    with pytest.raises(InputError, match="would need 34 MB of memory, and 20 MB are free: name another"):
        read(path)


def test_arrays_of_every_kind_come_back_as_they_were():
    of_fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    arrays = {"a": of_fortran, "b": np.zeros((0, 2)), "c": "α", "d": 3, "e": [True, False], "f": np.full(2, np.nan)}
    for compressed in (False, True):
        with Path("a.npz").open("wb") as file:
            archive.write(file, arrays, compressed=compressed)
        with Path("a.npz").open("rb") as file:
            back = archive.read(file)
        assert back.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(back[name], array)
