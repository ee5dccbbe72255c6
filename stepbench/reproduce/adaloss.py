"""Wu, Xie, Du & Ward 2022: AdaLoss, a step size driven by the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.claims import (
    Across,
    Claim,
    Curves,
    Paper,
    Run,
    Runs,
    above,
    at_least,
    at_most,
    below,
    between,
    exactly,
    near,
)
from stepbench.reproduce.measures import iterations_to, last, ratio


def decades(first: int, after: int, each: int = 1) -> list[float]:
    """Powers of ten, so many each decade."""
    return [float(f"{10 ** (k / each):.3g}") for k in range(first * each, (after - 1) * each + 1)]


def b_of(run: Result) -> Any:
    """b after each step of a run with η = 1: one over its step sizes."""
    assert run.step_size is not None
    return 1 / run.step_size[1:]


def threshold(run: Result) -> float:
    """λ₁/2, with the largest eigenvalue of XᵀX: gradient descent with α = 1/b converges for b above it."""
    lambda_1 = run.problem.L
    assert lambda_1 is not None
    return lambda_1 / 2


def steps_below(run: Result, eta: float = 1.0) -> float:
    """N: the steps after which b is still below ηλ₁/2, where the next takes it above; infinite if none does."""
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


def steps_to(run: Result, epsilon: float) -> float:
    """Iterations until ‖w − w*‖² ≤ ε."""
    return iterations_to(run, math.sqrt(epsilon), "distance")


def linear(runs: Runs) -> dict[str, float]:
    """How far every b₀ gets, and how the steps grow as ε is squared."""
    return {
        "b₀ that reach ‖w − w*‖² = 1e-16, of 9": sum(steps_to(run, EPSILON**2) < math.inf for run in runs.values()),
        "steps to 1e-16 over steps to 1e-8, worst b₀": worst(
            steps_to(run, EPSILON**2) / steps_to(run, EPSILON) for run in runs.values()
        ),
        "last b over λ₁/2, least": min(float(b_of(run)[-1]) / threshold(run) for run in runs.values()),
    }


def linear_convergence(name: str, where: str, rule: str) -> Claim:
    """Theorem 1 or Corollary 1."""
    return Claim(
        name,
        where,
        f"{rule} converges linearly on least squares from any b₀",
        paper={
            "b₀ that reach ‖w − w*‖² = 1e-16, of 9": exactly(9),
            "steps to 1e-16 over steps to 1e-8, worst b₀": near(2, 0.1),
            "last b over λ₁/2, least": at_least(1),
        },
        runs=from_every_b0(rule),
        measure=linear,
        why="T grows with log(1/ε), so that squaring ε doubles it; a burn-in makes it a little less. A sublinear rate "
        "would take 10⁸ times the steps. b₀ goes from 10⁻⁴ to 10⁴, and λ₁/2 is about 70.",
        picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-16", lambda run: steps_to(run, EPSILON**2)),
    )


COROLLARY_1 = linear_convergence("corollary-1-linear-from-any-b0", "Corollary 1", "AdaLoss")
THEOREM_1 = linear_convergence("theorem-1-linear-from-any-b0", "Theorem 1", "AdaGrad-Norm")


def most_steps_below(run: Result, eta: float, b0: float, *, numerator: float, denominator: float) -> float:
    """Lemma 1: log(1 + ((ηλ₁)² − 4b₀²)/(η² numerator)) / log(1 + 4 s₀/(η² denominator)) + 1."""
    data: Any = run.problem
    v = np.linalg.eigh(data.data.X.T @ data.data.X)[1][:, -1]
    s0 = float(v @ (run.problem.x0 - run.problem.x_star)) ** 2
    gap = (2 * eta * threshold(run)) ** 2 - 4 * b0**2
    return math.log1p(gap / (eta**2 * numerator)) / math.log1p(4 * s0 / (eta**2 * denominator)) + 1


def beyond(runs: Runs, numerator: int, denominator: int) -> float:
    """N over the lemma's bound at the worst b₀ < ηλ₁/2, with λ₁ to these powers in the two logarithms."""
    found = []
    for (_, eta, b0), run in runs.items():
        if b0 < eta * threshold(run):
            lambda_1 = 2 * threshold(run)
            powers = {"numerator": lambda_1**numerator, "denominator": lambda_1**denominator}
            found.append(steps_below(run, eta) / most_steps_below(run, eta, b0, **powers))
    return worst(found)


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


