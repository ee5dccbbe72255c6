"""The 24 noiseless functions of BBOB, by COCO.

N. Hansen, S. Finck, R. Ros and A. Auger, "Real-parameter black-box optimization benchmarking 2009: noiseless functions
definitions", INRIA RR-6829, 2009. The wheel coco-experiment (N. Hansen and others, "COCO: a platform for comparing
continuous optimizers in a black-box setting", Optimization Methods and Software 36, 2021) has them, with their minima
and minimisers. It gives f alone: derivatives are central differences, whose values of f are not counted.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from stepbench import InputError, Problem, param

FUNCTIONS = {
    "f1": ("sphere", "C∞"),
    "f2": ("separable ellipsoid", "C¹"),
    "f3": ("separable Rastrigin function", "C¹"),
    "f4": ("Büche-Rastrigin function", "C¹"),
    "f5": ("linear slope", "C⁰"),
    "f6": ("attractive sector", "C¹"),
    "f7": ("step ellipsoid", "C⁻¹"),
    "f8": ("Rosenbrock function", "C∞"),
    "f9": ("rotated Rosenbrock function", "C∞"),
    "f10": ("rotated ellipsoid", "C¹"),
    "f11": ("discus", "C¹"),
    "f12": ("bent cigar", "C¹"),
    "f13": ("sharp ridge", "C⁰"),
    "f14": ("sum of different powers", "C⁰"),
    "f15": ("Rastrigin function", "C⁰"),
    "f16": ("Weierstrass function", "C⁰"),
    "f17": ("Schaffer function F7", "C⁰"),
    "f18": ("ill-conditioned Schaffer function F7", "C⁰"),
    "f19": ("composite Griewank-Rosenbrock function F8F2", "C∞"),
    "f20": ("Schwefel function", "C¹"),
    "f21": ("Gallagher function with 101 peaks", "C⁰"),
    "f22": ("Gallagher function with 21 peaks", "C⁰"),
    "f23": ("Katsuura function", "C⁰"),
    "f24": ("Lunacek bi-Rastrigin function", "C⁰"),
}
"""What each is called, and how smooth its definition in the report is: their oscillation of the axes, T_osz, has no
derivative at 0, but where it is squared."""


def _version():
    """The version of the wheel; raises InputError where it is not installed."""
    try:
        return version("coco-experiment")
    except PackageNotFoundError:
        raise InputError('the suite bbob needs coco-experiment: pip install "stepbench[suites]"') from None


def names():
    """The names of the problems; raises InputError where the wheel is not installed."""
    _version()
    return [*FUNCTIONS]


def load(name):
    """The class of the problem of a name."""
    called, smoothness = FUNCTIONS[name]
    members = {
        "__doc__": f"{called[0].upper()}{called[1:]}.\n\nIts instance moves and turns it; the report has its formula.",
        "__module__": f"{__name__}.{name}",
        "smoothness": smoothness,
    }
    if name == "f1":
        members |= {"mu": 2.0, "L": 2.0}
    return dataclass(frozen=True)(type(name, (_BBOB,), members))


@dataclass(frozen=True)
class _BBOB(Problem):
    """A problem of BBOB. The subclass has its name."""

    dim: int = param(2, "d", "number of parameters; the suite has 2, 3, 5, 10, 20 and 40", "[2, 40]")
    instance: int = param(1, "", "which of its instances: another minimiser, minimum and rotation", "[1, 1000000]")

    conditioning = None
    """Not known: beside a minimum of hundreds, differences of differences tell of rounding."""

    source = "Hansen, Finck, Ros & Auger 2009, INRIA RR-6829, by COCO"

    @property
    def libraries(self):
        """The wheel's version."""
        return {"coco-experiment": _version()}

    @cached_property
    def _native(self):
        try:
            from cocoex import BareProblem
        except ImportError as error:
            raise InputError(f'coco-experiment {_version()}: {error}: pip install -U "stepbench[suites]"') from None
        return BareProblem("bbob", int(type(self).__name__[1:]), self.dim, self.instance)

    @property
    def x0(self):
        """The middle of the box [−5, 5]ᵈ that the minimum lies in: COCO's first point."""
        return np.zeros(self.dim)

    @property
    def f_star(self):
        """The minimum, as COCO has it."""
        return float(self._native.best_value())

    @cached_property
    def x_star(self):
        """The minimiser, as COCO has it."""
        return np.array(self._native.best_parameter())

    @property
    def view(self):
        """The box, where there are two parameters."""
        return ((-5.0, 5.0), (-5.0, 5.0)) if self.dim == 2 else None

    def f(self, w):
        """COCO's value at every point."""
        return self._native(w.T.copy())
