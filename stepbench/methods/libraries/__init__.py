"""Other libraries' optimizers as methods, one adapter file per library.

An adapter has ``names()``, the optimizers that the library installed here has; ``load(name)``, the class of one of
them, made once; and ``version()``. Each raises InputError where the library is not installed, and nothing imports it
before it is used.
"""

import importlib
from typing import Any

from stepbench.fields import InputError, nearest


def adapter(library: str) -> Any:
    """The module of a library's adapter."""
    return importlib.import_module(f"{__name__}.{library.replace('-', '_')}")


def load(library: str, name: str) -> Any:
    """The class of an optimizer, in whose name capitals do not matter; raises InputError."""
    found = adapter(library)
    known = found.names()
    for one in known:
        if one.lower() == name.lower():
            return found.load(one)
    meant = nearest(name, known)
    raise InputError(f"{library} has no optimizer {name or 'without a name'}{meant}; see stepbench list --peers")
