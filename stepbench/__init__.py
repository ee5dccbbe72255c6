"""stepbench: the bench on which step-size methods are run, seen and compared honestly."""

from __future__ import annotations

from stepbench.version import __version__ as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:  # of typing's own name, which the command would wait for before it could answer Ctrl-C
    from typing import Any

    from stepbench.autopsy import Autopsy, explain
    from stepbench.catalog import method, problem
    from stepbench.contracts import (
        AnyOracle,
        Direction,
        FiniteSum,
        LeastSquares,
        LinearFit,
        LinearLeastSquares,
        Method,
        Oracle,
        Problem,
        StepSize,
    )
    from stepbench.engine.comparison import Comparison, compare
    from stepbench.engine.result import Result, load
    from stepbench.engine.running import DivergenceWarning, Interrupted, run
    from stepbench.fields import InputError, param
    from stepbench.study import Stopped, Study
    from stepbench.study.profile import profile
    from stepbench.study.sweep import sweep
    from stepbench.study.tune import tune

__all__ = [
    "AnyOracle",
    "Autopsy",
    "Comparison",
    "Direction",
    "DivergenceWarning",
    "FiniteSum",
    "InputError",
    "Interrupted",
    "LeastSquares",
    "LinearFit",
    "LinearLeastSquares",
    "Method",
    "Oracle",
    "Problem",
    "Result",
    "StepSize",
    "Stopped",
    "Study",
    "compare",
    "explain",
    "load",
    "method",
    "param",
    "problem",
    "profile",
    "run",
    "sweep",
    "tune",
]

_HOMES = {
    "stepbench.autopsy": ("Autopsy", "explain"),
    "stepbench.catalog": ("method", "problem"),
    "stepbench.contracts": (
        "AnyOracle",
        "Direction",
        "FiniteSum",
        "LeastSquares",
        "LinearFit",
        "LinearLeastSquares",
        "Method",
        "Oracle",
        "Problem",
        "StepSize",
    ),
    "stepbench.engine.comparison": ("Comparison", "compare"),
    "stepbench.engine.result": ("Result", "load"),
    "stepbench.engine.running": ("DivergenceWarning", "Interrupted", "run"),
    "stepbench.fields": ("InputError", "param"),
    "stepbench.study": ("Stopped", "Study"),
    "stepbench.study.profile": ("profile",),
    "stepbench.study.sweep": ("sweep",),
    "stepbench.study.tune": ("tune",),
}


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``stepbench --help`` needs none of them."""
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'stepbench' has no attribute {name!r}")
