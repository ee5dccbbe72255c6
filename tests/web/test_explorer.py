"""The explorer without a browser: what a link may say, and what a change costs."""

import json
import random
import shlex
import sys
from functools import partial

import pytest

from stepbench import InputError, catalog
from stepbench.contracts import Oracle, hyperparameters, with_values
from stepbench.engine import engines
from stepbench.engine.result import Result
from stepbench.fields import fields_of

pytest.importorskip("panel", reason='the extra "web" is not installed')

from stepbench.report.ending import ending
from stepbench.web import selection
from stepbench.web.explore import Explorer, serve
from stepbench.web.figures import Scene

BEYOND = 255  # steps: the limit of 100 seconds is looked at after blocks of 1, 2, 4, ... 128 steps


def test_a_link_round_trips():
    for query in (
        "?problem=quadratic:kappa=50.5,angle=30&method=gd:lr=0.0123&method=adam+rdbd&start=-1.25,3e-07&budget=77",
        "?method=csawg-p5:K=10&method=l4-adam&method=adagrad:eps=1e300,lr=1e50&method=rdbd:per=component",
        "",
    ):
        here, left = selection.parse(query)
        assert left == []
        assert selection.parse(here.query) == (here, [])
        assert len(here.methods) == max(query.count("method="), 2 * (not query))


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        ("method=./mine.py", "files are not opened from here"),
        ("method=adam%2B/etc/x.py:a=1", "files are not opened from here"),
        ("problem=../../secret.py", "files are not opened from here"),
        ("problem=~root", "files are not opened from here"),
        ("method=scipy:bfgs", "nothing here is called scipy"),
        ("method=adm", "did you mean adam"),
        ("problem=digits-mlp", "two parameters"),
        ("problem=rosenbrock:dim=3", "dim cannot be changed here"),
        ("problem=quadratic:kappa=-1", "must be a number in [1, 1e12]"),
        ("method=csawg:K=100000", "K is at most 5000 here"),
        ("method=gd:lr=nan", "lr"),
        ("method=" + "a" * 500, "write name"),
        ("start=1", "two numbers"),
        ("start=1,nan", "finite"),
        ("start=nan,1", "finite"),
        ("budget=1e3", "an integer from 1 to 5000"),
        ("budget=5001", "an integer from 1 to 5000"),
        ("budget=٣", "an integer from 1 to 5000"),
        ("methods=gd", "did you mean method"),
        ("method=gd&method=gd&method=gd&method=gd&method=adam", "there are 4 methods already"),
    ],
)
def test_what_a_link_cannot_say_is_left_out_and_told(pair, why):
    here, left = selection.parse("?" + pair)
    assert len(left) == 1
    assert why in left[0]
    assert here == selection.parse(here.query)[0]


def test_the_command_makes_the_same_runs(stepbench_cli):
    query = "?problem=rosenbrock:b=30&method=csawg:K=3&method=adam:lr=0.02+l4&start=-0.5,1.25&budget=150"
    here, _ = selection.parse(query)
    program, *args = shlex.split(here.command)
    assert program == "stepbench"
    code, out, _ = stepbench_cli(*args, "--json")
    assert code == 0
    for told, r in zip(json.loads(out), selection.run(here), strict=True):
        assert isinstance(r, Result)
        assert told["w"] == r.x[-1].tolist()
        assert (told["gradient_evaluations"], told["f"]) == (r.evals[-1], r.f[-1])
        assert told["label"] == r.label


def test_every_problem_and_every_method_is_shown():
    scene = Scene(1, 2)
    for name in selection.problems():
        here = selection.parse(f"?problem={name}&method=gd&budget=20")[0]
        assert here.problem.name == name
        scene.show(here.problem, selection.run(here))
    for name in selection.method_names():
        made = selection.method(name)
        assert selection.method(catalog.label(made)) == made
        for control in selection.method_controls(made):
            assert control.title
            if control.kind != "choice":
                assert control.low < control.high
                for place in (control.low, control.high):  # the ends are within the field's bounds
                    with_values(made, {control.key: control.value(place)})


