"""The commands whose runs are kept in a study, as their users meet them: tables, JSON, pictures, files, mistakes."""

import csv
import io
import json
import math
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle

import stepbench
from stepbench import catalog, identity
from stepbench.report.study_plots import BASINS, LOST, SLOW
from stepbench.study import Study
from stepbench.study import store as store_module
from stepbench.study.profile import profile, solved_within
from stepbench.study.sweep import sweep, window_axes
from stepbench.study.tune import tune

INF = math.inf
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF"}
RATES = "lr=0.02,0.05,0.075,0.15,0.19,0.25,0.3"
SWEEP = ("sweep", "quadratic:kappa=10", "-m", "gd", "-m", "momentum:p=0.5", "--over", RATES, "--budget", "1000")
TUNE = ("tune", "quadratic:kappa=30", "gd", "momentum", "polyak", "--trials", "6", "--cases", "3", "--budget", "200")
PROFILE = ("profile", "gd:lr=0.01", "adam:lr=0.1", "scipy:nelder-mead", "--budget", "200")
PROFILE += ("--problem", "quadratic:kappa=10", "--problem", "rosenbrock", "--problem", "mccormick")
MAP = ("map", "himmelblau", "-m", "gd:lr=0.01", "-m", "adam:lr=0.1", "--points", "7", "--budget", "120")


def strict(text):
    """JSON without NaN or Infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def row_of(out, label):
    """The cells of a table's row."""
    [line] = [line for line in out.splitlines() if line.startswith(f" {label} ")]
    return line.split()


def exported(cli, study="study.db"):
    assert cli("study", "export", study, "--csv", "rows.csv")[0] == 0
    return list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))


def finite(costs):
    return [None if cost == INF else cost for cost in costs]


@pytest.fixture
def quiet_file():
    """A problem whose declared minimum is too high, so that runs fail."""
    Path("low.py").write_text(
        "from stepbench import Problem\n\n\nclass Low(Problem):\n    x0 = (-1.0, 0.5)\n    f_star = 0.5\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )


# What each command prints.


def test_a_sweep_prints_the_best_value_its_cost_and_the_usable_range(stepbench_cli):
    code, out, err = stepbench_cli(*SWEEP, "--plot", "sweep.png")
    assert (code, err) == (0, "")
    found = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES], budget=1000)
    for line in found.sensitivities():
        cells = row_of(out, line.label)
        assert float(cells[1]) == pytest.approx(line.axis.values[line.best], rel=5e-3)
        assert cells[2] == f"{line.cost[line.best]:,.0f}"
        low, high = (line.axis.values[k] for k in line.usable)
        assert cells[3:6] == [f"{low:.3g}", "…", f"{high:.3g}"]
        assert float(cells[6]) == pytest.approx(line.decades, rel=0.06)
        assert cells[7:9] == [f"{line.reached.mean():.0%}", f"{line.diverged.mean():.0%}"]
        assert cells[9].count("✗") == (line.diverged > 0.5).sum()
    assert "study.db: 14 runs made" in out
    assert "drawn to sweep.png" in out


def test_a_range_that_ends_with_the_sweep_may_be_wider(stepbench_cli):
    args = ("sweep", "quadratic:kappa=10", "-m", "gd", "--budget", "1000")
    assert "≥" in stepbench_cli(*args, "--over", "lr=0.05,0.075,0.15")[1]
    assert "≥" not in stepbench_cli(*args, "--over", RATES)[1]


def test_the_same_sweep_again_makes_no_run_and_a_wider_one_only_what_is_missing(stepbench_cli):
    first = stepbench_cli(*SWEEP)[1]
    again = stepbench_cli(*SWEEP)[1]
    assert "study.db: 14 runs made\n" in first
    assert "study.db: 0 runs made, 14 were there" in again
    assert first.split("study.db:")[0] == again.split("study.db:")[0]
    wider = stepbench_cli(*SWEEP[:7], f"{RATES},0.01,0.4", *SWEEP[8:])[1]
    assert "study.db: 4 runs made, 14 were there" in wider


def test_a_sweep_may_start_elsewhere(stepbench_cli):
    code, out, err = stepbench_cli(*SWEEP, "--start", "1,0", "--json")
    assert (code, err) == (0, "")
    gd, _ = strict(out)
    # |1 − 10 lr| is 0.8, 1/2, 1/4, 1/2, 0.9 and above 1: see tests/test_sweeps.py; 15.425/(2 ln 1/0.9) = 73.2
    assert gd["evaluations_to_target"] == [35, 12, 6, 12, 74, None, None]
    assert gd["diverged"] == [0, 0, 0, 0, 0, 1, 1]


def test_a_sweep_as_json_is_what_the_api_says(stepbench_cli):
    code, out, err = stepbench_cli(*SWEEP, "--json")
    assert (code, err) == (0, "")
    lines = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES], budget=1000).sensitivities()
    told = strict(out)
    assert [line["label"] for line in told] == ["gd", "momentum:p=0.5"]
    for line, own in zip(told, lines, strict=True):
        assert line["axis"] == "lr"
        assert line["values"] == list(own.axis.values)
        assert line["evaluations_to_target"] == finite(own.cost.tolist())
        assert line["diverged"] == own.diverged.tolist()
        assert line["best"] == own.axis.values[own.best]
        assert line["usable_range"] == [own.axis.values[k] for k in own.usable]
        assert line["decades"] == own.decades


def test_a_sweep_as_json_tells_f_where_there_is_no_cost(stepbench_cli):
    code, out, _ = stepbench_cli("sweep", "mccormick", "-m", "gd", "--over", "lr=0.01,0.1", "--budget", "40", "--json")
    assert code == 0
    [line] = strict(out)
    [own] = sweep("mccormick", "gd", ["lr=0.01,0.1"], budget=40).sensitivities()
    assert line["evaluations_to_target"] == [None, None]
    assert any(value == own.left.tolist() for value in line.values())


def test_a_problem_without_a_known_minimum_is_swept_by_f(stepbench_cli):
    code, out, err = stepbench_cli("sweep", "mccormick", "-m", "gd", "--over", "lr=0.01,0.1", "--budget", "40")
    assert (code, err) == (0, "")
    assert "f at the end" in out
    least = min(stepbench.run("mccormick", f"gd:lr={lr}", budget=40).f[-1] for lr in (0.01, 0.1))
    assert float(row_of(out, "gd")[2]) == pytest.approx(least, rel=1e-3)
    assert "does not know its minimum" in out


