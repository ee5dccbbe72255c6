"""The exact-step paper: Adam with a constant step size from the smoothness of the loss.

The networks are narrower than the paper's, or have fewer images. The paper's experiments leave the factor 1/δ = ρ/γ
out of the step size, which its theorems need and which, with Adam's ρ = 10⁻⁸, would make it 10⁸ times smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import Band, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import (
    Across,
    Claim,
    Curves,
    Erratum,
    Headline,
    Number,
    Run,
    Runs,
    Setting,
    for_each,
)
from stepbench.reproduce.measures import accuracy, last, loss, ratio, series
from stepbench.stepsizes.exact import Exact

SOURCE = "Anonymous, Convergence of Adam with an exact constant step size in non-convex settings"

HEADLINES = (
    Headline(
        "figure-1",
        "On MNIST the exact step ends with a smaller gradient norm than {normal: schedules with a larger gradient "
        "norm, of 7} of 7 schedules where K̂ is taken at standard normal points, and than {init: schedules with a "
        "larger gradient norm, of 7} where it is taken at initial weights; the paper says than all.",
    ),
    Headline(
        "figure-2-3-layers",
        "On MNIST the exact step ends with a smaller gradient norm than {normal: constant step sizes with a larger "
        "gradient norm, of 4} of 4 constant step sizes where K̂ is taken at standard normal points; where it is taken "
        "at initial weights, {init: test accuracy} of the test images are right.",
    ),
    Headline(
        "theorem-4-network",
        "On a network the estimate K̂ from 30 points is {K̂ from 30 points over that from 10} times that from 10; the "
        "paper says that it settles.",
    ),
)

EXACT = "exact"


def gradient(run: Result) -> float:
    """The norm of the gradient at the end; infinite where the run diverged."""
    return last(run, "gradient_norm")


def least_gradient(run: Result) -> float:
    """The least norm of the gradient after the start; infinite where the first step diverged."""
    return float(run.gradient_norm[1:].min(initial=np.inf))


def step_size(run: Result) -> float:
    """The constant step size."""
    assert run.step_size is not None
    return float(run.step_size[-1])


def smoothness(run: Result) -> float:
    """K̂ = 2 f(w₀) / (α² T), of a run whose T is given."""
    T = int(run.method.partition("T=")[2].partition(",")[0])
    return float(2 * run.f[0] / (step_size(run) ** 2 * T))


def exact(problem: str, steps: int, N: int, law: str = "normal") -> Run:
    """Adam with the exact step size, f* left out as the paper does, for so many steps after the estimate of K̂."""
    return Run(problem, f"adam-exact:N={N},law={law},T={steps},f_star=0", budget=steps + 20 * N + 1, steps=steps)


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
    "The theorem assumes that in each component the gradients of all samples have one sign, at every w. Few data are "
    "such, and these are not; the rate is met all the same.",
    Setting("signs of the samples' gradients", "the same for all samples, in each component", "not the same"),
)


def second_moment(run: Result) -> float:
    """E‖g‖² over (E‖g‖)² at the start, for the gradients of single samples of a least-squares problem."""
    problem: Any = run.problem
    X, y = problem.data.X, problem.data.y
    norms = np.abs(X @ np.asarray(problem.x0) - y) * np.linalg.norm(X, axis=1)
    return float((norms**2).mean() / norms.mean() ** 2)


ASSUMPTION_3 = Claim(
    "assumption-3",
    "§4.1, assumption 3",
    "A stochastic gradient's length has E‖g‖² ≤ (E‖g‖)²",
    runs={"regression": Run("linear-regression:batch=1,data_seed={seed}", "gd:lr=1e-6", steps=1)},
    numbers={"E‖g‖² over (E‖g‖)²": Number(at_most(1), lambda runs: second_moment(runs["regression"]))},
    why="an inequality",
    settings=(Setting("task", "any finite sum; least squares of 100 Gaussian samples of 2 numbers, one per step"),),
    note="The inequality holds only where all samples have gradients of one length: it is Jensen's, turned round.",
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
        "K̂ from 30 points over that from 10": Number(
            between(1, 1.1, "→ 1"), lambda runs: smoothness(runs["3 layers", 30.0]) / smoothness(runs["3 layers", 10.0])
        ),
    },
    why="a tenth more is as good as settled: α changes by a twentieth",
    settings=(
        Setting("network", "any; 3 hidden layers of 100 units"),
        Setting("data", "any; 8 × 8 digits, in batches of 120"),
        Setting("law of the points", "any that has all weights in its reach (§4.3); standard normal"),
    ),
    note="The points are standard normal weights, between which the curvature differs by orders of magnitude, so that "
    "a few points do not settle it. For a ReLU network of several layers K is infinite.",
    picture=Across("N", "K̂", smoothness),
    quick=False,
)


# The figures, on networks. §4.3 asks for points from a law that has all weights in its reach; Algorithm 2 draws "the
# network's weights", and §5 draws these from Kaiming's uniform law, which has not. Both laws are run.

LAWS = ("normal", "init")
ADAM = "adam:bias=false"
SCHEDULES = {
    "linear": "linear:part=1",
    "step": "step:part=1,every=25",
    "sqrt": "sqrt:part=1",
    "inverse time": "inverse-time:part=1,decay=0.05",
    "exponential": "exponential:part=1,gamma=0.97",
    "one cycle": "one-cycle:part=1",
    "cosine": "cosine:part=1",
}
FIRST_STEPS = (0.01, 0.001)
CONSTANTS = (1e-2, 1e-3, 1e-4, 1e-5)
POINTS_OF_FIGURES = 3

THE_SAME = (
    Setting("epochs", "100"),
    Setting("initial weights", "Kaiming's uniform law, as PyTorch draws them"),
    Setting("Adam", "Algorithm 1, without bias correction; β₁, β₂ and ρ not told: 0.9, 0.999 and 10⁻⁸"),
    Setting("T", "the steps of Algorithm 1, of which §4.2 speaks as iterations or epochs"),
    Setting(
        "law W of the points", "one that reaches all weights (§4.3), or that of the initial weights; normal and init"
    ),
    Setting("points N and power iterations", "not told; 3 and 20"),
)
PANELS = (Curves("gradient_norm", "epoch"), Curves("f", "epoch"), Curves("accuracy", "epoch"))
OF_SCHEDULES = (
    Setting(
        "the schedules",
        "by epoch, with the parameters of Table 1 in Appendix C.1, which our copy lacks",
        "by epoch, with the usual formulas, and the first step size (0.01 or 0.001) of the lower loss",
    ),
)
OF_CONSTANTS = (Setting("the constant step sizes", "10⁻², 10⁻³, 10⁻⁴ and 10⁻⁵"),)
ON_A_BATCH = (Setting("K̂ in mini-batches", "by an algorithm in the appendix, which our copy lacks; on one mini-batch"),)


@dataclass(frozen=True)
class Experiment:
    """A network on its data, how many steps 100 epochs are, and the conditions that the paper tells of them."""

    problem: str
    steps: int
    settings: tuple[Setting, ...]

    def exact(self, law: str) -> Run:
        """Adam with the exact step size."""
        return exact(self.problem, self.steps, POINTS_OF_FIGURES, law)

    def adam(self, rule: str, lr: float) -> Run:
        """Adam with another step size."""
        return Run(self.problem, f"{ADAM}+{rule}{',' if ':' in rule else ':'}lr={lr:g}", steps=self.steps)


def layers(count: int, width: int) -> str:
    """So many hidden layers of so many units, in words."""
    return f"{count} hidden {'layer' if count == 1 else 'layers'} of {width:,} units"


def perceptron_in_full(hidden: int) -> Experiment:
    """Full-batch experiments of §5.2."""
    return Experiment(
        f"mnist-mlp:hidden={hidden},width=100,samples=5500,test_samples=1000,batch=none,looks=1",
        100,
        (
            Setting("data", "mini-MNIST: 5,500 images of MNIST, and 1,000 to test on; the first of each"),
            Setting("batch", "all images"),
            Setting("network", layers(hidden, 1000), layers(hidden, 100)),
        ),
    )


def perceptron_in_batches(hidden: int) -> Experiment:
    """Mini-batch experiments of §5.3."""
    return Experiment(
        f"mnist-mlp:hidden={hidden},width=100,samples=6000,test_samples=1000,batch=500,looks=1",
        1200,
        (
            Setting("data", "MNIST: 60,000 images, and 10,000 to test on", "the first tenth of each"),
            Setting("batch", "5,000 images, a twelfth of all", "500 images, a twelfth of all"),
            Setting("network", layers(hidden, 1000), layers(hidden, 100)),
            *ON_A_BATCH,
        ),
    )


LENET_IN_FULL = Experiment(
    "mnist-lenet:samples=550,test_samples=100,batch=none,looks=1",
    100,
    (
        Setting("network", "LeNet"),
        Setting("data", "mini-MNIST: 5,500 images of MNIST, and 1,000 to test on", "the first tenth of each"),
        Setting("batch", "all images"),
    ),
)
LENET_IN_BATCHES = Experiment(
    "mnist-lenet:samples=600,test_samples=100,batch=50,looks=1",
    1200,
    (
        Setting("network", "LeNet"),
        Setting("data", "MNIST: 60,000 images, and 10,000 to test on", "the first hundredth of each"),
        Setting("batch", "5,000 images, a twelfth of all", "50 images, a twelfth of all"),
        *ON_A_BATCH,
    ),
)


def rivals(runs: Runs) -> list[Result]:
    """Each schedule with the first step size of its least loss, or each constant step size."""
    names = dict.fromkeys(name for name, _ in runs if name != EXACT)
    return [min(series(runs, name), key=loss) for name in names]


def larger(runs: Runs, law: str) -> float:
    """How many of the rivals end with a larger gradient norm than the exact step size."""
    return float(sum(gradient(run) > gradient(runs[EXACT, law]) for run in rivals(runs)))


def gap(runs: Runs, law: str) -> float:
    """The least gradient norm of the rivals, less that of the exact step size."""
    return min(gradient(run) for run in rivals(runs)) - gradient(runs[EXACT, law])


def relative_loss(runs: Runs, law: str) -> float:
    """The training loss of the exact step size over the least of its rivals."""
    return ratio(loss(runs[EXACT, law]), min(loss(run) for run in rivals(runs)))


def beats(count: int, whom: str, least_gap: Band | None = None) -> dict[str, Number]:
    """What the paper says of each of its comparisons, for both laws of the points."""
    numbers = for_each(LAWS, f"{{}}: {whom} with a larger gradient norm, of {count}", exactly(count), larger)
    if least_gap is not None:
        numbers |= for_each(LAWS, "{}: the best schedule's gradient norm − the exact step's", least_gap, gap)
    numbers |= for_each(LAWS, "{}: training loss, over the least of the others'", below(1), relative_loss)
    return numbers | for_each(
        LAWS, "{}: test accuracy", at_least(0.9, "good"), lambda runs, law: accuracy(runs[EXACT, law])
    )


def beats_schedules(
    name: str, where: str, says: str, experiment: Experiment, least_gap: Band | None = None, *, note: str = ""
) -> Claim:
    """A figure that compares with the seven schedules, each from two first step sizes."""
    return Claim(
        name,
        where,
        says,
        runs={(EXACT, law): experiment.exact(law) for law in LAWS}
        | {(rule, lr): experiment.adam(spec, lr) for rule, spec in SCHEDULES.items() for lr in FIRST_STEPS},
        numbers=beats(7, "schedules", least_gap),
        why=ORDERS + ("" if least_gap is None else "; of an order is from a third of it on"),
        settings=(*experiment.settings, *THE_SAME, *OF_SCHEDULES),
        note=note,
        picture=PANELS,
        quick=False,
    )


def beats_constants(name: str, where: str, says: str, experiment: Experiment, *, note: str = "") -> Claim:
    """A figure that compares with the four constant step sizes."""
    return Claim(
        name,
        where,
        says,
        runs={(EXACT, law): experiment.exact(law) for law in LAWS}
        | {(f"α = {lr:g}", ""): experiment.adam("constant", lr) for lr in CONSTANTS},
        numbers=beats(4, "constant step sizes"),
        why=ORDERS,
        settings=(*experiment.settings, *THE_SAME, *OF_CONSTANTS),
        note=note,
        picture=PANELS,
        quick=False,
    )


ORDERS = "the paper shows curves, of which the order at their end counts; good is 0.9 of the test images"

TWO_LAWS = (
    "With points from the standard normal law all is as the paper says. With points as the weights are initialised, K̂ "
    "is so small that the steps break the network: where its gradient is small, its loss is that of a guess."
)

ONE_LAYER = (
    "With points of either law α is too long for one layer: within the first five epochs the loss grows from 2.3 to 10 "
    "and more, with init beyond 1,000, and in 100 epochs it does not come down to that of α = 0.01. With init the "
    "gradient norm is small all the same, of a network that has a fifth of the test images right, or less."
)

IN_BATCHES = (
    "With points from the standard normal law all is as the paper says. With points as the weights are initialised, K̂ "
    "is so small, and so the step so long, that the loss stays near 1, and half of the test images are right."
)

LAW_DECIDES = (
    "The law of the points decides: at initial weights the estimated smoothness is so much smaller that the step is "
    "too large to learn at all, and about one image in ten is right; at standard normal points the step learns. The "
    "paper does not say which law its figures have."
)

SCHEDULES_END_LOWER = (
    "With points from the standard normal law the step learns, and nine of ten test images are right, but most of the "
    "schedules end lower, and one cycle up to 0.01 far lower. With points as the weights are initialised the step is "
    "too large to learn at all."
)

ONE_CONSTANT_ENDS_LOWER = (
    "With points from the standard normal law the step learns, but α = 0.001 ends lower, in gradient norm and in loss. "
    "With points as the weights are initialised the step is too large to learn at all, as α = 0.01 is: their gradient "
    "norms are small, of networks that guess."
)

FIGURE_1 = beats_schedules(
    "figure-1",
    "Fig. 1, §5.2",
    "Full batch: the exact step's gradient norm is below seven schedules', by about 10⁻²",
    perceptron_in_full(3),
    between(0.0033, 0.033, "of order 10⁻²"),
    note=LAW_DECIDES,
)


def figure_2(count: int) -> Claim:
    """Figure 2, for a network of so many hidden layers."""
    plural = "1 layer" if count == 1 else f"{count} layers"
    return beats_constants(
        f"figure-2-{plural.replace(' ', '-')}",
        "Fig. 2, §5.2" if count == 3 else "§5.2",
        f"Full batch, {plural}: the exact step's gradient norm is below four constant ones'",
        perceptron_in_full(count),
        note={1: ONE_LAYER, 3: TWO_LAWS}.get(count, LAW_DECIDES),
    )


FIGURE_2_ONE = figure_2(1)
FIGURE_2_THREE = figure_2(3)
FIGURE_2_FIVE = figure_2(5)
FIGURE_3 = beats_schedules(
    "figure-3",
    "Fig. 3, §5.3",
    "Mini-batches: the exact step's gradient norm is below seven schedules'",
    perceptron_in_batches(3),
    note=SCHEDULES_END_LOWER,
)
FIGURE_4 = beats_constants(
    "figure-4",
    "Fig. 4, §5.3",
    "Mini-batches: the exact step's gradient norm is below four constant ones'",
    perceptron_in_batches(1),
    note=IN_BATCHES,
)


def larger_batches(name: str, where: str, network: str, images: int, batches: tuple[int, ...], *own: Setting) -> Claim:
    """A part of Figure 5: 100 epochs of batches of several sizes."""
    least, most = float(min(batches)), float(max(batches))
    return Claim(
        name,
        where,
        "With the exact step a larger batch converges faster, in epochs",
        runs={
            (law, float(b)): exact(f"{network},samples={images},batch={b},looks=1", 100 * images // b, 3, law)
            for law in LAWS
            for b in batches
        },
        numbers={
            **for_each(
                LAWS,
                "{}: gradient norm, the largest batch's over the smallest's",
                below(1),
                lambda runs, law: ratio(gradient(runs[law, most]), gradient(runs[law, least])),
            ),
            **for_each(
                LAWS,
                "{}: training loss, the largest batch's over the smallest's",
                below(1),
                lambda runs, law: ratio(loss(runs[law, most]), loss(runs[law, least])),
            ),
        },
        why="the paper shows curves; only the order after 100 epochs counts",
        note="With points from the standard normal law it holds for two seeds of three. With points as the weights are "
        "initialised the losses of all batches are nearly equal.",
        settings=(
            *own,
            Setting("batches", "several, whose sizes our copy does not show", " and ".join(f"{b:,}" for b in batches)),
            *THE_SAME,
            *ON_A_BATCH,
        ),
        picture=Across("batch size", "gradient norm", gradient),
        quick=False,
    )


FIGURE_5_PERCEPTRON = larger_batches(
    "figure-5-5-layers",
    "Fig. 5, left",
    "mnist-mlp:hidden=5,width=200,test_samples=1000",
    3000,
    (125, 500, 1500),
    Setting("network", layers(5, 3000), layers(5, 200)),
    Setting("data", "MNIST: 60,000 images", "the first twentieth"),
)
FIGURE_5_LENET = larger_batches(
    "figure-5-lenet",
    "Fig. 5, middle",
    "mnist-lenet:test_samples=100",
    600,
    (25, 100, 300),
    Setting("network", "LeNet"),
    Setting("data", "MNIST: 60,000 images", "the first hundredth"),
)

FIGURE_6 = beats_schedules(
    "figure-6",
    "Fig. 6, §5.4",
    "LeNet, full batch: the exact step's gradient norm is below seven schedules', by 10⁻¹ or more",
    LENET_IN_FULL,
    at_least(0.033, "of order 10⁻¹ or more"),
    note=LAW_DECIDES,
)
FIGURE_7 = beats_schedules(
    "figure-7",
    "Fig. 7, §5.4",
    "LeNet, mini-batches: the exact step's gradient norm is below seven schedules', by 10⁻¹ or more",
    LENET_IN_BATCHES,
    at_least(0.033, "of order 10⁻¹ or more"),
    note=SCHEDULES_END_LOWER,
)
FIGURE_8 = beats_constants(
    "figure-8",
    "Fig. 8, §5.4",
    "LeNet, mini-batches: the exact step's gradient norm is below four constant ones'",
    LENET_IN_BATCHES,
    note=ONE_CONSTANT_ENDS_LOWER,
)
FIGURE_9 = beats_constants(
    "figure-9",
    "Fig. 9, §5.4",
    "LeNet, full batch: the exact step's gradient norm is below four constant ones'",
    LENET_IN_FULL,
    note=LAW_DECIDES,
)


def on_vgg(name: str, where: str, says: str, runs: int, hours: int) -> Claim:
    """A figure of VGG-9 on CIFAR-10. A step of 2,500 images takes 21 s on one core; 100 epochs are 2,000 steps."""
    return Claim(
        name,
        where,
        says,
        missing=f"{runs} runs of 2,000 steps, at 21 s a step on one core, take {hours:,} hours; the network is "
        "cifar10-vgg9:batch=2500",
    )


FIGURE_5_VGG = on_vgg(
    "figure-5-vgg", "Fig. 5, right", "VGG-9 on CIFAR-10: with the exact step a larger batch converges faster", 18, 210
)
FIGURE_10 = on_vgg(
    "figure-10",
    "Fig. 10, §5.4",
    "VGG-9: the exact step's gradient norm is below seven schedules'",
    48,
    560,
)
FIGURE_11 = on_vgg(
    "figure-11",
    "Fig. 11, §5.4",
    "VGG-9: the exact step's gradient norm is below four constant ones'",
    18,
    210,
)

# The step size and the initialisation.

TECHNIQUES = ("torch", "xavier-uniform", "xavier-normal", "he-uniform", "he-normal", "orthogonal")


def widest(values: Iterable[float]) -> float:
    """The largest number over the smallest."""
    found = [*values]
    return max(found) / min(found)


INITIALISATION = Claim(
    "initialisation",
    "§5.1, Appendix C.4",
    "The step size is independent of the technique by which a network is initialised",
    runs={
        (law, technique): Run(
            f"mnist-mlp:hidden=3,width=100,samples=5500,test_samples=1000,batch=none,looks=1,init={technique}",
            f"adam-exact:N=3,law={law},T=100,f_star=0",
            budget=61,
            steps=1,
        )
        for law in LAWS
        for technique in TECHNIQUES
    },
    numbers=for_each(
        LAWS,
        "{}: largest α over the smallest, of six techniques",
        at_most(1.5, "1: independent"),
        lambda runs, law: widest(step_size(run) for run in series(runs, law)),
    ),
    why="half as much again is generous to independent",
    settings=(
        Setting(
            "techniques",
            "those of Appendix C.4, which our copy lacks",
            "PyTorch's own, Xavier's and He's, uniform and normal, and orthogonal",
        ),
        *perceptron_in_full(3).settings,
        *(row for row in THE_SAME if row.what not in ("epochs", "initial weights")),
    ),
    note="With points from the standard normal law K̂ does not depend on the initial weights, and f(w₀) hardly does, "
    "so that α is the same within 5 %. With points as the weights are initialised it differs by five to seven "
    "times.",
    quick=False,
)

ERRATA = (
    Erratum(
        "§4.1, assumption 3",
        "E‖g‖² ≤ (E‖g‖)²",
        "By Jensen's inequality E‖g‖² ≥ (E‖g‖)²; so the assumption allows no stochastic gradient whose length varies.",
        "assumption-3",
    ),
    Erratum(
        "Theorem 4, §4.3",
        "The estimate K̂ comes to the Lipschitz constant of a network's ∇L as the points grow",
        "A network of two or more layers has no such constant, since its curvature grows with its weights; so K̂ grows "
        "as long as points are added.",
        "theorem-4-network",
    ),
    Erratum(
        "§4.3 and §5",
        "The points come from a law with all weights in its reach, and the weights from Kaiming's uniform law",
        "Kaiming's law has no weight beyond a bound in its reach. Where the points come from it, K̂ is so small, "
        "and so the step so long, that a network learns badly or not at all.",
        "figure-4",
    ),
)
