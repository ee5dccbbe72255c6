"""The figures of runs."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import stepbench
from stepbench.engine.running import run_quietly
from stepbench.options import DrawingOptions
from stepbench.report import plots
from stepbench.report.claim_plots import claim_figure
from stepbench.report.curves import draw_errors, draw_step_sizes
from stepbench.report.styles import drawn_for, save
from stepbench.reproduce.claims import Across, Claim, Curves
from stepbench.reproduce.verdicts import REPRODUCED, Verdict


def test_values_of_either_sign_get_an_axis_that_shows_them():
    r = stepbench.run("saddle", "gd:lr=0.05", steps=110)
    assert r.error is None
    assert r.f[0] > 0 > r.f[-1]
    ax = Figure().subplots()
    draw_errors(ax, [r])
    assert ax.get_yscale() == "symlog"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), r.f)
    assert not any("0 in double" in text.get_text() for text in (ax.get_legend().texts if ax.get_legend() else ()))


RATES = {"gd": "gradient descent", "nesterov": "Nesterov"}


@pytest.mark.parametrize(
    ("methods", "drawn"),
    [
        (["gd:lr=0.01"], {"gd"}),
        (["nesterov:lr=0.01"], {"nesterov"}),
        (["gd:lr=0.01", "nesterov:lr=0.01", "adam"], {"gd", "nesterov"}),
        (["gd:lr=0.005", "nesterov:lr=0.002"], set()),  # other step sizes have other rates
        (["nesterov:lr=0.01,momentum=0.5"], set()),
        (["adam:lr=0.01", "momentum:lr=0.01", "rdbd:lr=0.01"], set()),
    ],
)
def test_a_rate_of_the_theory_is_drawn_only_beside_the_method_and_the_step_size_that_it_is_of(methods, drawn):
    results = [run_quietly("quadratic:kappa=100", method, budget=60) for method in methods]
    assert results[0].problem.L == 100
    ax = Figure().subplots()
    draw_errors(ax, results)
    labels = [str(line.get_label()) for line in ax.lines if "rate" in str(line.get_label())]
    assert {key for key, name in RATES.items() if any(name in label for label in labels)} == drawn
    assert len(labels) == len(drawn)


def test_a_run_is_not_above_the_rate_that_is_drawn_beside_it():
    for method, name in RATES.items():
        r = run_quietly("quadratic:kappa=100", f"{method}:lr=0.01", budget=300)
        ax = Figure().subplots()
        draw_errors(ax, [r])
        [line] = [line for line in ax.lines if name in str(line.get_label())]
        k, bound = line.get_data()
        reached = np.interp(k, r.evals, r.error)
        # Theorem 2.2.3 of Nesterov has a factor of 1 + μ/2 ‖w₀ − w*‖²/(f₀ − f*), at most 2, before the power.
        assert (reached <= 2 * bound * (1 + 1e-9)).all()


def test_step_sizes_that_are_left_out_are_counted():
    for d, told in ((20, "6 of 20 components"), (5, "")):
        r = run_quietly(f"quadratic:dim={d}", "rdbd:per=component,lr=1e-4", budget=20)
        ax = Figure().subplots()
        draw_step_sizes(ax, [r])
        assert [text.get_text() for text in ax.texts] == ([told] if told else [])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("budget", [1, 2, 3, 40])
def test_numbers_stand_at_whole_evaluations_and_iterations(budget):
    figure = plots.comparison_figure([run_quietly("quadratic", "gd", budget=budget)])
    for ax in figure.axes:
        if ax.get_xlabel() in ("iteration", "gradient evaluations"):
            ticks = ax.get_xticks()
            assert (ticks == ticks.round()).all()


@pytest.mark.slow
def test_letters_stay_letters_in_pdf_and_svg(tmp_path):
    figure = plots.comparison_figure([run_quietly("rosenbrock", "gd", budget=20)])
    save(figure, tmp_path / "a.pdf")
    save(figure, tmp_path / "a.svg")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Subtype /Type3" not in pdf
    assert b"/FontFile2" in pdf  # TrueType
    assert "gradient evaluations</text>" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def words_of(figure):
    """Every text of a figure that is drawn, with its box on the screen."""
    pen = FigureCanvasAgg(figure).get_renderer()
    found = [text for ax in figure.axes for text in ax.texts]
    found += [figure._suptitle] if figure._suptitle else []
    return [(text.get_text(), Text.get_window_extent(text, pen)) for text in found if text.get_text()]


@pytest.mark.slow
@pytest.mark.parametrize("style", ["page", "paper", "slides"])
def test_labels_stand_within_the_figure_and_do_not_overlap(style):
    methods = ["gd", "csawg:K=2", "csawg-p5:K=10", "adam:lr=0.01"]
    results = [run_quietly("rosenbrock", m, budget=600) for m in methods]
    with drawn_for(DrawingOptions(style=style)):
        figure = plots.comparison_figure(results)
        figure.draw_without_rendering()
        names = [(words, box) for words, box in words_of(figure) if words in methods]
        assert {words for words, _ in names} == set(methods)
        for _, box in names:
            assert -1 <= box.x0 < box.x1 <= figure.bbox.width + 1
        for (_, a), (_, b) in itertools.combinations(names, 2):
            assert not a.shrunk(0.95, 0.9).overlaps(b.shrunk(0.95, 0.9))


def drawn_claim(picture, results):
    """The panel of a claim's picture of these runs."""
    [ax] = claim_figure(Verdict(Claim("any", "Fig. 0", "so", picture=picture), REPRODUCED, results=(results,))).axes
    return ax