def test_a_map_prints_how_much_of_it_reaches_the_target(stepbench_cli):
    code, out, err = stepbench_cli(*MAP, "--plot", "basins.png")
    assert (code, err) == (0, "")
    problem = catalog.problem("himmelblau")
    found = sweep(problem, ["gd:lr=0.01", "adam:lr=0.1"], window_axes(problem, 7), budget=120)
    for m, label in enumerate(found.labels):
        cells = row_of(out, label)
        lost = (found.ends.status[m] == "diverged").mean()
        parts = (found.reached[m].mean(), 1 - found.reached[m].mean() - lost, lost)
        assert cells[1:4] == [f"{part:.1%}" for part in parts]
        assert cells[4] == f"{found.cost[m].min():,.0f}"
        at = np.unravel_index(found.cost[m].argmin(), (7, 7))
        place = [axis.values[i] for axis, i in zip(found.axes, at, strict=True)]
        assert [float(cell) for cell in cells[5:7]] == pytest.approx(place, rel=5e-3)
    assert "study.db: 98 runs made" in out
    assert "drawn to basins.png" in out


def test_a_map_of_which_nothing_reaches_the_target_names_no_cheapest_place(stepbench_cli):
    args = ("--over", "lr=1e-9:1e-8:3:log", "--over", "problem.kappa=10,20", "--budget", "10")
    code, out, _ = stepbench_cli("map", "quadratic", "-m", "gd", *args)
    assert code == 0
    assert row_of(out, "gd") == ["gd", "0.0%", "100.0%", "0.0%", "–", "–", "–"]


def test_failed_runs_of_a_map_are_told_and_did_not_reach_the_target(stepbench_cli, quiet_file):
    code, out, _ = stepbench_cli("map", "./low.py", "-m", "gd:lr=0.4", "--over", "w1=1:2:3", "--over", "w2=1:2:3")
    assert code == 0
    assert row_of(out, "gd:lr=0.4")[1] == "0.0%"
    assert "9 runs failed" in out


def test_a_tuning_prints_the_setting_its_cost_and_what_the_tuning_cost(stepbench_cli):
    code, out, err = stepbench_cli(*TUNE, "--plot", "tuned.png", "--target", "1e-3")
    assert (code, err) == (0, "")
    methods = ["gd", "momentum", "polyak"]
    found = tune("quadratic:kappa=30", methods, trials=6, cases=3, budget=200, target=1e-3)
    order = [out.index(f"\n {tuned.label} ") for tuned in found.ranked]
    assert order == sorted(order)
    for tuned in found.methods:
        row = " ".join(row_of(out, tuned.label))
        for key, value in tuned.setting.items():
            assert f"{key}={value:.3g}" in row
        cost = f"{tuned.median:,.0f}" if tuned.median < INF else "–"
        charged = f"{tuned.charged:,.0f}" if tuned.charged < INF else f"> {tuned.spent + 200:,}"
        assert f" {cost} " in row
        assert row.endswith(f"{np.isfinite(tuned.cost).sum()} of 3 {tuned.trials} {charged}")
    assert "as it is" in out  # polyak has nothing to tune
    assert "medians over 3 fresh starts, not those tuned on" in out
    assert "polyak was told the minimum f*" in out
    assert f"study.db: {2 * 6 * 3 + 3 + 3 * 3} runs made" in out
    assert "drawn to tuned.png" in out


def test_a_tuning_as_json_is_what_the_api_says(stepbench_cli):
    code, out, err = stepbench_cli(*TUNE, "--json", "--target", "1e-3")
    assert (code, err) == (0, "")
    found = tune("quadratic:kappa=30", ["gd", "momentum", "polyak"], trials=6, cases=3, budget=200, target=1e-3)
    for told, tuned in zip(strict(out), found.ranked, strict=True):
        assert told["label"] == tuned.label
        assert stepbench.method(told["method"]).spec() == tuned.method.spec()
        assert told["setting"] == tuned.setting
        assert told["evaluations_to_target"] == finite(tuned.cost.tolist())
        assert (told["median"], told["with_tuning_charged"]) == tuple(finite([tuned.median, tuned.charged]))
        assert (told["trials"], told["tuning_evaluations"]) == (tuned.trials, tuned.spent)
        assert told["ranges"] == {key: str(span) for key, span in tuned.ranges.items()}


