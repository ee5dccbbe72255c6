"""The names of every method there is, for the tests that hold of all of them."""

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
)
