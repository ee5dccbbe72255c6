"""Methods that the papers review: Polyak's step, L4, LossGrad, momentum, Adam, and Sutton's IDBD."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Across, Claim, Curves, Number, Run, Runs, for_each
from stepbench.reproduce.measures import last, ratio, series, step_sizes

SOURCE = "Methods that the papers review: Polyak 1987, Sutton 1992, L4, LossGrad, momentum, Adam"


def apart(one: Result, other: Result) -> float:
    """The largest distance between two paths, over the start's distance from the minimum."""
    if len(one.f) != len(other.f) or one.distance is None:
        return math.inf
    return float(np.linalg.norm(one.x - other.x, axis=1).max() / one.distance[0])


# Polyak's step, on kinked convex functions.

KINKED = {
    "valley": Run("absolute-valley", "polyak", steps=500),
    "steep valley": Run("absolute-valley:kappa=30", "polyak", steps=500),
    "Wolfe": Run("wolfe", "polyak", steps=500),
    "Wolfe, from the side": Run("wolfe", "polyak", steps=500, start=(-0.5, 4.0)),
}


def moved_away(run: Result) -> float:
    """Steps after which w is farther from w*, by more than rounding."""
    assert run.distance is not None
    if run.status == "diverged":
        return math.nan
    return float((run.distance[1:] > run.distance[:-1] * (1 + 1e-12)).sum())


def of_the_rate(run: Result) -> float:
    """The least error by each step, over the bound ‖w₀ − w*‖ G/√(k + 1), where it comes nearest to it."""
    assert run.error is not None
    assert run.distance is not None
    bound = run.distance[0] * run.gradient_norm.max() / np.sqrt(run.iteration + 1.0)
    return float((np.minimum.accumulate(run.error) / bound).max())


POLYAK_DISTANCE = Claim(
    "polyak-distance-never-grows",
    "Yao 2022, §2.1, eq. 2–3",
    "With Polyak's step on a convex function, kinked or not, ‖w − w*‖ never grows",
    runs=KINKED,
    numbers=for_each(KINKED, "{}: steps that moved away", exactly(0), lambda runs, name: moved_away(runs[name])),
    why="the steps are counted, up to 500 of them",
    picture=Curves("distance", "iteration"),
)

POLYAK_RATE = Claim(
    "polyak-rate",
    "Yao 2022, §2.1",
    "Polyak's step has the rate O(1/√k) on convex functions",
    runs=KINKED,
    numbers=for_each(
        KINKED, "{}: error over ‖w₀ − w*‖ G/√(k+1)", at_most(1), lambda runs, name: of_the_rate(runs[name])
    ),
    why="the bound that the telescoping sum gives, for the least error so far, with G the largest ‖g‖ seen",
    picture=Curves("error", "iteration"),
)

CONSTANTS = [float(f"{1e-4 * 2**k:.3g}") for k in range(14)]
BESIDE_CONSTANTS = ("absolute-valley", "wolfe")


def least_error(run: Result) -> float:
    """The least error of a run."""
    assert run.error is not None
    return float(run.error.min())


def advantage(runs: Runs, problem: str) -> float:
    """The least error of the best constant step, over that of Polyak's."""
    best = min(least_error(runs[problem, lr]) for lr in CONSTANTS)
    return ratio(best, least_error(runs[problem, "Polyak"]))


POLYAK_CONSTANT = Claim(
    "polyak-beats-constant-steps",
    "Yao 2022, §2.1",
    "Polyak's step, the best by a bound, gets nearer than any constant step on kinked functions",
    runs={(problem, lr): Run(problem, f"gd:lr={lr:g}", steps=500) for problem in BESIDE_CONSTANTS for lr in CONSTANTS}
    | {(problem, "Polyak"): Run(problem, "polyak", steps=500) for problem in BESIDE_CONSTANTS},
    numbers={
        "valley: best constant's error over Polyak's": Number(
            above(1), lambda runs: advantage(runs, "absolute-valley")
        ),
        "Wolfe: best constant's error over Polyak's": Number(above(1), lambda runs: advantage(runs, "wolfe")),
    },
    why="500 steps; 14 constant steps from 0.0001 to 0.8, each judged by the least error that it met",
    note="The step is best by the bound on one step's distance, not by the outcome. On Wolfe's function the slope of "
    "the floor vanishes at w*: Polyak's step, made for the steep walls, crawls there at its rate of 1/√k or a little "
    "faster, while a small constant step slides along the floor.",
    picture=Curves("error", "iteration", only=tuple(("wolfe", lr) for lr in ("Polyak", 0.0016, 0.0128, 0.102))),
)

