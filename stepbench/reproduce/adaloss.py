"""Wu, Xie, Du & Ward 2022: AdaLoss, a step size driven by the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Across, Claim, Curves, Headline, Number, Run, Runs, Setting, for_each
from stepbench.reproduce.measures import accuracy, iterations_to, last, loss, ratio, series, step_sizes

SOURCE = "Wu et al. 2022, AdaLoss: a computationally-efficient and provably convergent adaptive gradient method"

HEADLINES = (
    Headline(
        "figure-1-robust-to-b0",
        "With one sample per step, AdaLoss works over {AdaLoss: decades of b₀ that work, of 6.5} of 6.5 decades of "
        "b₀, which are {AdaLoss's over SGD-Constant's} times as many as plain SGD's, and AdaGrad-Norm over "
        "{AdaGrad-Norm: decades that work}, which are {AdaGrad-Norm's over SGD-Constant's} times as many.",
    ),
    Headline(
        "corollary-1-linear-from-any-b0",
        "AdaLoss reaches a squared distance of 1e-16 from {b₀ that reach ‖w − w*‖² = 1e-16, of 9} of 9 values"
        " of b₀, 10⁻⁴ to 10⁴; the paper says that it converges linearly from any.",
    ),
)


def decades(first: int, after: int, each: int = 1) -> list[float]:
    """Powers of ten, so many in each decade."""
    return [float(f"{10 ** (k / each):.3g}") for k in range(first * each, (after - 1) * each + 1)]


def b_of(run: Result) -> Any:
    """b after each step of a run with η = 1: one over its step sizes."""
    return 1 / step_sizes(run)


def threshold(run: Result) -> float:
    """λ₁/2, with the largest eigenvalue of XᵀX: gradient descent with α = 1/b converges for b above it."""
    lambda_1 = run.problem.L
    assert lambda_1 is not None
    return lambda_1 / 2


def steps_below(run: Result, eta: float = 1.0) -> float:
    """N, the number of steps after which b is still below ηλ₁/2, and the next takes it above; infinite if none does."""
    up = np.flatnonzero(eta * b_of(run) >= eta * threshold(run))
    return float(up[0]) if up.size else math.inf


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean."""
    return float(np.mean([*values]))


def worst(values: Iterable[float]) -> float:
    """The largest; NaN where one is."""
    return float(np.max([*values]))


# Linear regression, §3. The paper's b² grows by ‖Xw − y‖², which is twice the loss: a = 2.

RULES = {"AdaLoss": "adaloss:a=2,", "AdaGrad-Norm": "adagrad-norm:"}
EVERY_B0 = decades(-4, 5)
EPSILON = 1e-8


def from_every_b0(rule: str) -> dict[Any, Run]:
    """Full gradients on one set of data, from b₀ over eight decades."""
    return {
        (rule, b0): Run("linear-regression:dim=5,data_seed={seed}", f"{RULES[rule]}b0={b0:g}", target=1e-15)
        for b0 in EVERY_B0
    }


LEAST_SQUARES = (
    Setting("task", "any least squares with a solution; 100 Gaussian samples of 5 numbers, without noise"),
    Setting("gradients", "of all samples"),
    Setting("η", "any; 1"),
)


def steps_to(run: Result, epsilon: float) -> float:
    """Iterations until ‖w − w*‖² ≤ ε."""
    return iterations_to(run, math.sqrt(epsilon), "distance")


BELOW = 50
"""b₀ over η in the runs that begin below ηλ₁/2, which is 64η to 73η."""
LONG_WAYS = (1e2, 1e4, 1e6)
"""Their η: b² is to grow by the square of it, so that it takes several steps."""


def first_stage(runs: Runs, rule: str, eta: float) -> float:
    """The number of steps after which b is still below ηλ₁/2."""
    return steps_below(runs[f"{rule}, η = b₀/{BELOW}", BELOW * eta], eta)


def stage_grows(runs: Runs, rule: str) -> float:
    """How many steps more the first stage takes with the third η than with the second, over the second less first."""
    low, middle, high = (first_stage(runs, rule, eta) for eta in LONG_WAYS)
    return ratio(high - middle, middle - low)


LINEAR = {
    "b₀ that reach ‖w − w*‖² = 1e-16, of 9": Number(
        exactly(9), lambda runs: sum(steps_to(run, EPSILON**2) < math.inf for run in runs.values())
    ),
    "steps to 1e-16 over steps to 1e-8, worst b₀": Number(
        near(2, 0.1),
        lambda runs: worst(steps_to(run, EPSILON**2) / steps_to(run, EPSILON) for run in runs.values()),
    ),
    "last b over λ₁/2, least": Number(
        at_least(1), lambda runs: min(float(b_of(run)[-1]) / threshold(run) for run in runs.values())
    ),
}


def linear_convergence(name: str, where: str, rule: str) -> Claim:
    """Theorem 1 or Corollary 1."""
    return Claim(
        name,
        where,
        f"{rule} converges linearly on least squares from any b₀",
        runs=from_every_b0(rule),
        numbers=LINEAR,
        why="T grows with log(1/ε), so that squaring ε doubles it; a burn-in makes it a little less. A sublinear rate "
        "would take 10⁸ times the steps. b₀ goes from 10⁻⁴ to 10⁴, and λ₁/2 is about 70",
        settings=LEAST_SQUARES,
        picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-16", lambda run: steps_to(run, EPSILON**2)),
    )


