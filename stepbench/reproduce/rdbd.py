"""Song & Yang 2023: regrettable delta-bar-delta."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.claims import (
    Across,
    Band,
    Claim,
    Curves,
    Paper,
    Run,
    Runs,
    above,
    at_most,
    between,
    exactly,
)
from stepbench.reproduce.measures import after, iterations_to, last, ratio
from stepbench.stepsizes.rdbd import RDBD

Array = np.ndarray[Any, Any]


# The theorems: functions whose constants are known.


@dataclass(frozen=True)
class Smooth:
    """A function with an L-Lipschitz gradient, of norm at most sigma on the way from its start; f(w₀) − f* ≤ gap."""

    problem: str
    L: float
    sigma: float
    gap: float
    start: tuple[float, ...] | None = None

    def dbd(self, gamma: float, epsilon: float) -> Run:
        """Theorem 1.1: its T steps, with its α₀ and η."""
        T = math.ceil(2 * self.L * self.gap / ((1 - gamma**2) * epsilon**2))
        method = f"dbd:lr={1 / self.L!r},eta={gamma / (T * self.sigma**2 * self.L)!r}"
        return Run(self.problem, method, budget=T, start=self.start)

    def rdbd(self, gamma: float, epsilon: float, *, power: int = 1) -> Run:
        """Theorem 4.4: its T steps, with its α₀ and η; with power 2, the T that its proof gives."""
        T = math.ceil((self._constant(gamma) / epsilon**2) ** power)
        rule = RDBD.theory(self.L, self.sigma, T, gamma, self.gap)
        return Run(self.problem, f"rdbd:lr={rule.lr!r},eta={rule.eta!r}", budget=T, start=self.start)

    def bound(self, gamma: float, T: int) -> float:
        """The last line of Theorem 4.4's proof: what min ‖∇f‖ is at most after T steps."""
        return math.sqrt(self._constant(gamma) / math.sqrt(T))

    def _constant(self, gamma: float) -> float:
        return self.sigma * math.sqrt(self.L * self.gap) * (1 / (1 - gamma) + (1 + gamma) / 2)


BOWL = Smooth("huber-bowl", L=5, sigma=2.55, gap=6.85)
PLATEAU = Smooth("plateau", L=1, sigma=0.607, gap=1)
TUMOURS = Smooth("breast-cancer", L=3.34, sigma=1.42, gap=0.694)
BATCHES = Smooth("breast-cancer:batch=16", L=3.34, sigma=2.5, gap=0.694)
BATCHES_BEFORE = Smooth("breast-cancer:batch=16", L=3.34, sigma=20.6, gap=0.694)
BOWL_FROM_AFAR = Smooth("huber-bowl", L=5, sigma=2.55, gap=50_001, start=(-100_000.0, 0.4))
SLOPE = Smooth("huber-bowl:kappa=4,delta=0.25", L=4, sigma=1, gap=50, start=(0.0, 50.0))

CONSTANTS = (
    "L and σ are rounded up, f* down; no gradient of these runs is longer than σ. The theorem is a bound: any less is "
    "as it says"
)


def _part_of_T(epsilons: Mapping[str, float]) -> Callable[[Runs], dict[str, float]]:
    """The steps until ‖∇f‖ ≤ ε, as a part of the T that the theorem allows."""
    return lambda runs: {
        f"{name}: steps to ‖∇f‖ ≤ {epsilon:g}, as a part of T": iterations_to(run, epsilon, "gradient_norm")
        / run.budget
        for (name, run), epsilon in zip(runs.items(), epsilons.values(), strict=True)
    }


def _theorem(name: str, where: str, says: str, cases: Mapping[str, tuple[Run, float]], **more: Any) -> Claim:
    """A claim that every run comes to its ε within its budget."""
    epsilons = {key: epsilon for key, (_, epsilon) in cases.items()}
    return Claim(
        name,
        where,
        says,
        paper={f"{key}: steps to ‖∇f‖ ≤ {eps:g}, as a part of T": at_most(1) for key, eps in epsilons.items()},
        runs={key: run for key, (run, _) in cases.items()},
        measure=_part_of_T(epsilons),
        why=CONSTANTS,
        picture=Curves("gradient_norm", "iteration"),
        **more,
    )


