"""Autopsies against ground truth: designed runs of which it is known what happens, and why."""

import io
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import stepbench
from stepbench.autopsy import Autopsy
from stepbench.report.anatomy import advice
from tests.every_method import sampled


def kinds(autopsy):
    return [span.kind for span in autopsy.spans]


def causes(autopsy):
    return {cause.kind: cause.numbers for span in autopsy.spans for cause in span.causes}


def test_a_step_size_above_the_limit():
    found = stepbench.explain("quadratic", "gd:lr=0.0021")
    assert kinds(found) == ["lost"]
    limit = causes(found)["limit"]
    assert (limit["now"], limit["limit"], limit["part"]) == (0.0021, pytest.approx(0.002), 1)
    assert (
        "Diverged: the error was 502 at the start, and never so small again; the gradient not finite at" in found.text
    )
    assert "the step size was 0.0021, 1.05 times as long as 2/λmax = 0.002, above which" in found.text
    best = found.helped[0]
    assert best.status == "converged"
    assert {"gd", "bb", "polyak"} <= {r.label for r in found.helped}
    assert "gd:lr=0.0063" not in {r.label for r in found.helped}


def test_a_run_that_grows_but_not_to_infinity():
    found = stepbench.explain("quadratic", "gd:lr=0.0021", budget=200)
    assert found.result.status == "budget"
    assert kinds(found) == ["lost"]
    assert found.text.startswith(
        "Lost: the error was 502 at the start, and never so small again; it is 1.80e+19 at the "
    )


def test_a_tiny_step_size():
    found = stepbench.explain("quadratic", "gd:lr=1e-6")
    assert kinds(found) == ["stalled"]
    assert found.spans[0].last == found.result.steps == 10_000
    assert causes(found)["short"]["times"] == pytest.approx(1000)
    assert "The step size, 1.00e-06 in the middle, is 1,000 times below 1/λmax = 0.001." in found.text
    assert not {"limit", "walls", "hovers", "flat", "shrank", "noise"} & causes(found).keys()


def test_oscillation_between_walls():
    found = stepbench.explain("quadratic", "gd:lr=0.001999", budget=2000)
    walls = causes(found)["walls"]
    assert walls["part"] == 1
    assert walls["wall"] > 0.99
    assert walls["times"] == pytest.approx(0.9995)
    assert "It bounces between walls: the gradient along the steepest direction changes its sign at 100%" in found.text
    assert not {"short", "limit", "hovers"} & causes(found).keys()
    assert "walls" not in causes(stepbench.explain("quadratic", "gd:lr=0.0009", budget=2000))
    turned = causes(stepbench.explain("quadratic:angle=30", "gd:lr=0.001999", budget=2000))["walls"]
    assert turned["part"] == 1  # components mix, the steepest direction is still found


@pytest.mark.parametrize("method", ["exponential:lr=0.001", "step:lr=0.001"])
def test_a_step_size_that_collapses(method):
    found = stepbench.explain("rosenbrock", method)
    shrank = causes(found)["shrank"]
    assert shrank["before"] == pytest.approx(0.001, rel=0.1)
    alphas = found.result.step_size[1:]
    assert alphas[-1] <= shrank["after"] < 1e-6
    assert "The step size had fallen from " in found.text
    assert "times below 1/λmax" in found.text


@dataclass(frozen=True)
class Zigzag(stepbench.Problem):
    """A valley of kinks at every multiple of 1: neighbouring gradients disagree."""

    x0 = (0.3, 0.4)
    f_star = 0.0
    x_star = (0.0, 0.0)
    smoothness = "C⁰"

    def f(self, x):
        return np.abs(x).sum(0)

    def grad(self, x):
        return np.sign(x)


def test_dbd_whose_step_size_collapses_and_turns_negative():
    found = stepbench.explain("rosenbrock", "rdbd")
    assert "At step 2 the step size was negative, -50.59: it went up the gradient." in found.text
    assert "below 2/λmax" not in found.text
    kinked = stepbench.explain(Zigzag(), "gd:lr=0.25", budget=100)
    assert not np.isfinite(kinked.steps.steepest).any()
    assert "Its curvature was not computed: the function is too large, or has kinks." in kinked.text
    assert "It hovers" in kinked.text
    found = stepbench.explain("quadratic:kappa=100", "adaloss:a=1e8", budget=1000)
    assert causes(found)["shrank"]["before"] > 10 * causes(found)["shrank"]["after"]