LEMMA_1 = Claim(
    "lemma-1-adagrad-norm-burn-in",
    "Lemma 1",
    "From a small b₀, AdaGrad-Norm's b passes ηλ₁/2 within N steps",
    paper={"steps over the bound, worst b₀": at_most(1)},
    runs=burn_in("AdaGrad-Norm"),
    measure=lambda runs: {"steps over the bound, worst b₀": beyond(runs, 2, 0)},
    why="a bound; N ≤ log(1 + ((ηλ₁)² − 4b₀²)/(ηλ₁)²) / log(1 + 4s₀/η²) + 1, with s₀ the squared part of w₀ − w* "
    "along the first eigenvector",
)

LEMMA_1_ADALOSS = Claim(
    "lemma-1-adaloss-burn-in",
    "Lemma 1",
    "From a small b₀, AdaLoss's b passes ηλ₁/2 within N steps",
    paper={
        "steps over the bound with η²λ₁ and 4/η²": at_most(1),
        "steps over the bound with (ηλ₁)² and 4/(η²λ₁)": at_most(1),
    },
    runs=burn_in("AdaLoss"),
    measure=lambda runs: {
        "steps over the bound with η²λ₁ and 4/η²": beyond(runs, 1, 0),
        "steps over the bound with (ηλ₁)² and 4/(η²λ₁)": beyond(runs, 2, 1),
    },
    why="a bound at the worst b₀. Our copy of the formula is blurred: the first reading is what can be made out, "
    "N ≤ log(1 + ((ηλ₁)² − 4b₀²)/(η²λ₁)) / log(1 + 4s₀/η²) + 1; the second is AdaGrad-Norm's with s₀/λ₁ for s₀.",
    note="The first reading cannot hold: as b nears ηλ₁/2 the error stops growing, and every step adds λ₁s to b², "
    "which for a large λ₁ is little of the (ηλ₁)²/4 that is wanted. The second is looser by about λ₁.",
)


def more_then_less(runs: Runs) -> dict[str, float]:
    """AdaLoss against AdaGrad-Norm from each b₀: below the threshold, and above it."""
    pairs = [(runs["AdaLoss", b0], runs["AdaGrad-Norm", b0], b0) for b0 in EVERY_B0]
    low = [(a, g) for a, g, b0 in pairs if b0 < threshold(a)]
    high = [(a, g) for a, g, b0 in pairs if b0 >= threshold(a)]
    return {
        "2b₀ < ηλ₁: steps to b ≥ ηλ₁/2, less AdaGrad-Norm's": mean(steps_below(a) - steps_below(g) for a, g in low),
        "2b₀ > ηλ₁: steps to 1e-16, over AdaGrad-Norm's": worst(
            steps_to(a, EPSILON**2) / steps_to(g, EPSILON**2) for a, g in high
        ),
    }


REMARK = Claim(
    "slower-below-faster-above",
    "§3, after Lemma 1",
    "For λ₁ > 1, AdaLoss needs more steps than AdaGrad-Norm up to ηλ₁/2, fewer from above it",
    paper={
        "2b₀ < ηλ₁: steps to b ≥ ηλ₁/2, less AdaGrad-Norm's": above(0),
        "2b₀ > ηλ₁: steps to 1e-16, over AdaGrad-Norm's": below(1),
    },
    runs=from_every_b0("AdaLoss") | from_every_b0("AdaGrad-Norm"),
    measure=more_then_less,
    why="the paper compares bounds and says which is more likely the larger; the mean of the small b₀, and the "
    "worst of the large ones",
    note="From a small b₀ AdaLoss is a step or two later at the threshold, yet first at the minimum: its b stops "
    "growing lower.",
    picture=Across("b₀", "iterations to ‖w − w*‖² = 1e-16", lambda run: steps_to(run, EPSILON**2)),
)


