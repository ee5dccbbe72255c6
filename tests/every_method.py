"""The names of every method there is, for the tests that hold of all of them."""

from itertools import cycle

import pytest

from stepbench import catalog

DIRECTIONS = catalog.names("directions")
RULES = catalog.names("stepsizes")
WHOLE = tuple(name for name in catalog.names("methods") if name not in catalog.peers())
JOINS = tuple(f"{direction}+{rule}" for direction in DIRECTIONS for rule in RULES)
EVERY_METHOD = (
    *WHOLE,
    *JOINS,
    *catalog.ALIASES,
    "rdbd:per=component",
    "adam+dbd:per=component",
    "tlr:variant=reference",
    "dbd:K=2",
    "adam+hypergradient-mul:K=2",
    "sps:smooth=true",
    "sps:variant=reference",
    "csawg:pairs=same",
    "momentum+bb:wd=0.1",
    "adgd:form=2024",
    "bb:cap=0.1",
    "prodigy:form=sgd",
    "hdm:form=scalar",
    "hdm:learner=gradient,eta=1e-6",
)

QUICK_JOINS = {f"{direction}+{rule}" for direction, rule in zip(cycle(DIRECTIONS), RULES, strict=False)}
"""Every rule once, and every direction at least once."""


def sampled(values, every):
    """Values for ``parametrize``, of which only ``scripts/test --all`` takes more than the first of so many."""
    return [
        pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.exhaustive if k % every else ())
        for k, v in enumerate(values)
    ]


def parameters(methods):
    """The methods for ``parametrize``; only with ``--all`` those joins whose direction and rule are both in another."""
    more = {*JOINS} - QUICK_JOINS
    return [pytest.param(method, marks=pytest.mark.exhaustive if method in more else ()) for method in methods]