def test_a_profile_prints_areas_the_solved_and_every_pair(stepbench_cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = stepbench_cli(*PROFILE, "--plot", "profile.png")
    assert (code, err) == (0, "")
    problems = ["quadratic:kappa=10", "rosenbrock", "mccormick"]
    found = profile(["gd:lr=0.01", "adam:lr=0.1", "scipy:nelder-mead"], problems, budget=200)
    ranking, pairs = out.split("pairs at tolerance")
    for m, label in enumerate(found.labels):
        cells = row_of(ranking, label)
        assert cells[1] == f"{found.areas[:, m].mean():.3f}"
        expected = []
        for areas, costs in zip(found.areas, found.costs, strict=True):
            expected += [f"{areas[m]:.3f}", str(np.isfinite(costs[:, m]).sum())]
        assert cells[2:8] == expected
    order = [ranking.index(f"\n {found.labels[m]} ") for m in found.ranking]
    assert order == sorted(order)
    for pair in found.pairs():
        row = [line.split() for line in pairs.splitlines() if line.split()[:2] == [pair.first, pair.second]]
        assert row == [[pair.first, pair.second, *map(str, (pair.wins, pair.losses, pair.ties)), f"{pair.p:.2g}"]]
    words = " ".join(out.split())
    assert "the minimum is the least f that any method found on gallery/mccormick" in words
    assert "scipy:nelder-mead asks for no gradients: d + 1 evaluations of f count as one of them" in words
    for m, label in enumerate(found.labels):
        if found.unsolved(m):
            names = ", ".join(name.removeprefix("gallery/") for name in found.unsolved(m))
            assert f"{label} does not solve {len(found.unsolved(m))} at 1e-05: {names}" in words


def test_a_profile_as_json_is_what_the_api_says(stepbench_cli):
    code, out, err = stepbench_cli(*PROFILE, "--json", "--tolerance", "1e-3,0.1")
    assert (code, err) == (0, "")
    problems = ["quadratic:kappa=10", "rosenbrock", "mccormick"]
    methods = ["gd:lr=0.01", "adam:lr=0.1", "scipy:nelder-mead"]
    found = profile(methods, problems, budget=200, tolerances=[0.1, 1e-3])
    told = strict(out)
    assert told["problems"] == list(found.problems)
    assert told["tolerances"] == [0.1, 1e-3]
    assert told["ranking"] == [found.labels[m] for m in found.ranking]
    for m, label in enumerate(methods):
        assert told["methods"][m]["label"] == label
        assert told["methods"][m]["areas"] == found.areas[:, m].tolist()
        assert told["methods"][m]["costs"] == [finite(costs[:, m].tolist()) for costs in found.costs]
    assert [pair["p"] for pair in told["pairs"]] == [pair.p for pair in found.pairs()]


def test_a_profile_is_of_a_suite_and_of_problems_besides(stepbench_cli):
    args = ("profile", "gd", "adam", "--budget", "3", "--json")
    assert len(strict(stepbench_cli(*args)[1])["problems"]) == 35
    more = strict(stepbench_cli(*args, "--suite", "gallery", "--problem", "quadratic")[1])["problems"]
    assert more == [*catalog.suite("gallery"), "quadratic"]


def test_a_profile_tells_which_runs_failed(stepbench_cli, quiet_file):
    code, out, _ = stepbench_cli("profile", "gd:lr=0.4", "adam:lr=0.1", "--problem", "./low.py", "--budget", "100")
    assert code == 0
    assert "failed" in out


def test_two_methods_of_one_name_are_both_told_as_json(stepbench_cli):
    code, out, _ = stepbench_cli("profile", "gd", "gd", "--problem", "quadratic", "--budget", "9", "--json")
    assert code == 0
    assert len(strict(out)["methods"]) == 2


def test_evaluations_of_f_are_told_from_those_of_gradients(stepbench_cli):
    args = ("sweep", "quadratic", "-m", "gd", "-m", "scipy:nelder-mead", "--over", "w1=-1,1")
    code, out, _ = stepbench_cli(*args, "--budget", "400")
    assert code == 0
    assert "evaluations of f" in out


# Pictures.


@pytest.mark.parametrize(
    ("args", "ending"), [(SWEEP, "png"), (SWEEP, "pdf"), (TUNE, "SVG"), (PROFILE, "pdf"), (MAP, "svg"), (MAP, "pdf")]
)
def test_the_picture_is_of_the_kind_that_its_name_says(stepbench_cli, args, ending):
    assert stepbench_cli(*args, "--plot", f"picture.{ending}")[0] == 0
    assert Path(f"picture.{ending}").read_bytes().startswith(MAGIC[ending.lower()])


def test_with_json_a_picture_is_drawn_and_nothing_else_printed(stepbench_cli):
    for args in (SWEEP, TUNE):
        code, out, _ = stepbench_cli(*args, "--json", "--plot", f"{args[0]}.svg")
        assert code == 0
        strict(out)
        assert "<svg" in Path(f"{args[0]}.svg").read_text()


def test_a_map_is_drawn_without_being_asked(stepbench_cli):
    assert stepbench_cli(*MAP)[0] == 0
    assert Path("map.png").read_bytes().startswith(MAGIC["png"])


def spans(ax):
    """The intervals that are shaded from top to bottom."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert {to_hex(patch.get_facecolor()).upper() for patch in found} <= {LOST}
    return sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in found if patch.get_alpha() > 0)


def lines_of(ax, labels):
    return {line.get_label(): line for line in ax.lines if line.get_label() in labels}


@pytest.mark.parametrize("rates", [RATES, "lr=0.3,0.05,0.15,0.02,0.25"])
def test_the_figure_of_a_sweep_draws_the_cost_and_shades_what_diverged(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates], budget=1000)
    top, strips = found.figure().axes
    [line] = found.sensitivities()
    drawn = lines_of(top, ["gd"])["gd"]
    there = {x: y for x, y in zip(*drawn.get_data(), strict=True) if np.isfinite(y)}
    assert there == {x: y for x, y in zip(line.axis.values, line.cost, strict=True) if np.isfinite(y)}
    assert len(there) == np.isfinite(line.cost).sum() > 2
    shaded = spans(top)
    for value, lost in zip(line.axis.values, line.diverged, strict=True):
        assert any(left < value < right for left, right in shaded) == bool(lost), value
    calm = max(value for value, lost in zip(line.axis.values, line.diverged, strict=True) if not lost)
    first = min(value for value, lost in zip(line.axis.values, line.diverged, strict=True) if lost)
    assert calm < shaded[0][0] < first
    assert [label.get_text() for label in strips.get_yticklabels()] == ["gd"]


def test_the_figure_of_a_sweep_has_a_line_a_method_and_the_budget():
    labels = ["gd", "momentum:p=0.5", "nesterov"]
    found = sweep("quadratic:kappa=10", labels, [RATES], budget=1000)
    top, strips = found.figure().axes
    assert sorted(lines_of(top, labels)) == sorted(labels)
    assert len({(line.get_color(), line.get_linestyle()) for line in lines_of(top, labels).values()}) == 3
    assert [text.get_text() for text in top.get_legend().get_texts()] == labels
    [limit] = [line for line in top.lines if line.get_label() not in labels]
    assert set(limit.get_ydata()) == {1000}
    assert "budget" in [text.get_text() for text in top.texts]
    assert top.get_yscale() == "log"
    assert "1e-06" in top.get_ylabel()
    assert strips.get_xlabel() == "lr"
    for line, drawn in zip(found.sensitivities(), labels, strict=True):
        y = lines_of(top, labels)[drawn].get_ydata()
        assert y[np.isfinite(y)].tolist() == line.cost[np.isfinite(line.cost)].tolist()


@pytest.mark.parametrize("rates", ["lr=0.02,0.05,0.075,0.15,0.19,9", "lr=9,0.15,0.02,0.19,0.075,0.05"])
def test_the_strip_below_tells_usable_reached_and_diverged_values_apart(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates], budget=150)
    _, strips = found.figure().axes
    [line] = found.sensitivities()
    kinds = np.select([line.diverged > 0, line.cost == INF, line.cost > 2 * line.cost.min()], [3, 2, 1])
    assert {*kinds.tolist()} == {0, 1, 2, 3}
    seen = {}
    for cell in strips.collections:
        box = cell.get_paths()[0].get_extents()
        seen[box.x0, box.x1] = to_hex(cell.get_facecolor()[0]).upper(), float(cell.get_facecolor()[0, 3])
    for value, cost, lost in zip(line.axis.values, line.cost, line.diverged, strict=True):
        [(colour, alpha)] = [look for (left, right), look in seen.items() if left < value < right]
        if lost:
            assert colour == LOST
        elif cost == INF:
            assert colour == SLOW
        else:
            assert colour not in (LOST, SLOW)
            assert (alpha == 1) == (cost <= 2 * line.cost.min())
    assert any(f"{line.decades:.2g} decades" in text.get_text() for text in strips.texts)


def test_the_figure_of_seeds_shades_from_the_least_to_the_most():
    found = sweep("quadratic:kappa=10", "gd", ["lr=0.02,0.05,0.1", "seed=0:5"], budget=300, noise=0.5, target=0.05)
    top = found.figure().axes[0]
    [line] = found.sensitivities()
    [band] = top.collections
    box = band.get_paths()[0].get_extents()
    assert (box.y0, box.y1) == (line.least.min(), line.most.max())


def test_the_figure_without_a_known_minimum_shows_f_and_no_budget():
    found = sweep("mccormick", ["gd", "adam"], ["lr=0.01,0.1,0.3"], budget=40)
    top = found.figure().axes[0]
    for line in found.sensitivities():
        assert lines_of(top, found.labels)[line.label].get_ydata().tolist() == line.left.tolist()
    assert len(top.lines) == 2
    assert top.get_ylabel() == "f at the end"


def shown(ax):
    """The colours of a map, by [second axis, first axis], with the edges of its cells."""
    [mesh] = [collection for collection in ax.collections if isinstance(collection, QuadMesh)]
    corners = mesh.get_coordinates()
    ny, nx = corners.shape[0] - 1, corners.shape[1] - 1
    return np.reshape(mesh.get_array(), (ny, nx, 4)), corners[0, :, 0], corners[:, 0, 1]


def colour_at(look, x, y):
    colours, xs, ys = look
    j, i = np.searchsorted(xs, x) - 1, np.searchsorted(ys, y) - 1
    return colours[i, j]


def of_scale(colour, name):
    """Whether a colour is one of a colour map's."""
    return bool((np.abs(colormaps[name](np.arange(256)) - colour).max(axis=1) < 1e-9).any())


def test_a_map_of_starts_colours_every_basin_in_its_own_scale():
    problem = catalog.problem("himmelblau")
    found = sweep(problem, ["gd:lr=0.01", "gd:lr=0.02"], window_axes(problem, 9), budget=150)
    figure = found.map()
    panels = [ax for ax in figure.axes if ax.get_title() in found.labels]
    assert [ax.get_title() for ax in panels] == list(found.labels)
    used = {}
    for m, ax in enumerate(panels):
        look = shown(ax)
        for i, j in np.ndindex(9, 9):
            colour = colour_at(look, found.axes[0].values[i], found.axes[1].values[j])
            if not found.reached[m, i, j]:
                diverged = found.ends.status[m, i, j] == "diverged"
                assert np.array_equal(colour, to_rgba(LOST if diverged else SLOW))
                continue
            [scale] = [name for name in BASINS[:4] if of_scale(colour, name)]
            star = np.abs(problem.x_star - found.ends.point[m, i, j][:, None]).sum(axis=0).argmin()
            used.setdefault(int(star), set()).add(scale)
    assert len(used) == 4  # Himmelblau's function has four minima
    assert all(len(scales) == 1 for scales in used.values())  # in every panel the same
    assert len(set.union(*used.values())) == 4
    assert not found.reached.all()


@pytest.mark.parametrize("rates", ["lr=0.02,0.05,0.15,0.25,0.3", "lr=0.25,0.02,0.3,0.15,0.05"])
def test_a_map_of_parameters_shows_cost_slowness_and_divergence_where_they_are(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates, "problem.kappa=10,5,100"], budget=500)
    ax = found.map().axes[0]
    look = shown(ax)
    kinds = set()
    for i, j in np.ndindex(5, 3):
        colour = colour_at(look, found.axes[0].values[i], found.axes[1].values[j])
        kind = str(found.ends.status[0, i, j])
        kinds.add(kind)
        expected = {"diverged": to_rgba(LOST), "budget": to_rgba(SLOW)}.get(kind)
        if expected is None:
            assert of_scale(colour, "viridis_r")
        else:
            assert np.array_equal(colour, expected), (i, j, kind)
    assert {"converged", "diverged"} <= kinds
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lr", "problem.kappa")
    assert ax.get_yscale() == "log"


