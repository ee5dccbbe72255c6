"""The names in a user's class: some are slips, which nothing would read; and some hide what the bench asks."""

from __future__ import annotations

import difflib
import inspect
from types import CodeType
from typing import Any

from stepbench.contracts import Direction, Method, Peer, Problem, Runnable, StepSize
from stepbench.fields import USER_FILES, InputError, fields_of

CONSTANTS = (
    "x0",
    "f_star",
    "x_star",
    "local_minima",
    "mu",
    "L",
    "smoothness",
    "view",
    "domain",
    "source",
    "stochastic",
)
"""What the file of a problem may give as a constant, a property or a field."""

GIVEN = ("f", "grad", "hessian", *CONSTANTS, "sample", "one_point_at_a_time")
"""All that it may give."""

OTHER_WORDS = {
    "f": ("fun", "func", "function", "objective"),
    "grad": ("gradient", "jac", "jacobian", "grad_f", "f_grad", "nabla_f"),
    "hessian": ("hess", "hess_f"),
    "f_star": ("f_min", "f_opt", "f_optimal", "minimum"),
    "x_star": ("x_min", "x_opt", "x_optimal", "w_star", "w_min", "minimizer", "minimiser"),
    "x0": ("w0", "initial_point", "start_point"),
    "view": ("window",),
    "domain": ("bounds", "limits", "box"),
    "L": ("lipschitz",),
    "needs": ("need",),
    "init": ("initialize", "initialise", "initial_state"),
    "step": ("update", "move", "at"),
    "move": ("update", "step"),
    "at": ("direction", "step"),
}
"""Other words for what a file gives, in which a class may give it by mistake."""


def refuse_names(cls: type, held: set[str], place: str) -> None:
    """Raise InputError where a name in a user's class, or of what its object holds, is a slip or hides another.

    A slip is a public name that nothing reads, close to one that the bench reads and that the class does not give. A
    constant that the class's own code reads, such as a factor MU, is none.
    """
    base = base_of(cls)
    read = _read_by(cls)
    own = _own(cls) | {name for name in held if not name.startswith("_")}
    fields = fields_of(cls)
    for name in sorted(own):
        if name in fields and hasattr(base, name) and not (base is Problem and name in CONSTANTS):
            raise InputError(f"{place} has a field {name}, which hides what the bench asks by that name: rename it")
        if callable(getattr(base, name, None)) and not callable(getattr(cls, name, None)):
            raise InputError(f"{place} has a {name} that is no function, and the bench calls what has that name")
        is_own_constant = name in read and not callable(getattr(cls, name, None))
        if name not in fields and not is_own_constant and (meant := slip(name, cls)):
            raise InputError(
                f"{place} has {name}, which nothing reads (did you mean {meant}?); if it is yours, call it _{name}"
            )


def instead_of(missing: str, cls: type) -> str:
    """`` (is gradient meant to be it?)``: the name by which a class may have meant to give what it lacks; or ""."""
    meant = [name for name in sorted(_own(cls)) if slip(name, cls) == missing]
    return f" (is {meant[0]} meant to be it?)" if meant else ""


def slip(name: str, cls: type) -> str:
    """What a public name in a class is likely to be a slip of, among what the class does not give; or ""."""
    base = base_of(cls)
    if hasattr(base, name):
        return ""
    static = inspect.getattr_static
    lacking = [known for known in _read(base) if static(cls, known) is static(base, known)]
    return next((known for known in lacking if _is_slip(name, known)), "")


def _is_slip(name: str, known: str) -> bool:
    plain = name.replace("_", "").lower()
    if plain in (word.replace("_", "") for word in OTHER_WORDS.get(known, ())):
        return True
    if len(known) == 1 or f"{known}s" == name or f"{name}s" == known:
        return False
    if plain == known.replace("_", "").lower():
        return True
    if len(known) < 4:
        return False
    return sorted(known) == sorted(name) or difflib.SequenceMatcher(None, known, name).ratio() >= 0.85


def base_of(cls: type) -> Any:
    """Which of the kinds of a problem or a method a class derives from."""
    return next(kind for kind in (Problem, Direction, StepSize, Method, Peer, Runnable) if issubclass(cls, kind))


def _own(cls: type) -> set[str]:
    """The public names in a user's class, and in those classes of users that it derives from."""
    return {name for owner in _owners(cls) for name in vars(owner) if not name.startswith("_")}


def _read_by(cls: type) -> set[str]:
    """The names that the code of these classes reads."""
    functions = [inspect.unwrap(f) for owner in _owners(cls) for f in vars(owner).values() if inspect.isroutine(f)]
    return {name for f in functions for name in _names_in(getattr(f, "__code__", None))}


def _names_in(code: Any) -> set[str]:
    """The names in a piece of compiled code, and in the functions within it."""
    if not isinstance(code, CodeType):
        return set()
    return {*code.co_names}.union(*map(_names_in, code.co_consts))


def _owners(cls: type) -> list[type]:
    """A user's class, and those classes of users that it derives from."""
    return [
        c
        for c in cls.__mro__
        if c.__module__ != "builtins"
        and (c.__module__.startswith(USER_FILES) or not c.__module__.startswith("stepbench."))
    ]


def _read(base: Any) -> tuple[str, ...]:
    """What the bench reads of the file of a problem, or of a method."""
    if base is Problem:
        return GIVEN
    return tuple(name for name in dir(base) if not name.startswith("_") and name not in ("name", "spec", "parts"))
