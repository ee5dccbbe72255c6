"""The exact-step paper: Adam with a constant step size from the smoothness of the loss.

Digits stand in for MNIST, and 100 units per layer for 1000. The paper's experiments leave the factor 1/δ = ρ/γ out of
the step size, which its theorems need and which, with Adam's ρ = 10⁻⁸, would make it 10⁸ times smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import Band, above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Across, Claim, Curves, Headline, Number, Run, Runs, Setting, for_each
from stepbench.reproduce.measures import accuracy, last, loss, ratio, series
from stepbench.stepsizes.exact import Exact

SOURCE = "Anonymous, Convergence of Adam with an exact constant step size in non-convex settings"

HEADLINES = (
    Headline(
        "figure-1-mnist",
        "With the full batch of MNIST the exact step ends with a smaller gradient norm than {schedules with a"
        " larger gradient norm, of 7} of 7 schedules; the paper says than all.",
    ),
    Headline(
        "figure-1",
        "With the full batch of digits the exact step ends with a smaller gradient norm than {schedules with "
        "a larger gradient norm, of 7} of 7 schedules; the paper says than all.",
    ),
    Headline(
        "figure-2-1-layer",
        "With the full batch of digits and one layer, the exact step ends with a smaller gradient norm than "
        "{step sizes with a larger gradient norm, of 4} of 4 constant step sizes; the paper says than all.",
    ),
)

EXACT = "exact"
SCHEDULES = {
    "linear": "linear:",
    "step": "step:every=25,",
    "sqrt": "sqrt:",
    "inverse time": "inverse-time:decay=0.05,",
    "exponential": "exponential:gamma=0.97,",
    "one cycle": "one-cycle:",
    "cosine": "cosine:",
}
CONSTANTS = (1e-2, 1e-3, 1e-4, 1e-5)


def gradient(run: Result) -> float:
    """The norm of the gradient at the end; infinite where the run diverged."""
    return last(run, "gradient_norm")


def least_gradient(run: Result) -> float:
    """The least norm of the gradient after the start."""
    return float(run.gradient_norm[1:].min())


def step_size(run: Result) -> float:
    """The constant step size."""
    assert run.step_size is not None
    return float(run.step_size[-1])


def smoothness(run: Result) -> float:
    """K̂ = 2 f(w₀) / (α² T), of a run whose T is given."""
    T = int(run.method.partition("T=")[2].partition(",")[0])
    return float(2 * run.f[0] / (step_size(run) ** 2 * T))


def exact(problem: str, steps: int, N: int = 3) -> Run:
    """Adam with the exact step size, f* left out as the paper does, for so many steps after the estimate of K̂."""
    return Run(problem, f"adam-exact:N={N},T={steps},f_star=0", budget=steps + 20 * N + 1, steps=steps)


# The theorems. γ bounds the gradients, ρ is Adam's ε, and δ = γ/ρ; β₁ is below ϵ/(ϵ + γ), where ϵ is the accuracy.


@dataclass(frozen=True)
class Bounded:
    """A K-smooth function, with gradients of norm at most gamma on the way from its start, and f(w₀) − f* = gap."""

    problem: str
    K: float
    gamma: float
    gap: float

    def adam(self, epsilon: float, rho: float, T: int) -> Run:
        """T steps of Algorithm 1 with the α of Theorem 1, and the β₁ of its condition for this accuracy."""
        lr = Exact.theory(self.K, self.gamma / rho, T, self.gap).lr
        beta1 = 0.99 * epsilon / (epsilon + self.gamma)
        return Run(self.problem, f"adam:beta1={beta1!r},eps={rho!r},bias=false+constant:lr={lr!r}", budget=T, steps=T)


RHO, ACCURACY = 1.0, 0.1
HORIZONS = (100, 1000, 10_000)
SMOOTH = {
    "bowl with straight walls": Bounded("huber-bowl", K=5, gamma=2.55, gap=6.85),
    "plateau": Bounded("plateau", K=1, gamma=0.607, gap=1),
    "logistic regression": Bounded("breast-cancer", K=3.34, gamma=1.42, gap=0.694),
}
SAMPLED = {"logistic regression, batches of 16": Bounded("breast-cancer:batch=16", K=3.34, gamma=2.5, gap=0.694)}
OWN_ALPHA = (
    Setting("functions", "any that is smooth, with a bounded gradient: those of which K and γ are known"),
    Setting("Adam", "Algorithm 1, without bias correction"),
    Setting("α", "√(2 (f(w₀) − f*)/(K δ² T)), δ = γ/ρ"),
    Setting("β₁", "below ϵ/(ϵ + γ); 0.99 times it, for ϵ = 0.1"),
    Setting("ρ and β₂", "any ρ > 0, and not told; 1 and 0.999"),
)


def theorem(name: str, where: str, says: str, functions: Mapping[str, Bounded], note: str, *more: Setting) -> Claim:
    """The rate of Theorem 1 or 2, with its own α and β₁."""
    return Claim(
        name,
        where,
        says,
        runs={
            (case, float(T)): bounded.adam(ACCURACY, RHO, T) for case, bounded in functions.items() for T in HORIZONS
        },
        numbers={
            **for_each(
                functions,
                "{}: least ‖∇f‖ after 100 steps over that after 10,000",
                at_least(100**0.25, "T^(-1/4): 3.16"),
                lambda runs, case: ratio(least_gradient(runs[case, 100.0]), least_gradient(runs[case, 10_000.0])),
            ),
            **for_each(
                functions,
                "{}: least ‖∇f‖ after 10,000 steps, over ϵ = 0.1",
                at_most(1),
                lambda runs, case: least_gradient(runs[case, 10_000.0]) / ACCURACY,
            ),
        },
        why="the rate bounds the fall from below; the theorem promises some T, and is given 10,000 steps",
        settings=(*OWN_ALPHA, *more),
        note=note,
        picture=Across("T", "least gradient norm", lambda run: max(least_gradient(run), 1e-16)),
    )


THEOREM_1 = theorem(
    "theorem-1",
    "Theorem 1, Remark 1",
    "With its α and β₁, Adam comes to any ‖∇f‖, as T^(-1/4) or faster, on exact gradients",
    SMOOTH,
    "ρ is 1: with Adam's own 10⁻⁸, δ makes α 10⁸ times smaller, and Adam does not move.",
)
THEOREM_2 = theorem(
    "theorem-2",
    "Theorem 2, Remark 1",
    "With the same α and β₁, stochastic Adam comes to any ‖∇f‖, as T^(-1/4) or faster",
    SAMPLED,
    "In each component all samples' gradients would have to have one sign, at every w; few data are such.",
    Setting("signs of the samples' gradients", "the same for all samples, in each component", "not the same"),
)

FUNCTIONS = {
    "quadratic": "quadratic:kappa=100",
    "Himmelblau": "himmelblau",
    "Rosenbrock": "rosenbrock",
    "noisy regression, mini-batches": "linear-regression:noise=1,batch=10",
}

HEURISTIC = Claim(
    "heuristic-step",
    "§4.2, Remark 2",
    "Without δ, α = √(2 f(w₀)/(K̂T)) keeps the core: the gradient norm falls as T^(-1/4) or faster",
    runs={(name, float(T)): exact(problem, T, 10) for name, problem in FUNCTIONS.items() for T in HORIZONS},
    numbers=for_each(
        FUNCTIONS,
        "{}: T = 100 over T = 10,000",
        at_least(100**0.25, "T^(-1/4): 3.16"),
        lambda runs, name: ratio(least_gradient(runs[name, 100.0]), least_gradient(runs[name, 10_000.0])),
    ),
    why="the rate bounds the fall from below",
    settings=(
        Setting("functions", "networks", "valleys and a regression"),
        Setting("K̂", "Algorithm 2; from 10 standard normal points"),
        Setting("Adam", "Algorithm 1, without bias correction"),
    ),
    note="On smooth functions the fall is far faster than the rate: the gradient reaches 0 or nearly so.",
    picture=Across("T", "least gradient norm", lambda run: max(least_gradient(run), 1e-16)),
)

# §3: a step size that decays stops the weights before the gradient is gone.

DECAYING = {
    "exponential": "adam:bias=false+exponential:gamma=0.97,lr=0.01",
    "step": "adam:bias=false+step:every=25,lr=0.01",
}
STANDING = {"constant": "adam:bias=false+constant:lr=0.01"}


def last_move(run: Result) -> float:
    """The length of the last step, over that of the longest."""
    moves = np.linalg.norm(np.diff(run.x, axis=0), axis=1)
    return float(moves[-1] / moves.max())


def gradient_left(run: Result) -> float:
    """‖∇f‖ at the end, over that after 1,000 steps."""
    return float(run.gradient_norm[-1] / run.gradient_norm[1000])


SECTION_3 = Claim(
    "section-3-decay",
    "§3",
    "Step sizes that decay fast bring the weights to rest where ∇f is not 0; a constant one does not",
    runs={name: Run("rosenbrock", spec, steps=10_000) for name, spec in (DECAYING | STANDING).items()},
    numbers={
        **for_each(
            DECAYING,
            "{}: last of 10,000 steps over the longest",
            at_most(0.01, "→ 0"),
            lambda runs, name: last_move(runs[name]),
        ),
        **for_each(
            DECAYING,
            "{}: ‖∇f‖ after 10,000 steps over that after 1,000",
            at_least(0.9, "not → 0"),
            lambda runs, name: gradient_left(runs[name]),
        ),
        "constant: ‖∇f‖ after 10,000 steps over that after 1,000": Number(
            at_most(0.01, "→ 0"), lambda runs: gradient_left(runs["constant"])
        ),
    },
    why="a step is at rest at a hundredth of the longest; a gradient that is left falls by less than a tenth in 9,000 "
    "steps, and one that vanishes to a hundredth",
    settings=(
        Setting("function", "a loss that is not convex; Rosenbrock's"),
        Setting("first step size", "any; 0.01"),
        Setting("decay", "rapid, such as exponential; by 0.97 per step, and by steps of 25"),
    ),
    picture=Curves("gradient_norm", "iteration"),
)

POINTS = (1, 3, 10, 30, 100, 300)
K_RASTRIGIN = 2 + 40 * np.pi**2


def one_step(problem: str, N: int) -> Run:
    """A run of one step, which tells K̂ from N points."""
    return Run(problem, f"adam-exact:N={N},T=100", budget=20 * N + 1, steps=1)


def falls(values: Iterable[float]) -> float:
    """How often a number is less than the one before, by more than rounding."""
    found = np.array([*values])
    return float((found[1:] < found[:-1] * (1 - 1e-6)).sum())


THEOREM_4 = Claim(
    "theorem-4",
    "Theorem 4, Algorithm 2",
    "The estimate K̂ rises to the Lipschitz constant K of ∇f as the points N grow",
    runs={("quadratic", 1.0): one_step("quadratic", 1)}
    | {("Rastrigin", float(N)): one_step("rastrigin", N) for N in POINTS},
    numbers={
        "quadratic: K̂ / L from one point": Number(
            near(1, 1e-6), lambda runs: smoothness(runs["quadratic", 1.0]) / 1000
        ),
        "Rastrigin: K̂ / K from one point": Number(
            below(1), lambda runs: smoothness(runs["Rastrigin", 1.0]) / K_RASTRIGIN
        ),
        "Rastrigin: K̂ / K from 300 points": Number(
            between(0.99, 1, "→ 1, from below"), lambda runs: smoothness(runs["Rastrigin", 300.0]) / K_RASTRIGIN
        ),
        "Rastrigin: times that more points gave less": Number(
            exactly(0), lambda runs: falls(smoothness(run) for run in series(runs, "Rastrigin"))
        ),
    },
    why="20 power iterations find the quadratic's eigenvalue to rounding; for Rastrigin's function K = 2 + 40π², met "
    "where both cosines are 1",
    settings=(
        Setting("functions", "any whose ∇f has a Lipschitz constant; a quadratic and Rastrigin's"),
        Setting("law of the points", "any that has all weights in its reach (§4.3); standard normal"),
    ),
    picture=Across("N", "K̂", smoothness),
)

NETWORK = "digits-mlp:hidden=3,width=100,batch={}"

THEOREM_4_NETWORK = Claim(
    "theorem-4-network",
    "Theorem 4, Algorithm 2",
    "The estimate K̂ settles as the points N grow, on a network",
    runs={("3 layers", float(N)): one_step(NETWORK.format(120), N) for N in (1, 3, 10, 30)},
    numbers={
        "times that more points gave less": Number(
            exactly(0), lambda runs: falls(smoothness(run) for run in runs.values())
        ),
        "K̂ from 30 points over that from 10": Number(
            between(1, 1.1, "→ 1"), lambda runs: smoothness(runs["3 layers", 30.0]) / smoothness(runs["3 layers", 10.0])
        ),
        "K̂ from 10 points over that from 1": Number(
            at_least(1), lambda runs: smoothness(runs["3 layers", 10.0]) / smoothness(runs["3 layers", 1.0])
        ),
    },
    why="a tenth more is as good as settled: α changes by a twentieth",
    note="The points are standard normal weights, between which the curvature differs by orders of magnitude, so that "
    "a few points do not settle it. For a ReLU network of several layers K is infinite.",
    picture=Across("N", "K̂", smoothness),
    quick=False,
)


INITIALISATION_NETWORK = Claim(
    "initialisation-network",
    "§5.1, Appendix C.4",
    "The step size is independent of the technique by which a network is initialised",
    missing="the bench's networks have one initialisation each, and the paper's appendix is not public",
)


def beside_schedules(problem: str, steps: int, rates: tuple[float, ...], N: int = 3) -> dict[Any, Run]:
    """The exact step size, and every schedule with every step size to choose from."""
    others: dict[Any, Run] = {
        (name, lr): Run(problem, f"adam+{rule}lr={lr:g}", steps=steps)
        for name, rule in SCHEDULES.items()
        for lr in rates
    }
    return {EXACT: exact(problem, steps, N)} | others


def tuned(runs: Runs) -> list[Result]:
    """Every schedule with the step size of its least loss."""
    others = {key: run for key, run in runs.items() if key != EXACT}
    return [min(series(others, name), key=loss) for name in SCHEDULES]


def beats_schedules(gap: Band) -> dict[str, Number]:
    """The exact step size beside the tuned schedules, which it should beat by this gap in the gradient norm."""
    return {
        "schedules with a larger gradient norm, of 7": Number(
            exactly(7), lambda runs: float(sum(gradient(run) > gradient(runs[EXACT]) for run in tuned(runs)))
        ),
        "gradient norm: the best schedule's − the exact step's": Number(
            gap, lambda runs: min(gradient(run) for run in tuned(runs)) - gradient(runs[EXACT])
        ),
        "training loss: the exact step's over the best schedule's": Number(
            below(1), lambda runs: ratio(loss(runs[EXACT]), min(loss(run) for run in tuned(runs)))
        ),
        "test accuracy of the exact step": Number(at_least(0.9, "good"), lambda runs: accuracy(runs[EXACT])),
    }


TUNING = "counts and orders; each schedule has the best of its step sizes, judged by its loss"


def schedules(name: str, where: str, says: str, problem: str, steps: int, note: str = "") -> Claim:
    """A figure that compares with schedules, each from two step sizes."""
    return Claim(
        name,
        where,
        says,
        runs=beside_schedules(problem, steps, (0.01, 0.001), 10),
        numbers=beats_schedules(gap=above(0)),
        why=TUNING,
        note=note,
        picture=Curves("gradient_norm", "iteration"),
        quick=False,
    )


def beside_constants(problem: str, steps: int, N: int) -> dict[Any, Run]:
    """The exact step size, and the paper's four others."""
    others: dict[Any, Run] = {f"α = {lr:g}": Run(problem, f"adam:lr={lr:g}", steps=steps) for lr in CONSTANTS}
    return {EXACT: exact(problem, steps, N)} | others


