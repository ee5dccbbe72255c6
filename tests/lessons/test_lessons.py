"""Lessons: each runs, says what was measured, and fits a terminal; a file that is not one is refused in a line."""

import io
import tomllib
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import stepbench
from stepbench import lessons
from stepbench.lessons.measures import MEASURES
from stepbench.lessons.reader import KEYS

ASKED = {
    "ill-conditioning",
    "too-large-a-step",
    "momentum",
    "narrow-valley",
    "rotation",
    "teleport",
    "negative-steps",
    "regret",
    "choosing-lr",
    "basins",
    "forgiving-b0",
    "why-l4-needs-f-star",
    "noise-floor",
    "batch-size",
    "warm-up",
    "saddles",
    "edge-of-stability",
    "adam-blow-up",
    "exact-line-search",
    "cost-and-kappa",
    "kinks",
    "momentum-plane",
    "tuning-trials",
}
BY_WORDS = {"batch-size", "edge-of-stability", "adam-blow-up", "momentum-plane", "tuning-trials"}
"""Those whose answers no measure decides: a test of their own computes each."""
MINE = {
    "title": "Two steps",
    "text": "One step is small, one is large.",
    "why": "The large one goes further.",
    "take_away": "Large steps go far.",
    "question": {"ask": "Which?", "answer": "gd:lr=0.001", "measure": "least error"},
    "compare": {"problem": "quadratic", "methods": ["gd:lr=0.0001", "gd:lr=0.001"], "budget": 50},
}


def test_none_is_missing():
    assert set(lessons.names()) >= ASKED


@pytest.mark.slow
@pytest.mark.parametrize("name", lessons.names())
def test_a_lesson_is_true_and_fits(name):
    known = lessons.load(name)
    lecture = known.run()  # refuses an answer that is not what was measured
    assert bool(known.question.measure) == (name not in BY_WORDS)
    assert lecture.answer == known.question.answer
    assert len(known.take_away) < 120
    assert len(known.title) < 60
    out = Console(width=80, file=io.StringIO())
    out.print(lecture.table(80))
    printed = out.file.getvalue().splitlines()
    assert max(map(len, printed)) <= 80
    assert all(any(method in line for line in printed) for method in known.options["methods"])  # nothing is cut off
    figure = lecture.figure()
    figure.savefig("picture.png")
    assert Path("picture.png").stat().st_size > 10_000
    assert figure.get_suptitle() == known.title


@pytest.mark.slow
def test_what_the_texts_claim():
    def results(name):
        return {r.label: r for r in lessons.load(name).run().shown.results}

    by = results("forgiving-b0")
    assert by["adaloss:b0=0.1"].step_size[1] == pytest.approx(0.36, abs=0.02)
    assert by["adaloss:b0=1"].step_size[1] == pytest.approx(0.36, abs=0.02)
    assert all(by[f"adaloss:b0={b0}"].step_size[3] < 0.14 for b0 in (0.1, 1))
    assert all(by[f"gd:lr={lr}"].status == "diverged" for lr in (1, 10))
    by = results("teleport")
    assert by["csawg-p5:K=10"].evals[-1] == 465
    assert by["gd:lr=0.001"].error[-1] / by["csawg:K=10"].error[-1] == pytest.approx(20, abs=1)
    by = results("negative-steps")
    shares = {K: np.mean(a[np.isfinite(a)] < 0) for K in (2, 5, 10) if (a := by[f"csawg:K={K}"].step_size) is not None}
    assert shares[2] == pytest.approx(1 / 22, rel=0.02)
    assert max(shares[5], shares[10]) < 0.005
    assert by["csawg:K=2"].error[-1] == min(r.error[-1] for r in by.values())
    gd, dbd, rdbd = results("regret").values()
    assert 3 <= gd.first_at(0.1) / dbd.first_at(0.1) < 3.5
    assert dbd.first_at(0.1) == rdbd.first_at(0.1)
    assert 0.8 < rdbd.error[-1] / dbd.error[-1] < 1.25
    l4 = results("why-l4-needs-f-star")["l4-mom"]
    assert l4.error.min() < 1e-6 < 0.03 < l4.error[-1]
    assert l4.error[-1] == pytest.approx(0.037, abs=0.001)
    assert stepbench.run("rosenbrock", "l4-mom", budget=2000).error[-1] < 1e-9  # the guess is good where f* is 0
    basins = lessons.load("basins").run().shown
    stars = basins.problem.x_star
    sharp = np.linalg.eigvalsh(np.moveaxis(basins.problem.hessian(stars), -1, 0))[:, -1] > 2 / 0.02
    assert (stars[1] < 0).tolist() == sharp.tolist()
    ends = basins.ends.point[0][basins.reached[0]]
    assert (ends[:, 1] > 0).all()  # no run of gd ends at a lower minimum


