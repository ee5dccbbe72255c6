"""Grids that several tests read."""

from stepbench import catalog
from stepbench.study.grid import axes


def read(*texts, problem="quadratic", methods=("gd",)):
    return axes(texts, catalog.problem(problem), [catalog.method(method) for method in methods])


def values(text, **where):
    [axis] = read(text, **where)
    return axis.values
