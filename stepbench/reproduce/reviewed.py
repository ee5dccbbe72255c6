"""Methods that the papers review: Polyak's step, L4, LossGrad, momentum, Adam, and Sutton's IDBD."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Across, Claim, Curves, Erratum, Number, Run, Runs, Setting, for_each
from stepbench.reproduce.measures import last, series, step_sizes

SOURCE = "Methods that the papers review: Polyak 1987, Sutton 1992, L4, LossGrad, momentum, Adam"


# Polyak's step, on kinked convex functions.

CONVEX = (
    Setting("functions", "any convex f whose minimum is known; two with kinks, with their f*"),
    Setting("starts", "any; that of each function, and for two of them another"),
)

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
    settings=CONVEX,
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
    settings=CONVEX,
    picture=Curves("error", "iteration"),
)

# L4.

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
    why="the review gives no numbers; the error is the mean over the last 500 of 1,000 steps",
    settings=(
        Setting("task", "the data sets of Wójcik et al., classified by networks", "least squares with noise"),
        Setting("data", "images and reviews", "200 samples of 20 numbers"),
        Setting("samples that a step sees", "not told", "1, 10 or 100"),
        Setting("direction", "the gradient"),
    ),
    note="From step to step the batches do shake α, but on all samples it varies far more: L4 aims at 0.9 of the least "
    "loss seen, which is below the minimum where that is not 0, so that α explodes as g vanishes. Its slope is along a "
    "mean gradient, against which the last one points now and then: then α is negative, as it never is in the forms "
    "that its authors published. The review has the estimate raised by 1 + 1/γ with γ = 0.9 every step; L4 raises it "
    "by 1 + 1/τ, τ = 1,000, and its γ is that 0.9.",
    picture=Curves("step_size", "iteration", only=(("L4", "10"), ("L4", "all"))),
)

# Momentum and Adam.

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
    settings=(Setting("function", "any; along one eigenvector of curvature k it is ½k w²"),),
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
    settings=(Setting("β₁ and β₂", "not told; the published 0.9 and 0.999"), Setting("gradient", "any; here constant")),
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
    why="the bound is on α max xᵢ², which is 1 there, or more",
    settings=(Setting("samples", "any; one, again and again, of 1 number or of 20"), Setting("α", "constant")),
    note="It is neither: the condition is Σ αᵢxᵢ² < 2. αᵢ ≤ 1/xᵢ² keeps one component from passing its own target, and "
    "lets 20 of them together overshoot by far.",
)

WARM, MEASURED = 20_000, 10_000
TASK = (Setting("task", "Sutton's tracking task: 5 of 20 inputs count, a sign flips every 20 examples"),)
FIRST_STEP = Setting("first step sizes", "not told; 0.05 for every input")
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
    settings=(*TASK, Setting("examples", "20,000 to warm up, then 10,000 that are measured"), FIRST_STEP),
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
    settings=(Setting("task", "Sutton's tracking task with its 5 relevant inputs alone"),),
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
    why="the paper's numbers; means over the last 5,000 examples",
    settings=(*TASK, Setting("θ", "0.001"), Setting("examples", "250,000"), FIRST_STEP),
    note="The largest α of an irrelevant input comes below 0.007 only after 300,000 examples. This hangs on the first "
    "step sizes, which are not told: from 0.02 it is 0.0067 after the 250,000 (one seed).",
    picture=Curves("step_size", "iteration"),
    quick=False,
)

ERRATA = (
    Erratum(
        "Yao 2022, §2.4",
        "Adam's m and v are sums over powers of β divided by 1 − β",
        "They are multiplied by 1 − β, and their bias is corrected. By the review's formula a step along a constant "
        "gradient would be a tenth of α; Adam's is α.",
        "adam-formula",
    ),
    Erratum(
        "Yao 2022, §2.4",
        "For every p up to 1 − √(αk), momentum is faster than none",
        "With p = 1 − √(αk) the error falls by √p per step, which is slower than without momentum where αk > 0.38.",
        "momentum-range",
    ),
    Erratum(
        "Yao 2022, §2.5",
        "α(i) ≤ 1/x(i)² for every i is sufficient and necessary for LMS to converge",
        "The condition is Σ α(i) x(i)² < 2. With one input αx² may be up to 2, and with 20 inputs runs diverge already "
        "where the largest α(i) x(i)² is 0.6 to 0.8.",
        "idbd-step-bound",
    ),
)