def test_a_map_is_darker_where_the_target_costs_more():
    found = sweep("quadratic:kappa=10", "gd", ["lr=0.01:0.09:9", "w1=1,2"], budget=2_000)
    look = shown(found.map().axes[0])
    light = [colour_at(look, lr, 1.0)[:3].sum() for lr in found.axes[0].values]
    assert light == sorted(light)
    assert found.cost[0, :, 0].tolist() == sorted(found.cost[0, :, 0], reverse=True)


def test_the_figure_of_a_tuning_shows_every_case_the_median_and_its_interval():
    found = tune("quadratic:kappa=30", ["gd", "scipy:bfgs", "adam"], trials=6, cases=5, budget=150, target=1e-4)
    [ax] = found.figure().axes
    assert [label.get_text() for label in ax.get_yticklabels()] == [tuned.label for tuned in found.ranked]
    for k, tuned in enumerate(found.ranked):
        own = [line for line in ax.lines if len(line.get_ydata()) and np.all(np.asarray(line.get_ydata()) == k)]
        by_marker = {line.get_marker(): np.asarray(line.get_xdata()).tolist() for line in own}
        reached = tuned.cost[np.isfinite(tuned.cost)].tolist()
        assert sorted(by_marker.get("o", [])) == sorted(reached)
        assert by_marker.get(">", []) == [150] * (5 - len(reached))
        assert by_marker.get("|", []) == [tuned.median] * (tuned.median < INF)
        assert by_marker["None"] == list(tuned.interval)
    assert not all(np.isfinite(tuned.cost).all() for tuned in found.methods)


def test_the_figure_of_a_profile_draws_the_step_functions():
    methods = ["gd:lr=0.01", "adam:lr=0.1", "scipy:bfgs"]
    found = profile(methods, "gallery", budget=60, tolerances=[0.1, 1e-3])
    panels = found.figure().axes
    assert len(panels) == 4
    for t, tolerance in enumerate(found.tolerances):
        for ax, amounts in ((panels[2 * t], found.ratios[t]), (panels[2 * t + 1], found.costs[t])):
            drawn = lines_of(ax, methods)
            assert sorted(drawn) == sorted(methods)
            for m, label in enumerate(methods):
                x, y = (np.asarray(data) for data in drawn[label].get_data())
                assert drawn[label].get_drawstyle() == "steps-post"
                np.testing.assert_allclose(y, solved_within(amounts, x)[:, m])
                assert (np.diff(y) >= 0).all()
                assert (x[0], y[0]) == (1.0, (amounts[:, m] <= 1).mean())
        assert f"{tolerance:g}" in panels[2 * t].get_ylabel()


# Every terminal.

