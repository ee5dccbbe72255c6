"""What happened in a run: where it was lost or stood still, by which numbers that is seen, and what does better.

Everything here is measured: at points of the run's path the curvature, the best step along the direction taken and
Polyak's step; over spans of the run a few ratios of these; and of what would have helped, whole runs.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from stepbench import catalog
from stepbench.arrays import dot
from stepbench.contracts import Joined, Problem, Runnable, hyperparameters, values_of, with_values
from stepbench.engine import run_quietly
from stepbench.fields import InputError
from stepbench.result import Record, Result
from stepbench.torch.network import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

EPS = float(np.finfo(float).eps)
MOST = 300
"""The most parameters for which eigenvalues are computed."""


class Cause(NamedTuple):
    """One thing that the numbers of a span show, with the numbers."""

    kind: str
    numbers: dict[str, float]


@dataclass(frozen=True)
class Span:
    """A part of a run, from one iteration to another, and what its numbers show.

    ``kind`` is "lost" (the error grew to the end), "jump" (one step up, soon made good), "stalled", "rounding" (there
    was nothing left to gain), "falling" (slow to the end of the budget) or "slowest" (the power of ten that took a run
    that converged longest).
    """

    kind: str
    first: int
    last: int
    numbers: dict[str, float]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, eq=False)
class Steps:
    """What was measured of some of a run's steps, an entry a step; NaN where it cannot be told.

    ``record`` is the record that the step leaves. ``size`` is the recorded α where the direction is the plain gradient,
    and else the effective one, ‖Δw‖/‖∇f(w)‖; below 0 where the step goes up the gradient. ``steepest`` is λmax, the
    largest eigenvalue of the Hessian there, and ``along`` the curvature along the step. ``line`` is the size at which
    f along the step is least, ``polyak`` is (f − f*)/‖∇f‖². ``turned`` says whether the gradient along the steepest
    direction changed its sign, ``wall`` what part of the error lay in that direction, ``noise`` how far what the step
    saw was from the gradient.
    """

    record: Record
    size: Record
    length: Record
    steepest: Record
    along: Record
    line: Record
    polyak: Record
    turned: Record
    wall: Record
    noise: Record

    def within(self, first: int, last: int) -> Steps:
        """Those that leave the records from one to another."""
        own = (self.record >= first) & (self.record <= last)
        return Steps(*(getattr(self, field.name)[own] for field in dataclasses.fields(self)))


@dataclass(frozen=True, eq=False)
class Autopsy:
    """What is known of one run: the run itself, its steps, its spans, and the runs that were tried in its place.

    ``tried`` is in order, the best first; ``helped`` are those that did better than the run itself.
    """

    result: Result
    plain: bool
    steps: Steps
    spans: tuple[Span, ...]
    tried: tuple[Result, ...]
    options: dict[str, Any]

    @property
    def helped(self) -> tuple[Result, ...]:
        """The tried runs that met the target sooner, or came at least twice as near to the minimum."""
        return tuple(r for r in self.tried if _rank(r) < _rank(self.result) and _better(r, self.result))

    @property
    def text(self) -> str:
        """What happened, in sentences."""
        from stepbench.report.anatomy import story

        return story(self)

    def table(self) -> Table:
        """What was tried in its place, for rich."""
        from stepbench.report.anatomy import tried_table

        return tried_table(self)

    def figure(self) -> Figure:
        """The anatomy of its step sizes, and its error below."""
        from stepbench.report.anatomy import anatomy_figure

        return anatomy_figure(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: what was tried, and the anatomy."""
        from stepbench.report.notebook import html

        return html(self.table(), self.figure())


