"""The explorer without a browser: what a link may say, and what is answered to it."""

import html
import json
import random
import re
import shlex
import sys
import threading
from functools import partial

import numpy as np
import pytest

from stepbench import InputError, catalog
from stepbench.contracts import Oracle, hyperparameters
from stepbench.engine import engines
from stepbench.engine.result import Result
from stepbench.fields import fields_of
from stepbench.report.ending import ending
from stepbench.web import explore, selection
from stepbench.web.batches import TooSlowError
from stepbench.web.explore import serve
from tests.cli.commands import strict

BEYOND = 255  # steps: the limit of 100 seconds is looked at after blocks of 1, 2, 4, ... 128 steps


def page_of(query):
    return explore.page(query).body.decode()


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
        ("problem=learning/ridge:data=here.txt", "files are not opened from here"),
        ("problem=logistic:data=here.txt", "files are not opened from here"),
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


def facts_of(page):
    """What a page is told."""
    return json.loads(re.search(r'id="facts">(.*)</script>', page)[1])


def refused_on(page):
    """What a page says was left out."""
    return re.search(r'<div id="refused" role="alert">(.*)</div>', page)[1]


@pytest.mark.slow
def test_every_problem_has_a_page():
    for name in selection.problems():
        page = page_of(f"?problem={name}&method=gd&budget=20")
        assert facts_of(page)["problem"] == name
        assert facts_of(page)["view"]
        assert refused_on(page) == ""


@pytest.mark.exhaustive
def test_every_method_has_a_page():
    for name in selection.method_names():
        page = page_of(f"?method={name}&budget=20")
        [method] = facts_of(page)["methods"]
        if refused_on(page):  # a schedule in units of 1/L asks for an L that Rosenbrock's function does not have
            assert f"{name} is left out: {name} needs the smoothness constant L" in refused_on(page)
            assert method["label"] == "gd"
        else:
            assert selection.method(method["label"]) == selection.method(name)
        assert facts_of(page)["explore"]["parts"][0][0] in page


def test_every_question_has_a_page_that_asks_it():
    for question in explore.QUESTIONS:
        assert selection.parse(question.query)[1] == []
        page = page_of(question.query)
        assert f"<b>{html.escape(question.asked)}</b>" in page
        assert refused_on(page) == ""
        assert [m["live"] for m in facts_of(page)["methods"]] == [True] * question.query.count("method=")


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


@pytest.mark.parametrize("path", ["/", "/picture.png"])
def test_what_shows_a_run_that_was_stopped_so_is_made_again_for_the_next_who_asks(
    path, a_step_takes_a_second, monkeypatch
):
    query = "problem=rosenbrock&method=gd&budget=4000"
    stopped = explore.ANSWERS[path](query)
    assert not stopped.lasts
    monkeypatch.setattr(selection, "SECONDS", 10_000)
    whole = explore.ANSWERS[path](query)
    assert whole.lasts
    assert whole.body != stopped.body
    assert explore.ANSWERS[path](query) is whole


def test_a_method_that_cannot_run_says_so_and_the_others_run():
    page = page_of("?problem=gallery/saddle&method=polyak&method=gd&budget=30")
    assert "polyak is left out: " in refused_on(page)
    assert "needs the minimum f*" in refused_on(page)
    assert [m["label"] for m in facts_of(page)["methods"]] == ["gd"]
    page = page_of("?problem=gallery/saddle&method=polyak")
    assert [m["label"] for m in facts_of(page)["methods"]] == ["gd"]


@pytest.mark.parametrize("method", ["adam:eps=1e307", "adam:lr=1e308"])
def test_what_a_page_is_told_is_json_whatever_is_set(method):
    told = re.search(r'id="facts">(.*)</script>', page_of(f"?method={method}&budget=20"))[1]
    assert strict(told)["methods"][0]["label"] == method.replace("1e", "1e+")


def test_a_start_at_which_nothing_can_run_is_left_out():
    page = page_of("?problem=rosenbrock&method=adam&start=1e100,1e100&budget=30")
    assert "start=1e100,1e100 is left out: rosenbrock: f is inf at the start" in refused_on(page).replace("e+", "e")
    assert [m["label"] for m in facts_of(page)["methods"]] == ["gd"]
    assert facts_of(page)["start"] == catalog.problem("rosenbrock").x0.tolist()


def test_what_a_link_says_stands_in_its_page_as_text():
    page = page_of("?problem=%3Cscript%3Ealert(1)%3C/script%3E&method=<b>&method=gd")
    assert "<script>alert" not in page
    assert "<b>&" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is left out" in refused_on(page)


def test_the_ends_of_all_starts_are_those_of_their_runs():
    asked = "problem=gallery/himmelblau&method=gd:lr=0.01&view=-5,5;-5,5"
    told = explore.basins(asked)
    assert (told["view"], len(told["minima"])) == (((-5.0, 5.0), (-5.0, 5.0)), 4)
    assert "to the minimum (3, 2)" in told["legend"]
    again = explore.basins(asked + "&minima=3,2;9,9")  # what was found before keeps its number, and so its colour
    assert again["minima"][0] == (3.0, 2.0)