def test_sliders_are_logarithmic_where_the_search_is():
    controls = {control.key: control for control in selection.method_controls(selection.method("adam"))}
    assert (controls["lr"].kind, controls["lr"].low, controls["lr"].high) == ("log", -6, 1)
    assert (controls["beta1"].kind, controls["beta1"].low, controls["beta1"].high) == ("linear", 0, 0.99)
    assert controls["lr"].value(-1.5) == 0.0316
    assert controls["beta2"].high == 0.999
    [K] = [control for control in selection.method_controls(selection.method("csawg:K=50")) if control.key == "K"]
    assert (K.kind, K.low, K.high) == ("int", 1, 50)


@pytest.fixture
def a_step_takes_a_second(monkeypatch):
    """The clock of the runs' time limit is the test's own: it moves by a second per step, and by nothing else."""
    seconds, advance = 0, Oracle.advance

    def advancing(self, x=None):
        nonlocal seconds
        seconds += 1
        advance(self, x)

    monkeypatch.setattr(Oracle, "advance", advancing)
    monkeypatch.setattr(engines, "available", lambda: False)  # a kernel asks the oracle for no step
    monkeypatch.setattr(selection, "Limit", partial(selection.Limit, clock=lambda: seconds))
    monkeypatch.setattr(selection, "SECONDS", 100)
    selection._run.cache_clear()
    yield
    selection._run.cache_clear()


def test_a_run_stops_when_its_time_is_over(a_step_takes_a_second):
    for method in ("gd", "adam+sls:beta=0.99"):
        [r] = selection.run(selection.parse(f"?problem=rosenbrock&method={method}&budget=5000")[0])
        assert isinstance(r, Result)
        assert (r.status, r.detail) == ("failed", "it was stopped after 100 seconds")
        assert 100 < r.steps <= BEYOND
    [r] = selection.run(selection.parse("?problem=rosenbrock&method=gd&budget=99")[0])
    assert (r.status, r.steps) == ("budget", 99)


def test_a_method_that_cannot_run_says_so_and_the_others_run():
    page = Explorer("?problem=gallery/saddle&method=polyak&method=gd&budget=30")
    assert "needs the minimum f*" in page.cards[0].ending.object
    assert len(page.scene.runs[0].data["x"]) == 0
    assert len(page.scene.runs[1].data["x"]) > 10
    Explorer("?problem=gallery/saddle&method=polyak")


def test_widgets_change_the_state_and_the_state_the_widgets():
    page = Explorer("?problem=quadratic&method=gd:lr=0.001&budget=50")
    [card] = page.cards[:1]
    slider = card.controls._widgets["lr"][1]
    assert slider.value == -3
    slider.value = -3.5
    assert str(page.selection.methods[0]) == card.spec.value == "gd:lr=0.000316"
    card.spec.value = "momentum+l4:a=0.3"
    assert (card.direction.value, card.rule.value) == ("momentum", "l4")
    card.rule.value = "rdbd"
    assert str(page.selection.methods[0]) == "momentum+rdbd"
    card.direction.value = "csawg"
    assert not card.rule.visible
    card.spec.value = "./x.py"
    assert card.spec.value == "csawg"
    assert "files are not opened" in page.message.object
    page.start[0].value = 0.5
    assert page.selection.start == (0.5, 2.0)
    page.problem.value = "gallery/himmelblau"
    assert page.selection.start is None
    assert page.link.data["query"] == [page.selection.query]
    assert page._png().read(4) == b"\x89PNG"


def test_two_pages_share_nothing():
    one, other = (Explorer("?method=gd&budget=30") for _ in range(2))
    one.cards[0].spec.value = "adam"
    assert str(other.selection.methods[0]) == "gd"
    assert other.cards[0].spec.value == "gd"


def test_a_change_makes_one_run_and_draws_no_level_line_again(monkeypatch):
    page = Explorer("?method=csawg&method=adam&budget=1000")
    ran, run, drawn = [], selection.run_quietly, []

    def running(problem, method, **options):
        ran.append(options["label"])
        return run(problem, method, **options)

    monkeypatch.setattr(selection, "run_quietly", running)
    monkeypatch.setattr(Scene, "_show_level_lines", lambda *_: drawn.append(1))
    page.cards[0].controls._widgets["lr"][1].value = -3.5
    page.cards[1].controls._widgets["lr"][1].value = -2.5
    assert ran == ["csawg:lr=0.000316", "adam:lr=0.00316"]
    assert drawn == []
    page.problem.value = "gallery/himmelblau"
    assert len(ran) == 4
    assert drawn == [1]