def results_of(name):
    """What a lesson runs, and what each of its tries runs, by the methods' labels."""
    lesson = lessons.load(name)
    shown = [lesson.run().shown, *(lesson.tried(trial).run().shown for trial in lesson.tries)]
    return [{r.label: r for r in one.results} for one in shown]


def lines_of(name):
    """The lines of a lesson's sweep, and of those of its tries, by their labels."""
    lesson = lessons.load(name)
    shown = [lesson.run().shown, *(lesson.tried(trial).run().shown for trial in lesson.tries)]
    return [{line.label: line for line in one.sensitivities()} for one in shown]


def later(r):
    """The mean error over the later half."""
    return r.error[len(r.error) // 2 :].mean()


def near(value, part=0.05):
    return pytest.approx(value, rel=part)


def reached(line):
    return int(np.isfinite(line.cost).sum())


def test_what_narrow_valley_claims():
    here, there = lines_of("narrow-valley")
    gd, rmsprop, ball, adam = here.values()
    assert (adam.cost.min(), ball.cost.min()) == (589, 1104)
    assert [reached(line) for line in (gd, rmsprop, ball, adam)] == [0, 0, 12, 36]
    assert len(adam.cost) == 67
    assert adam.axis.values[adam.best] == near(0.95, 0.01)
    assert [line.cost.min() for line in there.values()][2:] == [643, 1248]
    assert stepbench.run("rosenbrock", "adam:lr=0.01,beta2=0.99", budget=10_000).error[-1] == near(9e-5)
    assert stepbench.run("rosenbrock", "heavy-ball:lr=0.0015,p=0.9", budget=10_000).error[-1] == 0


def test_what_choosing_lr_claims():
    here, wider = lines_of("choosing-lr")
    assert [reached(line) for line in here.values()] == [2, 10, 25]
    assert [reached(line) for line in wider.values()] == [11, 18, 30]
    for label, first_lost in (("momentum", 1), ("gd", 5)):
        line = here[label]
        assert line.best == np.flatnonzero(np.isfinite(line.cost)).max()
        assert np.flatnonzero(line.diverged).min() == line.best + first_lost
    adam = here["adam"]
    assert not adam.diverged.any()
    assert min(v for v, c in zip(adam.axis.values, adam.cost, strict=True) if np.isfinite(c)) == near(0.01, 0.01)
    above = np.diff(adam.cost[adam.best :])
    assert above.min() < 0 < above.max()
    assert 10**adam.decades == near(4.2, 0.01)
    bowl = stepbench.sweep("quadratic:kappa=100", ["momentum", "adam"], ["lr=1e-5:10:49:log"], target=1e-3, budget=5000)
    momentum, adam = bowl.sensitivities()
    assert (10**momentum.decades, 10**adam.decades) == (near(13), near(100))


@pytest.mark.slow
def test_what_noise_floor_claims():
    here, none, tenth = results_of("noise-floor")
    long, short, root, cosine = here.values()
    assert (later(long), later(short), later(root)) == (near(0.084, 0.01), near(0.0061, 0.01), near(0.0010))
    assert later(cosine) > 5 * later(root)
    assert cosine.error[-300:].mean() == near(root.error[-300:].mean())
    assert none["gd:lr=0.1"].error[-1] < 1e-200
    assert all(later(here[label]) / later(r) == near(100) for label, r in tenth.items())
    noisy = stepbench.run("quadratic:kappa=10,dim=1000", "sqrt:lr=0.1", budget=6400, noise=1).error
    early, late = (noisy[int(0.8 * k) : k].mean() for k in (1600, 6400))
    assert early / late == near(2, 0.1)  # four times the steps, half the floor


@pytest.mark.slow
def test_what_batch_size_claims():
    lines = [*lines_of("batch-size")[0].values()]
    best = [line.axis.values[line.best] for line in lines]
    cost = [line.cost.min() for line in lines]
    assert cost == [328, 115, 51, 11, 3]
    assert (best[0], best[2], best[4]) == (near(7.5e-5, 0.01), near(4.2e-4, 0.01), near(4.2e-3, 0.01))
    assert best == sorted(best)
    assert [c * b for c, b in zip(cost, (1, 4, 16, 64, 256), strict=True)] == [328, 460, 816, 704, 768]
    assert lines[-1].diverged[lines[-1].best + 1 : lines[-1].best + 3].any()


def test_what_warm_up_claims():
    here, near_by = results_of("warm-up")
    small, large, cosine, cycle = here.values()
    assert (large.status, cosine.status) == ("diverged", "diverged")
    assert max(large.steps, cosine.steps) <= 5
    assert small.error[-1] == near(6e-8)
    assert cycle.error[-1] == near(2e-28, 0.3)
    assert cycle.step_size[1] == near(0.004, 0.01)
    assert all(near_by[label].error[-1] < 1e-18 for label in ("cosine:lr=0.1", "one-cycle:lr=0.1"))


def test_what_saddles_claims():
    here, none, more = results_of("saddles")
    assert [int(r.evals[-1]) for r in here.values()] == [101, 56, 33]
    assert all(r.error[-1] == pytest.approx(1) for r in none.values())
    assert [int(r.evals[-1]) for r in more.values()] == [63, 44, 33]
    sideways = np.abs(here["gd:lr=0.05"].x[:, 0])
    assert (sideways[61:71] / sideways[60:70]).mean() == near(1.2, 0.01)


def test_what_edge_of_stability_claims():
    here, hopping = results_of("edge-of-stability")
    ends = {label: float((r.x[-1] ** 2).sum()) for label, r in here.items() if r.status != "diverged"}
    assert [*ends.values()] == [near(9.2, 0.01), near(6.4, 0.01), near(3.0, 0.01)]
    assert min(ends, key=ends.__getitem__) == lessons.load("edge-of-stability").question.answer
    assert here["gd:lr=0.45"].status == "diverged"
    rests = hopping["gd:lr=0.2"]
    assert (rests.x[-1] ** 2).sum() == near(9.0, 0.01)
    assert (np.diff(np.sign(rests.x[:, 0] * rests.x[:, 1] - 1)) != 0).sum() > 50


def test_what_adam_blow_up_claims():
    here, small = results_of("adam-blow-up")

    def thrown_back(r):
        least = r.error.argmin()
        return r.error[least] < 1e-30 and r.error[least:].max() > 1e-4

    assert [label for label, r in here.items() if thrown_back(r)] == [lessons.load("adam-blow-up").question.answer]
    blown = here["adam:lr=0.1,beta2=0.99"].error
    assert blown.min() == near(3e-40, 0.2)
    assert blown[blown.argmin() :].max() == near(0.0046, 0.01)
    assert (np.diff((blown[blown.argmin() :] > 1e-4).astype(int)) == 1).sum() > 1  # again and again
    assert np.median(here["adam:lr=0.1,beta2=0.9"].error[200:]) == near(5e-5)
    assert thrown_back(small["adam:lr=0.1,beta2=0.99,eps=0.001"])
    assert here["adam:lr=0.1,beta2=0.99,eps=0.1"].error[-1] < 1e-80


def test_what_exact_line_search_claims():
    here, lucky = results_of("exact-line-search")
    search, constant, bb = here.values()
    assert (search.steps, search.evals[-1], constant.steps, bb.evals[-1]) == (179, 358, 179, 21)
    moves = np.diff(search.x, axis=0)
    assert np.abs((moves[1:100] * moves[:99]).sum(1)).max() < 1e-12
    np.testing.assert_allclose(search.error[1:100] / search.error[:99], search.error[1] / search.error[0], rtol=1e-6)
    assert (np.diff(bb.error) > 0).sum() == 2
    assert (lucky["cauchy"].steps, lucky["cauchy"].evals[-1]) == (12, 24)


@pytest.mark.slow
def test_what_cost_and_kappa_claims():
    lines = lines_of("cost-and-kappa")[0].values()
    slopes = [np.polyfit(np.log(line.axis.values), np.log(line.cost), 1)[0] for line in lines]
    assert [round(float(slope), 2) for slope in slopes] == [0.92, 0.54, 0.03]
    assert [(int(line.cost[0]), int(line.cost[-1])) for line in lines] == [(31, 2024), (27, 278), (25, 31)]


def test_what_kinks_claims():
    here, even = results_of("kinks")
    large, small, root, polyak = (r.error for r in here.values())
    assert (large[150:].min(), large[150:].max()) == (pytest.approx(0.5), pytest.approx(1.2))
    assert small[-1] == pytest.approx(0.08)
    assert root[150:].max() < root[75:150].max()
    assert polyak[-1] < 1e-15
    assert even["polyak"].evals[-1] == 3


def test_what_momentum_plane_claims():
    lesson = lessons.load("momentum-plane")
    here, steeper = lesson.run().shown, lesson.tried(lesson.tries[0]).run().shown
    cost, (alpha, p) = here.cost[0], (np.array(axis.values) for axis in here.axes)
    i, j = np.unravel_index(cost.argmin(), cost.shape)
    assert (cost.min(), alpha[i], p[j]) == (22, near(0.1, 0.1), near(0.5, 0.1))
    by_p = {value: cost[:, np.abs(p - value).argmin()].min() for value in (0, 0.5, 0.92)}
    assert [*by_p.values()] == [94, 22, 111]
    assert f"p = {min(by_p, key=by_p.__getitem__)}" == lesson.question.answer
    for value, costs in zip(p, cost.T, strict=True):
        last = alpha[np.isfinite(costs)].max(initial=0)
        assert last < 2 * (1 + value) / 25
        if 0.1 < value < 0.7:  # elsewhere a run near the limit takes longer than 300 gradients
            assert last > 0.95 * 2 * (1 + value) / 25
    i, j = np.unravel_index(steeper.cost[0].argmin(), cost.shape)
    assert alpha[i] < 0.05
    assert p[j] > 0.6


def test_what_tuning_trials_claims():
    shown = lessons.load("tuning-trials").run().shown
    assert shown.trials == [1, 2, 4, 8, 16, 32, 64]
    gd, momentum, adam = shown.cost
    assert not np.isfinite(shown.cost[:, :2]).any()
    assert (adam[2:5] < momentum[2:5]).all()
    assert (adam[4], momentum[4]) == (625, 1105)
    assert (adam[5], momentum[5]) == (1152, 541)
    assert adam[6] < momentum[6]
    assert np.flatnonzero(np.isfinite(gd)).tolist() == [5]
    assert (np.diff(adam[2:]) > 0).any()


@pytest.mark.slow
def test_the_demo_command(stepbench_cli, monkeypatch):
    code, out, err = stepbench_cli("demo")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == len(lessons.names())
    assert "ill-conditioning" in out
    code, out, err = stepbench_cli("demo", "ill-conditioning")
    assert (code, err) == (0, "")
    for piece in ("Why a long narrow bowl is slow", "csawg:lr=0.0009", "Remember: ", "drawn to ill-conditioning.png"):
        assert piece in out
    assert Path("ill-conditioning.png").read_bytes()[:4] == b"\x89PNG"
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or len(opened) < 2)
    stepbench_cli("demo", "momentum", "--plot", "m.svg", "--open")
    assert opened == [Path("m.svg").absolute().as_uri()]
    assert Path("m.svg").exists()
    assert (
        "no viewer was found: open m.svg yourself" in stepbench_cli("demo", "momentum", "--plot", "m.svg", "--open")[1]
    )