def steepest(run: Result, L: float) -> float:
    """The largest ‖∇f‖² over 2L(f − f*) along a run."""
    assert run.error is not None
    far = run.error > 1e-12 * run.error[0]
    return float((run.gradient_norm[far] ** 2 / (2 * L * run.error[far])).max())


GRADIENT = Claim(
    "loss-bounds-the-gradient",
    "§2",
    "‖∇f‖² ≤ C (f − f*) on least squares and on the two-layer network",
    paper={"least squares: ‖∇f‖² over 2λ₁ f": at_most(1 + 1e-9, "≤ 1"), "ReLU network: ‖∇f‖² over 2‖H∞‖ f": at_most(2)},
    runs={
        "least squares": Run("linear-regression:dim=5,data_seed={seed}", "adaloss:a=2"),
        "ReLU network": Run("relu-network:n=5,inputs=10,width=40,data_seed={seed}", "adaloss", steps=300),
    },
    measure=lambda runs: {
        "least squares: ‖∇f‖² over 2λ₁ f": steepest(runs["least squares"], 2 * threshold(runs["least squares"])),
        "ReLU network: ‖∇f‖² over 2‖H∞‖ f": steepest(runs["ReLU network"], gram_norm(runs["ReLU network"])),
    },
    why="C = 2λ₁ is the best on least squares, to rounding. On the network C = 2‖H(w)‖, which with 40 hidden units "
    "is ‖H∞‖ up to a factor.",
)

# Figure 1: one sample a step. The bench's step sees n times its sample's loss, and so b is n times the paper's.

N = 1000
MANY_B0 = decades(-2, 5, 2)
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
    own = [run for (series, _), run in runs.items() if series == name]
    return sum(mean_loss(run, 4901, 5000) < float(run.f[0]) / 1000 for run in own) / 2


def against(runs: Runs, first: int, end: int) -> float:
    """AdaLoss's mean loss over AdaGrad-Norm's, the geometric mean over b₀ < 1."""
    small = [b0 for b0 in MANY_B0 if b0 < 1]
    both = [(runs["AdaLoss", b0], runs["AdaGrad-Norm", b0]) for b0 in small]
    return math.exp(mean(math.log(mean_loss(a, first, end) / mean_loss(g, first, end)) for a, g in both))


FIGURE_1 = Claim(
    "figure-1-robust-to-b0",
    "Fig. 1",
    "With one sample a step, AdaLoss and AdaGrad-Norm are robust to a wide range of b₀",
    paper={
        "AdaLoss: decades of b₀ that work, of 6.5": at_least(4, "a wide range"),
        "AdaGrad-Norm: decades that work": at_least(4, "a wide range"),
        "AdaLoss's over SGD-Constant's": at_least(1.5, "wider"),
        "AdaGrad-Norm's over SGD-Constant's": at_least(1.5, "wider"),
    },
    runs=stochastic(ROBUST),
    measure=lambda runs: {
        "AdaLoss: decades of b₀ that work, of 6.5": low_decades(runs, "AdaLoss"),
        "AdaGrad-Norm: decades that work": low_decades(runs, "AdaGrad-Norm"),
        "AdaLoss's over SGD-Constant's": ratio(low_decades(runs, "AdaLoss"), low_decades(runs, "SGD-Constant")),
        "AdaGrad-Norm's over SGD-Constant's": ratio(
            low_decades(runs, "AdaGrad-Norm"), low_decades(runs, "SGD-Constant")
        ),
    },
    why="a picture without numbers. A b₀ works where the mean loss of iterations 4,901 to 5,000 is below a thousandth "
    "of the start's; two b₀ a decade, from 0.01 to 10,000.",
    note="At large b₀ all four are the same slow SGD. SGD-DecaySqrt works over as wide a range as AdaLoss, after an "
    "excursion of many orders of magnitude where b₀ is small.",
    picture=Across("b₀", "mean loss, iterations 4,901 to 5,000", lambda run: mean_loss(run, 4901, 5000)),
    quick=False,
)