DBD_CONVERGES = _theorem(
    "theorem-1.1",
    "Theorem 1.1 (B.3)",
    "DBD on exact gradients comes to ‖∇f‖ ≤ ε within 2L(f₀ − f*)/((1 − γ²)ε²) steps",
    {
        "huber-bowl, γ = 0.5": (BOWL.dbd(0.5, 0.1), 0.1),
        "plateau, γ = 0.5": (PLATEAU.dbd(0.5, 0.03), 0.03),
        "breast-cancer, γ = 0.9": (TUMOURS.dbd(0.9, 0.1), 0.1),
        "a long slope, γ = 0.5": (SLOPE.dbd(0.5, 0.9), 0.9),
    },
    note="The bound is true and far from tight: only the long slope uses a good part of the T steps.",
)

RDBD_CONVERGES = _theorem(
    "theorem-4.4-near",
    "Theorem 4.4 (C.4)",
    "Where the start is near, RDBD comes to ‖∇f‖ ≤ ε within T = c/ε² steps",
    {
        "huber-bowl, γ = 0.1": (BOWL.rdbd(0.1, 0.5), 0.5),
        "plateau, γ = 0.5": (PLATEAU.rdbd(0.5, 0.03), 0.03),
        "breast-cancer, γ = 0.5": (TUMOURS.rdbd(0.5, 0.1), 0.1),
        "breast-cancer in batches of 16, γ = 0.5": (BATCHES.rdbd(0.5, 0.1), 0.1),
    },
    note=(
        "c is σ√(L(f₀ − f*)) (1/(1−γ) + (1+γ)/2). From these starts the bound holds as printed; it does not from every "
        "start: see theorem-4.4-every-f."
    ),
)

RDBD_CONVERGES_EVERYWHERE = Claim(
    "theorem-4.4-every-f",
    "Theorem 4.4 (C.4)",
    "The same bound, T = c/ε², for every smooth f with bounded gradients",
    paper={
        "a long slope: least ‖∇f‖ over ε": at_most(1),
        "breast-cancer, σ known beforehand: least ‖∇f‖ over ε": at_most(1),
    },
    runs={"a long slope": SLOPE.rdbd(0.1, 0.5), "breast-cancer": BATCHES_BEFORE.rdbd(0.5, 0.2)},
    measure=lambda runs: {
        "a long slope: least ‖∇f‖ over ε": float(runs["a long slope"].gradient_norm.min()) / 0.5,
        "breast-cancer, σ known beforehand: least ‖∇f‖ over ε": float(runs["breast-cancer"].gradient_norm.min()) / 0.2,
    },
    why="a bound: any less is as it says",
    note=(
        "The theorem is wrong: its proof ends with min ‖∇f‖ ≤ √(c/√T), which is T ∝ 1/ε⁴, and the statement has 1/ε². "
        "Down a slope of 1 from 50 away, the T steps end before the bowl begins, so that ‖∇f‖ is 1 at all of them and "
        "ε is 0.5. The second run takes for σ the longest row of the data, which bounds every gradient."
    ),
    picture=Curves("gradient_norm", "iteration"),
)

PROVED = {
    "huber-bowl": (BOWL, 0.1, 0.7),
    "a long slope": (SLOPE, 0.1, 0.5),
    "breast-cancer in batches of 16": (BATCHES, 0.1, 0.5),
}

RDBD_CONVERGES_AS_PROVED = Claim(
    "theorem-4.4-as-proved",
    "Theorem C.4, proof",
    "The last line of the proof: after T steps, min ‖∇f‖ ≤ √(c/√T)",
    paper={f"{name}: least ‖∇f‖ over the bound": at_most(1) for name in PROVED},
    runs={name: smooth.rdbd(gamma, epsilon, power=2) for name, (smooth, gamma, epsilon) in PROVED.items()},
    measure=lambda runs: {
        f"{name}: least ‖∇f‖ over the bound": float(runs[name].gradient_norm.min())
        / smooth.bound(gamma, runs[name].budget)
        for name, (smooth, gamma, _) in PROVED.items()
    },
    why=CONSTANTS,
    note="With T squared, as the proof has it, the long slope of theorem-4.4-every-f is walked to its end.",
    picture=Curves("gradient_norm", "iteration"),
)


# Lemma 4.3: one step, along whole runs on exact gradients.


