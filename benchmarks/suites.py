"""Suites: the gradients of every problem at 1,000 points, against two other ways to have them."""

import numpy as np

import stepbench
from benchmarks.races import Race, add
from stepbench import catalog
from stepbench.derivatives import derived

POINTS = 1_000


def suites(table, repeats):
    for suite in catalog.suites():
        if suite == "networks":  # torch differentiates them, by backpropagation
            continue
        problems = [stepbench.problem(name) for name in catalog.suite(suite)]
        problems = [problem for problem in problems if problem.x0.size <= 50]  # deriving 500 axes takes half a minute
        points = [points_near(problem.x0, seed) for seed, problem in enumerate(problems)]
        ways = [derived(problem.f, problem.x0) for problem in problems]

        def together(problems=problems, points=points):
            return [problem.grad(w) for problem, w in zip(problems, points, strict=True)]

        def in_pairs(problems=problems, points=points):
            return [
                np.concatenate([problem.grad(w[:, k : k + 2]) for k in range(0, POINTS, 2)], axis=1)
                for problem, w in zip(problems, points, strict=True)
            ]

        def from_f(problems=problems, points=points, ways=ways):
            return [way(problem.f, w) for problem, w, way in zip(problems, points, ways, strict=True)]

        size = f"{suite}: {len(problems)} gradients x {POINTS:,} points"
        with np.errstate(all="ignore"):
            for other, what, rtol in ((in_pairs, "two points at a time", 0), (from_f, "derived from f", 1e-5)):
                check(problems, together(), other(), what, rtol)
                add(table, size, what, Race(together, other, repeats))


def points_near(start, seed):
    """Random points around a start, (d, R)."""
    noise = np.random.default_rng(seed).standard_normal((start.size, POINTS))
    return start[:, None] * (1 + 0.01 * noise) + 0.01 * noise


def check(problems, gradients, others, what, rtol):
    """Stop everything unless the gradients agree; one in a hundred may not, for differences may straddle a kink."""
    for problem, g, again in zip(problems, gradients, others, strict=True):
        alike = np.isclose(g, again, rtol=rtol, atol=rtol * np.abs(g).max(), equal_nan=True)
        if alike.mean() < 0.99:
            raise SystemExit(f"{problem}: the gradients {what} differ")