LONG = "adam:beta1=0.05,beta2=0.99+rdbd:eta=5e-7"
WIDE = [
    SWEEP,
    ("sweep", "quadratic", "-m", LONG, "-m", "nadam+hypergradient-mul", "--over", "lr=1e-5:1:9:log", "--budget", "50"),
    ("sweep", "quadratic", "-m", LONG, "--over", "lr=1e-5,1", "--over", "problem.kappa=10,100", "--budget", "50"),
    ("sweep", "mccormick", "-m", LONG, "-m", "gd", "--over", "lr=1e-5:1:9:log", "--budget", "50"),
    ("map", "quadratic", "-m", LONG, "--over", "lr=1e-5,1", "--over", "problem.kappa=10,100", "--budget", "50"),
    TUNE,
    ("tune", "quadratic", LONG, "csawg", "momentum+step", "--trials", "3", "--cases", "2", "--budget", "50"),
    PROFILE,
    ("profile", LONG, "gd", "csawg", "--problem", "quadratic", "--problem", "rosenbrock", "--budget", "50"),
]


@pytest.mark.parametrize("args", WIDE, ids=lambda args: "-".join(args[:2]))
def test_a_table_fits_the_terminal_and_nothing_in_it_is_cut_off(stepbench_cli, monkeypatch, args):
    monkeypatch.setenv("COLUMNS", "300")
    whole = stepbench_cli(*args)[1].split()
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = stepbench_cli(*args)
        assert code == 0
        assert max(map(len, out.splitlines())) <= width
        headings = out.split("───")[0].splitlines()[-2].split()
        assert [word for word in headings if word not in whole] == []


@pytest.mark.parametrize("width", [80, 120])
def test_what_a_study_holds_fits_the_terminal_and_nothing_in_it_is_cut_off(stepbench_cli, monkeypatch, width):
    Path("my_valley.py").write_text(
        "from stepbench import Problem\n\n\nclass Valley(Problem):\n    x0 = (-1.0, 0.5)\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )
    args = ("-m", "nadam+hypergradient-mul", "--over", "lr=1e-5:1:9:log", "--budget", "50")
    for problem in ("quadratic", "./my_valley.py", "mgh/powell-singular"):
        assert stepbench_cli("sweep", problem, *args, "--budget", f"{len(problem)}")[0] == 0
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = stepbench_cli("study", "show")
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    for word in ("runs", "converged", "budget", "diverged", "failed"):
        assert re.search(rf"\b{word}\b", out), word


# The study's file.


def test_a_study_is_shown_by_method_budget_and_how_runs_ended(stepbench_cli):
    stepbench_cli(*SWEEP)
    stepbench_cli("sweep", "rosenbrock", "-m", "gd", "--over", "lr=1e-4,1e-3,1e-2", "--budget", "50")
    code, out, err = stepbench_cli("study", "show")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines() if line.startswith((" gd", " momentum"))]
    here = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES], budget=1000)
    there = sweep("rosenbrock", "gd", ["lr=1e-4,1e-3,1e-2"], budget=50)
    expected = {
        (name, problem, budget): [str((status == word).sum()) for word in ("converged", "budget", "diverged", "failed")]
        for name, problem, budget, status in (
            ("gd", "quadratic", "1,000", here.ends.status[0]),
            ("momentum", "quadratic", "1,000", here.ends.status[1]),
            ("gd", "rosenbrock", "50", there.ends.status[0]),
        )
    }
    assert {tuple(row[:3]): row[4:8] for row in rows} == expected
    assert {row[3] for row in rows} == {"7", "3"}
    assert {row[8] for row in rows} == {identity.version()}


def test_the_solvers_of_scipy_are_told_apart(stepbench_cli):
    args = ("sweep", "quadratic", "-m", "scipy:bfgs", "-m", "scipy:nelder-mead", "--over", "w1=0,1", "--budget", "90")
    stepbench_cli(*args)
    out = stepbench_cli("study", "show")[1]
    assert "bfgs" in out
    assert "nelder-mead" in out


def test_show_with_a_status_lists_each_run_that_ended_so_and_why(stepbench_cli):
    stepbench_cli(*SWEEP)
    code, out, err = stepbench_cli("study", "show", "--status", "diverged")
    assert (code, err) == (0, "")
    diverged = [row for row in exported(stepbench_cli) if row["status"] == "diverged"]
    assert len(out.splitlines()) == len(diverged) >= 2
    for line in out.splitlines():
        assert line.startswith("quadratic · ")
        assert re.search(r"lr=0.(25|3) .*seed=0: (f|the gradient|w) not finite at step \d+, step size 0.(25|3)$", line)
    assert stepbench_cli("study", "show", "--status", "failed") == (0, "", "")


def test_show_tells_why_runs_failed(stepbench_cli, quiet_file):
    args = ("sweep", "./low.py", "-m", "gd", "--over", "lr=0.1,0.4", "--budget", "60")
    assert "2 runs failed" in stepbench_cli(*args)[1]
    code, out, _ = stepbench_cli("study", "show", "--status", "failed")
    assert code == 0
    assert out.count("f is below the minimum f* = 0.5") == 2


def test_runs_that_differ_in_their_start_are_told_apart_when_shown(stepbench_cli):
    stepbench_cli("sweep", "quadratic", "-m", "gd:lr=9", "--over", "w1=0.25,0.75", "--budget", "900")
    lines = stepbench_cli("study", "show", "--status", "diverged")[1].splitlines()
    assert len(lines) == 2
    assert "0.25" in lines[0] + lines[1]
    assert "0.75" in lines[0] + lines[1]


def test_an_export_has_a_row_a_run_with_its_numbers(stepbench_cli):
    stepbench_cli(*SWEEP, "--over", "w2=1,2", "--seed", "3")
    found = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES, "w2=1,2"], budget=1000)
    rows = exported(stepbench_cli)
    assert len(rows) == found.ends.f.size == 28
    assert len({row["key"] for row in rows}) == 28
    for row in rows:
        m = 0 if row["method"] == "gd" else 1
        i = found.axes[0].values.index(float(row["method.lr"]))
        x0 = catalog.problem("quadratic").x0.tolist()
        start = [float(w) for w in row["start"].split()] if row["start"] else x0
        at = m, i, found.axes[1].values.index(start[1])
        assert start[0] == x0[0]
        assert row["status"] == found.ends.status[at]
        assert float(row["f"]) == found.ends.f[at]
        assert float(row["error"]) == found.ends.error[at]
        assert int(row["gradient_evaluations"]) == found.ends.evals[at]
        assert [float(w) for w in row["w"].split()] == found.ends.point[at].tolist()
        assert (row["problem"], float(row["problem.kappa"]), row["seed"]) == ("quadratic", 10.0, "3")
        assert (row["budget"], float(row["target"])) == ("1000", 1e-6)
        assert row.get("method.p") == ("" if m == 0 else "0.5")