def test_tlr_that_leaves_the_valley():
    found = stepbench.explain("rosenbrock", "tlr")
    assert kinds(found) == ["lost"]
    r = found.result
    k = int(r.error.argmin())
    assert found.spans[0].first == k
    limit = causes(found)["limit"]
    assert limit["now"] == r.step_size[k + 1]
    H = r.problem.hessian(r.x[k][:, None])[:, :, 0]
    assert limit["limit"] == pytest.approx(2 / np.linalg.eigvalsh(H)[-1])
    assert [x.label for x in found.helped] == ["polyak"]


def test_a_plateau():
    found = stepbench.explain("plateau", "gd", budget=2000)
    [span] = found.spans
    assert (span.kind, span.first, span.last) == ("stalled", 0, 2000)
    flat = causes(found)["flat"]
    r = found.result
    slopes = r.gradient_norm * r.distance / r.error
    assert slopes.min() <= flat["part"] <= slopes.max() < 0.5
    assert "It is flat there: the gradient, " in found.text
    assert "flat" not in causes(stepbench.explain("quadratic", "gd:lr=1e-6", budget=2000))


def test_a_flat_bottom_is_a_valley_that_is_still_being_descended():
    found = stepbench.explain("flat-bottom", "gd:lr=0.2", budget=5000)
    assert kinds(found) == ["falling"]
    valley = causes(found)["valley"]
    assert valley["times"] > 100
    assert valley["part"] == pytest.approx(0.1)
    assert "flat" not in causes(found)  # it is convex
    assert "a factor of ten in" in found.text


def test_a_wrong_minimum():
    found = stepbench.explain("quadratic", "polyak:f_star=0.5", budget=1000)
    assert kinds(found)[-1] == "stalled"
    assert causes(found)["told"] == {"told": 0.5, "f_star": 0}
    assert "It was told f* = 0.5, but the minimum is 0: it stops gaining" in found.text
    assert "polyak" in {r.label for r in found.helped}
    low = stepbench.explain("quadratic", "polyak:f_star=-5", budget=1000)
    assert "it aims below what there is" in low.text
    assert "told" not in causes(stepbench.explain("quadratic", "polyak:f_star=0", budget=200))


def test_adam_that_hovers():
    found = stepbench.explain("quadratic:kappa=10", "adam:lr=1,beta1=0", budget=500)
    assert kinds(found)[-1] == "stalled"
    hovers = causes(found)["hovers"]
    assert hovers["part"] >= 0.25
    assert hovers["left"] >= 0.2
    assert "It hovers around a minimum, since its steps are too long to come nearer: " in found.text
    assert "effective step" in found.text
    assert not found.plain
    assert "adam:beta1=0+cosine:lr=1" in {r.label for r in found.tried}


@pytest.mark.slow
def test_noise_that_is_larger_than_the_gradient():
    found = stepbench.explain("quadratic:kappa=10", "gd:lr=0.05", noise=1, budget=2000)
    noise = causes(found)["noise"]
    assert noise["noise"] == pytest.approx(np.sqrt(2))
    assert noise["gradient"] < noise["noise"]
    assert kinds(found) == ["stalled"]  # no span is made of luck
    batches = stepbench.explain("linear-regression:batch=1,noise=1", "gd:lr=0.001", budget=1000)
    assert causes(batches)["noise"]["noise"] > 0
    assert "noise" not in causes(stepbench.explain("linear-regression:noise=1", "gd:lr=0.001", budget=1000))


def test_a_run_that_converged():
    found = stepbench.explain("rosenbrock", "csawg-p5:K=10")
    assert kinds(found) == ["slowest"]
    assert found.text.startswith("Nothing went wrong.")
    assert "What took longest: 139 of 465 evaluations" in found.text
    assert found.helped == ()
    assert advice(found) == ["nothing that was tried did better"]
    there = stepbench.explain("rosenbrock", "gd", start=[1, 1])
    assert there.text == "The start meets the target: there was nothing to do."
    there.figure().savefig("there.png")


