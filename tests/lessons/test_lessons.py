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
}
MINE = {
    "title": "Two steps",
    "text": "One step is small, one is large.",
    "why": "The large one goes further.",
    "take_away": "Large steps go far.",
    "question": {"ask": "Which?", "answer": "gd:lr=0.001", "measure": "least error"},
    "compare": {"problem": "quadratic", "methods": ["gd:lr=0.0001", "gd:lr=0.001"], "budget": 50},
}


def test_there_are_at_least_twelve():
    assert set(lessons.names()) >= ASKED


@pytest.mark.parametrize("name", lessons.names())
def test_a_lesson_is_true_and_fits(name):
    known = lessons.load(name)
    lecture = known.run()  # refuses an answer that is not what was measured
    assert known.question.measure
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
        "one table says what to run, [compare], [sweep] or [map]: it has [compare] and [map]",
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
    assert "--plot x.gif must end in" in stepbench_cli("demo", "momentum", "--plot", "x.gif")[2]
    with pytest.raises(stepbench.InputError):
        lessons.load("./no.toml")