def constants(runs: Runs) -> list[Result]:
    """The runs with a constant step size that is not the exact one."""
    return [run for key, run in runs.items() if key != EXACT]


BEATS_CONSTANTS = {
    "step sizes with a larger gradient norm, of 4": Number(
        exactly(4), lambda runs: float(sum(gradient(run) > gradient(runs[EXACT]) for run in constants(runs)))
    ),
    "training loss: the exact step's over the best constant's": Number(
        below(1), lambda runs: ratio(loss(runs[EXACT]), min(loss(run) for run in constants(runs)))
    ),
    "test accuracy of the exact step": Number(at_least(0.9, "good"), lambda runs: accuracy(runs[EXACT])),
}


def constant_steps(name: str, where: str, says: str, problem: str, steps: int, N: int = 3) -> Claim:
    """A figure that compares with constant step sizes."""
    return Claim(
        name,
        where,
        says,
        runs=beside_constants(problem, steps, N),
        numbers=BEATS_CONSTANTS,
        why="counts and orders, with the paper's own four step sizes",
        picture=Curves("gradient_norm", "iteration"),
        quick=False,
    )


FIGURE_1 = Claim(
    "figure-1",
    "Fig. 1",
    "Full batch, 3 layers: the exact step has a smaller gradient norm than seven schedules",
    runs=beside_schedules(NETWORK.format("none"), 100, (0.1, 0.01, 0.001)),
    numbers=beats_schedules(gap=between(0.003, 0.03, "of order 10⁻²")),
    why=TUNING + "; of order 10⁻² is from a third of it to three times as much",
    note="K̂ is taken at standard normal weights, as Theorem 4 asks for a law that has all weights in its reach. Taken "
    "where the network is initialised (law=init), K̂ is so small that the first steps break the network.",
    picture=Curves("gradient_norm", "iteration"),
    quick=False,
)