FIGURE_1_EARLY = Claim(
    "figure-1-early-and-late",
    "Fig. 1",
    "For b₀ < 1 AdaLoss is no better than AdaGrad-Norm before iteration 1,000, better by 5,000",
    paper={
        "loss over AdaGrad-Norm's, iterations 101–200": at_least(1, "not better"),
        "iterations 991–1,000": at_least(1, "not better"),
        "iterations 4,901–5,000": below(1, "better"),
        "effective step size over AdaGrad-Norm's": above(1, "much larger"),
    },
    runs=stochastic(("AdaLoss", "AdaGrad-Norm"), [b0 for b0 in MANY_B0 if b0 < 1]),
    measure=lambda runs: {
        "loss over AdaGrad-Norm's, iterations 101–200": against(runs, 101, 200),
        "iterations 991–1,000": against(runs, 991, 1000),
        "iterations 4,901–5,000": against(runs, 4901, 5000),
        "effective step size over AdaGrad-Norm's": float(b_of(runs["AdaGrad-Norm", 0.1])[-1])
        / float(b_of(runs["AdaLoss", 0.1])[-1]),
    },
    why="the sign of a difference, in the geometric mean over b₀ < 1",
    note="Where AdaLoss is ahead depends on the data, which our copy of the paper does not give: here 1,000 Gaussian "
    "samples of 20 numbers, without noise, where it is ahead at once.",
    picture=Curves("f", "iteration", only=(("AdaLoss", 0.1), ("AdaGrad-Norm", 0.1))),
    quick=False,
)


def grown(runs: Runs, name: str) -> float:
    """The most that b grew from iteration 1,000 to 5,000."""
    return worst(float(b_of(run)[-1] / b_of(run)[999]) for (series, _), run in runs.items() if series == name)


SETTLES = Claim(
    "b-settles-without-noise",
    "§3",
    "Where no sample has noise, b stays bounded with one sample a step too",
    paper={
        "AdaLoss: b at 5,000 over b at 1,000, worst b₀": at_most(1.1, "bounded"),
        "AdaGrad-Norm: b at 5,000 over b at 1,000": at_most(1.1, "bounded"),
    },
    runs=stochastic(("AdaLoss", "AdaGrad-Norm")),
    measure=lambda runs: {
        "AdaLoss: b at 5,000 over b at 1,000, worst b₀": grown(runs, "AdaLoss"),
        "AdaGrad-Norm: b at 5,000 over b at 1,000": grown(runs, "AdaGrad-Norm"),
    },
    why="a b that grew with √t would have grown by 2.2",
    picture=Across("b₀", "effective step size 1/b, iteration 5,000", lambda run: N / float(b_of(run)[-1])),
    quick=False,
)

# Two-layer networks, §4.


def gram_norm(run: Result) -> float:
    """‖H∞‖ of a run's network."""
    network: Any = run.problem
    return float(network.gram_norm)


def least_eigenvalue(run: Result) -> float:
    """λ₀, the smallest eigenvalue of H∞."""
    network: Any = run.problem
    return float(np.linalg.eigvalsh(network.gram)[0])


WIDTHS = {"n=5, 5 inputs": (5, 5, 100), "n=80, 5 inputs": (80, 5, 100), "n=20, 40 inputs": (20, 40, 60)}


def largest_step(runs: Runs, data: str) -> float:
    """The largest step size of the grid with which f never rises above its start."""
    own = {lr: run for (series, lr), run in runs.items() if series == data}
    return max((lr for lr, run in own.items() if run.status != "diverged" and run.f.max() <= run.f[0]), default=0.0)


def largest_steps(runs: Runs) -> dict[str, float]:
    """The largest stable step, in units of 1/‖H∞‖ for each data set, and of the earlier bound."""
    one = {data: next(run for (series, _), run in runs.items() if series == data) for data in WIDTHS}
    found = {f"{data}: η‖H∞‖": largest_step(runs, data) * gram_norm(run) for data, run in one.items()}
    many = one["n=80, 5 inputs"]
    return found | {
        "n=80: η over λ₀/n²": largest_step(runs, "n=80, 5 inputs") * 80**2 / least_eigenvalue(many),
    }