def counts(name: str, where: str, rule: str) -> Claim:
    """The two parts of the T of Theorem 1 or Corollary 1: one with b₀, and the T₁ of a b₀ below ηλ₁/2."""
    return Claim(
        name,
        where,
        f"{rule}'s steps grow in proportion to a large b₀; below ηλ₁/2 their number is a logarithm",
        runs=from_every_b0(rule)
        | {
            (f"{rule}, η = b₀/{BELOW}", BELOW * eta): Run(
                "linear-regression:dim=5,data_seed={seed}", f"{RULES[rule]}b0={BELOW * eta:g},eta={eta:g}", target=1e-15
            )
            for eta in LONG_WAYS
        },
        numbers={
            "steps from b₀ = 10⁴ over those from 10³": Number(
                between(1, 11, "T ∝ b₀, or less"),
                lambda runs: ratio(*(steps_to(runs[rule, b0], EPSILON**2) for b0 in (1e4, 1e3))),
            ),
            "more steps below ηλ₁/2 from η = 10⁴ to 10⁶, over those from 10² to 10⁴": Number(
                between(0.75, 1.25, "1: a logarithm"), lambda runs: stage_grows(runs, rule)
            ),
        },
        why="T ∝ b₀ is 10 or a little more, since a step multiplies by 1 − λ/b and not by exp(−λ/b). T₁ is a logarithm "
        "of (ηλ₁)² − 4b₀², which from η to 100 η grows by as much everywhere; in proportion to it, the first stage "
        "would grow 10⁴ times as much. The steps are whole numbers, of which a quarter is a step or two",
        settings=(*LEAST_SQUARES[:2], Setting("η", "any; 1, and b₀/50 with 10², 10⁴ and 10⁶")),
        note="Our copy of T is blurred. What can be made out is a sum of a part in proportion to b₀, and of "
        "T₁ = log(((ηλ₁)² − 4b₀²)/…) where 2b₀ < ηλ₁. With η = 1 the first few steps take b past ηλ₁/2 from any small "
        "b₀: so the first stage is judged with a large η.",
        picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-16", lambda run: steps_to(run, EPSILON**2)),
    )


THEOREM_1 = linear_convergence("theorem-1-linear-from-any-b0", "Theorem 1", "AdaGrad-Norm")
THEOREM_1_STEPS = counts("theorem-1-steps", "Theorem 1, eq. 6", "AdaGrad-Norm")
COROLLARY_1 = linear_convergence("corollary-1-linear-from-any-b0", "Corollary 1", "AdaLoss")
COROLLARY_1_STEPS = counts("corollary-1-steps", "Corollary 1, eq. 8", "AdaLoss")


def most_steps_below(run: Result, eta: float, b0: float, power: int) -> float:
    """Lemma 1: log(1 + ((ηλ₁)² − 4b₀²)/(η² λ₁^power)) / log(1 + 4 s₀/η²) + 1."""
    data: Any = run.problem
    v = np.linalg.eigh(data.data.X.T @ data.data.X)[1][:, -1]
    s0 = float(v @ (run.problem.x0 - run.problem.x_star)) ** 2
    lambda_1 = 2 * threshold(run)
    gap = (eta * lambda_1) ** 2 - 4 * b0**2
    return math.log1p(gap / (eta**2 * lambda_1**power)) / math.log1p(4 * s0 / eta**2) + 1


def beyond(runs: Runs, power: int) -> float:
    """N over the lemma's bound at the worst b₀ < ηλ₁/2, with λ₁ to this power in the numerator's logarithm."""
    return worst(
        steps_below(run, eta) / most_steps_below(run, eta, b0, power)
        for (_, eta, b0), run in runs.items()
        if b0 < eta * threshold(run)
    )


def burn_in(rule: str) -> dict[Any, Run]:
    """Small starts: λ₁ is about 100 with n = 100 samples and 10,000 with n = 10,000."""
    return {
        (n, eta, eta * b0): Run(
            f"linear-regression:n={n},data_seed={{seed}}",
            f"{RULES[rule]}b0={eta * b0:g},eta={eta:g}",
            steps=200,
        )
        for n, eta in ((100, 1.0), (100, 100.0), (10_000, 1.0))
        for b0 in (n * part for part in (0.0001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.45, 0.48))
    }


BURN_IN = (
    Setting("task", "any least squares with a solution; 100 or 10,000 Gaussian samples of 2 numbers, without noise"),
    LEAST_SQUARES[1],
    Setting("η", "any; 1 and 100"),
    Setting("b₀", "any below ηλ₁/2; eight of them"),
)

LEMMA_1 = Claim(
    "lemma-1-adagrad-norm-burn-in",
    "Lemma 1",
    "From a small b₀, AdaGrad-Norm's b passes ηλ₁/2 within N steps",
    runs=burn_in("AdaGrad-Norm"),
    numbers={"steps over the bound, worst b₀": Number(at_most(1), lambda runs: beyond(runs, 2))},
    why="a bound; N ≤ log(1 + ((ηλ₁)² − 4b₀²)/(ηλ₁)²) / log(1 + 4s₀/η²) + 1, with s₀ the squared part of w₀ − w* "
    "along the first eigenvector",
    settings=BURN_IN,
)