class Steps(NamedTuple):
    """The steps of an RDBD run from its second on, (n,) each: f before, after a step of α_{t−1}, after one of α_t.

    ``h`` is ⟨g_t, g_{t−1}⟩, and ``h_plain`` and ``h_rdbd`` are ⟨g_{t+1}, g_t⟩ with g_{t+1} at either of these points.
    """

    alpha: Array
    h: Array
    f: Array
    f_plain: Array
    f_rdbd: Array
    h_plain: Array
    h_rdbd: Array


def _steps(run: Result, eta: float) -> Steps:
    """What Lemma 4.3 speaks of, at every step; the points are asked again."""
    f, grad, w = run.problem.f, run.problem.grad, run.x.T
    assert run.step_size is not None
    g = grad(w)
    h, alpha, w, g = (g[:, 1:-1] * g[:, :-2]).sum(0), run.step_size[2:], w[:, 1:-1], g[:, 1:-1]
    plain, rdbd = w - (alpha - eta * h) * g, w - alpha * g
    return Steps(alpha, h, f(w), f(plain), f(rdbd), (grad(plain) * g).sum(0), (grad(rdbd) * g).sum(0))


def _more(one: Array, other: Array) -> Array:
    """Where one is more than the other, beyond rounding."""
    found: Array = one > other * (1 + 1e-9)
    return found


def _count(run: Result, asked: Array, found: Array) -> float:
    """At how many of the steps that are asked about it is found; NaN where none is, or the run diverged."""
    return math.nan if run.status == "diverged" or not asked.any() else float((asked & found).sum())


def _worse(run: Result, eta: float, g_next: str) -> float:
    """The steps where h_t h_{t+1} ≥ 0 and f(x^RDBD) > f(x_{t+1}), against Part 1; g_{t+1} is at plain or rdbd."""
    s = _steps(run, eta)
    return _count(run, s.h * getattr(s, f"h_{g_next}") >= 0, _more(s.f_rdbd, s.f_plain))


def _uphill(run: Result, eta: float, L: float) -> float:
    """The steps where 0 ≤ α ≤ 2/L and f(x − α g) > f(x), against Part 3."""
    s = _steps(run, eta)
    return _count(run, (s.alpha >= 0) & (s.alpha <= 2 / L), _more(s.f_rdbd, s.f))


STARTED = {"huber-bowl": BOWL, "plateau": PLATEAU, "breast-cancer": TUMOURS}
LARGEST = {name: 2 / (smooth.L * smooth.sigma**2) for name, smooth in STARTED.items()}
"""The largest η that Lemma 4.3 allows."""

TAU = {"huber-bowl": (0.24, 30), "plateau": (0.0014, 100), "breast-cancer": (0.03, 30)}
"""A τ below every h_t = ⟨g_t, g_{t−1}⟩ of a run of so many steps."""
PROVED_FOR = {name: 2 * TAU[name][0] / (smooth.L * smooth.sigma**4) for name, smooth in STARTED.items()}
"""The largest η for which the lemma is proved, 2τ/(Lσ⁴)."""


def _lemma_run(name: str, eta: float, steps: int = 200) -> Run:
    """A run with α₀ = 0.1/L, short enough for α to have room to grow."""
    return Run(name, f"rdbd:lr={0.1 / STARTED[name].L!r},eta={eta!r}", steps=steps)


LEMMA_RUNS = {name: _lemma_run(name, LARGEST[name]) for name in ("huber-bowl", "plateau")}


def _part_1(
    name: str, where: str, says: str, runs: Mapping[str, Run], etas: Mapping[str, float], g_next: str, note: str = ""
) -> Claim:
    """Part 1, with g_{t+1} where the lemma has it (plain) or where the algorithm takes it (rdbd)."""
    label = "{}: steps that the correction makes worse"
    return Claim(
        name,
        where,
        says,
        paper={label.format(key): exactly(0) for key in runs},
        runs=runs,
        measure=lambda made: {label.format(key): _worse(run, etas[key], g_next) for key, run in made.items()},
        why="a count, with exact gradients; worse is by more than a part of 1e-9 of f",
        note=note,
        picture=Curves("f", "iteration"),
    )