# L4.

SURFACES = {
    "valley": ("absolute-valley", 200),
    "Wolfe": ("wolfe", 200),
    "quadratic": ("quadratic", 500),
    "rosenbrock": ("rosenbrock", 20),
}
KNOWN = "l4:known=true,eps=0"

L4_POLYAK = Claim(
    "l4-is-polyak",
    "Yao 2022, §2.2",
    "L4 with f* known is Polyak's step where the direction is the gradient",
    runs={
        (name, method): Run(problem, method, steps=steps)
        for name, (problem, steps) in SURFACES.items()
        for method in ("polyak", KNOWN)
    },
    numbers=for_each(
        SURFACES,
        "{}: distance of the paths",
        at_most(1e-9, "0"),
        lambda runs, name: apart(runs[name, "polyak"], runs[name, KNOWN]),
    ),
    why="the paths are equal to rounding, over the distance of the start; without the ε in L4's denominator",
)

NOISY = "linear-regression:n=200,dim=20,noise=1,data_seed={seed}"
SAMPLES = {"all": "", "1": ",batch=1", "10": ",batch=10", "100": ",batch=100"}
BATCHES = ("1", "10", "100")
SGD_STEPS = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)


def jump(run: Result) -> float:
    """By what factor |α| changes from one step to the next, up or down, in the median."""
    return math.exp(float(np.median(np.abs(np.diff(np.log(np.abs(step_sizes(run))))))))