VALUES = ["0", "1", "-1", "1e-300", "1e300", "inf", "-inf", "nan", "none", "true", "0.5", "0.999", "5000", "5001"]
VALUES += ["9" * 50, "1e400", "١", "0x10", "1_000", "paper", "component", "", "=", "+", "%00", "%2e%2e%2f", "./x.py"]
VALUES += ["\ud800"]
FILES = ["scipy:bfgs", "./mine.py", "/etc/passwd.py", "~/x.py", "C:\\x.py", "os"]
EVENTS = ["open", "import", "exec", "os.listdir", "os.scandir", "subprocess.Popen", "socket.connect"]


def any_value(rng):
    return rng.choice(VALUES) if rng.random() < 0.6 else f"{rng.choice((1, 1, -1)) * 10 ** rng.uniform(-9, 4):.3g}"


def any_link(rng):
    """A link, mostly nearly right."""

    def options(keys):
        chosen = [key for key in keys if rng.random() < 0.3]
        return ":" + ",".join(f"{key}={any_value(rng)}" for key in chosen) if chosen else ""

    def a_method():
        name = rng.choice((*selection.method_names(), *FILES))
        if name not in selection.method_names():
            return name
        rule = rng.choice(catalog.names("stepsizes"))
        more = f"+{rule}{options(fields_of(catalog.load('stepsizes', rule)))}" if rng.random() < 0.3 else ""
        return name + options(hyperparameters(selection.method(name))) + more

    def a_problem():
        name = rng.choice((*selection.problems(), "digits-mlp", "../x.py", "mgh", "watson"))
        return name + options(fields_of(type(selection.problem(name))) if name in selection.problems() else ["a", "b"])

    pairs = [f"problem={a_problem()}", *(f"method={a_method()}" for _ in range(rng.randint(0, 5)))]
    pairs += [f"start={any_value(rng)},{any_value(rng)}"] * (rng.random() < 0.4)
    pairs += [f"budget={rng.choice(('10', '300', '1000', any_value(rng)))}"] * (rng.random() < 0.7)
    text = list("?" + "&".join(pairs))
    for _ in range(rng.choice((0, 0, 0, 1, 3, 30))):  # and some letters are changed
        text[rng.randrange(len(text))] = chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x11000))))
    return "".join(text)


@pytest.fixture(scope="module")
def watched():
    """What is opened, imported or run while ``watched`` is told to look."""
    found, looking = [], []

    def hook(event, args):
        if looking and event in EVENTS:
            found.append((event, str(args)[:200]))

    sys.addaudithook(hook)  # it cannot be taken away, and does nothing unless asked
    return found, looking


@pytest.mark.parametrize("number", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_links_open_nothing_and_raise_nothing(watched, number):
    for name in selection.method_names():
        selection.method(name)  # what a method imports is the package's own
    for name in selection.problems():
        selection.problem(name)
    catalog.problem("rosenbrock").conditioning  # noqa: B018
    found, looking = watched
    rng = random.Random(0)
    links = [any_link(rng) for _ in range(number)]
    selection.parse("?problem=watson&problem=digits-mlp&method=adm&method=gd:lr=x")
    usable = 0
    looking.append(True)
    try:
        for link in links:
            here, left = selection.parse(link)
            usable += not left
            assert all("\n" not in line for line in left)
            assert selection.parse(here.query) == (here, [])
    finally:
        looking.clear()
    assert found == []
    assert usable > number / 50, "nearly every link is refused"


def test_what_links_ask_for_is_run_within_its_time(a_step_takes_a_second):
    rng = random.Random(1)
    scene = Scene(selection.METHODS, 2)
    for _ in range(150):
        here = selection.parse(any_link(rng))[0]
        for k in range(len(here.methods)):
            [result] = selection.run(here.having(methods=here.methods[k : k + 1]))
            assert isinstance(result, str) or result.steps <= BEYOND, here.query
        results = selection.run(here)
        scene.show(here.problem, [r if isinstance(r, Result) else None for r in results])
        for r in results:
            if isinstance(r, Result):
                assert ending(r)
                assert r.evals[-1] <= here.budget <= selection.BUDGET


def test_a_refused_port_is_one_line(stepbench_cli):
    assert stepbench_cli("explore", "--port", "0")[0] == 2
    with pytest.raises(InputError, match="choose others with --port and --host"):
        serve("256.0.0.1", 5006, browser=False)