def test_parquet_and_csv_are_the_same_table(stepbench_cli):
    parquet = pytest.importorskip("pyarrow.parquet")
    stepbench_cli(*SWEEP)
    stepbench_cli(*PROFILE)
    code, out, _ = stepbench_cli("study", "export", "study.db", "--csv", "a.csv", "--parquet", "a.parquet")
    assert code == 0
    assert "23 runs written to a.csv" in out
    assert "23 runs written to a.parquet" in out
    rows = list(csv.DictReader(io.StringIO(Path("a.csv").read_text())))
    table = parquet.read_table("a.parquet").to_pylist()
    assert len(rows) == len(table) == 23
    for row, record in zip(rows, table, strict=True):
        assert list(row) == list(record)
        for key, text in row.items():
            value = record[key]
            if isinstance(value, list):
                value = " ".join(map(repr, value))
            assert text == ("" if value is None else str(value)), key


def test_an_export_does_not_depend_on_the_order_in_which_runs_were_made(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "a.db")
    for part in ("lr=0.3,0.02", "lr=0.19,0.05,0.25", RATES):
        stepbench_cli(*SWEEP[:7], part, *SWEEP[8:], "--study", "b.db")
    assert exported(stepbench_cli, "a.db") == exported(stepbench_cli, "b.db")


def test_traces_are_written_as_results(stepbench_cli):
    args = ("sweep", "quadratic", "-m", "momentum", "--over", "lr=1e-4,1e-3", "--budget", "40", "--traces")
    assert stepbench_cli(*args)[0] == 0
    code, out, _ = stepbench_cli("study", "export", "study.db", "--csv", "rows.csv", "--traces", "kept")
    assert code == 0
    assert "2 traces written to kept" in out
    rows = list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))
    assert sorted(path.name for path in Path("kept").iterdir()) == sorted(f"{row['key']}.npz" for row in rows)
    for row in rows:
        kept = stepbench.load(f"kept/{row['key']}.npz")
        alone = stepbench.run("quadratic", f"momentum:lr={row['method.lr']}", budget=40, target=1e-6)
        assert np.array_equal(kept.x, alone.x)
        assert kept.f[-1] == alone.f[-1] == float(row["f"])


def test_merged_halves_are_the_whole(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "whole.db")
    stepbench_cli(*SWEEP[:7], "lr=0.02,0.05,0.075,0.15", *SWEEP[8:], "--study", "a.db")
    stepbench_cli(*SWEEP[:7], "lr=0.15,0.19,0.25,0.3", *SWEEP[8:], "--study", "b.db")
    code, out, err = stepbench_cli("study", "merge", "new.db", "a.db", "b.db")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["a.db: 8 runs taken over into new.db", "b.db: 6 runs taken over into new.db"]
    assert exported(stepbench_cli, "new.db") == exported(stepbench_cli, "whole.db")
    assert "study.db" not in stepbench_cli("study", "merge", "a.db", "b.db")[1]
    assert exported(stepbench_cli, "a.db") == exported(stepbench_cli, "whole.db")
    assert len(exported(stepbench_cli, "b.db")) == 8  # what is taken over stays where it is
    assert "0 runs made, 14 were there" in stepbench_cli(*SWEEP, "--study", "new.db")[1]


def test_runs_that_are_here_with_other_numbers_are_left_and_told(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "a.db")
    stepbench_cli(*SWEEP, "--study", "b.db")
    with sqlite3.connect("b.db") as db:
        db.execute("UPDATE runs SET f = 1.0 WHERE status = 'diverged'")
    db.close()
    before = exported(stepbench_cli, "a.db")
    diverged = sum(row["status"] == "diverged" for row in before)
    out = stepbench_cli("study", "merge", "a.db", "b.db")[1]
    assert "b.db: 0 runs taken over into a.db" in out
    assert f"{diverged} runs are here with other numbers, and were left" in out
    assert exported(stepbench_cli, "a.db") == before


@pytest.mark.parametrize(
    ("chosen", "true_of"),
    [
        (("--method", "gd"), lambda row: row["method"] == "gd"),
        (("--problem", "rosenbrock"), lambda row: row["problem"] == "rosenbrock"),
        (("--status", "diverged"), lambda row: row["status"] == "diverged"),
        (
            ("--problem", "quadratic", "--method", "momentum", "--status", "converged"),
            lambda row: (row["problem"], row["method"], row["status"]) == ("quadratic", "momentum", "converged"),
        ),
        (("--status", "failed"), lambda row: False),
        (("--stale",), lambda row: False),
    ],
)
def test_only_what_is_asked_for_is_removed(stepbench_cli, chosen, true_of):
    stepbench_cli(*SWEEP)
    stepbench_cli("sweep", "rosenbrock", "-m", "gd", "-m", "momentum", "--over", "lr=1e-4,1e-2", "--budget", "60")
    before = exported(stepbench_cli)
    code, out, err = stepbench_cli("study", "remove", "study.db", *chosen)
    assert (code, err) == (0, "")
    gone = [row for row in before if true_of(row)]
    assert out.strip() == f"{len(gone)} runs removed from study.db"
    left = {row["key"] for row in before} - {row["key"] for row in gone}
    assert {row["key"] for row in exported(stepbench_cli)} == left
    assert len(gone) > 0 or chosen in (("--status", "failed"), ("--stale",))


def test_what_was_removed_is_made_again(stepbench_cli):
    stepbench_cli(*SWEEP)
    before = exported(stepbench_cli)
    stepbench_cli("study", "remove", "study.db", "--status", "diverged")
    lost = sum(row["status"] == "diverged" for row in before)
    assert f"{lost} runs made, {14 - lost} were there" in stepbench_cli(*SWEEP)[1]
    assert exported(stepbench_cli) == before