PART_1 = _part_1(
    "lemma-4.3-part-1",
    "Lemma 4.3, Part 1",
    "Where h_t h_{t+1} ≥ 0 and η ≤ 2/(Lσ²), the correction η h_t of α makes f no larger",
    LEMMA_RUNS,
    LARGEST,
    "plain",
    note=(
        "h_t is ⟨g_t, g_{t−1}⟩. The proof takes τ/h_t for 1 or more, but τ is the least of them: what is proved needs "
        "η ≤ 2τ/(Lσ⁴). With η = 2/(Lσ²), a step that would end just before the minimum along g_t is lengthened past it."
    ),
)

PART_1_AS_RUN = _part_1(
    "lemma-4.3-part-1-as-run",
    "Lemma 4.3, Algorithm 1",
    "The same, with g_{t+1} where Algorithm 1 takes it, after the corrected step",
    LEMMA_RUNS,
    LARGEST,
    "rdbd",
    note=(
        "The lemma's g_{t+1} is where the step without correction would have led, and no gradient is asked for there. "
        "With the one that is, the sign of h_{t+1} says whether the minimum along g_t was passed over: where f is "
        "convex, this holds for any η. Yet α grows to 4/L on huber-bowl, and f does not settle."
    ),
)

PART_1_AS_PROVED = _part_1(
    "lemma-4.3-part-1-as-proved",
    "Lemma C.2, proof",
    "The same with the η that the proof needs, 2τ/(Lσ⁴), where every h_t ≥ τ",
    {name: _lemma_run(name, PROVED_FOR[name], steps) for name, (_, steps) in TAU.items()},
    PROVED_FOR,
    "plain",
)


def _taken_back(run: Result, eta: float) -> dict[str, float]:
    """Of the steps at which h changes its sign, the part that undo the step before: lines 7 to 10 of Algorithm 1."""
    w, alpha = run.x.T, run.step_size
    assert alpha is not None
    g = run.problem.grad(w)
    h = (g[:, 1:] * g[:, :-1]).sum(0)
    t = np.flatnonzero(h[1:-1] * h[:-2] < 0) + 3  # the records after such a step
    now, before = eta * h[t - 2], eta * h[t - 3]
    undone = w[:, t - 1] + before * g[:, t - 2] - alpha[t] * g[:, t - 1]
    return {
        "sign changes after which α is α_{t−1} − η h_{t−1} + η h_t": _part(
            np.isclose(alpha[t], alpha[t - 1] - before + now, rtol=1e-9, atol=0)
        ),
        "sign changes after which w is moved by η h_{t−1} g_{t−1}": _part(
            np.isclose(w[:, t], undone, rtol=1e-9, atol=1e-12).all(0)
        ),
    }


def _part(holds: Array) -> float:
    return float(holds.mean()) if holds.size else math.nan


PART_2 = Claim(
    "lemma-4.3-part-2",
    "Lemma 4.3, Part 2",
    "Where h_t h_{t+1} < 0, the correction of α and what it did to w are undone",
    paper={
        "sign changes after which α is α_{t−1} − η h_{t−1} + η h_t": exactly(1),
        "sign changes after which w is moved by η h_{t−1} g_{t−1}": exactly(1),
    },
    runs={"rdbd": Run("huber-bowl", "rdbd:lr=0.3,eta=0.06", steps=60)},
    measure=lambda runs: _taken_back(runs["rdbd"], 0.06),
    why="a part of all of them, compared to nine digits",
    note=(
        "So it is by definition. The point that is restored is left at once, with a gradient that was taken before the "
        "step was undone."
    ),
    picture=Curves("step_size", "iteration"),
)

PART_3 = Claim(
    "lemma-4.3-part-3",
    "Lemma 4.3, Part 3",
    "With exact gradients, for which μ = 1, and α ≤ 2/L, f does not rise",
    paper={f"{name}: steps where f rises": exactly(0) for name in STARTED},
    runs={name: _lemma_run(name, LARGEST[name] / 10) for name in STARTED},
    measure=lambda runs: {
        f"{name}: steps where f rises": _uphill(run, LARGEST[name] / 10, STARTED[name].L) for name, run in runs.items()
    },
    why="a count, with exact gradients",
    note="Only steps with α ≥ 0 are counted: RDBD can make α negative, which the lemma does not mention.",
    picture=Curves("step_size", "iteration"),
)