def spread(run: Result) -> float:
    """The 90th percentile of |α| over the 10th, over the last half of a run."""
    low, high = np.quantile(np.abs(step_sizes(run)[len(step_sizes(run)) // 2 :]), (0.1, 0.9))
    return float(high / low)


def late_error(run: Result) -> float:
    """The mean error over the last half of a run; infinite where it diverged."""
    assert run.error is not None
    return math.inf if run.status == "diverged" else float(run.error[len(run.error) // 2 :].mean())


def over_constant(runs: Runs, batch: str) -> float:
    """L4's error over that of the best constant step, in batches of this size."""
    return late_error(runs["L4", batch]) / min(late_error(runs[lr, batch]) for lr in SGD_STEPS)


L4_UNSTABLE = Claim(
    "l4-unstable-on-mini-batches",
    "Yao 2022, §2.2; Wójcik 2019",
    "On mini-batches L4's step size on the gradient is very unstable",
    runs={("L4", samples): Run(NOISY + batch, "l4", steps=1000) for samples, batch in SAMPLES.items()}
    | {
        (lr, samples): Run(NOISY + SAMPLES[samples], f"gd:lr={lr:g}", steps=1000)
        for samples in BATCHES
        for lr in SGD_STEPS
    },
    numbers={
        "10 samples: factor between two |α|, median": Number(
            at_least(1.2, "very unstable"), lambda runs: jump(runs["L4", "10"])
        ),
        "logarithm of it, over that on all samples": Number(
            above(1, "batches are why"),
            lambda runs: math.log(jump(runs["L4", "10"])) / math.log(jump(runs["L4", "all"])),
        ),
        "|α|, 90th over 10th percentile, over that on all": Number(
            above(1, "batches are why"), lambda runs: spread(runs["L4", "10"]) / spread(runs["L4", "all"])
        ),
        "error over the best constant step's, worst batch": Number(
            at_least(2, "unstable"), lambda runs: max(over_constant(runs, batch) for batch in BATCHES)
        ),
    },
    why="the review gives no numbers. The data are 200 noisy samples of 20 numbers, of which a step sees 1, 10 or 100; "
    "the error is the mean over the last 500 of 1,000 steps",
    note="From step to step the batches do shake α, but on all samples it varies far more: L4 aims at 0.9 of the least "
    "loss seen, which is below the minimum where that is not 0, so that α explodes as g vanishes. Its slope is along a "
    "mean gradient, against which the last one points now and then: then α is negative, as it never is in the forms "
    "that its authors published. The review has the estimate raised by 1 + 1/γ with γ = 0.9 every step; L4 raises it "
    "by 1 + 1/τ, τ = 1,000, and its γ is that 0.9.",
    picture=Curves("step_size", "iteration", only=(("L4", "10"), ("L4", "all"))),
)

# LossGrad.

C = 1.05
TRIED = {"quadratic": "quadratic:kappa=100", "rosenbrock": "rosenbrock", "valley": "absolute-valley"}


def kept(run: Result) -> Any:
    """r of each step: the part of the promised fall α‖g‖² that did not come."""
    promised = step_sizes(run) * run.gradient_norm[:-1] ** 2
    return (np.diff(run.f) + promised) / promised


def grew(run: Result) -> Any:
    """Whether α grew after each step but the last."""
    return step_sizes(run)[1:] > step_sizes(run)[:-1]


def agree(run: Result) -> float:
    """The part of the decisions that follow r ≤ ½, where rounding leaves no doubt."""
    r = kept(run)[:-1]
    clear = np.abs(r - 0.5) > 1e-6
    return float((grew(run) == (r <= 0.5))[clear].mean())


def follow_slope(run: Result) -> float:
    """The part that follow the sign of q′(α) = −‖g‖² + 2e/α, with e the error of the linear model."""
    alpha, square = step_sizes(run)[:-1], run.gradient_norm[:-2] ** 2
    e = run.f[1:-1] - (run.f[:-2] - alpha * square)
    slope = -square + 2 * e / alpha
    clear = np.abs(slope) > 1e-6 * square
    return float((grew(run) == (slope <= 0))[clear].mean())


def moves_by_c(run: Result) -> float:
    """The part of the steps whose α is the last one's times c or 1/c."""
    factor = step_sizes(run)[1:] / step_sizes(run)[:-1]
    return float((np.isclose(factor, C, rtol=1e-9) | np.isclose(factor, 1 / C, rtol=1e-9)).mean())


DECISIONS = {"α moves by c": moves_by_c, "as r ≤ ½": agree, "as q′(α) ≤ 0": follow_slope}

LOSSGRAD_RULE = Claim(
    "lossgrad-half-rule",
    "Yao 2022, §2.3",
    "LossGrad's α grows by c where r ≤ ½, which is where q′(α) ≤ 0, and shrinks by c elsewhere",
    runs={name: Run(problem, f"lossgrad:c={C}", steps=500) for name, problem in TRIED.items()},
    numbers=for_each(
        product(TRIED, DECISIONS), "{}: {}", exactly(1), lambda runs, name, rule: DECISIONS[rule](runs[name])
    ),
    why="parts of the decisions up to the end of the run, recomputed from the path; r within 1e-6 of ½ does not count",
    picture=Curves("step_size", "iteration"),
)


def late_r(run: Result) -> float:
    """The median r over the last half of a run."""
    r = kept(run)
    return float(np.median(r[len(r) // 2 :]))


def last_step(run: Result) -> float:
    """The step size of the last step, times L."""
    assert run.problem.L is not None
    return float(step_sizes(run)[-1]) * run.problem.L


LOSSGRAD_HOVERS = Claim(
    "lossgrad-hovers-at-half",
    "Yao 2022, §2.3",
    "On a quadratic LossGrad's α hovers where r = ½, the minimum of f along the gradient",
    runs={kappa: Run(f"quadratic:kappa={kappa}", f"lossgrad:c={C}", steps=1000) for kappa in (1, 10, 100)},
    numbers={
        "κ=1: last α L": Number(near(1, C**2 - 1), lambda runs: last_step(runs[1])),
        **for_each((10, 100), "κ={}: median r", near(0.5, 0.1), lambda runs, kappa: late_r(runs[kappa])),
    },
    why="α moves by 5% per step, so that it is never nearer than that",
    note="On a quadratic r = α gᵀQg/2gᵀg, and r = ½ is the exact line search's step.",
    picture=Curves("step_size", "iteration"),
)

# Momentum and Adam.

SMOOTH = ("rosenbrock", "quadratic")

HEAVY_BALL = Claim(
    "heavy-ball-is-momentum",
    "Yao 2022, §2.4, eq. 5–6",
    "w − (αg − pΔ) is the same as w + Δ, with Δ ← pΔ − αg",
    runs={
        (name, method): Run(name, f"{method}lr=0.0005", steps=1000)
        for name in SMOOTH
        for method in ("heavy-ball:p=0.9,", "momentum:p=0.9+constant:")
    },
    numbers=for_each(
        SMOOTH,
        "{}: distance of the paths",
        at_most(1e-9, "0"),
        lambda runs, name: apart(runs[name, "heavy-ball:p=0.9,"], runs[name, "momentum:p=0.9+constant:"]),
    ),
    why="the paths are equal to rounding, over the distance of the start",
)

CURVED = (0.1, 0.5, 0.9)
PARTS = (0.25, 0.5, 0.75, 1.0)


def slowest(runs: Runs, curved: float) -> float:
    """The distance with momentum over that without, after the same steps, at the worst momentum."""
    return max(last(runs[curved, part], "distance") for part in PARTS) / last(runs[curved, 0.0], "distance")


MOMENTUM_RANGE = Claim(
    "momentum-range",
    "Yao 2022, §2.4",
    "For every p up to 1 − √(αk) momentum is faster than none where the curvature is k",
    runs={
        (curved, part): Run(
            "quadratic:kappa=1", f"heavy-ball:lr={curved},p={part * (1 - math.sqrt(curved)):.6g}", steps=14
        )
        for curved in CURVED
        for part in (0.0, *PARTS)
    },
    numbers=for_each(CURVED, "αk={:g}: ‖w − w*‖ over plain descent's, worst p", below(1), slowest),
    why="14 steps, on a quadratic with k = 1, with p at a quarter, half, three quarters and the whole of 1 − √(αk)",
    note="With complex roots the error falls by √p per step, without momentum by 1 − αk; at the end of the range "
    "√(1 − √(αk)) is the smaller only for αk < 0.38.",
)

ADAM = Claim(
    "adam-formula",
    "Yao 2022, §2.4",
    "Adam moves by α m/√v, with m and v sums over powers of β divided by 1 − β",
    runs={"Adam": Run("absolute-valley", "adam:lr=0.001", start=(1000.0, 1000.0), steps=10_000)},
    numbers={
        "first step over α": Number(
            near(0.3162, 0.01), lambda runs: float(abs(runs["Adam"].x[1] - runs["Adam"].x[0]).max()) / 0.001
        ),
        "step over α, after 10,000 with the same gradient": Number(
            near(0.1, 0.01), lambda runs: float(abs(runs["Adam"].x[-1] - runs["Adam"].x[-2]).max()) / 0.001
        ),
    },
    why="what the review's formula gives for a constant gradient and β = 0.9, 0.999: √(1 − β₂)/(1 − β₁) at first, "
    "(1 − β₂)/(1 − β₁)² in the end",
    note="Adam's averages are sums times 1 − β, not over it, and their bias is corrected, so that both numbers are 1. "
    "The review's formula would make every step a tenth of that.",
)

# Sutton's IDBD.

ONE = tuple(round(0.1 * k, 1) for k in range(1, 25))
MANY = tuple(float(f"{0.02 * 1.15**k:.3g}") for k in range(28))


def shrinks(run: Result) -> bool:
    """Whether a run came nearer."""
    return run.status != "diverged" and bool(run.f[-1] < run.f[0])


def squares(run: Result) -> float:
    """The largest xᵢ² of a run's one sample."""
    data: Any = run.problem
    return float((data.data.X**2).max())


def one_sample(lrs: Iterable[float], problem: str, inputs: int) -> dict[Any, Run]:
    """Constant steps on one sample."""
    return {(inputs, lr): Run(problem, f"gd:lr={lr}", steps=200) for lr in lrs}


IDBD_BOUND = Claim(
    "idbd-step-bound",
    "Yao 2022, §2.5",
    "αᵢ ≤ 1/xᵢ² for every i is sufficient and necessary for LMS to converge",
    runs=one_sample(ONE, "quadratic:kappa=1", 1)
    | one_sample(MANY, "linear-regression:n=1,dim=20,data_seed={seed}", 20),
    numbers={
        "1 input: largest αx² that converges": Number(
            at_most(1, "≤ 1: necessary"), lambda runs: max(lr for lr in ONE if shrinks(runs[1, lr]))
        ),
        "20 inputs: least α max xᵢ² that diverges": Number(
            above(1, "> 1: sufficient"),
            lambda runs: min(lr * squares(runs[20, lr]) for lr in MANY if not shrinks(runs[20, lr])),
        ),
    },
    why="one sample again and again, with a constant α; the first is ½w², which has x = 1",
    note="It is neither: the condition is Σ αᵢxᵢ² < 2. αᵢ ≤ 1/xᵢ² keeps one component from passing its own target, and "
    "lets 20 of them together overshoot by far.",
)

WARM, MEASURED = 20_000, 10_000
LMS_STEPS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
THETAS = (0.002, 0.005, 0.007, 0.01, 0.015, 0.02)


def tracking(spec: str, *, dim: int = 20) -> Run:
    """20,000 examples to warm up, and 10,000 to measure."""
    return Run(f"tracking:dim={dim},data_seed={{seed}}", spec, budget=WARM + MEASURED)


def squared_error(run: Result) -> float:
    """The mean squared error after the warm-up, which is twice f; infinite where the run diverged."""
    return math.inf if run.status == "diverged" else 2 * float(run.f[WARM:].mean())


def least(runs: Runs, name: str) -> float:
    """The least squared error over a method's settings."""
    return min(squared_error(run) for run in series(runs, name))


FIGURE_3 = Claim(
    "sutton-figure-3",
    "Sutton 1992, Fig. 3",
    "On the tracking task IDBD's squared error is 1.5 at the best θ, LMS's 3.5 at the best α",
    runs={("LMS", lr): tracking(f"gd:lr={lr}") for lr in LMS_STEPS}
    | {("IDBD", theta): tracking(f"idbd:lr=0.05,theta={theta}") for theta in THETAS},
    numbers={
        "LMS: least squared error": Number(near(3.5, 0.1), lambda runs: least(runs, "LMS")),
        "IDBD: least squared error": Number(near(1.5, 0.1), lambda runs: least(runs, "IDBD")),
    },
    why="read from a picture; from seed to seed the mean over 10,000 examples differs by some hundredths",
    note="The first step sizes are 0.05 for every input. With some seeds IDBD bursts or diverges for θ ≥ 0.01, "
    "where it is at its best with the others: its step sizes have no bound.",
    picture=Across("α of LMS, θ of IDBD", "mean squared error", squared_error),
    quick=False,
)

OPTIMA = (0.05, 0.07, 0.09, 0.11, 0.13, 0.15, 0.18, 0.22)


def best_step(runs: Runs) -> float:
    """The bottom of the parabola through the least squared error and its neighbours, over log α."""
    errors = [squared_error(runs["LMS", lr]) for lr in OPTIMA]
    k = min(max(int(np.argmin(errors)), 1), len(errors) - 2)
    near_it = slice(k - 1, k + 2)
    a, b, _ = np.polyfit(np.log(OPTIMA[near_it]), errors[near_it], 2)
    return math.exp(-b / (2 * a))


OPTIMUM = Claim(
    "sutton-optimal-step",
    "Sutton 1992, §4",
    "With the irrelevant inputs left out, the best common step size is 0.13",
    runs={("LMS", lr): tracking(f"gd:lr={lr}", dim=5) for lr in OPTIMA},
    numbers={
        "best α": Number(near(0.13, 0.15), best_step),
        "squared error there": Number(below(1.5, "below IDBD's 1.5"), lambda runs: least(runs, "LMS")),
    },
    why="the minimum is flat, and is found from step sizes about a fifth apart",
    picture=Across("α", "mean squared error", squared_error),
    quick=False,
)

RELEVANT, IRRELEVANT = slice(0, 5), slice(5, 20)


def learned(run: Result, inputs: slice, part: float) -> Any:
    """The mean step size of each of these inputs around this part of a run, over a fiftieth of it."""
    alpha = step_sizes(run)
    middle, reach = int(part * len(alpha)), len(alpha) // 50
    return alpha[middle - reach : middle, inputs].mean(0)


FIGURE_4 = Claim(
    "sutton-figure-4",
    "Sutton 1992, Fig. 4",
    "IDBD finds the optimum 0.13 for the relevant inputs' step sizes, and lets the others fall",
    runs={"α": Run("tracking:data_seed={seed}", "idbd:lr=0.05,theta=0.001", budget=250_000)},
    numbers={
        "relevant: mean α": Number(
            between(0.115, 0.145, "0.13 ± 0.015"), lambda runs: float(learned(runs["α"], RELEVANT, 1).mean())
        ),
        "irrelevant: largest α": Number(below(0.007), lambda runs: float(learned(runs["α"], IRRELEVANT, 1).max())),
        "irrelevant: mean α, end over half way": Number(
            below(1, "falling"),
            lambda runs: float(learned(runs["α"], IRRELEVANT, 1).mean() / learned(runs["α"], IRRELEVANT, 0.5).mean()),
        ),
    },
    why="the paper's numbers, for θ = 0.001 after 250,000 examples; means over the last 5,000 examples",
    picture=Curves("step_size", "iteration"),
    quick=False,
)