def test_runs_of_another_version_are_made_again_and_removed_as_stale(stepbench_cli, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(identity, "version", lambda: "0.0.9+abcdef01")
        assert "study.db: 14 runs made\n" in stepbench_cli(*SWEEP)[1]
    assert "study.db: 14 runs made\n" in stepbench_cli(*SWEEP)[1]
    assert "0.0.9+abcdef01" in stepbench_cli("study", "show")[1]
    assert "14 runs removed" in stepbench_cli("study", "remove", "study.db", "--stale")[1]
    rows = exported(stepbench_cli)
    assert len(rows) == 14
    assert {row["stepbench"] for row in rows} == {identity.version()}


def test_a_study_merged_into_itself_stays_as_it_is(stepbench_cli, monkeypatch):
    monkeypatch.setattr(store_module.sqlite3, "connect", patient(0.1))
    stepbench_cli("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-5:1e-4:600", "--budget", "2")
    before = exported(stepbench_cli)
    code, _, err = stepbench_cli("study", "merge", "study.db", "study.db")
    assert code in (0, 2)
    assert "locked" not in err
    assert exported(stepbench_cli) == before


def patient(seconds):
    """sqlite3.connect that waits so long for another process."""
    connect = sqlite3.connect

    def wait(name, timeout=0.0, **options):
        return connect(name, timeout=seconds, **options)

    return wait


@pytest.mark.parametrize(
    "args",
    [
        SWEEP,
        TUNE,
        PROFILE,
        MAP,
        ("study", "merge", "study.db", "other.db"),
        ("study", "remove", "study.db", "--status", "budget"),
    ],
    ids=lambda args: "-".join(args[:2]),
)
def test_a_study_that_another_process_writes_to_is_a_line(stepbench_cli, monkeypatch, args):
    for name in ("study.db", "other.db"):
        stepbench_cli("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-5", "--budget", "9", "--study", name)
    other = sqlite3.connect("study.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(store_module.sqlite3, "connect", patient(0.1))
    try:
        code, out, err = stepbench_cli(*args)
    finally:
        other.close()
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: study.db is locked by another process: try again when that has ended")
    assert err.count("\n") == 1


def test_an_empty_study_is_empty(stepbench_cli):
    Path("none.db").touch()
    assert stepbench_cli("study", "show", "none.db")[0] == 0
    assert "0 runs written" in stepbench_cli("study", "export", "none.db", "--csv", "none.csv")[1]
    assert stepbench_cli("study", "remove", "none.db", "--stale") == (0, "0 runs removed from none.db\n", "")


def test_an_export_does_not_overwrite_its_own_study(stepbench_cli):
    stepbench_cli(*SWEEP)
    before = Path("study.db").read_bytes()
    for option in ("--csv", "--parquet"):
        code, _, err = stepbench_cli("study", "export", "study.db", option, "study.db")
        assert code == 2
        assert err.count("\n") == 1
        assert Path("study.db").read_bytes() == before


def test_the_bare_command_is_its_help(stepbench_cli):
    code, out, err = stepbench_cli("study")
    assert code in (0, 2)
    for word in ("show", "export", "merge", "remove"):
        assert word in out + err
    assert "stepbench: \n" not in err


# Mistakes.

GRID = ("--over", "lr=1e-4,1e-3")
ONE = ("sweep", "quadratic", "-m", "gd")

MISTAKES = [
    (("sweep", "quadrtic", "-m", "gd", *GRID), "no problem quadrtic (did you mean quadratic"),
    (("sweep", "quadratic", "-m", "gdd", *GRID), "no method gdd (did you mean gd"),
    (ONE, "--over"),
    (("sweep", "quadratic", *GRID), "--method"),
    ((*ONE, "--over", "lrr=1,2"), "gd has no hyper-parameter lrr (did you mean lr?)"),
    ((*ONE, "--over", "kappa=1,2"), "problem.kappa"),
    ((*ONE, "--over", "problem.kapa=1,2"), "did you mean kappa?"),
    ((*ONE, "--over", "lr=1,2,1"), "lr has the value 1 twice"),
    ((*ONE, *GRID, *GRID), "lr is varied twice"),
    ((*ONE, "--over", "lr=0:1:5:log"), "must be a number in (0, inf)"),
    ((*ONE, "--over", "lr=1:0.5:5"), "must go up"),
    ((*ONE, "--over", "lr=x"), "must be a number"),
    ((*ONE, "--over", "w3=0,1"), "w1 to w2"),
    ((*ONE, "--over", "w1=0,1e200"), "1e100"),
    ((*ONE, "--over", "lr=1e-4:1:2000", "--over", "w1=0:1:2000"), "at most 1,000,000"),
    (("sweep", "quadratic", "-m", "gd", "-m", "adam", "--over", "beta1=0.5"), "gd has no hyper-parameter beta1"),
    (("sweep", "quadratic", "-m", "gd:lr=1,2", "--over", "w1=0,1"), "'2'"),
    (("sweep", "quadratic:kappa=10,20", "-m", "gd", *GRID), "'20'"),
    ((*ONE, *GRID, "--budget", "0"), "budget must be an integer of at least 1"),
    ((*ONE, *GRID, "--budget", "-3"), "budget must be an integer of at least 1"),
    ((*ONE, *GRID, "--budget", "1e3"), "--budget"),
    ((*ONE, *GRID, "--steps", "0"), "steps must be an integer of at least 1"),
    ((*ONE, *GRID, "--target", "-1"), "target must be"),
    ((*ONE, *GRID, "--target", "nan"), "target must be"),
    ((*ONE, *GRID, "--noise", "-1"), "noise must be"),
    ((*ONE, *GRID, "--seed", "-1"), "seed must be an integer of at least 0"),
    ((*ONE, *GRID, "--seed", "99999999999999999999"), "seed"),
    ((*ONE, "--over", "seed=1,99999999999999999999"), "seed"),
    ((*ONE, *GRID, "--start", "1"), "start must have 2 numbers"),
    ((*ONE, *GRID, "--start", "1,2,3"), "start must have 2 numbers"),
    ((*ONE, *GRID, "--start", "1e200,1"), "1e100"),
    ((*ONE, *GRID, "--start", "a,b"), "must be numbers with commas"),
    ((*ONE, "--over", "w2=0,1", "--start", "1"), "start must have 2 numbers"),
    (("sweep", "quadratic:dim=5", "-m", "gd", "--over", "problem.dim=2,5", "--over", "w4=0,1"), "w4"),
    ((*ONE, *GRID, "--plot", "a.jpg"), "must end in .png, .svg or .pdf"),
    ((*ONE, *GRID, "--plot", "no/such/a.png"), "cannot be written"),
    ((*ONE, *GRID, "--plot", "/proc/a.png"), "cannot be written"),
    ((*ONE, *GRID, "--study", "no/such/a.db"), "cannot be written: there is no folder"),
    ((*ONE, *GRID, "--study", "/proc/a.db"), "cannot be written"),
    ((*ONE, *GRID, "--study", "."), "cannot be"),
    ((*ONE, *GRID, "--study", "text.txt"), "is not a study of stepbench"),
    ((*ONE, *GRID, "--workers", "0"), "at least 1 worker"),
    ((*ONE, *GRID, "--workers", "-2"), "at least 1 worker"),
    ((*ONE, *GRID, "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), "local workers or a scheduler"),
    (("sweep", "mccormick", "-m", "polyak", "--over", "w1=0,1"), "polyak needs the minimum f*"),
    (("sweep", "mccormick", "-m", "gd", *GRID, "--target", "1e-3"), "does not know its minimum"),
    (("sweep", "breast-cancer:batch=9", "-m", "scipy:bfgs", "--over", "seed=0:2"), "needs exact values"),
    (("map", "quadratic", "-m", "gd", *GRID), "two axes"),
    (("map", "quadratic", "-m", "gd", *GRID, "--over", "w1=0,1", "--over", "w2=0,1"), "two axes"),
    (("map", "rosenbrock:dim=3", "-m", "gd"), "has no window"),
    (("map", "mccormick", "-m", "gd", "--points", "4"), "does not know its minimum"),
    (("map", "mccormick", "-m", "gd", *GRID, "--over", "w1=0,1"), "does not know its minimum"),
    (("map", "rosenbrock", "-m", "gd", "--points", "0"), "from 2 to"),
    (("map", "rosenbrock", "-m", "gd", "--points", "5000"), "at most 1,000,000"),
    (("map", "rosenbrock", "-m", "gd", "--points", "4", "--plot", "a.gif"), "must end in"),
    (("map", "rosenbrock", "-m", "gd", "--points", "4", "--budget", "0"), "budget must be"),
    (("map", "rosenbrock", "--points", "4"), "--method"),
    (("tune", "quadratic"), "methods"),
    (("tune", "quadratic", "gd", "--trials", "0"), "trials must be at least 1"),
    (("tune", "quadratic", "gd", "--cases", "0"), "cases must be at least 1"),
    (("tune", "quadratic", "gd", "--budget", "0"), "budget must be"),
    (("tune", "quadratic", "gd", "--tune-budget", "0"), "budget must be"),
    (("tune", "quadratic", "gd", "--tune-budget", "-3"), "budget must be"),
    (("tune", "quadratic", "gd", "--budget", "0", "--tune-budget", "9", "--trials", "2"), "budget must be"),
    (("tune", "quadratic", "gd", "--seed", "-1"), "seed must be"),
    (("tune", "quadratic", "gd", "--over", "lrr=1:2"), "did you mean lr?"),
    (("tune", "quadratic", "gd", "--over", "lr=1e-4:1:60:log"), "1e-4:1:log"),
    (("tune", "quadratic", "gd", "--over", "lr=2:1"), "must go up"),
    (("tune", "quadratic", "gd", "--over", "lr=0:1:log"), "must be a number in (0, inf)"),
    (("tune", "quadratic", "gd", "--over", "lr=1:2", "--over", "lr=3:4"), "twice"),
    (("tune", "quadratic", "gd", "nope"), "no method nope"),
    (("tune", "quadratic", "gd", "--workers", "0"), "at least 1 worker"),
    (("profile", "gd"), "at least two"),
    (("profile",), "methods"),
    (("profile", "gd", "adam", "--suite", "mhg"), "no suite mhg (did you mean mgh?)"),
    (("profile", "gd", "adam", "--problem", "nope"), "no problem nope"),
    (("profile", "gd", "adam", "--tolerance", "2"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0.1,-1"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "nan"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0.1,x"), "must be numbers with commas"),
    (("profile", "gd", "adam", "--seeds", "0"), "at least 1 seed"),
    (("profile", "gd", "adam", "--problem", "quadratic", "--budget", "0"), "budget must be"),
    (("profile", "gd", "polyak", "--problem", "mccormick"), "polyak needs the minimum f*"),
    (("study", "show"), "no study study.db"),
    (("study", "show", "nope.db"), "no study nope.db"),
    (("study", "show", "text.txt"), "is not a study of stepbench"),
    (("study", "show", "--status", "divergd", "some.db"), "did you mean diverged"),
    (("study", "remove", "some.db", "--status", "slow"), "there are converged, budget, diverged, failed"),
    (("study", "remove", "some.db"), "--problem, --method, --status or --stale"),
    (("study", "remove", "some.db", "--method", "gdd"), "no runs of the method gdd"),
    (("study", "remove", "some.db", "--problem", "nope"), "no runs of the problem nope"),
    (("study", "remove", "nope.db", "--stale"), "no study nope.db"),
    (("study", "export", "some.db"), "--csv FILE"),
    (("study", "export", "nope.db", "--csv", "a.csv"), "no study nope.db"),
    (("study", "export", "some.db", "--csv", "no/such/a.csv"), "no/such/a.csv cannot be written"),
    (("study", "export", "some.db", "--parquet", "no/such/a.parquet"), "no/such/a.parquet"),
    (("study", "export", "some.db", "--traces", "text.txt"), "text.txt cannot be written"),
    (("study", "merge", "new.db", "nope.db"), "no study nope.db"),
    (("study", "merge", "new.db"), "others"),
    (("study", "shw"), "shw"),
]


@pytest.fixture(scope="module")
def some_study(tmp_path_factory):
    """A study of two runs."""
    path = tmp_path_factory.mktemp("study") / "some.db"
    with Study(path) as study:
        sweep("quadratic", "gd", ["lr=1e-4,1e-3"], budget=5, study=study)
    return path.read_bytes()


@pytest.mark.parametrize(("args", "says"), MISTAKES, ids=[" ".join(args)[:70] for args, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_run(stepbench_cli, some_study, args, says):
    Path("text.txt").write_text("mine")
    Path("some.db").write_bytes(some_study)
    code, out, err = stepbench_cli(*args)
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: ")
    assert len(err.splitlines()) == 1
    assert says.lower() in err.lower()
    assert Path("text.txt").read_text() == "mine"
    assert Path("some.db").read_bytes() == some_study
    new = {path for path in Path().iterdir() if path.stat().st_size} - {Path("text.txt"), Path("some.db")}
    assert new == set()


@pytest.mark.parametrize(
    "args",
    [
        (*ONE, "--over", "lrr=1,2"),
        (*ONE, "--over", "lrr=1,2", "--plot", "a.png"),
        ("map", "rosenbrock", "-m", "gd", "--points", "0"),
        ("tune", "quadratic", "gd", "--trials", "0"),
        ("profile", "gd"),
        ("study", "merge", "new.db", "nope.db"),
    ],
    ids=lambda args: args[0],
)
def test_a_mistake_leaves_not_even_an_empty_file(stepbench_cli, args):
    assert stepbench_cli(*args)[0] == 2
    assert [*Path().iterdir()] == []


def test_a_picture_that_is_there_stays_as_it_is_after_a_mistake(stepbench_cli):
    Path("kept.png").write_text("mine")
    assert stepbench_cli(*ONE, "--over", "lrr=1,2", "--plot", "kept.png")[0] == 2
    assert stepbench_cli("map", "rosenbrock", "-m", "gd", "--points", "0", "--plot", "kept.png")[0] == 2
    assert Path("kept.png").read_text() == "mine"


@pytest.mark.parametrize("command", ["sweep", "map", "tune", "profile"])
def test_help_names_every_option_with_its_meaning(stepbench_cli, command):
    code, out, err = stepbench_cli(command, "--help")
    assert (code, err) == (0, "")
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", out).split())
    for piece in (
        "--study",
        "--workers",
        "--scheduler",
        "--traces",
        "--budget",
        "--plot",
        "The file that keeps every run",
    ):
        assert piece in words