def whole(axis):
    low, high = sorted(axis.get_view_interval())
    ticks = [v for v in axis.get_majorticklocs() if low <= v <= high]
    return ticks and all(v == round(v) for v in ticks)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 40, 120, 300])
def test_numbers_of_steps_are_whole(steps):
    found = stepbench.explain("quadratic:kappa=100", "gd:lr=0.003", steps=steps)
    assert all(whole(ax.xaxis) for ax in found.figure().axes if ax.get_xscale() == "linear")
    results = {"gd": stepbench.run("quadratic", "gd", steps=steps)}
    for x in ("iteration", "evals"):
        assert whole(drawn_claim(Curves("f", x), results).xaxis)


@pytest.mark.parametrize("places", [(1, 2, 3), (2, 3, 5)])
def test_whole_hyper_parameters_and_counts_have_whole_numbers(places):
    runs = {("gd", x): stepbench.run("quadratic", "gd", steps=x) for x in places}
    picture = Across("K", "steps", lambda run: run.steps)
    ax = drawn_claim(picture, runs)
    assert whole(ax.xaxis)
    assert whole(ax.yaxis)
    found = stepbench.sweep("rosenbrock", "csawg", {"K": places, "seed": [0, 1]}, budget=20, target=1.0)
    assert all(whole(ax.xaxis) for ax in found.figure().axes)
    panel = found.map().axes[0]
    assert whole(panel.xaxis)
    assert whole(panel.yaxis)


@pytest.mark.parametrize(
    "spec", ["adam:beta1=0.91,beta2=0.9991,eps=1.5e-08+rdbd:lr=0.00123,eta=0.0123,alpha_max=1.5", "gd"]
)
def test_a_long_name_takes_no_room_from_the_curves(spec):
    label = spec if spec != "gd" else "x" * 200
    long = [run_quietly("rosenbrock", spec, budget=60, label=label), run_quietly("rosenbrock", "csawg", budget=60)]
    with drawn_for(DrawingOptions()):
        figure = plots.comparison_figure(long)
    [panel] = [ax for ax in figure.axes if ax.get_ylabel().startswith("error")]
    assert panel.get_position().width > 0.2
    assert all(len(line) <= 28 for note in panel.texts for line in note.get_text().splitlines())