LEMMA_1_ADALOSS = Claim(
    "lemma-1-adaloss-burn-in",
    "Lemma 1",
    "From a small b₀, AdaLoss's b passes ηλ₁/2 within N steps",
    runs=burn_in("AdaLoss"),
    numbers={"steps over the bound, worst b₀": Number(at_most(1), lambda runs: beyond(runs, 1))},
    why="a bound, at the worst b₀; N ≤ log(1 + ((ηλ₁)² − 4b₀²)/(η²λ₁)) / log(1 + 4s₀/η²) + 1",
    settings=BURN_IN,
    note="The bound fails as far as our copy of it can be read, in which the denominators are blurred. So read it "
    "cannot hold: as b nears ηλ₁/2 the error stops growing, and every step adds λ₁s to b², which for a large λ₁ is "
    "little of the (ηλ₁)²/4 that is wanted. With s₀/λ₁ for s₀, as follows from AdaGrad-Norm's bound, it holds.",
)


def later(runs: Runs) -> float:
    """How many steps more than AdaGrad-Norm AdaLoss needs up to the threshold, in the mean over b₀ below it."""
    pairs = [(runs["AdaLoss", b0], runs["AdaGrad-Norm", b0], b0) for b0 in EVERY_B0]
    return mean(steps_below(a) - steps_below(g) for a, g, b0 in pairs if b0 < threshold(a))


def sooner(runs: Runs) -> float:
    """AdaLoss's steps to the minimum over AdaGrad-Norm's, from the worst b₀ above the threshold."""
    pairs = [(runs["AdaLoss", b0], runs["AdaGrad-Norm", b0], b0) for b0 in EVERY_B0]
    return worst(steps_to(a, EPSILON**2) / steps_to(g, EPSILON**2) for a, g, b0 in pairs if b0 >= threshold(a))


REMARK = Claim(
    "slower-below-faster-above",
    "§3, after Lemma 1",
    "For λ₁ > 1, AdaLoss needs more steps than AdaGrad-Norm up to ηλ₁/2, fewer from above it",
    runs=from_every_b0("AdaLoss") | from_every_b0("AdaGrad-Norm"),
    numbers={
        "2b₀ < ηλ₁: steps to b ≥ ηλ₁/2, less AdaGrad-Norm's": Number(above(0), later),
        "2b₀ > ηλ₁: steps to 1e-16, over AdaGrad-Norm's": Number(below(1), sooner),
    },
    why="the paper compares bounds and says which is more likely the larger; the mean of the small b₀, and the "
    "worst of the large ones",
    settings=LEAST_SQUARES,
    note="From a small b₀ AdaLoss is a step or two later at the threshold, yet first at the minimum: its b stops "
    "growing lower.",
    picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-16", lambda run: steps_to(run, EPSILON**2)),
)


def steepest(run: Result, L: float) -> float:
    """The largest ‖∇f‖² over 2L(f − f*) along a run."""
    assert run.error is not None
    far = run.error > 1e-12 * run.error[0]
    return float((run.gradient_norm[far] ** 2 / (2 * L * run.error[far])).max())


def gram_norm(run: Result) -> float:
    """‖H∞‖ of a run's network."""
    network: Any = run.problem
    return float(network.gram_norm)


GRADIENT = Claim(
    "loss-bounds-the-gradient",
    "§2",
    "‖∇f‖² ≤ C (f − f*) on least squares and on the two-layer network",
    runs={
        "least squares": Run("linear-regression:dim=5,data_seed={seed}", "adaloss:a=2"),
        "ReLU network": Run("relu-network:n=5,inputs=10,width=40,data_seed={seed}", "adaloss", steps=300),
    },
    numbers={
        "least squares: ‖∇f‖² over 2λ₁ f": Number(
            at_most(1 + 1e-9, "≤ 1"),
            lambda runs: steepest(runs["least squares"], 2 * threshold(runs["least squares"])),
        ),
        "ReLU network: ‖∇f‖² over 2‖H∞‖ f": Number(
            at_most(2), lambda runs: steepest(runs["ReLU network"], gram_norm(runs["ReLU network"]))
        ),
    },
    settings=(
        Setting("data of the least squares", "any with a solution; 100 Gaussian samples of 5 numbers"),
        Setting("width of the network", "not told; 40"),
    ),
    why="C = 2λ₁ is the best on least squares, to rounding. On the network C = 2‖H(w)‖, and with 40 hidden units "
    "‖H(w)‖ may be twice ‖H∞‖",
)

# Proposition 1: with one sample per step, b grows by at most ‖w₀ − w*‖²/η, and AdaGrad-Norm's by λ₁ times as much.


def grew(runs: Runs, rule: str, b0: float) -> float:
    """By how much b grew, over ‖w₀ − w*‖²/η."""
    run = runs[rule, b0]
    assert run.distance is not None
    return (float(b_of(run)[-1]) / N - b0) / float(run.distance[0]) ** 2


def longest_sample(run: Result) -> float:
    """The largest ‖x_i‖²."""
    data: Any = run.problem
    return float((data.data.X**2).sum(1).max())


N = 1000
LARGE_B0 = (60.0, 120.0, 240.0)