DESCENDING = {
    "huber-bowl": BOWL.rdbd(0.5, 0.2),
    "plateau": PLATEAU.rdbd(0.5, 0.03),
    "breast-cancer": TUMOURS.rdbd(0.5, 0.1),
    "huber-bowl from afar": BOWL_FROM_AFAR.rdbd(0.1, 1),
}

DESCENT = Claim(
    "theorem-1.2-descent",
    "Theorem 1.2 (C.1)",
    "With the theorem's α₀ and η, f falls at every step",
    paper={f"{name}: steps where f rises": exactly(0) for name in DESCENDING},
    runs=DESCENDING,
    measure=lambda runs: {
        f"{name}: steps where f rises": float(np.sum(_more(run.f[1:], run.f[:-1]))) for name, run in runs.items()
    },
    why="a count, with exact gradients",
    note=(
        "The proof takes α ≤ 2/L from Lemma 4.3, which the theorem does not ask for: where f(x₀) − f* is large, its α₀ "
        "is longer, and thrown from side to side of a narrow valley f rises."
    ),
    picture=Curves("f", "iteration"),
)

ETAS = (0.01, 0.1, 1.0)

NOISE = Claim(
    "regret-in-mini-batches",
    "§4, abstract",
    "In mini-batches, where biased corrections hurt DBD, RDBD takes them back",
    paper={f"error after 2,000 steps, η = {eta:g}: DBD over RDBD": above(1) for eta in ETAS},
    runs={
        (rule, eta): Run("breast-cancer:batch=4", f"{rule.lower()}:lr=0.005,eta={eta:g}", steps=2000)
        for rule in ("DBD", "RDBD")
        for eta in ETAS
    },
    measure=lambda runs: {
        f"error after 2,000 steps, η = {eta:g}: DBD over RDBD": ratio(last(runs["DBD", eta]), last(runs["RDBD", eta]))
        for eta in ETAS
    },
    why="the paper has no numbers here: less is better, by however much. η = 0.01 is its own, and more is noisier",
    picture=Across("η", "error after 2,000 steps", last),
)


# The figures, on the bench's digits, and on the paper's own data where they are here.

EPOCHS = 30
"""Of the digits: 2,700 steps."""

FIGURE_2 = {"SGD": "sgd:lr=0.005", "RDBD": "rdbd", "Adam": "adam:lr=0.005", "Adam+RDBD": "adam+rdbd"}
SAME_BETAS = "Adam of the same β"
FIGURE_3 = {"DBD": "dbd", "RDBD": "rdbd"}
SAYS_2 = "RDBD significantly accelerates both SGD and Adam"
SAYS_3 = "RDBD suppresses inaccurate updates of α, so that its loss falls further than DBD's"
NO_NUMBERS = "the paper has curves and no numbers: less is better, by however much"
PAIRS = (("SGD", "RDBD"), ("Adam", "Adam+RDBD"))