THEOREM_2 = Claim(
    "theorem-2-largest-step",
    "Theorem 2",
    "Gradient descent on a wide network allows steps of order 1/‖H∞‖, not only λ₀/n²",
    paper={f"{data}: η‖H∞‖": between(1, 4, "of order 1") for data in WIDTHS}
    | {"n=80: η over λ₀/n²": at_least(80, "better by n/λ₀")},
    runs={
        (data, lr): Run(f"relu-network:n={n},inputs={inputs},width={width},data_seed={{seed}}", f"gd:lr={lr}", steps=25)
        for data, (n, inputs, width) in WIDTHS.items()
        for lr in [float(f"{0.2 * 1.35**k:.3g}") for k in range(13)]
    },
    measure=largest_steps,
    why="on a quadratic with this Gram matrix it would be 2; the grid's step sizes are 1.35 apart",
    picture=Across("η", "f after 25 steps, over the start's", lambda run: last(run, "f") / float(run.f[0])),
)

SIZES = (25, 50, 100, 200)
INPUTS = {"orthogonal": 2000, "few inputs": 5}


def grams(runs: Runs) -> dict[str, float]:
    """‖H∞‖ of the largest data over the smallest's, and over n."""
    norms = {key: gram_norm(run) for key, run in runs.items()}
    return {
        "2,000 inputs: ‖H∞‖ at n=200 over n=25": norms["orthogonal", 200] / norms["orthogonal", 25],
        "2,000 inputs: largest ‖H∞‖": worst(norm for (data, _), norm in norms.items() if data == "orthogonal"),
        "5 inputs: ‖H∞‖ at n=200 over n=25": norms["few inputs", 200] / norms["few inputs", 25],
        "largest ‖H∞‖/n": worst(norm / n for (_, n), norm in norms.items()),
    }


GRAM = Claim(
    "gram-norm",
    "§4, Fig. 5",
    "‖H∞‖ ≤ n, and ‖H∞‖ = O(1) where the data are nearly orthogonal",
    paper={
        "2,000 inputs: ‖H∞‖ at n=200 over n=25": between(1, 1.5, "nearly 1"),
        "2,000 inputs: largest ‖H∞‖": at_most(2, "O(1)"),
        "5 inputs: ‖H∞‖ at n=200 over n=25": between(4, 8, "up to 8, as n"),
        "largest ‖H∞‖/n": at_most(1),
    },
    runs={
        (data, n): Run(f"relu-network:n={n},inputs={inputs},width=1,data_seed={{seed}}", "gd:lr=1e-6", steps=1)
        for data, inputs in INPUTS.items()
        for n in SIZES
    },
    measure=grams,
    why="n grows eightfold; with 2,000 inputs 200 random samples are nearly orthogonal",
    note="Random inputs on the sphere. H∞ has ½ on its diagonal, so that even ‖H∞‖ ≤ n/2.",
    picture=Across("n", "‖H∞‖", gram_norm),
)

LOW, HIGH = (0.001, 0.01, 0.1), (1.0, 3.0, 10.0, 30.0)


def converges(runs: Runs) -> dict[str, float]:
    """Which b₀ get there, and how long they take."""
    steps = {b0: iterations_to(run, 1e-6) for (_, b0), run in runs.items()}
    return {
        "(a) b₀ from 1 to 30 that reach f = 1e-6, of 4": sum(steps[b0] < math.inf for b0 in HIGH),
        "(b) b₀ from 0.001 to 0.1, of 3": sum(steps[b0] < math.inf for b0 in LOW),
        "steps from b₀ = 30 over those from 3": steps[30.0] / steps[3.0],
        "steps from b₀ = 0.001 over those from 1": steps[0.001] / steps[1.0],
    }