@pytest.mark.slow
def test_asking(stepbench_cli, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("none\n9\n3\n"))
    code, out, _ = stepbench_cli("demo", "too-large-a-step", "--ask")
    assert code == 0
    assert out.index("  3  gd:lr=0.064") < out.index("1e-10      error")
    assert "You said gd:lr=0.064. Right: it is gd:lr=0.064, by the least evaluations." in out
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    assert "You said gd:lr=0.01. No: it is gd:lr=0.064" in stepbench_cli("demo", "too-large-a-step", "--ask")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, _ = stepbench_cli("demo", "too-large-a-step", "--ask")
    assert code == 0
    assert "You said" not in out
    assert "It is gd:lr=0.064" in out


@pytest.mark.slow
def test_a_new_lesson_runs_as_it_stands(stepbench_cli):
    code, out, err = stepbench_cli("new", "lesson", "my-lesson")
    assert (code, err) == (0, "")
    assert "stepbench demo ./my_lesson.toml --ask" in out
    assert "FILE" not in Path("my_lesson.toml").read_text()
    code, out, err = stepbench_cli("demo", "./my_lesson.toml")
    assert (code, err) == (0, "")
    assert "Remember: Momentum goes on" in out
    assert Path("my_lesson.png").exists()
    assert "exists already" in stepbench_cli("new", "lesson", "my_lesson")[2]
    told = Path("my_lesson.toml").read_text()
    for measures in MEASURES.values():
        assert all(f'"{measure}"' in told for measure in measures)
    used = {key for keys in KEYS.values() for key in keys}
    assert all(key in told for key in used)