def test_rounding_is_told_from_a_stall():
    found = stepbench.explain("himmelblau", "dbd:lr=0.01,eta=1e-7", budget=500)
    assert kinds(found) == ["rounding"]
    assert "nothing left to gain" in found.text


def test_where_nothing_is_seen_nothing_is_claimed():
    found = stepbench.explain("quadratic:kappa=2", "gd:lr=0.3", budget=20)
    assert kinds(found) == ["falling"]
    assert causes(found) == {}
    assert "None of the causes that are looked for shows in its numbers." in found.text


def test_the_measures_of_the_steps():
    found = stepbench.explain("quadratic:kappa=100", "gd:lr=0.003", budget=60)
    steps, r = found.steps, found.result
    assert steps.record.tolist() == list(range(60))
    g = r.problem.grad(r.x[:60].T)
    assert np.allclose(steps.steepest, 100)
    exact = (g * g).sum(0) / (g * r.problem.grad(g)).sum(0)  # of a quadratic, gᵀg / gᵀQg
    assert np.allclose(steps.line, exact, rtol=1e-5)
    assert np.allclose(steps.polyak, r.error[:60] / (g * g).sum(0))
    assert np.allclose(steps.along, 1 / exact)
    assert (steps.size == 0.003).all()
    momentum = stepbench.explain("quadratic:kappa=100", "momentum:lr=0.003", budget=60)
    moved = np.linalg.norm(np.diff(momentum.result.x, axis=0), axis=1)
    assert np.allclose(np.abs(momentum.steps.size), moved / momentum.result.gradient_norm[:60])


def test_large_problems_and_unknown_minima():
    large = stepbench.explain("quadratic:dim=400", "gd", budget=50)
    assert not np.isfinite(large.steps.steepest).any()
    assert np.isfinite(large.steps.line).all()
    unknown = stepbench.explain("rosenbrock:a=2,dim=4", "gd", budget=1000)
    assert unknown.result.error is None
    assert "f went from about" in unknown.text
    assert "error" not in unknown.text
    unknown.figure().savefig("unknown.png")


def test_what_is_advised_was_measured(stepbench_cli):
    code, out, err = stepbench_cli(
        "explain", "quadratic:kappa=100", "-m", "gd:lr=0.05", "--budget", "500", "--start=-1,1", "--plot", "why.png"
    )
    assert (code, err) == (0, "")
    assert "drawn to why.png" in out
    assert Path("why.png").stat().st_size > 20_000
    found = stepbench.explain("quadratic:kappa=100", "gd:lr=0.05", budget=500, start=[-1, 1])
    ranks = [(r.status != "converged", r.cost[-1] if r.status == "converged" else 0) for r in found.helped]
    assert ranks == sorted(ranks)
    for line, expected in zip(advice(found), found.helped, strict=False):
        assert line in out
        code, printed, _ = stepbench_cli(*shlex.split(line)[1:])
        assert code == 0
        assert f"{expected.status}: " in printed
        assert f"{expected.evals[-1]:,} gradient" in printed
    assert "polyak was told the minimum f*; the others were not" in out


@pytest.mark.slow
def test_it_fits_and_is_drawn():
    for method in ("adam:lr=0.5", "csawg", "scipy:bfgs", "delta-bar-delta"):
        found = stepbench.explain("rosenbrock", method, budget=300, steps=200)
        assert isinstance(found, Autopsy)
        out = Console(width=80, file=io.StringIO())
        out.print(found.table())
        assert max(map(len, out.file.getvalue().splitlines())) <= 80
        assert all(r.label.split(":")[0] in out.file.getvalue() for r in found.tried)
        figure = found.figure()
        figure.savefig("anatomy.png")
        assert len(figure.axes) == 2
        assert "this run" in found._repr_html_()
        assert found.text
        order = [r.value[-1] for r in found.tried if r.status == "budget"]
        assert order == sorted(order)