THEOREM_3 = Claim(
    "theorem-3-any-b0",
    "Theorem 3",
    "On a wide network AdaLoss converges from b₀ above the threshold, (a), and below it, (b)",
    paper={
        "(a) b₀ from 1 to 30 that reach f = 1e-6, of 4": exactly(4),
        "(b) b₀ from 0.001 to 0.1, of 3": exactly(3),
        "steps from b₀ = 30 over those from 3": between(1, 10, "at most 10, as b₀"),
        "steps from b₀ = 0.001 over those from 1": between(0.5, 2, "near 1"),
    },
    runs={
        ("AdaLoss", b0): Run(
            "relu-network:n=5,inputs=10,width=40,data_seed={seed}",
            f"adaloss:a={2 * math.sqrt(5):.4g},b0={b0:g}",
            target=1e-6,
            budget=4000,
        )
        for b0 in (*LOW, *HIGH)
    },
    measure=converges,
    why="b² grows by √n‖y − u‖², so that a = 2√n. The threshold C(λ₀ + ‖H∞‖)/2 is about 0.5 for C = 1. The steps "
    "are of order b₀/λ₀ once b₀ leads, and do not depend on b₀ where it is small.",
    note="40 hidden units do, where the proof asks for more than n⁸.",
    picture=Across("b₀", "iterations to f = 1e-6", lambda run: iterations_to(run, 1e-6)),
)

TABLE_1 = Claim(
    "table-1-vision-transformer",
    "Table 1",
    "Fine-tuning ViT-S/16 on CIFAR-100, AdaLoss is more robust to b₀ than AdaGrad-Norm and SGD",
    missing="ViT-S/16 and CIFAR-100 are not in the bench",
)

# AdamLoss, §5.

TEXT_B0 = (0.1, 1.0, 100.0, 400.0)
ADAMS: dict[str, Callable[[float], str]] = {
    "AdamLoss": lambda b0: f"adamloss:b0={b0:g}",
    "Adam": lambda b0: f"adam:lr={1 / math.sqrt(b0):.6g}",
    "AdamSqrt": lambda b0: f"adam-sqrt:b0={b0:g}",
}


def learned(runs: Runs, name: str) -> float:
    """How many b₀ train to a loss below 0.1."""
    return sum(last(run, "f") < 0.1 for (series, _), run in runs.items() if series == name)


def worst_loss(runs: Runs, name: str) -> float:
    """The training loss at the end, of the worst b₀."""
    return worst(last(run, "f") for (series, _), run in runs.items() if series == name)


FIGURE_2 = Claim(
    "figure-2-text-lstm",
    "Fig. 2",
    "AdamLoss trains an LSTM on text from any b₀; Adam with η = 1/√b₀ does not",
    paper={
        "AdamLoss: b₀ that train, of 4": exactly(4),
        "Adam: b₀ that train": below(4, "fewer"),
        "worst loss, AdamLoss's over Adam's": below(1),
        "worst loss, AdamLoss's over AdamSqrt's": below(1),
    },
    runs={(name, b0): Run("text-lstm", spec(b0), epochs=3) for name, spec in ADAMS.items() for b0 in TEXT_B0},
    measure=lambda runs: {
        "AdamLoss: b₀ that train, of 4": learned(runs, "AdamLoss"),
        "Adam: b₀ that train": learned(runs, "Adam"),
        "worst loss, AdamLoss's over Adam's": ratio(worst_loss(runs, "AdamLoss"), worst_loss(runs, "Adam")),
        "worst loss, AdamLoss's over AdamSqrt's": ratio(worst_loss(runs, "AdamLoss"), worst_loss(runs, "AdamSqrt")),
    },
    why="a picture without numbers. A b₀ trains where the loss falls below 0.1 from ln 2 = 0.69 in three epochs.",
    note="The bench's texts are small and generated. From b₀ ≤ 1 the first steps, of size 1 and more, leave an LSTM "
    "that is saturated, and η does not bring it back; more epochs do not help.",
    picture=Across("b₀", "training loss after three epochs", lambda run: last(run, "f")),
    quick=False,
)