PROPOSITION_1 = Claim(
    "proposition-1",
    "Proposition 1",
    "From a large b₀, one sample per step, AdaLoss's bound on b is lower by (λ₁ − 1)‖w₀ − w*‖²/η",
    runs={
        (rule, b0): Run(
            f"linear-regression:n={N},dim=20,batch=1,data_seed={{seed}}",
            f"adaloss:a={2 * N},b0={N * b0:g}" if rule == "AdaLoss" else f"adagrad-norm:b0={N * b0:g}",
            steps=5000,
        )
        for rule in RULES
        for b0 in LARGE_B0
    },
    numbers={
        "AdaLoss: growth of b over ‖w₀ − w*‖²/η, most": Number(
            at_most(1), lambda runs: worst(grew(runs, "AdaLoss", b0) for b0 in LARGE_B0)
        ),
        "AdaGrad-Norm: growth of b over λ₁‖w₀ − w*‖²/η, most": Number(
            at_most(1),
            lambda runs: worst(
                grew(runs, "AdaGrad-Norm", b0) / longest_sample(runs["AdaGrad-Norm", b0]) for b0 in LARGE_B0
            ),
        ),
        "growth of AdaGrad-Norm's b over that of AdaLoss's, least": Number(
            above(1), lambda runs: min(grew(runs, "AdaGrad-Norm", b0) / grew(runs, "AdaLoss", b0) for b0 in LARGE_B0)
        ),
        "AdaLoss's steps to ‖w − w*‖² = 1e-8 over AdaGrad-Norm's, most": Number(
            below(1),
            lambda runs: worst(
                steps_to(runs["AdaLoss", b0], EPSILON) / steps_to(runs["AdaGrad-Norm", b0], EPSILON) for b0 in LARGE_B0
            ),
        ),
    },
    why="bounds, and an order. ‖w − w*‖² falls by ηR/b or more where b ≥ η sup ‖x‖², with R the squared residual by "
    "which AdaLoss's b² grows and AdaGrad-Norm's by ‖x‖²R: so the two bounds follow, whose difference the proposition "
    "has",
    settings=(
        Setting("task", "any least squares with a solution; 1,000 Gaussian samples of 20 numbers, without noise"),
        Setting("η", "any; 1"),
        Setting("b₀", "above η sup ‖x‖/2, in our blurred copy; 60, 120 and 240, above sup ‖x‖²"),
        Setting("λ₁", "above 1; sup ‖x‖² of one sample"),
    ),
    picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-8", lambda run: steps_to(run, EPSILON)),
    quick=False,
)

# Figure 1: one sample per step. The bench's step sees n times its sample's loss, and so b is n times the paper's.

UNKNOWN_DATA = (
    Setting("data", "in an appendix that is not public with the paper", "1,000 Gaussian samples of 20 numbers"),
    Setting("noise", "none at the solution"),
    Setting("samples per step", "1"),
)
MANY_B0 = decades(-2, 5, 2)
SMALL_B0 = [b0 for b0 in MANY_B0 if b0 < 1]
ROBUST: dict[str, Callable[[float], str]] = {
    "AdaLoss": lambda b0: f"adaloss:a={2 * N},b0={N * b0:g}",
    "AdaGrad-Norm": lambda b0: f"adagrad-norm:b0={N * b0:g}",
    "SGD-Constant": lambda b0: f"gd:lr={1 / (N * b0):g}",
    "SGD-DecaySqrt": lambda b0: f"decay-sqrt:c={N},b0={N * b0:g}",
}


def stochastic(names: Iterable[str], starts: Iterable[float] = MANY_B0) -> dict[Any, Run]:
    """Runs of 5,000 steps, each on one sample."""
    problem = f"linear-regression:n={N},dim=20,batch=1,data_seed={{seed}}"
    return {(name, b0): Run(problem, ROBUST[name](b0), steps=5000) for name in names for b0 in starts}


def mean_loss(run: Result, first: int, end: int) -> float:
    """The mean loss over these iterations; infinite where the run diverged."""
    return math.inf if run.status == "diverged" else float(run.f[first : end + 1].mean())


def low_decades(runs: Runs, name: str) -> float:
    """Over how many decades of b₀ the loss of iterations 4,901 to 5,000 is below a thousandth of the start's."""
    return sum(mean_loss(run, 4901, 5000) < float(run.f[0]) / 1000 for run in series(runs, name)) / 2


def against(runs: Runs, first: int, end: int) -> float:
    """AdaLoss's mean loss over AdaGrad-Norm's, the geometric mean over b₀ < 1."""
    both = [(runs["AdaLoss", b0], runs["AdaGrad-Norm", b0]) for b0 in SMALL_B0]
    return math.exp(mean(math.log(mean_loss(a, first, end) / mean_loss(g, first, end)) for a, g in both))


FIGURE_1 = Claim(
    "figure-1-robust-to-b0",
    "Fig. 1",
    "With one sample per step, AdaLoss and AdaGrad-Norm are robust to a wide range of b₀",
    runs=stochastic(ROBUST),
    numbers={
        "AdaLoss: decades of b₀ that work, of 6.5": Number(
            at_least(4, "a wide range"), lambda runs: low_decades(runs, "AdaLoss")
        ),
        "AdaGrad-Norm: decades that work": Number(
            at_least(4, "a wide range"), lambda runs: low_decades(runs, "AdaGrad-Norm")
        ),
        **for_each(
            ("AdaLoss", "AdaGrad-Norm"),
            "{}'s over SGD-Constant's",
            at_least(1.5, "wider"),
            lambda runs, name: ratio(low_decades(runs, name), low_decades(runs, "SGD-Constant")),
        ),
    },
    settings=UNKNOWN_DATA,
    why="a picture without numbers. A b₀ works where the mean loss of iterations 4,901 to 5,000 is below a thousandth "
    "of the start's; two b₀ per decade, from 0.01 to 10,000",
    note="At large b₀ all four are the same slow SGD. SGD-DecaySqrt works over as wide a range as AdaLoss, after an "
    "excursion of many orders of magnitude where b₀ is small.",
    picture=Across("b₀", "mean loss, iterations 4,901 to 5,000", lambda run: mean_loss(run, 4901, 5000)),
    quick=False,
)