def _end(runs: Runs, pairs: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """How many times the loss of the one at the end is the other's."""
    return {f"loss at the end: {a} over {b}": ratio(last(runs[a], "f"), last(runs[b], "f")) for a, b in pairs}


def _steps_to(runs: Runs, loss: float, pairs: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """How many times the steps of the one to a loss are the other's."""
    return {
        f"steps to a loss of {loss:g}: {a} over {b}": ratio(
            iterations_to(runs[a], loss, "f"), iterations_to(runs[b], loss, "f")
        )
        for a, b in pairs
    }


def _figure(name: str, where: str, says: str, methods: Mapping[str, str], problem: str, steps: int) -> Claim:
    """Figure 2 or 3 on the paper's own data: the losses at the end."""
    pairs = PAIRS if methods is FIGURE_2 else (("DBD", "RDBD"),)
    return Claim(
        name,
        where,
        says,
        paper={f"loss at the end: {a} over {b}": above(1) for a, b in pairs},
        runs={key: Run(problem, method, steps=steps) for key, method in methods.items()},
        measure=lambda runs: _end(runs, pairs),
        why=NO_NUMBERS,
        picture=Curves("f", "iteration"),
        quick=False,
    )


FIGURE_2_DIGITS = Claim(
    "figure-2-digits",
    "Fig. 2, on digits",
    SAYS_2,
    paper={
        "steps to a loss of 1.5: SGD over RDBD": above(1),
        "steps to a loss of 0.1: Adam over Adam+RDBD": above(1),
        "loss at the end: SGD over RDBD": above(1),
        "loss at the end: Adam over Adam+RDBD": above(1),
        f"loss at the end: {SAME_BETAS} over Adam+RDBD": above(1),
    },
    runs={key: Run("digits-mlp", method, epochs=EPOCHS) for key, method in FIGURE_2.items()}
    | {SAME_BETAS: Run("digits-mlp", "adam:lr=0.005,beta1=0.05,beta2=0.99", epochs=EPOCHS)},
    measure=lambda runs: (
        _steps_to(runs, 1.5, PAIRS[:1])
        | _steps_to(runs, 0.1, PAIRS[1:])
        | _end(runs, (*PAIRS, (SAME_BETAS, "Adam+RDBD")))
    ),
    why=NO_NUMBERS + "; the network, batch, α₀, η and β are its own, the data are not",
    note=(
        "SGD with a step of 0.005 is far too slow here, and RDBD finds a longer one. Adam has its own defaults beside "
        "the paper's β₁ = 0.05, β₂ = 0.99 for Adam+RDBD, and once the same; which upper bound α had there is not told."
    ),
    picture=Curves("f", "iteration"),
    quick=False,
)

FIGURE_3_DIGITS = Claim(
    "figure-3-digits",
    "Fig. 3, on digits",
    SAYS_3,
    paper={
        "steps to a loss of 1: DBD over RDBD": above(1),
        "steps to a loss of 0.5: DBD over RDBD": above(1),
        "loss at the end: DBD over RDBD": above(1),
    },
    runs={key: Run("digits-mlp", method, epochs=EPOCHS) for key, method in FIGURE_3.items()},
    measure=lambda runs: (
        _steps_to(runs, 1, (("DBD", "RDBD"),))
        | _steps_to(runs, 0.5, (("DBD", "RDBD"),))
        | _end(runs, (("DBD", "RDBD"),))
    ),
    why=NO_NUMBERS,
    note="A record is made every 18 steps, and both come to these losses within a few records of each other.",
    picture=Curves("f", "iteration"),
    quick=False,
)

RATES = (0.01, 0.005, 0.001, 0.0005, 0.0001)
FIGURE_4_SAYS: dict[str, Band] = {
    "loss after 2,500 steps: α₀ = 0.0001 over the best": at_most(2, "competitive"),
    "loss after 2,500 steps: α₀ = 0.01 over the best": at_most(2, "competitive"),
    "loss after 2,500 steps, α₀ = 0.0001: SGD over RDBD": above(1),
}


def _figure_4(name: str, where: str, problem: str, steps: int) -> Claim:
    """RDBD from five initial learning rates, and SGD from the least."""

    def measure(runs: Runs) -> dict[str, float]:
        loss = {rate: after(runs[f"α₀ = {rate:g}"], 2500, "f") for rate in RATES}
        best = min(loss.values())
        numbers = (loss[0.0001] / best, loss[0.01] / best, after(runs["SGD, 0.0001"], 2500, "f") / loss[0.0001])
        return dict(zip(FIGURE_4_SAYS, numbers, strict=True))

    return Claim(
        name,
        where,
        "From any α₀ of 0.01 to 0.0001, RDBD converges and is competitive within about 2,500 steps",
        paper=FIGURE_4_SAYS,
        runs={f"α₀ = {rate:g}": Run(problem, f"rdbd:lr={rate:g}", steps=steps) for rate in RATES}
        | {"SGD, 0.0001": Run(problem, "sgd:lr=0.0001", steps=steps)},
        measure=measure,
        why="the paper says competitive and has no numbers: twice the best loss is taken for that",
        picture=Curves("f", "iteration"),
        quick=False,
    )


def _figure_5(name: str, where: str, problem: str, sizes: tuple[int, ...], note: str = "") -> Claim:
    """SGD and RDBD for ten epochs, in batches of several sizes."""
    small, large = 16, sizes[-1]
    gain = "loss after 10 epochs, in batches of {}: SGD over RDBD"
    rises = [(f"RDBD's loss after 10 epochs: in batches of {b} over {a}", a, b) for a, b in pairwise(sizes)]

    def measure(runs: Runs) -> dict[str, float]:
        loss = {key: last(run, "f") for key, run in runs.items()}
        return {label: ratio(loss["RDBD", b], loss["RDBD", a]) for label, a, b in rises} | {
            gain.format(size): ratio(loss["SGD", size], loss["RDBD", size]) for size in (small, large)
        }

    return Claim(
        name,
        where,
        "RDBD is quick in small batches, and helps very little in large ones",
        paper={label: above(1) for label, _, _ in rises}
        | {gain.format(small): above(1.1), gain.format(large): between(0.9, 1.1, "very little")},
        runs={
            (series, size): Run(f"{problem}:batch={size}", method, epochs=10)
            for series, method in (("SGD", "sgd:lr=0.005"), ("RDBD", "rdbd"))
            for size in sizes
        },
        measure=measure,
        note=note,
        why="very little is taken for a tenth; which sizes the paper compares is not told",
        picture=Across("batch size", "training loss after 10 epochs", lambda run: last(run, "f")),
        quick=False,
    )


DIGITS_NOTE = (
    "In batches of 4, where the gradient is noisiest, RDBD loses what it has learnt, or diverges. In large ones ten "
    "epochs are too few steps for α to grow, since it grows by the step."
)

DIRECTIONS = {"momentum": 0.01, "ema": 0.01, "rmsprop": 5e-7, "adagrad": 5e-7, "nadam": 5e-7}

ANY = Claim(
    "any-optimizer-digits",
    "Abstract, §6",
    "RDBD can be seamlessly integrated with any optimizer, and significantly speeds it up",
    paper={f"loss after 10 epochs: {name} over {name}+rdbd": above(1) for name in DIRECTIONS},
    runs={name: Run("digits-mlp", f"{name}:lr=0.005", epochs=10) for name in DIRECTIONS}
    | {f"{name}+rdbd": Run("digits-mlp", f"{name}+rdbd:eta={eta:g}", epochs=10) for name, eta in DIRECTIONS.items()},
    measure=lambda runs: {
        f"loss after 10 epochs: {name} over {name}+rdbd": ratio(last(runs[name], "f"), last(runs[f"{name}+rdbd"], "f"))
        for name in DIRECTIONS
    },
    why=NO_NUMBERS + "; η is what it is with the gradient, 0.01, or with Adam, 5e-7, where u has a like length",
    note="Seamless it is not: ⟨u_t, u_{t−1}⟩ grows with the square of u's length, so that every direction needs its η.",
    picture=Curves("f", "iteration"),
    quick=False,
)

PAPER = Paper(
    "rdbd",
    "Song & Yang 2023, An automatic learning rate schedule algorithm for achieving faster convergence and steeper "
    "descent",
    (
        DBD_CONVERGES,
        DESCENT,
        PART_1,
        PART_1_AS_RUN,
        PART_1_AS_PROVED,
        PART_2,
        PART_3,
        RDBD_CONVERGES,
        RDBD_CONVERGES_EVERYWHERE,
        RDBD_CONVERGES_AS_PROVED,
        NOISE,
        FIGURE_2_DIGITS,
        _figure("figure-2-mnist", "Fig. 2, MNIST", SAYS_2, FIGURE_2, "mnist-mlp:batch=16", 3750),
        _figure("figure-2-cifar-10", "Fig. 2, Cifar-10", SAYS_2, FIGURE_2, "cifar10-cnn:batch=16", 3125),
        FIGURE_3_DIGITS,
        _figure("figure-3-mnist", "Fig. 3, MNIST", SAYS_3, FIGURE_3, "mnist-mlp:batch=16", 3750),
        _figure("figure-3-cifar-10", "Fig. 3, Cifar-10", SAYS_3, FIGURE_3, "cifar10-cnn:batch=16", 3125),
        _figure_4("figure-4-digits", "Fig. 4, on digits", "digits-mlp", 2700),
        _figure_4("figure-4-mnist", "Fig. 4, MNIST", "mnist-mlp:batch=16", 3750),
        _figure_5("figure-5-digits", "Fig. 5, on digits", "digits-mlp", (4, 16, 64, 256), DIGITS_NOTE),
        _figure_5("figure-5-cifar-10", "Fig. 5, Cifar-10", "cifar10-cnn", (16, 64, 256)),
        ANY,
    ),
)