def test_the_curve_of_step_sizes_has_the_ends_of_single_runs():
    told = explore.sensitivities("problem=rosenbrock&method=gd&start=-1,1&budget=50")
    for k in (0, 20, 30):
        r = selection.run_quietly("rosenbrock", f"gd:lr={told['sizes'][k]}", start=(-1, 1), budget=50)
        lost = r.status in ("diverged", "failed")
        assert (told["ends"][k] is None) == lost
        if not lost:
            np.testing.assert_allclose(told["ends"][k], r.value[-1], rtol=1e-12)


@pytest.mark.parametrize(
    ("path", "query", "why"),
    [
        ("/basins", "problem=rosenbrock&method=gd", "a view is left,right;bottom,top"),
        ("/basins", "problem=rosenbrock&method=gd&view=1,1;2,3", "a view is left,right;bottom,top"),
        ("/basins", "problem=rosenbrock&method=gd&view=nan,1;2,3", "a start is finite"),
        ("/basins", "problem=rosenbrock&method=gd&view=0,1", "a view is left,right;bottom,top"),
        ("/basins", "&".join(f"a{k}=1" for k in range(100)), "write name"),
        ("/basins", "problem=./x.py&method=gd&view=0,1;2,3", "files are not opened from here"),
        ("/sensitivity", "problem=rosenbrock", "write name"),
        ("/sensitivity", "problem=rosenbrock&method=polyak", "no step size to set"),
        ("/sensitivity", "problem=rosenbrock&method=gd&budget=9999", "an integer from 1 to 5000"),
    ],
)
def test_what_cannot_be_answered_is_told(path, query, why):
    answer = explore.ANSWERS[path](query)
    assert answer.status == 400
    assert why in json.loads(answer.body)["error"]


def test_an_answer_is_made_once_for_all_who_ask_and_a_slow_one_delays_no_other():
    made, begun, go_on = [], threading.Event(), threading.Event()

    def make(query):
        made.append(query)
        if query == "slow":
            begun.set()
            go_on.wait()
        return explore.Answer("text/plain", query.encode())

    answer, heard = explore.Made(make), []
    asking = [threading.Thread(target=lambda: heard.append(answer("slow"))) for _ in range(20)]
    for thread in asking:
        thread.start()
    begun.wait()
    assert answer("other").body == b"other"
    go_on.set()
    for thread in asking:
        thread.join()
    assert made == ["slow", "other"]
    assert {told.body for told in heard} == {b"slow"}


def test_an_answer_that_failed_is_made_again_and_the_oldest_is_forgotten():
    tries = []

    def make(query):
        tries.append(query)
        if len(tries) == 1:
            raise RuntimeError
        return explore.Answer("text/plain", b"")

    answer = explore.Made(make)
    with pytest.raises(RuntimeError):
        answer("0")
    for k in range(explore.KEPT + 1):
        answer(str(k))
    answer("1")
    answer("0")
    assert tries.count("0") == 3
    assert tries.count("1") == 1


def test_what_took_too_long_is_asked_again(monkeypatch):
    tries = []

    def slow(*_):
        tries.append(1)
        raise TooSlowError("so many runs take too long")

    monkeypatch.setattr(explore, "where_they_lead", slow)
    for _ in range(2):
        answer = explore.ANSWERS["/basins"]("problem=rosenbrock&method=gd&view=0,1;0,1.25")
        assert answer.status == 503
        assert "take too long" in json.loads(answer.body)["error"]
    assert len(tries) == 2


def test_pages_that_are_made_at_the_same_time_are_those_made_alone():
    queries = [f"?problem={problem}&method=csawg:K=3&method=adam&budget=60" for problem in ("rosenbrock", "quadratic")]
    alone, together = [page_of(query) for query in queries], {}
    selection._run.cache_clear()
    threads = [threading.Thread(target=lambda q=q: together.setdefault(q, page_of(q))) for q in queries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[query] for query in queries] == alone


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


@pytest.mark.slow
@pytest.mark.parametrize("number", [500, pytest.param(10_000, marks=pytest.mark.exhaustive)])
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


@pytest.mark.slow
def test_what_links_ask_for_is_run_within_its_time(a_step_takes_a_second):
    rng = random.Random(1)
    for _ in range(150):
        here = selection.parse(any_link(rng))[0]
        for r in selection.run(here):
            assert isinstance(r, str) or r.steps <= BEYOND, here.query
            if isinstance(r, Result):
                assert ending(r)
                assert r.evals[-1] <= here.budget <= selection.BUDGET


def test_a_refused_port_is_one_line(stepbench_cli):
    assert stepbench_cli("explore", "--port", "0")[0] == 2
    with pytest.raises(InputError, match="choose others with --port and --host"):
        serve("256.0.0.1", 5006, browser=False)


@pytest.mark.parametrize("host", ["9" * 99, "\udcff", "no such host", "a..b"])
def test_what_is_no_host_is_refused_in_a_line(stepbench_cli, host):
    code, _, err = stepbench_cli("explore", "--no-browser", "--host", host)
    assert (code, err.count("\n")) == (2, 1)
    assert "choose others with --port and --host" in err