FIGURE_1_EARLY = Claim(
    "figure-1-early-and-late",
    "Fig. 1",
    "For b₀ < 1 AdaLoss is no better than AdaGrad-Norm before iteration 1,000, better by 5,000",
    runs=stochastic(("AdaLoss", "AdaGrad-Norm"), SMALL_B0),
    numbers={
        "loss over AdaGrad-Norm's, iterations 101–200": Number(
            at_least(1, "not better"), lambda runs: against(runs, 101, 200)
        ),
        "iterations 991–1,000": Number(at_least(1, "not better"), lambda runs: against(runs, 991, 1000)),
        "iterations 4,901–5,000": Number(below(1, "better"), lambda runs: against(runs, 4901, 5000)),
        "effective step size over AdaGrad-Norm's": Number(
            above(1, "much larger"),
            lambda runs: float(b_of(runs["AdaGrad-Norm", 0.1])[-1]) / float(b_of(runs["AdaLoss", 0.1])[-1]),
        ),
    },
    settings=UNKNOWN_DATA,
    why="only the sign of the difference counts, in the geometric mean over b₀ < 1",
    note="Where AdaLoss is ahead depends on the data, which our copy of the paper does not give: here 1,000 Gaussian "
    "samples of 20 numbers, without noise, where it is ahead at once.",
    picture=Curves("f", "iteration", only=(("AdaLoss", 0.1), ("AdaGrad-Norm", 0.1))),
    quick=False,
)


def grown(runs: Runs, name: str) -> float:
    """The most that b grew from iteration 1,000 to 5,000."""
    return worst(float(b_of(run)[-1] / b_of(run)[999]) for run in series(runs, name))


SETTLES = Claim(
    "b-settles-without-noise",
    "§3",
    "Where no sample has noise, b stays bounded with one sample per step too",
    runs=stochastic(("AdaLoss", "AdaGrad-Norm")),
    numbers={
        "AdaLoss: b at 5,000 over b at 1,000, worst b₀": Number(
            at_most(1.1, "bounded"), lambda runs: grown(runs, "AdaLoss")
        ),
        "AdaGrad-Norm: b at 5,000 over b at 1,000": Number(
            at_most(1.1, "bounded"), lambda runs: grown(runs, "AdaGrad-Norm")
        ),
    },
    settings=(Setting("data", "any without noise; 1,000 Gaussian samples of 20 numbers"), *UNKNOWN_DATA[1:]),
    why="a b that grew with √t would be 2.2 times as large at 5,000 as at 1,000",
    picture=Across("b₀", "effective step size 1/b, iteration 5,000", lambda run: N / float(b_of(run)[-1])),
    quick=False,
)

# Two-layer networks, §4.


def least_eigenvalue(run: Result) -> float:
    """λ₀, the smallest eigenvalue of H∞."""
    network: Any = run.problem
    return float(np.linalg.eigvalsh(network.gram)[0])


WIDTHS = {"n=5, 5 inputs": (5, 5, 100), "n=80, 5 inputs": (80, 5, 100), "n=20, 40 inputs": (20, 40, 60)}
"""Data sets, each with its samples, its inputs and the width of the network."""

ON_NETWORK = (
    Setting("network", "two layers of ReLU, of which the first learns"),
    Setting("data", "any of length 1, with labels of order 1; random on the sphere, with normal labels"),
)


def largest_step(runs: Runs, data: str) -> float:
    """The largest step size of the grid with which f never rises above its start."""
    own = {lr: run for (name, lr), run in runs.items() if name == data}
    return max((lr for lr, run in own.items() if run.status != "diverged" and run.f.max() <= run.f[0]), default=0.0)


THEOREM_2 = Claim(
    "theorem-2-largest-step",
    "Theorem 2",
    "Gradient descent on a wide network allows steps of order 1/‖H∞‖, not only λ₀/n²",
    runs={
        (data, lr): Run(f"relu-network:n={n},inputs={inputs},width={width},data_seed={{seed}}", f"gd:lr={lr}", steps=25)
        for data, (n, inputs, width) in WIDTHS.items()
        for lr in [float(f"{0.2 * 1.35**k:.3g}") for k in range(13)]
    },
    numbers={
        **for_each(
            WIDTHS,
            "{}: η‖H∞‖",
            between(1, 4, "of order 1"),
            lambda runs, data: largest_step(runs, data) * gram_norm(series(runs, data)[0]),
        ),
        "n=80: η over λ₀/n²": Number(
            at_least(80, "better by n/λ₀"),
            lambda runs: (
                largest_step(runs, "n=80, 5 inputs") * 80**2 / least_eigenvalue(series(runs, "n=80, 5 inputs")[0])
            ),
        ),
    },
    settings=(*ON_NETWORK, Setting("width", "n⁶ or more", "60 to 100"), Setting("steps", "all", "25")),
    why="on a quadratic with this Gram matrix the largest η‖H∞‖ would be 2; each η of the grid is 1.35 times the last",
    picture=Across("η", "f after 25 steps, over the start's", lambda run: last(run, "f") / float(run.f[0])),
)

STEPPED = {
    "n=5, 5 inputs": (5, 5, 100, 1.0),
    "n=10, 20 inputs": (10, 20, 100, 1.0),
    "n=20, 40 inputs": (20, 40, 120, 0.7),
}
"""Data sets, each with its samples, its inputs, the width of the network and a step size near 1/‖H∞‖."""