def explain(
    problem: str | Problem,
    method: str | Runnable,
    *,
    label: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Autopsy:
    """Run a method, find out what happened, and try what would have helped.

    The options are those of ``stepbench.run``: budget, steps, target, start, seed and noise. Raises InputError for what
    cannot run, for a network, and for a function that changes from step to step.
    """
    problem = catalog.problem(problem)
    if isinstance(problem, Network):
        raise InputError(f"{problem} is a network, whose curvature is not computed: explain a function, as rosenbrock")
    if problem.at(0) is not problem or problem.at(1) is not problem:
        raise InputError(f"{problem} changes from step to step, so that a step has no one function to be judged by")
    runner = catalog.method(method)
    label = label or (method if isinstance(method, str) else catalog.label(runner))
    result = run_quietly(problem, runner, label=label, progress=progress, **options)
    if result.f.ndim > 1:
        raise InputError("one run at a time is explained: give one start, and no arrays of hyper-parameters")
    plain = is_plain(result, runner)
    with np.errstate(all="ignore"):
        steps = measured(result, plain=plain)
        spans = tuple(_spans(result, runner, steps))
        options = {key: value for key, value in options.items() if value is not None}
        tried = _tried(result, runner, steps, options, progress)
    return Autopsy(result, plain, steps, spans, tried, options)


def is_plain(result: Result, method: Runnable) -> bool:
    """Whether every step is one step size times the gradient that it saw, so that α can be held against 2/λmax."""
    one = result.step_size is not None and result.step_size.ndim == 1
    return one and isinstance(method, Joined) and method.direction.name == "gradient"


def values(result: Result) -> Record:
    """What a run is judged by: the error, or f where the minimum is unknown."""
    return result.f if result.error is None else result.error


# Measuring the steps


def measured(result: Result, *, plain: bool) -> Steps:
    """The anatomy of a run's steps: of all where they are few, else of some, closer together at the start."""
    problem, n = result.problem, len(result.f) - 1
    d = problem.x0.size
    most = 400 if d <= 10 else max(40, 4000 // d)
    chosen = np.concatenate(
        [np.arange(min(n, most // 4)), np.geomspace(1, max(n, 1), most // 4), np.linspace(0, n, most // 2)]
    )
    marked = [int(n - np.argmin(values(result)[::-1])), _worst_jump(values(result))[0]]
    record = np.unique(np.concatenate([chosen.astype(int), marked, np.add(marked, 1)]))
    record = record[record < n]
    if not record.size:
        empty = np.zeros(0)
        return Steps(record, *[empty] * (len(dataclasses.fields(Steps)) - 1))
    x, y = (np.ascontiguousarray(result.x[at].T) for at in (record, record + 1))
    moved = y - x
    g, g_next = _in_pairs(problem.grad, x), _in_pairs(problem.grad, y)
    norm, length = np.sqrt(dot(g, g)), np.sqrt(dot(moved, moved))
    size = np.where(norm > 0, -np.sign(dot(moved, g)) * length / norm, math.nan)
    if plain and result.step_size is not None:
        size = result.step_size[record + 1]
    error = values(result)[record] if result.error is not None else np.full(len(record), math.nan)
    steepest, direction, along = _curvature(problem, x, moved)
    up, up_next = dot(g, direction), dot(g_next, direction)
    return Steps(
        record=record,
        size=size,
        length=length,
        steepest=steepest,
        along=along,
        line=_line_search(problem, x, moved) * size,
        polyak=np.where(norm > 0, error / (norm * norm), math.nan),
        turned=np.where(np.isfinite(up * up_next), up * up_next < 0, math.nan),
        wall=np.where(steepest > 0, up * up / (2 * steepest) / error, math.nan),
        noise=_noise(result, x, g, record),
    )


def _in_pairs(function: Callable[[Any], Any], x: Record) -> Record:
    """A function of points (d, m), which is never asked for one alone."""
    return np.asarray(function(np.repeat(x, 2, axis=1))[..., ::2] if x.shape[1] == 1 else function(x))


def _curvature(problem: Problem, x: Record, moved: Record) -> tuple[Record, Record, Record]:
    """The largest eigenvalue at each point, its eigenvector (d, m), and the curvature along the step; else NaN."""
    d, m = x.shape
    steepest, direction, along = np.full(m, math.nan), np.full((d, m), math.nan), np.full(m, math.nan)
    costly = "hessian" in problem.derived and (d > 100 or ("grad" in problem.derived and d > 20))
    if d > MOST or costly or problem.smoothness in ("C⁰", "C⁻¹"):
        return steepest, direction, along
    H = _in_pairs(problem.hessian, x)
    finite = np.flatnonzero(np.isfinite(H).all(axis=(0, 1)))
    if finite.size:
        eigenvalues, vectors = np.linalg.eigh(np.moveaxis(H[:, :, finite], -1, 0))
        steepest[finite], direction[:, finite] = eigenvalues[:, -1], vectors[:, :, -1].T
        along[finite] = np.einsum("im,ijm,jm->m", moved[:, finite], H[:, :, finite], moved[:, finite])
    return steepest, direction, along / dot(moved, moved)


def _line_search(problem: Problem, x: Record, moved: Record) -> Record:
    """By what to multiply each step so that f is least along it; NaN where no step along it lowers f noticeably."""
    factors = np.geomspace(1e-6, 1e9, 151)
    m = x.shape[1]
    start = _in_pairs(problem.f, x)
    grid = np.empty((m, len(factors)))
    for k in range(m):  # a call for each, so that a large problem fits in memory
        grid[k] = problem.f(x[:, k : k + 1] + moved[:, k : k + 1] * factors)
    grid = np.where(np.isfinite(grid), grid, math.inf)
    best = grid.argmin(axis=1)
    low, high = factors[np.maximum(best - 1, 0)], factors[np.minimum(best + 1, len(factors) - 1)]
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        left = _in_pairs(problem.f, x + moved * a) <= _in_pairs(problem.f, x + moved * b)
        low, high = np.where(left, low, a), np.where(left, b, high)
    gained = start - grid.min(axis=1) > 8 * EPS * np.abs(start)
    return np.where(gained & (best < len(factors) - 1), (low + high) / 2, math.nan)


def _noise(result: Result, x: Record, g: Record, record: Record) -> Record:
    """How far what each step saw was from the gradient: of mini-batches by asking them again, of noise as it is set."""
    noise = result.noise * math.sqrt(len(x)) * np.ones(len(record))
    if not result.problem.stochastic:
        return noise
    for i, k in enumerate(record):
        at = np.repeat(x[:, i : i + 1], 2, axis=1)
        seen = result.problem.draw(result.seed, int(result.iteration[k]) + 1, at).grad(at)[:, 0]
        noise[i] = math.hypot(noise[i], float(np.linalg.norm(seen - g[:, i])))
    return noise


# Finding the spans


def smoothed(result: Result) -> Record:
    """A run's values as running medians over a fiftieth of it, so that neither noise nor luck makes a span."""
    width = len(result.f) // 50
    return np.asarray(median_filter(values(result), size=2 * (width // 2) + 1, mode="nearest"))


def _worst_jump(value: Record) -> tuple[int, float, float]:
    """The record before the largest rise above all of the last steps: the record, their largest value, how many times.

    The last steps are a twentieth of the run, and ten at least.
    """
    if len(value) < 2:
        return 0, 0.0, 1.0
    width = max(10, len(value) // 20)
    recent = maximum_filter1d(value, size=width, origin=(width - 1) // 2, mode="nearest")[:-1]
    rise = np.where(recent > 0, value[1:] / np.where(recent > 0, recent, 1), 0.0)
    k = int(np.nanargmax(rise))
    return k, float(recent[k]), float(rise[k])


def _spans(result: Result, method: Runnable, steps: Steps) -> Iterator[Span]:
    """The parts of the run of which there is something to say."""
    value, smooth, n = values(result), smoothed(result), len(result.f) - 1
    if n < 1:
        return
    end = n
    lost = result.status == "diverged" or (value[-1] > 10 * abs(value[0]) and result.status == "budget")
    if lost:
        end = int(n - np.argmin(value[::-1]))  # the last time that it was least
        yield _span("lost", result, method, steps, end, n)
    elif result.error is not None:
        k, recent, factor = _worst_jump(value)
        if factor >= 10 and recent > _floor(result, steps):
            more = {"recent": recent, "factor": factor, "mended": float(value[k + 1 :].min() <= recent)}
            yield _span("jump", result, method, steps, k, k + 1, **more)
    stalls = _stalls(smooth[: end + 1], n, known=result.error is not None)
    for first, last in stalls:
        low = result.error is not None and smooth[first : last + 1].min() <= _floor(result, steps)
        yield _span("rounding" if low else "stalled", result, method, steps, first, last)
    halfway = n // 2
    idle = sum(max(0, last - max(first, halfway)) for first, last in stalls)
    if result.status == "budget" and not lost and 2 * idle <= n - halfway:
        pace = {}
        if result.error is not None and 0 < smooth[n] < 0.9 * smooth[halfway]:
            pace["decade"] = (n - halfway) / math.log10(smooth[halfway] / smooth[n])
        yield _span("falling", result, method, steps, halfway, n, **pace)
    if result.status == "converged" and result.error is not None and not stalls and (slow := _slowest(result)):
        yield _span("slowest", result, method, steps, *slow)


def _floor(result: Result, steps: Steps) -> float:
    """The error below which rounding of f, or of w, leaves nothing to gain."""
    f_star = abs(result.problem.f_star or 0.0)
    steepest = np.nanmax(np.abs(steps.steepest[-20:]), initial=0.0) if np.isfinite(steps.steepest[-20:]).any() else 0.0
    return float(max(8 * EPS * f_star, steepest * (EPS * np.linalg.norm(result.x[-1])) ** 2))


def _stalls(smooth: Record, n: int, *, known: bool) -> list[tuple[int, int]]:
    """The longest stretches, of a fifth of the run at least, in which the least error fell by less than a tenth.

    Where the minimum is unknown, in which f fell by less than a hundredth of all that it fell.
    """
    least = np.minimum.accumulate(smooth)
    limit = 0.9 * least if known else least - 0.01 * (least[0] - least[-1])
    places, free = np.arange(len(least)), np.ones(len(least), dtype=bool)
    reach = np.searchsorted(-least, -limit, side="right") - 1  # from each record, to where it is still above its limit
    found: list[tuple[int, int]] = []
    while True:
        length = np.where(free, reach - places, 0)
        first = int(length.argmax())
        if length[first] < max(10, 0.2 * n) or len(found) == 3:
            return sorted(found)
        found.append((first, int(reach[first])))
        free &= (places < first) | (places >= reach[first])
        reach = np.where(places < first, np.minimum(reach, first), reach)


def _slowest(result: Result) -> tuple[int, int] | None:
    """The records between which the error fell by the power of ten that cost most."""
    assert result.error is not None
    positive = result.error[result.error > 0]
    if positive.size < 2 or result.error[0] <= 0:
        return None
    powers = range(math.ceil(math.log10(result.error[0])) - 1, math.floor(math.log10(positive.min())) - 1, -1)
    places = [0, *(k for power in powers if (k := result.first_at(10.0**power)) is not None)]
    pairs = [(a, b) for a, b in itertools.pairwise(places) if b > a]
    return max(pairs, key=lambda pair: result.cost[pair[1]] - result.cost[pair[0]]) if pairs else None


def _span(kind: str, result: Result, method: Runnable, steps: Steps, first: int, last: int, **numbers: float) -> Span:
    value = values(result) if kind in ("lost", "jump", "slowest") else smoothed(result)
    own = steps.within(first, max(first, last - 1))
    said = {"before": float(value[first]), "after": float(value[last]), "least": float(value[first : last + 1].min())}
    said["cost"] = float(result.cost[last] - result.cost[first])
    if kind in ("lost", "jump"):
        causes = _overshoot(own)
    elif kind == "rounding":
        causes = []
    else:
        causes = _causes(result, method, steps, own, first, last)
        if said["after"] > 10 * abs(said["before"]):  # what it had gained was lost: by which step?
            least = first + int(np.flatnonzero(values(result)[first:last] == values(result)[first:last].min())[-1])
            causes = [*_overshoot(steps.within(least, last)), *causes]
    return Span(kind, int(result.iteration[first]), int(result.iteration[last]), said | numbers, tuple(causes))


def _middle(amounts: Any) -> float:
    """The median of those that are known, where at least half are; else NaN, of which nothing is true."""
    known = np.asarray(amounts)[np.isfinite(amounts)]
    return float(np.median(known)) if known.size and 2 * known.size >= np.size(amounts) else math.nan


def _overshoot(own: Steps) -> list[Cause]:
    """The first step of a span that leads up, against the largest stable one and the best along its direction."""
    causes = []
    if own.size.size and own.steepest[0] > 0 and own.size[0] > 0:
        limit = 2 / own.steepest[0]
        above = (own.size > 2 / own.steepest)[np.isfinite(own.size * own.steepest)]
        causes.append(
            Cause(
                "limit",
                {"now": own.size[0], "limit": limit, "times": own.size[0] / limit, "part": float(above.mean())},
            )
        )
    if own.size.size and own.size[0] < 0:
        causes.append(Cause("uphill", {"now": own.size[0]}))
    elif own.size.size and own.line[0] / own.size[0] < 0.5:
        causes.append(Cause("overshoots", {"times": own.size[0] / own.line[0]}))
    return causes


def _causes(result: Result, method: Runnable, steps: Steps, own: Steps, first: int, last: int) -> list[Cause]:
    """What the numbers of a span in which little was gained show; each is found only where its own test holds."""
    causes, value = [], values(result)[first : last + 1]
    told, f_star = values_of(method).get("f_star"), result.problem.f_star
    if told is not None and f_star is not None and abs(told - f_star) > 1e-9 * max(1.0, abs(f_star)):
        causes.append(Cause("told", {"told": told, "f_star": f_star}))
    if not own.size.size:
        return causes
    size, stable = np.abs(own.size), 1 / np.where(own.steepest > 0, own.steepest, math.nan)
    if (own.length == 0).mean() > 0.5:
        return [*causes, Cause("still", {"part": float((own.length == 0).mean())})]
    part, plain = float((own.size < 0).mean()), is_plain(result, method)
    if part >= (0.05 if plain else 0.25):  # momentum moves up the gradient now and then
        causes.append(Cause("negative" if plain else "climbs", {"part": part}))

    short, further = _middle(stable / size), _middle(own.line / own.size)
    brief = short >= 3 or (math.isnan(short) and further >= 10)
    if brief:
        began = steps.within(0, first + max(5, (last - first) // 100))
        sizes = median_filter(np.abs(began.size), size=5, mode="mirror")  # a single spike is no level to fall from
        at = int(np.argmax(np.where(np.isfinite(sizes), sizes, -1)))
        late = _middle(size[-max(len(size) // 4, 1) :])
        if sizes[at] >= 10 * late:
            step = float(result.iteration[began.record[at]] + 1)
            causes.append(Cause("shrank", {"before": float(sizes[at]), "after": late, "step": step}))
        if short >= 3:
            causes.append(Cause("short", {"now": _middle(size), "times": short, "stable": _middle(stable)}))
    walls = _middle(np.where(own.along > 0, own.steepest / own.along, math.nan))
    if walls >= 10:
        part = _middle(size * own.steepest / 2)
        causes.append(Cause("valley", {"times": walls, "part": part}))
    if further >= 3 and (brief or walls >= 10):
        causes.append(Cause("longer", {"times": further}))
    turned = own.turned[np.isfinite(own.turned)]
    if turned.size and turned.mean() >= 0.6 and _middle(own.wall) >= 0.1:
        causes.append(
            Cause(
                "walls",
                {"part": float(turned.mean()), "wall": _middle(own.wall), "times": _middle(size * own.steepest / 2)},
            )
        )
    gradient = result.gradient_norm[first : last + 1]
    if result.distance is not None and result.error is not None:
        slope = _middle(result.gradient_norm[own.record] * result.distance[own.record] / result.error[own.record])
        if slope < 0.5:  # of a convex function it is never below 1
            causes.append(Cause("flat", {"gradient": float(np.median(gradient)), "part": slope}))
    elif _middle(gradient) <= 1e-3 * result.gradient_norm.max():
        causes.append(Cause("faint", {"gradient": _middle(gradient), "most": float(result.gradient_norm.max())}))
    rising = float((np.diff(value) > 0).mean())
    left = math.nan if result.distance is None else _middle(own.length / result.distance[own.record])
    if rising >= 0.25 and (left >= 0.2 or math.isnan(left)):
        causes.append(Cause("hovers", {"part": rising, "length": _middle(own.length), "left": left}))
    noise = _middle(own.noise)
    if noise > 0 and noise >= _middle(result.gradient_norm[own.record]):
        causes.append(Cause("noise", {"noise": noise, "gradient": _middle(result.gradient_norm[own.record])}))
    return causes


# Trying what would have helped


def _tried(
    result: Result,
    method: Runnable,
    steps: Steps,
    options: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> tuple[Result, ...]:
    """A run of each candidate on the same terms, the best first."""
    made: list[Result] = []
    candidates = list(_candidates(result, method, steps))
    for k, candidate in enumerate(candidates):
        if progress is not None:
            progress(k, len(candidates))
        try:
            made.append(run_quietly(result.problem, candidate, label=catalog.label(candidate), **options))
        except InputError:  # it needs what the problem lacks
            continue
    return tuple(sorted(made, key=_rank))


def _candidates(result: Result, method: Runnable, steps: Steps) -> Iterator[Runnable]:
    """Other settings of the method, and a few other methods; each once, and never the method itself."""
    seen = {method.spec()}
    for candidate in _ideas(result, method, steps):
        if candidate.spec() not in seen:
            seen.add(candidate.spec())
            yield candidate


def _ideas(result: Result, method: Runnable, steps: Steps) -> Iterator[Runnable]:
    known = hyperparameters(method)
    if values_of(method).get("f_star") is not None and result.problem.f_star is not None:
        yield with_values(method, {"f_star": None})
    rates = []
    if "lr" in known:
        lr = float(values_of(method)["lr"])
        rates = [lr * factor for factor in (0.1, 0.3, 3, 10)]
        steepest = steps.steepest[values(result)[steps.record] <= values(result)[0]]
        if steepest.size and (most := np.nanmax(steepest, initial=0.0)) > 0:
            rates += [1 / float(most)]
        for rate in rates:
            yield with_values(method, {"lr": _round(rate)})
    if isinstance(method, Joined) and method.rule.name == "constant":
        yield with_values(
            catalog.method(f"{method.direction.name}+cosine"), {"lr": values_of(method)["lr"]} | _own(method)
        )
    if isinstance(method, Joined) and method.direction.name == "gradient":
        momentum = dataclasses.replace(method, direction=catalog.method("momentum").direction)
        yield momentum
        if rates:
            yield with_values(momentum, {"lr": _round(rates[0])})
            yield with_values(momentum, {"lr": _round(rates[-1])})
    yield catalog.method("bb")
    if result.problem.f_star is not None:
        yield catalog.method("polyak")


def _own(method: Joined) -> dict[str, Any]:
    """The hyper-parameters of the direction, as they are set."""
    return {
        key: value for key, value in values_of(method).items() if hyperparameters(method)[key][0] is method.direction
    }


def _round(rate: float) -> float:
    return float(f"{rate:.2g}")


def _rank(result: Result) -> tuple[bool, float, float]:
    """The order of runs: those that met the target by what they spent, then the others by where they ended."""
    last = float(values(result)[-1])
    if result.status == "converged":
        return False, float(result.cost[-1]), last
    return True, last if result.status == "budget" else math.inf, 0.0


def _better(one: Result, other: Result) -> bool:
    """Whether the difference is worth telling: a status better, a tenth less spent, or half the error."""
    if one.status == "converged":
        return other.status != "converged" or bool(one.cost[-1] <= 0.9 * other.cost[-1])
    if other.status == "diverged":
        return one.status == "budget" and bool(values(one)[-1] < values(other).min())
    if one.error is None:
        return bool(one.f[-1] < other.f[-1] - 1e-6 * abs(other.f[-1]))
    return bool(one.error[-1] <= 0.5 * values(other)[-1])
