"""The page whose runs are made in it, as a browser shows it with the network off, against NumPy's engine."""

import shlex

import numpy as np
import pytest

from stepbench.engine.running import run_quietly
from stepbench.web import live

pytestmark = pytest.mark.slow

METHODS = ("gd:lr=0.001", "csawg:K=3", "adam:lr=0.02", "rdbd:per=component")


def written(problem, methods, **options):
    results = [run_quietly(problem, method, **options) for method in methods]
    return live.page(results, "stepbench …", options.get("steps"))


def settled(page):
    page.wait_for_function("!waiting")


def move(page, name, position):
    """Put the slider of this name to a place between 0 and 400."""
    page.get_by_role("slider", name=name).first.evaluate(
        "(e, to) => { e.value = to; e.dispatchEvent(new Event('input')) }", position
    )
    settled(page)


def runs(page):
    """What the page shows of each run: its path, its values, what it spent and how it ended."""
    return page.evaluate(
        """() => runs.map((r) => r && ({ x: [...r.x.slice(0, r.n * r.d)].map(String), n: r.n, status: r.status,
          value: [...r.value.slice(0, r.n)].map(String), spent: [r.evals[r.n - 1], r.fevals[r.n - 1]] }))"""
    )


GIVEN = {"--noise": float, "--seed": int}


def are_numpys(page, methods, exact=True):
    """Run the command that the page shows for its settings, and compare every record, and the table."""
    words = shlex.split(page.locator("#same").inner_text())
    assert words[:2] == ["stepbench", "compare"]
    given = {word.split("=")[0]: word for word in words if word.startswith("--start=")}
    start = [float(x) for x in given["--start"].split("=")[1].split(",")]
    steps = int(words[words.index("--steps") + 1])
    noise, seed = (kind(words[words.index(name) + 1]) if name in words else 0 for name, kind in GIVEN.items())
    cells = page.evaluate("[...document.querySelectorAll('#rows tr')].map((r) => [...r.cells].map((c) => c.innerText))")
    for told, method, cell in zip(runs(page), words[3 : 3 + len(methods)], cells, strict=True):
        r = run_quietly(words[2], method, steps=steps, start=start, noise=noise, seed=seed)
        assert (told["n"], told["status"], told["spent"]) == (len(r.f), r.status, [r.evals[-1], r.fevals[-1]])
        x, value = np.array(told["x"], dtype=float), np.array(told["value"], dtype=float)
        if exact:
            np.testing.assert_array_equal(x, np.ravel(r.x))
            np.testing.assert_array_equal(value, r.value)
        else:
            np.testing.assert_allclose(x, np.ravel(r.x), rtol=1e-6, atol=1e-9)
        shown = float(cell[1].replace("−", "-"))
        assert shown == pytest.approx(value[-1], rel=6e-3)
        assert cell[3:] == [f"{r.evals[-1]:,}", f"{r.fevals[-1]:,}", f"{int(r.steps):,}"]
        assert cell[2].startswith(("budget", "steps") if r.status == "budget" else r.status)


def test_sliders_change_methods_problem_and_start_and_the_numbers_are_numpys(opened_offline):
    page = opened_offline(written("rosenbrock", METHODS, steps=300))
    are_numpys(page, METHODS)
    before = runs(page)
    for position in (120, 311):  # the second diverges
        move(page, "α · step size", position)
        are_numpys(page, METHODS)
    after = runs(page)
    assert after[0]["x"] != before[0]["x"]
    assert after[1:] == before[1:]
    assert after[0]["status"] == "diverged"
    assert page.locator("#rows td.diverged").first.inner_text().startswith("diverged at step")
    move(page, "b · steepness of the valley's walls", 260)
    move(page, "a · where the minimum lies", 310)
    are_numpys(page, METHODS)
    assert "rosenbrock:a=" in page.locator("h1").inner_text().replace("\u200b", "")
    page.get_by_role("button", name="Reset").click()
    settled(page)
    assert runs(page) == before


def test_the_start_is_dragged_and_moved_with_keys(opened_offline):
    page = opened_offline(written("rosenbrock", METHODS[:2], steps=100))
    before = page.evaluate("now.start")
    box = page.locator("#handle").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 120, middle[1] - 40, steps=4)
    page.mouse.up()
    settled(page)
    dragged = page.evaluate("now.start")
    assert dragged[0] > before[0] + 0.3
    assert dragged[1] > before[1] + 0.1
    are_numpys(page, METHODS[:2])
    page.locator("#handle").focus()
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.evaluate("now.start[0]") < dragged[0]
    are_numpys(page, METHODS[:2])


def test_a_field_that_may_be_0_follows_its_slider_too(opened_offline):
    """The quadratic has other text where its angle is 0; turned, it has a cosine, whose last digit libraries choose."""
    page = opened_offline(written("quadratic:kappa=20", METHODS[:2], steps=100))
    are_numpys(page, METHODS[:2])
    assert "to the last bit" in page.locator("#bits").inner_text()
    move(page, "θ · rotation", 230)
    are_numpys(page, METHODS[:2], exact=False)
    assert "last digits may differ" in page.locator("#bits").inner_text()
    move(page, "κ · condition", 300)
    are_numpys(page, METHODS[:2], exact=False)


def test_noise_is_the_commands_and_follows_its_slider(opened_offline):
    page = opened_offline(written("quadratic:kappa=20", METHODS, steps=200, noise=0.5, seed=3))
    assert runs(page)[0]["n"] == 201
    are_numpys(page, METHODS)
    move(page, "σ · noise", 300)
    assert "--noise 5" in page.locator("#same").inner_text()
    are_numpys(page, METHODS)