def written(said):
    """A lesson's file, as TOML."""

    def value(v):
        if isinstance(v, list):
            return "[" + ", ".join(map(value, v)) + "]"
        return str(v).lower() if isinstance(v, bool) else repr(v) if not isinstance(v, str) else f'"{v}"'

    lines = [f"{k} = {value(v)}" for k, v in said.items() if not isinstance(v, dict)]
    for name, table in said.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f"{k} = {value(v)}" for k, v in table.items())]
    Path("mine.toml").write_text("\n".join(lines), encoding="utf-8")
    return "./mine.toml"


def test_a_lesson_of_ones_own(stepbench_cli):
    assert tomllib.loads(Path(written(MINE)).read_text()) == MINE
    assert lessons.load("./mine.toml").run().answer == "gd:lr=0.001"
    words = MINE | {"question": {"ask": "Far?", "choices": ["yes", "no"], "answer": "yes"}}
    assert lessons.load(written(words)).run().answer == "yes"
    silent = {k: v for k, v in MINE.items() if k != "question"}
    assert lessons.load(written(silent)).run().shown.results
    code, _, err = stepbench_cli("demo", "./mine.toml", "--ask")
    assert (code, err) == (2, "stepbench: ./mine.toml asks nothing: give it a [question], or leave out --ask\n")