def test_what_is_refused(stepbench_cli):
    for args, message in (
        (("digits-mlp", "-m", "adam"), "is a network, whose curvature is not computed: explain a function"),
        (("tracking", "-m", "gd"), "changes from step to step"),
        (("rosenbrock", "-m", "gdd"), "no method gdd"),
        (("rosenbrock", "--start", "1,x"), "--start 1,x must be numbers"),
        (("rosenbrock", "--plot", "x.gif"), "must end in .png, .svg, .pdf or .pgf"),
    ):
        code, _, err = stepbench_cli("explain", *args)
        assert code == 2
        assert message in err
        assert err.count("\n") == 1
    with pytest.raises(stepbench.InputError, match="one run at a time"):
        stepbench.explain("rosenbrock", stepbench.method("gd", lr=np.array([1e-3, 1e-4])))


@pytest.mark.parametrize(("budget", "sampled"), [(60, False), (2000, True)])
def test_steps_are_joined_by_lines_only_where_all_of_them_were_measured(budget, sampled):
    found = stepbench.explain("quadratic", "adam:lr=0.5", budget=budget)
    top = found.figure().axes[0]
    size = next(line for line in top.lines if line.get_label() == "effective step, ‖Δw‖/‖∇f‖")
    n, taken = len(found.steps.record), found.result.steps
    assert (n < taken) == sampled
    for line in top.lines:
        many = len(line.get_xdata()) > 1
        assert not (sampled and many and line.get_linestyle() != "None"), line.get_label()
    assert (size.get_linestyle() == "None") == sampled
    assert (f"{n:,} of {taken:,} steps" in top.get_ylabel()) == sampled
    np.testing.assert_array_equal(size.get_ydata(), np.abs(found.steps.size))


def test_a_rise_over_many_steps_that_comes_back():
    """On a quadratic of L = 10 the error rises at the steps whose size is above 2/L = 0.2, and at no others.

    A cosine takes the step size from far below up to 0.3, where the flat direction is what is left, and down to 0.
    """
    found = stepbench.explain("quadratic:kappa=10", "one-cycle:lr=0.3", budget=300)
    rise = next(span for span in found.spans if span.kind == "rise")
    r = found.result
    last_above = np.flatnonzero(r.step_size > 0.2)[-1]
    assert rise.numbers["at"] == last_above
    assert rise.numbers["most"] == r.error[last_above] == r.error[rise.first :].max()
    assert rise.first == rise.numbers["at"] - np.flatnonzero(r.error[last_above::-1] <= rise.numbers["level"])[0]
    assert r.error[rise.last] <= rise.numbers["level"] < r.error[rise.last - 1]
    limit = next(cause.numbers for cause in rise.causes if cause.kind == "limit")
    assert (limit["limit"], limit["now"]) == (pytest.approx(0.2), r.step_size[rise.first + 1])
    assert f"A rise: after step {rise.first} the error rose" in found.text
    assert f"at step {last_above}, " in found.text
    assert f"it was back at step {rise.last}." in found.text
    assert "Nothing went wrong" not in found.text


def test_a_rise_of_f_whose_minimum_is_unknown():
    """Of the same function without its minimum, f rises by more than a tenth of all that it falls from 5.5."""
    unknown = type(
        "Own", (stepbench.Problem,), {"x0": (1.0, 1.0), "f": lambda self, w: (w[0] ** 2 + 10 * w[1] ** 2) / 2}
    )()
    found = stepbench.explain(unknown, "one-cycle:lr=0.3", budget=300)
    [rise] = [span for span in found.spans if span.kind == "rise"]
    assert rise.numbers["most"] == found.result.f[int(rise.numbers["at"])] > 5.5
    assert "A rise: after step" in found.text


@pytest.mark.parametrize(
    ("problem", "method", "options"),
    [
        ("quadratic:kappa=100", "momentum:lr=0.01", {"budget": 600}),
        ("quadratic:kappa=10", "gd:lr=0.05", {"budget": 600, "noise": 1}),
        ("rosenbrock", "nesterov", {"budget": 600}),
        ("quadratic", "gd:lr=0.0021", {"budget": 200}),
        ("quadratic:kappa=10", "gd:lr=0.1", {"steps": 5}),
    ],
)
def test_what_swings_or_is_lost_has_no_rise(problem, method, options):
    assert "rise" not in kinds(stepbench.explain(problem, method, **options))