def test_what_cannot_be_recorded_stands_as_it_was_run(opened_offline):
    page = opened_offline(written("rosenbrock", ["gd", "scipy:bfgs"], budget=200))
    assert page.get_by_text("follows no slider: it owns its loop").count() == 1
    told = page.evaluate("[runs[1].n, runs[1].value[runs[1].n - 1]]")
    r = run_quietly("rosenbrock", "scipy:bfgs", budget=200)
    assert told == [len(r.f), r.value[-1]]
    move(page, "b · steepness of the valley's walls", 260)
    assert page.evaluate("runs[1]") is None
    page.get_by_text("run at other settings only").wait_for()


def test_a_value_out_of_bounds_is_refused_in_words_and_leaves_the_runs(opened_offline):
    page = opened_offline(written("rosenbrock", METHODS[:2], steps=50))
    before = runs(page)
    box = page.locator(".row input[type=number]").first
    box.fill("-3")
    page.get_by_text("lr must be a number in (0, inf)").wait_for()
    assert runs(page) == before
    box.fill("0.00125")
    settled(page)
    assert "lr=0.00125" in page.locator("#same").inner_text()
    are_numpys(page, METHODS[:2])


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_it_fits_every_width_in_light_and_dark_and_in_large_type(opened_offline, width):
    text = written("rosenbrock", METHODS, steps=100)
    for scheme in ("light", "dark"):
        page = opened_offline(text, width=width, height=844, color_scheme=scheme)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        for large in (False, True):
            if large:
                page.get_by_role("button", name="Large type").click()
                settled(page)
                assert page.evaluate("theme.size") == 24
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_plays_and_tells_a_record_under_the_pointer(opened_offline):
    page = opened_offline(written("quadratic:kappa=3", ["gd:lr=0.5"], steps=3))
    x, y = page.evaluate("[drawn.plane[0].X(1), drawn.plane[0].Y(1)]")
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    told = page.locator("#tip").inner_text().splitlines()
    assert told == ["gd:lr=0.5", "step 1, 1 ∇f", "w = (0.5, 1)", "f = 0.875", "α = 0.5"]
    page.mouse.move(2, 2)
    page.locator("#until").focus()
    page.keyboard.press("Home")
    settled(page)
    assert page.evaluate("shownOf(runs[0])") == 0
    page.keyboard.press("ArrowRight")
    settled(page)
    assert page.evaluate("shownOf(runs[0])") == 1
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("shownOf(runs[0]) > 1")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Play").wait_for()


def test_keys_step_through_long_runs(opened_offline):
    runs = [run_quietly("rosenbrock", method, budget=150_000) for method in ("gd:lr=1e-5", "momentum:lr=1e-6")]
    page = opened_offline(live.page(runs, "stepbench"))
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("until === 149999")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("until === 149998")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("until === 149999")


def test_everything_that_can_be_reached_with_keys_has_a_name(opened_offline):
    page = opened_offline(written("rosenbrock", METHODS, steps=30))
    nameless = """() => [...document.querySelectorAll("button, input, canvas[role], pre")].filter((e) =>
      !(e.getAttribute("aria-label") || e.textContent.trim() || e.closest("label")?.textContent.trim()))
      .map((e) => e.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_the_page_of_four_methods_is_small():
    assert len(written("rosenbrock", METHODS, steps=1000).encode()) < 300_000


@pytest.mark.parametrize(
    ("problem", "methods"),
    [
        ("rosenbrock", ["scipy:bfgs"]),  # it owns its loop
        ("learning/tracking", ["gd", "idbd"]),  # each step sees a sample, and IDBD has a step size per component
        ("digits-mlp:width=4", ["adam"]),
        ("rosenbrock@quantize=0.1", ["gd"]),  # its steps see less than its looks
    ],
)
def test_runs_that_cannot_be_made_in_a_page_stand_in_it_as_they_were_made(opened_offline, problem, methods):
    results = [run_quietly(problem, method, budget=50) for method in methods]
    page = opened_offline(live.page(results, "stepbench …"))
    assert page.locator("#bits").inner_text() == "The runs stand as they were made."
    assert not page.locator("#same").is_visible()
    for told, r in zip(runs(page), results, strict=True):
        np.testing.assert_array_equal(np.array(told["value"], dtype=float), r.value)
    if results[0].problem.view:
        [x], [y] = page.evaluate("(() => { const x = known().xStar; return [[x[0]], [x[1]]] })()")
        assert (x, y) == (1, 1)
        before = page.evaluate("now.start")
        box = page.locator("#plane").bounding_box()
        page.mouse.click(box["x"] + 50, box["y"] + 50)
        assert page.evaluate("now.start") == before
        assert not page.locator("#handle").is_visible()
        values = np.array(page.evaluate("[...given().values]")).reshape(120, 160)
        (left, right), (bottom, top) = page.evaluate("FACTS.view")
        w = np.array([[left, right], [top, bottom]])
        np.testing.assert_array_equal(values[[0, -1], [0, -1]], results[0].problem.f(w))
    sizes = page.evaluate("runs.map((r) => r.sizes)")
    assert sizes == [0 if r.step_size is None else min(6, np.size(r.step_size[0])) for r in results]


def test_a_field_that_a_problem_reads_once_when_it_is_made_gets_no_slider():
    """The data of a linear regression are drawn with its noise: a formula would have the old data with another."""
    text = written("linear-regression:noise=0.5", ["gd:lr=0.01"], steps=20)
    assert '"input": "q.noise"' not in text
    assert '"input": "q.kappa"' in written("quadratic", ["gd"], steps=20)


def test_the_command_writes_it(stepbench_cli):
    code, _, err = stepbench_cli("run", "rosenbrock", "--method", "gd", "--steps", "20", "--html", "page.html")
    assert (code, err) == (0, "")
