"""The rank of every method on the suites, each with the step size that suits it there; its runs are kept in a study."""

import os
from dataclasses import dataclass

import numpy as np

import stepbench
from stepbench import catalog
from stepbench.contracts.settings import varying
from stepbench.study.profile import Profile

SUITES = ("gallery", "mgh")
MOST = 4
"""How many parameters a problem has at most."""

RATES = [10.0**k for k in range(-5, 2)]
"""The values of lr that are tried of each method that has one."""

BUDGET = 500
TUNED_TO, JUDGED_TO = 1e-3, (1e-1, 1e-3, 1e-5)
"""Parts of f(w₀) − f* that are left where a problem counts as solved."""


@dataclass(frozen=True)
class Ranks:
    """A suite's problems, and every method that runs on all of them, in the order of its rank.

    ``settings`` has by the method's name the spec that was judged, and ``unfit`` what a method would need.
    """

    suite: str
    profile: Profile
    settings: dict[str, str]
    unfit: dict[str, str]

    def place(self, name):
        """The rank of a method, from 1 on; those with equal areas have one rank."""
        return 1 + int((self.areas > self.area(name)).sum())

    def number(self, name):
        """The column of a method in the profile."""
        return self.profile.labels.index(self.settings[name])

    @property
    def areas(self):
        """The area under each method's data profile, the mean over the tolerances, rounded as it is shown."""
        return np.round(self.profile.areas.mean(axis=0), 3)

    def area(self, name):
        """The area of one method."""
        return self.areas[self.number(name)]

    def unsolved(self, name):
        """The problems that a method does not solve to the last tolerance."""
        return self.profile.unsolved(self.number(name))

    def lost(self, name, problem):
        """Whether a method diverged or failed on a problem, so that its run counts for nothing."""
        return not self.profile.runs[self.profile.problems.index(problem)][self.number(name)].spent.size


def measure(suite, folder, names=None):
    """The ranks of these methods, or of all, on a suite: what was run before is read from the study in the folder."""
    problems = [problem for problem in map(catalog.problem, catalog.suite(suite)) if problem.in_numpy]
    problems = [p for p in problems if p.f_star is not None and sum(p.tensors) <= MOST and np.isfinite(at_start(p))]
    methods = {name: catalog.method(name) for name in names or names_to_rank()}
    unfit = {name: need for name, method in methods.items() for p in problems for need in method.missing(p.supplies)}
    with stepbench.Study(folder / "ranks.db", workers=os.cpu_count() or 1) as study:
        with_lr = [name for name in methods if name not in unfit and "lr" in varying(methods[name])]
        rates = tuned(problems, with_lr, study)
        settings = {name: with_rate(name, rates.get(name)) for name in methods if name not in unfit}
        profile = stepbench.profile([*settings.values()], problems, tolerances=JUDGED_TO, budget=BUDGET, study=study)
    order = [[*settings][m] for m in profile.ranking]
    return Ranks(suite, profile, {name: settings[name] for name in order}, unfit)


def names_to_rank():
    """Every name but those that are another's: gd stands for the plain gradient with a constant step size."""
    return [name for name in catalog.method_names() if name not in ("gradient", "constant", "sgd")]


def at_start(problem):
    """f at the problem's start."""
    return float(problem.f(np.repeat(problem.x0[:, None], 2, axis=1))[0])


def tuned(problems, names, study):
    """The lr with which each method solves most of the problems, and at the least cost where several do."""
    solved, spent = np.zeros((len(names), len(RATES))), np.zeros((len(names), len(RATES)))
    for problem in problems:
        target = TUNED_TO * (at_start(problem) - problem.f_star)
        cost = stepbench.sweep(problem, names, {"lr": RATES}, target=target, budget=BUDGET, study=study).cost
        solved += np.isfinite(cost)
        spent += np.log(np.minimum(cost, BUDGET))
    best = np.lexsort((spent, -solved), axis=1)[:, 0]
    return {name: RATES[k] for name, k in zip(names, best, strict=True)}


def with_rate(name, rate):
    """The method's short name with this lr; as it is where it has none."""
    return name if rate is None else catalog.label(stepbench.method(name, lr=rate))