def with_(table, **changes):
    return MINE | {table: MINE[table] | changes}


REFUSED = [
    (MINE | {"titel": "x"}, "there is no key titel (did you mean title?)"),
    (
        with_("compare", buget=5),
        "there is no key compare.buget (did you mean budget, target?); those in [compare] are problem,",
    ),
    (with_("compare", budget="many"), "compare.budget must be an integer, got 'many'"),
    (with_("compare", budget=True), "compare.budget must be an integer"),
    (with_("compare", methods=[]), "compare.methods must be a list of texts"),
    (with_("compare", methods=["gd", "gdd"]), "compare.methods: no method gdd (did you mean"),
    (with_("compare", methods=["gd", "gd"]), "compare.methods has gd twice"),
    (with_("compare", methods=["gd:lr=fast"]), "compare.methods: lr=fast must be a number"),
    (with_("compare", problem="quadratc"), "compare.problem: no problem quadratc (did you mean"),
    (with_("compare", picture="traces"), "compare.picture: no picture traces"),
    (with_("compare", budget=0), "[compare]: budget must be"),
    (
        with_("question", answer="gd:lr=0.0001"),
        "question.answer says gd:lr=0.0001, but the least error is that of gd:lr=",
    ),
    (with_("question", answer="gd"), "question.answer: gd is not among the choices"),
    (with_("question", measure="last error"), "question.measure: no measure last error (did you mean least error"),
    (with_("question", choices=["gd"]), "question.choices: gd is not among compare.methods"),
    (with_("question", measure="only divergence"), "the only divergence is that of none: ask what has one answer"),
    (MINE | {"question": {"ask": "?", "answer": "x"}}, "question.choices is missing: give them, or a question.measure"),
    (
        MINE | {"map": MINE["compare"]},
        "one table says what to run, [compare], [sweep], [map] or [tune]: it has [compare] and [map]",
    ),
    ({k: v for k, v in MINE.items() if k != "why"}, "why is missing: give it a text"),
    ({k: v for k, v in MINE.items() if k != "compare"}, "it has none"),
]


@pytest.mark.parametrize(("said", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_is_refused(stepbench_cli, said, message):
    code, out, err = stepbench_cli("demo", written(said))
    assert code == 2
    assert err.startswith("stepbench: ./mine.toml: ")
    assert message in err
    assert err.count("\n") == 1
    assert "drawn" not in out


def test_names_and_files_that_are_not_there(stepbench_cli):
    assert "no lesson momentun (did you mean momentum" in stepbench_cli("demo", "momentun")[2]
    assert "./no.toml cannot be read: No such file" in stepbench_cli("demo", "./no.toml")[2]
    Path("odd.toml").write_text("title = ")
    assert "odd.toml is not TOML: " in stepbench_cli("demo", "odd.toml")[2]
    assert "a file is named with its ending: ./odd.toml" in stepbench_cli("demo", "odd")[2]
    assert "which lesson?" in stepbench_cli("demo", "--ask")[2]
    assert "which lesson?" in stepbench_cli("demo", "--html", "lessons", "--style", "dark")[2]
    assert "--style is about a picture" in stepbench_cli("demo", "momentum", "--html", "x.html", "--style", "dark")[2]
    assert "--plot x.gif must end in" in stepbench_cli("demo", "momentum", "--plot", "x.gif")[2]
    with pytest.raises(stepbench.InputError):
        lessons.load("./no.toml")