def b_in_epochs(runs: Runs) -> dict[str, float]:
    """1/b_t, the square of the step size, early and later."""
    squares = {key: float(np.mean(run.step_size[-1])) ** 2 for key, run in runs.items() if run.step_size is not None}
    return {
        "b₀ = 0.1: 1/b after 25 iterations": squares[0.1, 25],
        "b₀ = 1: 1/b after 25 iterations": squares[1.0, 25],
        "b₀ = 0.1: 1/b after 250 over after 25": squares[0.1, 250] / squares[0.1, 25],
        "b₀ = 400: loss after 250 over the start's": last(runs[400.0, 250], "f") / float(runs[400.0, 250].f[0]),
    }


FIGURE_4 = Claim(
    "figure-4-b-finds-its-level",
    "§5, Fig. 4",
    "From b₀ ≤ 1 the text LSTM's 1/b falls to about 0.01 in 25 iterations, and then stabilises",
    paper={
        "b₀ = 0.1: 1/b after 25 iterations": between(0.005, 0.02, "≈ 0.01"),
        "b₀ = 1: 1/b after 25 iterations": between(0.005, 0.02, "≈ 0.01"),
        "b₀ = 0.1: 1/b after 250 over after 25": at_least(0.5, "stabilises"),
        "b₀ = 400: loss after 250 over the start's": below(1, "falling"),
    },
    runs={
        (b0, steps): Run("text-lstm", f"adamloss:b0={b0:g}", steps=steps)
        for b0, steps in ((0.1, 25), (1.0, 25), (0.1, 250), (400.0, 250))
    },
    measure=b_in_epochs,
    why="read from a picture, within a factor of two; other texts, but the same kind of loss, ln 2 at the start",
    quick=False,
)

SWINGS = {"AdamLoss": ADAMS["AdamLoss"], "Adam": ADAMS["Adam"]}
SWING_B0 = (1.0, 200.0, 100_000.0)


def swings(runs: Runs) -> dict[str, float]:
    """The worst and best cost over b₀ of each method."""
    costs = {name: [last(runs[name, b0], "f") for b0 in SWING_B0] for name in SWINGS}
    return {
        "AdamLoss: worst cost over best": max(costs["AdamLoss"]) / min(costs["AdamLoss"]),
        "Adam: worst cost over best": max(costs["Adam"]) / min(costs["Adam"]),
        "b₀ = 200: AdamLoss's cost over Adam's": costs["AdamLoss"][1] / costs["Adam"][1],
    }


FIGURE_3 = Claim(
    "figure-3-pendulum",
    "Fig. 3",
    "Swinging up a pendulum, AdamLoss is robust to η₀ = 1/√b₀ where Adam is extremely sensitive",
    paper={
        "AdamLoss: worst cost over best": at_most(2, "robust"),
        "Adam: worst cost over best": at_least(2, "sensitive"),
        "b₀ = 200: AdamLoss's cost over Adam's": below(1, "better"),
    },
    runs={(name, b0): Run("pendulum", spec(b0), steps=400) for name, spec in SWINGS.items() for b0 in SWING_B0},
    measure=swings,
    why="a picture without numbers; a policy that has learned nothing costs about 6 to 8 a frame, a good one below 1",
    note="Actor and critic have a b each, from their own losses, as the paper has it. The actor's loss, PPO's "
    "surrogate, is nearly 0, so that its b hardly grows, and AdamLoss is for it Adam with η = 1/√b₀.",
    picture=Curves("f", "iteration"),
    quick=False,
)

PAPER = Paper(
    "adaloss",
    "Wu et al. 2022, AdaLoss: a computationally-efficient and provably convergent adaptive gradient method",
    (
        THEOREM_1,
        COROLLARY_1,
        LEMMA_1,
        LEMMA_1_ADALOSS,
        REMARK,
        GRADIENT,
        FIGURE_1,
        FIGURE_1_EARLY,
        SETTLES,
        THEOREM_2,
        GRAM,
        THEOREM_3,
        TABLE_1,
        FIGURE_2,
        FIGURE_3,
        FIGURE_4,
    ),
)
