"""``stepbench sweep``, ``map``, ``tune`` and ``profile``: tables, JSON and pictures."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import catalog
from stepbench.study.profile import profile
from stepbench.study.sweep import sweep, window_axes
from stepbench.study.tune import tune
from tests.cli.commands import INF, MAGIC, MAP, PROFILE, RATES, SWEEP, TUNE, finite, row_of, strict

# What each command prints


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
    # |1 − 10 lr| is 0.8, 1/2, 1/4, 1/2, 0.9 and above 1: see tests/study/test_sweep.py; 15.425/(2 ln 1/0.9) = 73.2
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


def test_failed_runs_of_a_map_are_told_and_did_not_reach_the_target(stepbench_cli, low_problem):
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


@pytest.mark.slow
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


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind", ["data", "performance", "log-ratio", "quality", "runtime"])
def test_a_profile_of_each_kind_is_printed_drawn_and_told_as_json(stepbench_cli, kind):
    methods = ["gd:lr=0.01", "scipy:nelder-mead"]
    args = ["profile", *methods, "--problem", "rosenbrock", "--problem", "mccormick", "--budget", "90", "--kind", kind]
    found = profile(methods, ["rosenbrock", "mccormick"], budget=90, kind=kind)
    code, out, err = stepbench_cli(*args, "--plot", f"{kind}.svg")
    assert (code, err) == (0, "")
    assert f"{found.judged} area" in out
    assert "Gould & Scott" in out if kind == "performance" else "Gould & Scott" not in out
    told = strict(stepbench_cli(*args, "--json")[1])
    assert (told["kind"], told["ranked_by"]) == (kind, f"{found.judged} area")
    assert [method["areas"] for method in told["methods"]] == found.areas.T.tolist()
    assert [method["evaluations"] for method in told["methods"]] == [
        {"gradients": found.evaluations[m][0], "f": found.evaluations[m][1]} for m in range(2)
    ]
    [drawn] = told["profiles"]
    assert drawn["kind"] == kind
    if kind == "log-ratio":
        ratios = [[None if np.isnan(ratio) else ratio for ratio in row] for row in found.log_ratio.tolist()]
        assert drawn["log2_ratios"] == ratios
    else:
        steps = found.steps(kind)
        assert drawn["at"] == steps.limits.tolist()
        assert drawn["parts"] == steps.heights(steps.limits).swapaxes(1, 2).tolist()


def test_one_method_has_a_data_profile_and_no_pairs(stepbench_cli):
    code, out, _ = stepbench_cli("profile", "gd", "--problem", "quadratic", "--budget", "9", "--kind", "data")
    assert code == 0
    assert "pairs" not in out


def test_the_areas_of_a_profile_say_which_of_them_other_methods_change(stepbench_cli):
    words = " ".join(stepbench_cli(*PROFILE)[1].split())
    problems = ["quadratic:kappa=10", "rosenbrock", "mccormick"]
    found = profile(["gd:lr=0.01", "adam:lr=0.1", "scipy:nelder-mead"], problems, budget=200)
    assert "data area: from 1 evaluation to the budget of 200; no other method changes it, but through" in words
    for label, (gradients, values) in zip(found.labels, found.evaluations, strict=True):
        assert f"{label} {gradients:,} and {values:,}" in words
    assert "performance area: up to" in words
    assert "another set of methods may rank two of them otherwise" in words
    assert "known f*: the data area without these" in words


def test_a_profile_is_of_a_suite_and_of_problems_besides(stepbench_cli):
    args = ("profile", "gd", "adam", "--budget", "3", "--json")
    assert len(strict(stepbench_cli(*args)[1])["problems"]) == 35
    more = strict(stepbench_cli(*args, "--suite", "gallery", "--problem", "quadratic")[1])["problems"]
    assert more == [*catalog.suite("gallery"), "quadratic"]


def test_a_profile_tells_which_runs_failed(stepbench_cli, low_problem):
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


# Pictures


@pytest.mark.slow
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


# Narrow and wide terminals

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


@pytest.mark.one_in(5)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "tables", "spare"),
    [
        (SWEEP, 1, "usable range"),
        (MAP, 1, "not reached"),
        (TUNE, 1, "trials"),
        (PROFILE, 2, "fastest"),
        (("run", "quadratic"), 1, "step size α"),
        (("compare", "quadratic", "gd", "adam"), 1, "log error"),
    ],
)
def test_tables_are_written_in_full_however_narrow_the_terminal(stepbench_cli, monkeypatch, command, tables, spare):
    monkeypatch.setenv("COLUMNS", "40")
    for ending in ("tex", "md", "csv"):
        code, out, err = stepbench_cli(*command, "--table", f"t.{ending}")
        assert (code, err) == (0, "")
        assert f"written to t.{ending}" in out
    blocks = Path("t.csv").read_text(encoding="utf-8").split("\n\n")
    latex, markdown = (Path(f"t.{ending}").read_text(encoding="utf-8") for ending in ("tex", "md"))
    assert latex.count(r"\begin{tabular}") == len(re.findall(r"(?m)^\*\*", markdown)) == len(blocks) == tables
    for block, table, text in zip(blocks, latex.split(r"\toprule")[1:], markdown.split("\n**"), strict=True):
        _, *rows = csv.reader(io.StringIO(block))
        assert table.count(r" \\") == 1 + len(rows)
        assert text.count("\n|") == 2 + len(rows)
    assert spare in markdown