def of_the_count(run: Result, epsilon: float) -> float:
    """Steps to f = ε, over (‖H∞‖/λ₀) log(f₀/ε)."""
    count = gram_norm(run) / least_eigenvalue(run) * math.log(float(run.f[0]) / epsilon)
    return iterations_to(run, epsilon) / count


THEOREM_2_STEPS = Claim(
    "theorem-2-steps",
    "Theorem 2",
    "With η = Θ(1/‖H∞‖), gradient descent needs O((‖H∞‖/λ₀) log(1/ε)) steps",
    runs={
        data: Run(
            f"relu-network:n={n},inputs={inputs},width={width},data_seed={{seed}}",
            f"gd:lr={lr}",
            target=1e-12,
            budget=4000,
        )
        for data, (n, inputs, width, lr) in STEPPED.items()
    },
    numbers={
        **for_each(
            STEPPED,
            "{}: steps to 1e-6 over (‖H∞‖/λ₀) log(f₀/ε)",
            at_most(2, "O(1)"),
            lambda runs, data: of_the_count(runs[data], 1e-6),
        ),
        **for_each(
            STEPPED,
            "{}: steps to 1e-12 over those to 1e-6",
            near(2, 0.25),
            lambda runs, data: iterations_to(runs[data], 1e-12) / iterations_to(runs[data], 1e-6),
        ),
    },
    why="a quadratic with this Gram matrix needs at most (‖H∞‖/λ₀) log(f₀/ε)/2 steps of 1/‖H∞‖; a network may "
    "take four times as many. A burn-in makes the doubling a little less or more",
    settings=(*ON_NETWORK, Setting("width", "n⁶ or more", "100 and 120"), Setting("η", "of order 1/‖H∞‖; 0.7 or 1")),
    picture=Curves("f", "iteration"),
)

GRAM = Claim(
    "gram-norm",
    "§4, Fig. 5",
    "‖H∞‖ ≤ n, and ‖H∞‖ = O(1) where the data are nearly orthogonal",
    runs={
        (data, n): Run(f"relu-network:n={n},inputs={inputs},width=1,data_seed={{seed}}", "gd:lr=1e-6", steps=1)
        for data, inputs in (("orthogonal", 2000), ("few inputs", 5))
        for n in (25, 50, 100, 200)
    },
    numbers={
        "2,000 inputs: ‖H∞‖ at n=200 over n=25": Number(
            between(1, 1.5, "nearly 1"),
            lambda runs: gram_norm(runs["orthogonal", 200]) / gram_norm(runs["orthogonal", 25]),
        ),
        "2,000 inputs: largest ‖H∞‖": Number(
            at_most(2, "O(1)"), lambda runs: worst(gram_norm(run) for run in series(runs, "orthogonal"))
        ),
        "5 inputs: ‖H∞‖ at n=200 over n=25": Number(
            between(4, 8, "up to 8, as n"),
            lambda runs: gram_norm(runs["few inputs", 200]) / gram_norm(runs["few inputs", 25]),
        ),
        "largest ‖H∞‖/n": Number(at_most(1), lambda runs: worst(gram_norm(run) / n for (_, n), run in runs.items())),
    },
    settings=(Setting("data", "nearly orthogonal, and others; random on the sphere, of 2,000 and of 5 numbers"),),
    why="n grows eightfold; with 2,000 inputs 200 random samples are nearly orthogonal",
    note="Random inputs on the sphere. H∞ has ½ on its diagonal, so that even ‖H∞‖ ≤ n/2.",
    picture=Across("n", "‖H∞‖", gram_norm),
)

LOW, HIGH = (0.001, 0.01, 0.1), (1.0, 3.0, 10.0, 30.0)


def steps_from(runs: Runs, b0: float) -> float:
    """Steps to f = 1e-6; infinite if it is never reached."""
    return iterations_to(runs["AdaLoss", b0], 1e-6)


def of_the_bound(run: Result, b0: float) -> float:
    """Steps to f = 1e-6, over (b₀/λ₀ + n^(3/2)/λ₀²) log(1/ε), Theorem 3's with η = α = 1."""
    network: Any = run.problem
    smallest = least_eigenvalue(run)
    return iterations_to(run, 1e-6) / float((b0 / smallest + network.n**1.5 / smallest**2) * math.log(1e6))


THEOREM_3 = Claim(
    "theorem-3-any-b0",
    "Theorem 3",
    "On a wide network AdaLoss converges from b₀ above the threshold, (a), and below it, (b)",
    runs={
        ("AdaLoss", b0): Run(
            "relu-network:n=5,inputs=10,width=40,data_seed={seed}",
            f"adaloss:a={2 * math.sqrt(5):.4g},b0={b0:g}",
            target=1e-6,
            budget=4000,
        )
        for b0 in (*LOW, *HIGH)
    },
    numbers={
        "(a) b₀ from 1 to 30 that reach f = 1e-6, of 4": Number(
            exactly(4), lambda runs: sum(steps_from(runs, b0) < math.inf for b0 in HIGH)
        ),
        "(b) b₀ from 0.001 to 0.1, of 3": Number(
            exactly(3), lambda runs: sum(steps_from(runs, b0) < math.inf for b0 in LOW)
        ),
        "(a) steps over (b₀/λ₀ + n^(3/2)/λ₀²) log(1/ε), most": Number(
            at_most(1, "O(1)"), lambda runs: worst(of_the_bound(runs["AdaLoss", b0], b0) for b0 in HIGH)
        ),
        "steps from b₀ = 30 over those from 3": Number(
            between(1, 10, "at most 10, as b₀"), lambda runs: steps_from(runs, 30.0) / steps_from(runs, 3.0)
        ),
        "steps from b₀ = 0.001 over those from 1": Number(
            between(0.5, 2, "near 1"), lambda runs: steps_from(runs, 0.001) / steps_from(runs, 1.0)
        ),
    },
    why="b² grows by √n‖y − u‖², so that a = 2√n. The threshold C(λ₀ + ‖H∞‖)/2 is about 0.5 for C = 1. The steps "
    "are of order b₀/λ₀ once b₀ leads, and do not depend on b₀ where it is small",
    settings=(*ON_NETWORK, Setting("width", "more than n⁸, here 390,625", "40"), Setting("η and α", "any; 1")),
    note="40 hidden units are enough here.",
    picture=Across("b₀", "iterations to f = 1e-6", lambda run: iterations_to(run, 1e-6)),
)

