"""Yao 2022: step-size planning.

The errors in the paper's figures are distances ‖w − w*‖: with them, and not with f − f*, the speed-ups of its Figure 5
are met. Its component 1, the hard one, is here the one of curvature 1.
"""

import math
from itertools import product

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.bands import above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Claim, Curves, Number, Run, for_each
from stepbench.reproduce.measures import after, cost_to, crossing, first_ahead, iterations_to, last, nearer, rate, ratio

SOURCE = "Yao 2022, Learning to accelerate by the methods of step-size planning"

KAPPA = 1000.0
NESTEROV = "nesterov:lr=0.001"
HEAVY_BALL = (
    f"heavy-ball:lr={4 / (math.sqrt(KAPPA) + 1) ** 2},p={((math.sqrt(KAPPA) - 1) / (math.sqrt(KAPPA) + 1)) ** 2}"
)
GD = {f"gd {lr}": Run("rosenbrock", f"gd:lr={lr}", 20_000) for lr in (0.0005, 0.001, 0.0015, 0.002)}
CONVEX = {f"K={K}": Run("quadratic", f"csawg:lr=0.0009,K={K}", steps=15_000, budget=40_000) for K in (2, 10, 100, 1000)}
VALLEY = {f"K={K}": Run("rosenbrock", f"csawg:lr=0.001,K={K}", 20_000) for K in (2, 5, 10)}
PLANS = {f"K={K}": Run("rosenbrock", f"csawg-p5:lr=0.001,K={K}", 2000) for K in (2, 10, 100)}


def alpha(run: Result, component: int) -> np.ndarray:
    """The step size of one component, per record."""
    assert run.step_size is not None
    return np.asarray(run.step_size[:, component])


def plans(run: Result) -> np.ndarray:
    """The records that planning made."""
    return np.flatnonzero(np.diff(run.evals) > 1) + 1


def planned(run: Result, component: int) -> np.ndarray:
    """The step size that each plan found for one component."""
    return np.asarray(alpha(run, component)[plans(run)])


