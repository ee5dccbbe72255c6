"""The catalogue: from a name, or a spec such as ``adam:beta1=0.5+rdbd:eta=1e-6``, to an object."""

from stepbench.catalog.names import (
    ALIASES,
    KINDS,
    docstring,
    is_foreign,
    libraries,
    load,
    method_names,
    names,
    peers,
    problem_files,
    problem_folder,
    problem_name,
    suite,
    suites,
    summary,
)
from stepbench.catalog.specs import defaults, find, is_rebuilt, label, labelled, method, problem
from stepbench.methods.libraries import adapter as library

__all__ = [
    "ALIASES",
    "KINDS",
    "defaults",
    "docstring",
    "find",
    "is_foreign",
    "is_rebuilt",
    "label",
    "labelled",
    "libraries",
    "library",
    "load",
    "method",
    "method_names",
    "names",
    "peers",
    "problem",
    "problem_files",
    "problem_folder",
    "problem_name",
    "suite",
    "suites",
    "summary",
]