@pytest.mark.slow
@pytest.mark.parametrize("every", sampled([7, 2, 50], 3))
@pytest.mark.parametrize(
    ("problem", "method"),
    [
        ("quadratic", "gd:lr=0.0021"),
        ("rosenbrock", "exponential:lr=0.001"),
        ("rosenbrock", "adam:lr=0.01"),
        ("quadratic:kappa=10", "one-cycle:lr=0.3"),
        ("rosenbrock", "csawg-p5:K=10"),
    ],
)
def test_of_a_run_with_some_of_its_records_only_these_are_told(problem, method, every):
    """What is told of its steps is the same as the whole run has at those steps; a sentence says what was not seen."""
    options = {"budget": 700, "noise": 0.0}
    found, whole = (stepbench.explain(problem, method, every=k, **options) for k in (every, 1))
    r, complete = found.result, whole.result
    assert "Only one record in" not in whole.text
    assert f"Only one record in {int(np.diff(r.iteration).max())} steps was kept" in found.text
    ends = {end for span in found.spans for end in (span.first, span.last)}
    assert ends <= {*r.iteration.tolist()}
    np.testing.assert_array_equal(found.steps.step, r.iteration[found.steps.record])
    np.testing.assert_array_equal(complete.x[found.steps.step], r.x[found.steps.record])
    assert np.isnan(found.steps.line).all()
    assert np.isnan(found.steps.length).all()
    if found.plain:
        known = found.steps.step > 0
        np.testing.assert_array_equal(found.steps.size[known], complete.step_size[found.steps.step[known]])
    for numbers in causes(found).values():
        if {"step", "now"} <= numbers.keys():
            assert numbers["now"] == complete.step_size[int(numbers["step"])]
    decades = [[s.numbers["decade"] for s in one.spans if "decade" in s.numbers] for one in (found, whole)]
    assert all(a == pytest.approx(b, rel=0.3) for a, b in zip(*decades, strict=False))
    found.figure().savefig("some.png")


def test_the_command_explains_runs_of_which_some_records_are_kept(stepbench_cli):
    code, out, err = stepbench_cli("explain", "quadratic:kappa=100", "-m", "gd:lr=0.03", "--every", "10")
    assert (code, err) == (0, "")
    assert "Only one record in 10 steps was kept" in out


def test_a_run_without_records_on_its_way_is_refused():
    with pytest.raises(stepbench.InputError, match="trace=False keeps no record on the way"):
        stepbench.explain("quadratic", "gd", trace=False)
    assert stepbench.explain("quadratic", "gd", trace=True, budget=20).text


@pytest.mark.parametrize(
    ("problem", "method", "options", "said"),
    [
        ("himmelblau", "gd:lr=0.01", {"grad_target": 0.01}, "The gradient met the target, 0.01, at step "),
        ("quadratic:kappa=10", "gd:lr=0.05", {"target": 0.01}, "The error met the target, 0.01, at step "),
        ("quadratic:kappa=10", "gd:lr=0.01", {"steps": 30}, "Out of steps. In the second half of the run"),
        ("quadratic:kappa=10", "gd:lr=0.01", {"budget": 30}, "Out of budget. In the second half of the run"),
        ("quadratic", "gd:lr=1e200", {}, "No step was recorded: f not finite at step 1, step size 1e+200."),
        ("rosenbrock:dim=4,a=2", "scipy:bfgs", {}, "It stopped at step "),
    ],
)
def test_how_a_run_ended_is_told_as_it_was(problem, method, options, said):
    assert said in stepbench.explain(problem, method, **options).text


def test_the_options_of_what_is_advised_are_those_of_the_command(stepbench_cli):
    found = stepbench.explain("himmelblau", "gd:lr=0.0005", grad_target=1e-6, steps=60, every=2)
    assert found.helped
    code, out, _ = stepbench_cli(*shlex.split(advice(found)[0])[1:], "--json")
    assert code == 0
    assert f'"evaluations": {found.helped[0].evals[-1]}' in out.replace("gradient_evaluations", "evaluations")