def spread(run: Result) -> float:
    """How far α(2) of the last tenth of the plans lies apart, as a part of their median."""
    tail = planned(run, 1)[-len(plans(run)) // 10 :]
    low, middle, high = np.quantile(tail, [0.05, 0.5, 0.95])
    return float((high - low) / abs(middle))


def negative(run: Result) -> float:
    """The part of the plans with a negative α(2)."""
    return float((planned(run, 1) < 0).mean())


def rises(run: Result) -> float:
    """How often the distance grew from one iteration to the next, past the first hundred."""
    return float((np.diff(run.distance[100:]) > 0).sum())  # type: ignore[index]


def third_plan_saves(planning: Result, descent: Result) -> float:
    """The evaluations that gradient descent needs from the f before the third plan to the f after it."""
    third = plans(planning)[2]
    return cost_to(descent, float(planning.f[third])) - cost_to(descent, float(planning.f[third - 1]))


FIGURE_2 = Claim(
    "figure-2-one-plan",
    "Fig. 2, §4",
    "One planning step of Csawg-p5 K=3 costs 55 evaluations and saves gradient descent thousands",
    runs={
        "K=3": Run("rosenbrock", "csawg-p5:lr=0.001,K=3", 1000),
        "gd": Run("rosenbrock", "gd:lr=0.001", 20_000),
    },
    numbers={
        "evaluations of a plan": Number(exactly(55), lambda runs: float(np.diff(runs["K=3"].evals).max() - 1)),
        "evaluations of GD that the third plan saves": Number(
            at_least(1000), lambda runs: third_plan_saves(runs["K=3"], runs["gd"])
        ),
    },
    why="five plans of one and ten corrections of one are 55; thousands are at least one thousand",
)

FIGURE_3A_RATES = Claim(
    "figure-3a-rates",
    "Fig. 3a",
    "On the ill-conditioned quadratic the rates are those of the theory",
    runs={
        "gradient descent": Run("quadratic", "gd:lr=0.00099", 2000),
        "Nesterov": Run("quadratic", NESTEROV, 1500),
        "heavy ball": Run("quadratic", HEAVY_BALL, 600),
    },
    numbers={
        "gradient descent, per step": Number(
            near(0.999, 1e-4), lambda runs: rate(runs["gradient descent"], "distance")
        ),
        "Nesterov, per step": Number(near(0.968, 0.003), lambda runs: rate(runs["Nesterov"], "distance")),
        "heavy ball, per step": Number(near(0.968, 0.003), lambda runs: rate(runs["heavy ball"], "distance")),
    },
    why="the last digit that the paper prints",
    note="Heavy ball with its best step size and momentum is faster than the rate that the paper gives it: its own is "
    "(√κ − 1)/(√κ + 1) = 0.939.",
)

FIGURE_3A_ZERO = Claim(
    "figure-3a-zero",
    "Fig. 3a",
    "Csawg K=2 reduces the error to zero in less than 500 iterations, the others later",
    runs=CONVEX,
    numbers={
        "K=2: iterations to 2e-16": Number(below(500), lambda runs: iterations_to(runs["K=2"], 2e-16, "distance")),
        "K=2: iterations to 0": Number(below(500), lambda runs: iterations_to(runs["K=2"], 0, "distance")),
        "K=10: iterations to 0, over those of K=2": Number(
            above(1), lambda runs: iterations_to(runs["K=10"], 0) / iterations_to(runs["K=2"], 0)
        ),
        "K=100: iterations to 0, over those of K=10": Number(
            above(1), lambda runs: iterations_to(runs["K=100"], 0) / iterations_to(runs["K=10"], 0)
        ),
        "K=1000: iterations to 1e-6, over those of K=100": Number(
            above(1),
            lambda runs: (
                iterations_to(runs["K=1000"], 1e-6, "distance") / iterations_to(runs["K=100"], 1e-6, "distance")
            ),
        ),
    },
    why="the paper's zero is the foot of its plot; 2e-16 is the rounding error of 1",
    picture=Curves("distance", "iteration"),
)

SLOW_TO_BEGIN = ("K=10", "K=100", "K=1000")

FIGURE_3A_NESTEROV = Claim(
    "figure-3a-nesterov",
    "Fig. 3a, §5",
    "Csawg overtakes Nesterov's method: K=2 at once, K=10 to 1000 after a slow beginning",
    runs={**CONVEX, "Nesterov": Run("quadratic", NESTEROV, 15_000)},
    numbers={
        "K=2: iteration that overtakes": Number(
            at_most(400, "from the start"), lambda runs: crossing(runs["K=2"], runs["Nesterov"])
        ),
        **for_each(
            SLOW_TO_BEGIN,
            "{}: slower at 1e-2 by",
            above(1),
            lambda runs, K: ratio(
                iterations_to(runs[K], 1e-2, "distance"), iterations_to(runs["Nesterov"], 1e-2, "distance")
            ),
        ),
        **for_each(
            SLOW_TO_BEGIN,
            "{}: iteration that overtakes",
            at_most(15_000, "later"),
            lambda runs, K: crossing(runs[K], runs["Nesterov"]),
        ),
    },
    why="only the order counts; 15,000 iterations are more than Nesterov's method needs to reach rounding errors",
    picture=Curves("distance", "iteration"),
)

FIGURE_4_PEAK = Claim(
    "figure-4-peak",
    "Fig. 4a",
    "α(1) rises to exactly 1 for every K, K=1000 first to about 0.97",
    runs=CONVEX,
    numbers={
        **for_each(CONVEX, "{}: peak", near(1, 0.005), lambda runs, K: float(np.nanmax(alpha(runs[K], 1)))),
        "K=1000: α(1) at iteration 5000": Number(near(0.97, 0.006), lambda runs: float(alpha(runs["K=1000"], 1)[5000])),
    },
    why="exactly is what the paper writes; half a per cent is what a plot can show",
    note="With the pairs (w after a step, gradient before it), which the speed-ups of Figure 5 need, the limit is near "
    "K/(K + 1): the paper's 1 for large K only.",
    picture=Curves("step_size", "iteration", 1),
)

MANY_PLANS = {K: CONVEX[K] for K in ("K=2", "K=10", "K=100")}

FIGURE_4_SPARSE = Claim(
    "figure-4-sparse",
    "Fig. 4",
    "The step size of the hard component is dense, that of the easy one sparse",
    runs=MANY_PLANS,
    numbers={
        **for_each(
            MANY_PLANS,
            "{}: plans that move the hard component",
            at_least(0.99, "dense"),
            lambda runs, K: float((planned(runs[K], 1) != 0).mean()),
        ),
        **for_each(
            MANY_PLANS,
            "{}: plans that move the easy component",
            at_most(0.2, "sparse"),
            lambda runs, K: float((planned(runs[K], 0) != 0).mean()),
        ),
    },
    why="dense and sparse are words; a fifth of the plans is few",
)

FIGURE_5_GD = Claim(
    "figure-5-gradient-descent",
    "Fig. 5 caption",
    "Of 0.0005, 0.001, 0.0015 and 0.002, GD with 0.001 is fastest and stable over 20,000 steps",
    runs=GD,
    numbers=for_each(
        (0.0005, 0.0015, 0.002),
        "0.001: times nearer than {} at 20,000",
        above(1),
        lambda runs, lr: nearer(runs["gd 0.001"], runs[f"gd {lr}"]),
    ),
    why="only the order counts, and the runs are deterministic",
    note="0.0015 is stable here too, and faster; the valley's curvature at the minimum bounds stable steps by 0.002.",
    picture=Curves("distance"),
)

FIGURE_5_SPEEDUP = Claim(
    "figure-5-speed-ups",
    "Fig. 5a",
    "At 10,000 gradient evaluations Csawg is nearer than GD by 400, 320 and 133 times",
    runs={"gd": Run("rosenbrock", "gd:lr=0.001", 20_000), **VALLEY},
    numbers={
        "K=2": Number(near(400, 0.15), lambda runs: nearer(runs["K=2"], runs["gd"], 10_000)),
        "K=5": Number(near(320, 0.02), lambda runs: nearer(runs["K=5"], runs["gd"], 10_000)),
        "K=10": Number(near(133, 0.02), lambda runs: nearer(runs["K=10"], runs["gd"], 10_000)),
    },
    why="the path of K=2 is chaotic: formulas that are equal on paper give 409 to 450",
    picture=Curves("distance"),
)

FIGURE_5_ORDER = Claim(
    "figure-5-order",
    "Fig. 5a, §3",
    "K=2 converges faster than K=5 and K=10, with either step size of its gradient descent",
    runs={
        (f"lr={lr}", K): Run("rosenbrock", f"csawg:lr={lr},K={K}", 10_000) for lr in (0.001, 0.0015) for K in (2, 5, 10)
    },
    numbers=for_each(
        product((0.001, 0.0015), (5, 10)),
        "{}: K=2 nearer than K={} at 10,000 by",
        above(1),
        lambda runs, lr, K: nearer(runs[f"lr={lr}", 2], runs[f"lr={lr}", K]),
    ),
    why="only the order counts",
)

FIGURE_5_NEGATIVE = Claim(
    "figure-5b-negative",
    "Fig. 5b",
    "Many of the step sizes that K=2 learns are negative, and the error falls all the same",
    runs=VALLEY,
    numbers={
        "K=2: plans with α(2) < 0": Number(
            at_least(0.01, "a significant percentage"), lambda runs: negative(runs["K=2"])
        ),
        **for_each(
            ("K=5", "K=10"),
            "{}: plans with α(2) < 0, over those of K=2",
            below(1),
            lambda runs, K: negative(runs[K]) / negative(runs["K=2"]),
        ),
        "K=2: ‖w − w*‖ at the end": Number(below(1e-6, "converges"), lambda runs: last(runs["K=2"], "distance")),
    },
    why="many must mean one plan in a hundred at the least",
    picture=Curves("step_size", "iteration", 1),
)

FIGURE_5_SETTLES = Claim(
    "figure-5b-settles",
    "Fig. 5b",
    "α(2) settles for K=5, and has no point of convergence for K=2 and K=10",
    runs=VALLEY,
    numbers={
        "K=5: spread of the last tenth": Number(at_most(0.01, "converges"), lambda runs: spread(runs["K=5"])),
        **for_each(
            ("K=2", "K=10"),
            "{}: spread of the last tenth",
            at_least(0.1, "does not"),
            lambda runs, K: spread(runs[K]),
        ),
    },
    why="the spread holds 90 % of the plans, as a part of their median",
    note="With the step size 0.001 K=10 settles as well, with 0.0015 none of the three does: the paper does not say "
    "which of them it shows.",
)

FIGURE_6 = Claim(
    "figure-6-off-track",
    "Fig. 6b",
    "Planning can lead off the valley now and then, and gradient descent brings it back",
    runs={"K=10": VALLEY["K=10"]},
    numbers={
        "K=10: plans that raise f": Number(
            at_least(1, "occasionally"),
            lambda runs: float((np.diff(runs["K=10"].f)[plans(runs["K=10"]) - 1] > 0).sum()),
        ),
        "K=10: error at the end": Number(below(1e-10), lambda runs: last(runs["K=10"])),
    },
    why="occasionally is once or more; a run that ends with an error this small has come back",
)

FIGURE_7_ZERO = Claim(
    "figure-7-zero",
    "Fig. 7a",
    "With five plans, Csawg reaches zero error on Rosenbrock's function",
    runs={K: PLANS[K] for K in ("K=10", "K=2")},
    numbers={
        "K=10: gradient evaluations": Number(exactly(465), lambda runs: cost_to(runs["K=10"], 0)),
        "K=10: iteration": Number(exactly(79), lambda runs: iterations_to(runs["K=10"], 0) - 1),
        "K=2: gradient evaluations": Number(exactly(458), lambda runs: cost_to(runs["K=2"], 0)),
        "K=2: iteration": Number(exactly(17), lambda runs: iterations_to(runs["K=2"], 0) - 1),
    },
    why="whole numbers of a deterministic run; the paper counts iterations from 0",
    picture=Curves("distance", "iteration"),
)


def first_plans(run: Result) -> np.ndarray:
    """The records that the first five plans made."""
    return plans(run)[:5]


def stairs(run: Result) -> np.ndarray:
    """By what factor f fell at each of the first five plans."""
    at = first_plans(run)
    return np.asarray(run.f[at - 1] / run.f[at])


def treads(run: Result) -> np.ndarray:
    """By what factor f fell from each of the first five plans until just before the next."""
    at = first_plans(run)
    return np.asarray(run.f[at[:-1]] / run.f[at[1:] - 1])


FIGURE_7_STAIRS = Claim(
    "figure-7-stairs",
    "Fig. 7a",
    "K=100 plans first at iteration 200 to little effect, then the error falls like stairs",
    runs={"K=100": PLANS["K=100"]},
    numbers={
        "iteration of the first plan": Number(
            exactly(200), lambda runs: float(runs["K=100"].iteration[first_plans(runs["K=100"])[0]])
        ),
        "first plan: error falls by": Number(at_most(2, "not much"), lambda runs: float(stairs(runs["K=100"])[0])),
        "least fall of the four plans after it": Number(
            at_least(4, "steep"), lambda runs: float(stairs(runs["K=100"])[1:].min())
        ),
        "most that 100 plain steps between them give": Number(
            at_most(2, "flat"), lambda runs: float(treads(runs["K=100"]).max())
        ),
    },
    why="steep and flat are words, taken for a factor of four and of two",
    picture=Curves("distance", "iteration"),
)

FIGURE_8 = Claim(
    "figure-8-peaks",
    "Fig. 8",
    "With five plans the peaks of both step sizes are close to 2.5, and α(2) is negative at first",
    runs=PLANS,
    numbers={
        **for_each(
            product(PLANS, (1, 2)),
            "{}: peak of α({})",
            near(2.5, 0.02),
            lambda runs, K, i: float(planned(runs[K], i - 1).max()),
        ),
        "K=2: least α(2) of the first plans": Number(below(0), lambda runs: float(planned(runs["K=2"], 1)[:4].min())),
    },
    why="close to 2.5 is within 2 % of it, which is what a plot shows",
    picture=Curves("step_size", "iteration", 0),
)


def rmsprop(lr: float, beta: float) -> str:
    """A setting's name."""
    return f"RMSprop α={lr} β={beta}"


def adam(lr: float, beta1: float, beta2: float) -> str:
    """A setting's name."""
    return f"Adam α={lr} β₁={beta1} β₂={beta2}"


RMSPROP = {
    rmsprop(lr, beta): Run("rosenbrock", f"rmsprop:lr={lr},beta={beta}", 20_000)
    for lr in (0.0005, 0.001, 0.0015, 0.01)
    for beta in (0.8, 0.9, 0.99)
}
ADAM = {
    adam(lr, b1, b2): Run("rosenbrock", f"adam:lr={lr},beta1={b1},beta2={b2}", 20_000)
    for lr in (0.005, 0.01)
    for b1 in (0.9, 0.99, 0.999)
    for b2 in (0.99, 0.999, 0.9999)
}
ADAM_SHORT, ADAM_LONG = adam(0.005, 0.9, 0.99), adam(0.01, 0.9, 0.999)
BALLS = {f"heavy ball p={p}": Run("rosenbrock", f"heavy-ball:lr=0.0015,p={p}", 20_000) for p in (0.8, 0.9)}
GD_VALLEY = {"gd": GD["gd 0.001"]}

FIGURE_9_HEAVY_BALL = Claim(
    "figure-9-heavy-ball",
    "Fig. 9",
    "Heavy ball is much faster than GD and single plans; a large p makes it oscillate",
    runs={**BALLS, **GD_VALLEY, "K=2": VALLEY["K=2"]},
    numbers={
        **for_each(
            (0.8, 0.9),
            "p={}: times nearer than GD at 2,000",
            at_least(10, "much faster"),
            lambda runs, p: nearer(runs[f"heavy ball p={p}"], runs["gd"], 2000),
        ),
        **for_each(
            (0.8, 0.9),
            "p={}: times nearer than Csawg K=2 at 2,000",
            at_least(10, "much faster"),
            lambda runs, p: nearer(runs[f"heavy ball p={p}"], runs["K=2"], 2000),
        ),
        "p=0.9: iterations whose error rises": Number(
            at_least(1, "oscillates"), lambda runs: rises(runs["heavy ball p=0.9"])
        ),
    },
    why="much faster is at least ten times nearer",
    picture=Curves("distance"),
)

FIGURE_9_ADAM = Claim(
    "figure-9-adam",
    "Fig. 9",
    "Adam, at its best over the paper's 18 settings, is slower than heavy ball",
    runs={**ADAM, **BALLS},
    numbers={
        **for_each(
            (2000, 5000),
            "best Adam at {:,}: times farther than heavy ball",
            above(1),
            lambda runs, evals: ratio(
                min(after(runs[key], evals, "distance") for key in ADAM),
                after(runs["heavy ball p=0.9"], evals, "distance"),
            ),
        ),
        "fewest steps of Adam to 1e-3 over those of heavy ball": Number(
            above(1),
            lambda runs: (
                min(iterations_to(runs[key], 1e-3, "distance") for key in ADAM)
                / iterations_to(runs["heavy ball p=0.9"], 1e-3, "distance")
            ),
        ),
    },
    why="only the order of the best in each search grid counts",
    picture=Curves("distance", only=("heavy ball p=0.9", ADAM_SHORT, ADAM_LONG)),
)


FIGURE_9_OVERTAKES = Claim(
    "figure-9-adam-overtakes",
    "Fig. 9",
    "Adam with 0.005 passes GD before 2,000 iterations and oscillates; with 0.01 after 6,000",
    runs={ADAM_SHORT: ADAM[ADAM_SHORT], ADAM_LONG: ADAM[ADAM_LONG], **GD_VALLEY},
    numbers={
        "0.005, β₂=0.99: first ahead of GD at": Number(
            between(1500, 2000, "a bit before 2,000"), lambda runs: first_ahead(runs[ADAM_SHORT], runs["gd"])
        ),
        "0.005, β₂=0.99: iterations whose error rises": Number(
            at_least(100, "oscillates"), lambda runs: rises(runs[ADAM_SHORT])
        ),
        "0.01, β₂=0.999: first ahead of GD at": Number(
            between(5500, 7000, "only after about 6,000"), lambda runs: first_ahead(runs[ADAM_LONG], runs["gd"])
        ),
        "0.01, β₂=0.999: at 20,000 nearer than 0.005, β₂=0.99 by": Number(
            above(1), lambda runs: nearer(runs[ADAM_LONG], runs[ADAM_SHORT])
        ),
    },
    why="a bit before, and about, are words; the paper tells only in part which settings its lines are",
    picture=Curves("distance"),
)


def second_half(run: Result) -> np.ndarray:
    """The distances from the 10,000th iteration on."""
    assert run.distance is not None
    return np.asarray(run.distance[10_000:])


FIGURE_9_OSCILLATION = Claim(
    "figure-9-oscillation",
    "Fig. 9",
    "Adam oscillates at a higher error than heavy ball",
    runs={adam(0.005, b1, 0.99): ADAM[adam(0.005, b1, 0.99)] for b1 in (0.9, 0.99)} | BALLS,
    numbers={
        **for_each(
            (0.9, 0.99),
            "Adam β₁={}, β₂=0.99: steps of the second half that lead away",
            at_least(100),
            lambda runs, b1: float((np.diff(second_half(runs[adam(0.005, b1, 0.99)])) > 0).sum()),
        ),
        **for_each(
            (0.9, 0.99),
            "Adam β₁={}, β₂=0.99: median ‖w − w*‖ there less heavy ball's",
            above(0),
            lambda runs, b1: (
                float(np.median(second_half(runs[adam(0.005, b1, 0.99)])))
                - after(runs["heavy ball p=0.9"], 10_000, "distance")
            ),
        ),
    },
    why="only the order counts; a hundred of ten thousand steps are no accident. Heavy ball has reached 0 by then",
)

FIGURE_9_RMSPROP = Claim(
    "figure-9-rmsprop",
    "Fig. 9",
    "RMSprop's error curves cross near 9,000 iterations; the faster one hardly beats GD",
    runs=RMSPROP | GD_VALLEY,
    numbers={
        "0.0005 passes 0.001 (β=0.99) at": Number(
            near(9000, 0.1), lambda runs: crossing(runs[rmsprop(0.0005, 0.99)], runs[rmsprop(0.001, 0.99)])
        ),
        "0.001 passes 0.0015 (β=0.99) at": Number(
            near(9000, 0.1), lambda runs: crossing(runs[rmsprop(0.001, 0.99)], runs[rmsprop(0.0015, 0.99)])
        ),
        "best RMSprop at 20,000: times farther than GD": Number(
            above(1),
            lambda runs: ratio(min(last(runs[key], "distance") for key in RMSPROP), last(runs["gd"], "distance")),
        ),
    },
    why="near is within a tenth; the paper does not say which settings its lines are",
    picture=Curves("distance", only=("gd", *(rmsprop(lr, 0.99) for lr in (0.0005, 0.001, 0.0015, 0.01)))),
)

FIGURE_9_PLANS = Claim(
    "figure-9-plans",
    "Fig. 9",
    "Csawg with five plans beats heavy ball after a few iterations, without oscillating",
    runs={K: PLANS[K] for K in ("K=2", "K=10")} | BALLS,
    numbers={
        **for_each(
            ("K=2", "K=10"),
            "{}: evaluations to 0 over heavy ball's to 1e-12",
            below(1),
            lambda runs, K: cost_to(runs[K], 0) / min(cost_to(runs[ball], 1e-12, "distance") for ball in BALLS),
        ),
        **for_each(
            ("K=2", "K=10"),
            "{}: iterations whose error rises",
            at_most(0, "no oscillation"),
            lambda runs, K: float((np.diff(runs[K].f) > 0).sum()),
        ),
    },
    why="Csawg has to reach zero and heavy ball only 1e-12, which is in heavy ball's favour",
    picture=Curves("distance"),
)

CONCLUSION_PLANS = Claim(
    "conclusion-plans",
    "§5",
    "Repeated planning spends fewer than 500 gradient evaluations for zero error",
    runs={K: Run("rosenbrock", f"csawg-p5:lr=0.001,K={K}", 2000) for K in range(2, 21)},
    numbers={
        "K from 2 to 20 that do": Number(
            at_least(19, "19 of 19"), lambda runs: float(sum(cost_to(run, 0) < 500 for run in runs.values()))
        ),
        "K from 2 to 20 that diverge": Number(
            at_most(0, "none"), lambda runs: float(sum(run.status == "diverged" for run in runs.values()))
        ),
    },
    why="the sentence makes no exception",
    note="K=5 diverges: one of its plans leaves the valley for good. From K=15 on the buffers alone take too long.",
)

CONCLUSION_GD = Claim(
    "conclusion-gradient-descent",
    "§5",
    "Gradient descent spends about 10,000 iterations to reach an accuracy of 1e-3",
    runs={"gd": GD["gd 0.0015"]},
    numbers={
        "to ‖w − w*‖ ≤ 1e-3": Number(near(10_000, 0.5), lambda runs: iterations_to(runs["gd"], 1e-3, "distance")),
        "to f − f* ≤ 1e-3": Number(near(10_000, 0.5), lambda runs: iterations_to(runs["gd"], 1e-3)),
    },
    why="the paper has a round number without its step size; 0.0015 is the best of its grid",
)

SIMPLEX = {
    "from (−1, 1)": Run("rosenbrock", "scipy:nelder-mead", 1000, start=(-1.0, 1.0)),
    "from (−1, 0), the paper's start": Run("rosenbrock", "scipy:nelder-mead", 1000),
}

CONCLUSION_NELDER_MEAD = Claim(
    "conclusion-nelder-mead",
    "§5",
    "Nelder and Mead's method reaches 1e-10 after 185 function evaluations",
    runs=SIMPLEX,
    numbers=for_each(SIMPLEX, "{}", near(185, 0.1), lambda runs, start: cost_to(runs[start], 1e-10)),
    why="the count depends on the first simplex, which the paper does not tell",
    note="The paper does not say from where its 185 are counted.",
)

CONCLUSION_ACD = Claim(
    "conclusion-coordinate-descent",
    "§5",
    "Adaptive coordinate descent reaches 1e-10 after about 325 function evaluations",
    missing="adaptive coordinate descent is not in the bench, and we know of no maintained library that has it",
)