SIX = {
    "AdaLoss, a = 1": "adaloss:b0={:g}",
    "AdaLoss, a = 2√n": f"adaloss:a={2 * math.sqrt(20):.6g},b0={{:g}}",
    "AdaGrad-Norm": "adagrad-norm:b0={:g}",
}
FIRST_B = (0.1, 1.0, 10.0, 100.0)


def late_loss(run: Result) -> float:
    """The mean loss over the last tenth of a run; infinite where it diverged."""
    return mean_loss(run, len(run.f) - len(run.f) // 10, len(run.f) - 1)


FIGURE_6 = Claim(
    "figure-6-two-layer-network",
    "Fig. 6, §4",
    "On a two-layer network with SGD, AdaLoss is almost the same as AdaGrad-Norm, or better",
    runs={
        (rule, b0): Run("relu-network:n=20,inputs=10,width=100,batch=4,data_seed={seed}", spec.format(b0), steps=1000)
        for rule, spec in SIX.items()
        for b0 in FIRST_B
    },
    numbers=for_each(
        [(rule, b0) for rule in SIX if rule != "AdaGrad-Norm" for b0 in FIRST_B],
        "{}, b₀ = {:g}: loss at the end over AdaGrad-Norm's",
        at_most(1.5, "about 1, or less"),
        lambda runs, rule, b0: ratio(late_loss(runs[rule, b0]), late_loss(runs["AdaGrad-Norm", b0])),
    ),
    why="almost the same is at most half as much again; the loss is the mean of the last 100 of 1,000 steps",
    settings=(
        ON_NETWORK[0],
        Setting("data", "in an appendix that is not public with the paper", "20 samples of 10 numbers on the sphere"),
        Setting("width, batch and b₀", "in the same appendix", "100, 4 and four from 0.1 to 100"),
        Setting("a", "not told here", "1, and 2√n as in Theorem 3"),
        Setting("η", "not told here", "1"),
    ),
    note="With a = 1 AdaLoss is the better from every b₀. With a = 2√n b² grows nine times as fast by the same losses, "
    "so that the steps are smaller, and from b₀ ≤ 10 its loss at the end is about three to four times AdaGrad-Norm's. "
    "The verdict hangs on a, which the paper does not tell for this figure: so both readings are judged.",
    picture=Across("b₀", "mean loss, last 100 iterations", late_loss),
    quick=False,
)

TABLE_1 = Claim(
    "table-1-vision-transformer",
    "Table 1",
    "Fine-tuning ViT-S/16 on CIFAR-100, AdaLoss is more robust to b₀ than AdaGrad-Norm and SGD",
    missing="60 runs of 10 epochs, at 0.37 s an image on one core, take 2,800 hours; besides, CIFAR-100 and the "
    "pretrained weights are to be put into the folder of the data; the network is cifar-vit:pretrained=true. "
    "AdaGrad-Norm has there one step size per neuron (footnote 8), and here one in all or, with per=tensor, per tensor",
)

# AdamLoss, §5.

TEXT_B0 = (0.1, 1.0, 100.0, 400.0)
ADAMS: dict[str, Callable[[float], str]] = {
    "AdamLoss": lambda b0: f"adamloss:b0={b0:g}",
    "Adam": lambda b0: f"adam:beta2=0.99,lr={1 / math.sqrt(b0):.6g}",
    "AdamSqrt": lambda b0: f"adam-sqrt:b0={b0:g}",
}
"""The three with the β₁ = 0.9 and β₂ = 0.99 of Algorithm 2."""

EQUAL_ADAM = Setting("β₁ and β₂", "0.9 and 0.99, for all")
ON_TEXT = (
    Setting("texts", "true and fake news", "made-up reviews of up to 14 words, which praise or blame"),
    Setting("network", "an LSTM of one layer; of 32 units"),
    EQUAL_ADAM,
)


def learned(runs: Runs, name: str) -> float:
    """From how many b₀ the loss falls below 0.1."""
    return sum(loss(run) < 0.1 for run in series(runs, name))


def worst_accuracy(runs: Runs, name: str) -> float:
    """The part of the test texts that is judged rightly at the end, of the worst b₀."""
    return min(accuracy(run) for run in series(runs, name))


def worst_loss(runs: Runs, name: str) -> float:
    """The training loss at the end, of the worst b₀."""
    return worst(loss(run) for run in series(runs, name))


FIGURE_2 = Claim(
    "figure-2-text-lstm",
    "Fig. 2",
    "AdamLoss trains an LSTM on text from any b₀; Adam with η = 1/√b₀ does not",
    runs={(name, b0): Run("text-lstm", spec(b0), epochs=3) for name, spec in ADAMS.items() for b0 in TEXT_B0},
    numbers={
        "AdamLoss: b₀ that train, of 4": Number(exactly(4), lambda runs: learned(runs, "AdamLoss")),
        "Adam: b₀ that train": Number(below(4, "fewer"), lambda runs: learned(runs, "Adam")),
        **for_each(
            ("Adam", "AdamSqrt"),
            "worst loss, AdamLoss's over {}'s",
            below(1),
            lambda runs, name: ratio(worst_loss(runs, "AdamLoss"), worst_loss(runs, name)),
        ),
        **for_each(
            ("Adam", "AdamSqrt"),
            "worst test accuracy, AdamLoss's less {}'s",
            above(0, "better"),
            lambda runs, name: worst_accuracy(runs, "AdamLoss") - worst_accuracy(runs, name),
        ),
    },
    why="a picture without numbers. A b₀ trains where the loss falls below 0.1 from ln 2 = 0.69 in three epochs",
    settings=(
        *ON_TEXT,
        Setting("b₀", "four, of which 0.1, 1 and 400 are told", "0.1, 1, 100 and 400"),
        Setting("epochs", "in an appendix that is not public with the paper", "3"),
    ),
    note="The bench's texts are small and generated. From b₀ ≤ 1 the first steps, of size 1 and more, leave an LSTM "
    "that is saturated, and η does not bring it back; more epochs do not help.",
    picture=Across("b₀", "training loss after three epochs", loss),
    quick=False,
)

SWINGS = ("AdamLoss", "Adam")
SWING_B0 = (1.0, 200.0, 100_000.0)


def worst_over_best(runs: Runs, name: str) -> float:
    """The worst cost over the best, over b₀."""
    costs = [loss(run) for run in series(runs, name)]
    return max(costs) / min(costs)


FIGURE_3 = Claim(
    "figure-3-pendulum",
    "Fig. 3",
    "Swinging up a pendulum, AdamLoss is robust to η₀ = 1/√b₀ where Adam is extremely sensitive",
    runs={(name, b0): Run("pendulum", ADAMS[name](b0), steps=400) for name in SWINGS for b0 in SWING_B0},
    numbers={
        "AdamLoss: worst cost over best": Number(at_most(2, "robust"), lambda runs: worst_over_best(runs, "AdamLoss")),
        "Adam: worst cost over best": Number(at_least(2, "sensitive"), lambda runs: worst_over_best(runs, "Adam")),
        "b₀ = 200: AdamLoss's cost over Adam's": Number(
            below(1, "better"), lambda runs: loss(runs["AdamLoss", 200.0]) / loss(runs["Adam", 200.0])
        ),
    },
    why="a picture without numbers; a policy that has learned nothing costs about 6 to 8 per frame, a good one below 1",
    settings=(
        Setting("task", "an inverted pendulum, swung up; gymnasium's Pendulum-v1"),
        Setting("networks", "actor and critic, fully connected; of two layers of 64 units"),
        Setting("frames", "2,048 between two updates", "2,000, for 10 steps; 80,000 in all"),
        Setting("η₀ = 1/√b₀", "several, of which 1/√200 is told", "1, 1/√200 and 1/√100,000"),
        Setting("seeds", "four", "three"),
        EQUAL_ADAM,
    ),
    note="Actor and critic each have a b of their own, from their own losses, as the paper has it. The actor's loss, "
    "PPO's surrogate, is nearly 0, so that its b hardly grows, and AdamLoss is for it Adam with η = 1/√b₀.",
    picture=Curves("f", "iteration"),
    quick=False,
)


def inverse_b(run: Result) -> float:
    """1/b at the end of a run: the square of its step size."""
    return float(np.mean(step_sizes(run)[-1])) ** 2


FIGURE_4 = Claim(
    "figure-4-b-finds-its-level",
    "§5, Fig. 4",
    "From b₀ ≤ 1 the text LSTM's 1/b falls to about 0.01 in 25 iterations, and then stabilises",
    runs={
        (b0, steps): Run("text-lstm", f"adamloss:b0={b0:g}", steps=steps)
        for b0, steps in ((0.1, 25), (1.0, 25), (0.1, 250), (400.0, 250))
    },
    numbers={
        **for_each(
            (0.1, 1.0),
            "b₀ = {:g}: 1/b after 25 iterations",
            between(0.005, 0.02, "≈ 0.01"),
            lambda runs, b0: inverse_b(runs[b0, 25]),
        ),
        "b₀ = 0.1: 1/b after 250 over after 25": Number(
            at_least(0.5, "stabilises"), lambda runs: inverse_b(runs[0.1, 250]) / inverse_b(runs[0.1, 25])
        ),
        "b₀ = 400: loss after 250 over the start's": Number(
            below(1, "falling"), lambda runs: loss(runs[400.0, 250]) / float(runs[400.0, 250].f[0])
        ),
    },
    why="within a factor of two; other texts, but the same kind of loss, ln 2 at the start",
    settings=(*ON_TEXT, Setting("b₀", "0.1, 1 and 400"), Setting("iterations", "25, and 200 or so; 25 and 250")),
    note="1/b is about 0.02 after 25 iterations, and goes on falling: the made-up texts take longer to be learned, and "
    "as long as they are not, b grows by the loss of a guess, 0.69, at every step.",
    quick=False,
)
