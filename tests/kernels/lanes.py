"""A function that is recorded on symbols and compiled, as a function of arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from stepbench.kernels import symbols
from stepbench.kernels.llvm import LANES, Text, compiled, declarations
from stepbench.kernels.recording import operations


def carried_out(function: Callable[..., Any], *arrays: Any) -> Any:
    """What a kernel makes of the function at arrays (…, R), as an array of numbers; truths are 1 and 0."""
    R = arrays[0].shape[-1]
    symbols.begin()
    sizes = [a.size // R for a in arrays]
    firsts = [sum(sizes[:n]) for n in range(len(sizes))]
    given = [
        symbols.inputs((*a.shape[:-1], 1), lambda k, first=first: str(first + k))
        for a, first in zip(arrays, firsts, strict=True)
    ]
    answer = symbols.symbols(function(*given))
    roots = [symbols.as_number(entry) for entry in answer.reshape(-1)]
    t = Text()
    t.label("entry")
    inputs = {str(k): t.load(t.row("%given", k)) for k in range(sum(sizes))}
    of = t.compute(roots, inputs)
    for k, root in enumerate(roots):
        t.store(of(root), t.row("%answer", k))
    t.add("ret void")
    first, *lines = t.lines
    used = {node.op for node in operations(roots)}
    head = declarations(used)
    source = "\n".join([*head, "define void @f(ptr %given, ptr %answer) {", first, *t.variables, *lines, "}"])
    call, engine = compiled(source, "f", (ctypes.c_void_p, ctypes.c_void_p))
    rows = np.concatenate([a.reshape(-1, R) for a in arrays]).astype(float)
    padded = np.pad(rows, ((0, 0), (0, -R % LANES)), mode="edge")
    made = np.empty((len(roots), padded.shape[1]))
    for c in range(0, padded.shape[1], LANES):
        some, out = np.ascontiguousarray(padded[:, c : c + LANES]), np.empty((len(roots), LANES))
        call(some.ctypes.data, out.ctypes.data)
        made[:, c : c + LANES] = out
    del engine
    return made[:, :R].reshape(*answer.shape[:-1], R)