def figure_2(layers: int, plural: str) -> Claim:
    """Figure 2, for a network of so many layers."""
    return constant_steps(
        f"figure-2-{plural.replace(' ', '-')}",
        "Fig. 2, §5.2",
        f"Full batch, {plural}: the exact step has a smaller gradient norm than constant ones",
        f"digits-mlp:hidden={layers},width=100,batch=none",
        100,
    )


FIGURE_2_ONE = figure_2(1, "1 layer")
FIGURE_2_THREE = figure_2(3, "3 layers")
FIGURE_2_FIVE = figure_2(5, "5 layers")
FIGURE_3 = schedules(
    "figure-3",
    "Fig. 3",
    "Mini-batches: the exact step has a smaller gradient norm than seven schedules",
    NETWORK.format(120),
    110,
    note="Batches of 120 are the same part of digits as 5,000 of MNIST.",
)
FIGURE_4 = constant_steps(
    "figure-4",
    "Fig. 4",
    "Mini-batches: the exact step has a smaller gradient norm than constant ones",
    "digits-mlp:hidden=1,width=100,batch=120",
    110,
    10,
)

SMALL, LARGE = ("1 layer", 30.0), ("1 layer", 480.0)

FIGURE_5 = Claim(
    "figure-5",
    "Fig. 5",
    "A larger batch leads to faster convergence",
    runs={
        ("1 layer", float(b)): exact(f"digits-mlp:hidden=1,width=100,batch={b}", 10 * (1437 // b), 10)
        for b in (30, 120, 480)
    },
    numbers={
        "gradient norm: the largest batch's over the smallest's": Number(
            below(1), lambda runs: ratio(gradient(runs[LARGE]), gradient(runs[SMALL]))
        ),
        "training loss: the largest batch's over the smallest's": Number(
            below(1), lambda runs: ratio(loss(runs[LARGE]), loss(runs[SMALL]))
        ),
    },
    why="only the order counts, after 10 epochs; the largest batch has a third of the examples",
    note="The paper's network has 5 layers, and one of 1 is compared here. The largest batch makes the fewest steps.",
    picture=Across("batch size", "gradient norm", gradient),
    quick=False,
)

# The figures on the paper's own network and data.

MINI_MNIST = "mnist-mlp:hidden=3,width=1000,samples=5500,batch=none"
MINI_LENET = "mnist-lenet:samples=5500,batch=none"
LENET = "mnist-lenet:batch=5000"
VGG9 = "cifar10-vgg9:batch=2500"

FIGURE_1_MNIST = schedules("figure-1-mnist", "Fig. 1", "As Figure 1, on the paper's network and data", MINI_MNIST, 100)
FIGURE_2_MNIST = constant_steps(
    "figure-2-mnist", "Fig. 2", "As Figure 2, on the paper's network and data", MINI_MNIST, 100
)
FIGURE_3_MNIST = schedules(
    "figure-3-mnist",
    "Fig. 3",
    "As Figure 3, on the paper's network and data",
    "mnist-mlp:hidden=3,width=1000,batch=5000",
    1200,
)
FIGURE_4_MNIST = constant_steps(
    "figure-4-mnist",
    "Fig. 4",
    "As Figure 4, on the paper's network and data",
    "mnist-mlp:hidden=1,width=1000,batch=5000",
    1200,
    10,
)
FIGURE_6 = schedules(
    "figure-6", "Fig. 6", "LeNet on MNIST, full batch: the exact step beats seven schedules", MINI_LENET, 100
)
FIGURE_7 = schedules(
    "figure-7", "Fig. 7", "LeNet on MNIST, mini-batches: the exact step beats seven schedules", LENET, 1200
)
FIGURE_8 = constant_steps(
    "figure-8", "Fig. 8", "LeNet on MNIST, mini-batches: the exact step beats constant ones", LENET, 1200, 10
)
FIGURE_9 = constant_steps(
    "figure-9", "Fig. 9", "LeNet on MNIST, full batch: the exact step beats constant ones", MINI_LENET, 100
)
FIGURE_10 = schedules("figure-10", "Fig. 10", "VGG-9 on CIFAR-10: the exact step beats seven schedules", VGG9, 2000)
FIGURE_11 = constant_steps(
    "figure-11", "Fig. 11", "VGG-9 on CIFAR-10: the exact step beats constant ones", VGG9, 2000, 10
)
