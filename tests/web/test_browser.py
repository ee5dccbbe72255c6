"""The explorer as a browser shows it: a real Chromium, with no network but this machine."""

import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import serving
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(chromium):
    """Open a page; in the end there must have been no error on it, and no request off this machine."""
    wrong, contexts = [], []

    def look(url):
        if urlsplit(url).hostname not in (None, "", "127.0.0.1"):
            wrong.append(f"asked for {url}")

    def call(url, *, width=1280, height=720, bypass_csp=True):
        # The page's policy would forbid that Playwright waits for functions.
        context = chromium.new_context(viewport={"width": width, "height": height}, bypass_csp=bypass_csp)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: look(request.url))
        page.goto(url)
        if bypass_csp:
            settled(page)
        return page

    yield call
    for context in contexts:
        context.close()
    assert wrong == []


def settled(page):
    page.wait_for_function("window.document.readyState === 'complete' && timing.whole > 0 && !waiting")


def ends_of(page):
    """Where each run ends."""
    return page.evaluate("runs.map((r) => [r.n, ...r.x.slice(2 * (r.n - 1), 2 * r.n)])")


def slider_of(page, i=0):
    return page.locator("fieldset[data-run]").nth(i).locator("input[type=range]").first


def spec_of(page, i=0):
    return page.get_by_label("the method, exactly").nth(i)


def test_a_slider_a_click_and_a_key_change_the_runs_and_the_address(opened, explorer):
    page = opened(explorer + "?problem=quadratic:kappa=50&method=gd:lr=0.01&method=adam:lr=0.05&budget=200")
    assert spec_of(page).input_value() == "gd:lr=0.01"
    before = ends_of(page)
    slider_of(page).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("!location.search.includes('lr=0.01&')")
    settled(page)
    size = page.evaluate("now.methods[0]['p.0']")
    assert 0.01 < size < 0.011
    assert f"lr={size}&" in page.evaluate("location.search")
    assert spec_of(page).input_value() == f"gd:lr={size}"
    assert ends_of(page)[0] != before[0]
    assert ends_of(page)[1] == before[1]

    box = page.locator("#plane").bounding_box()
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_function("!location.search.includes('start=2,2')")
    settled(page)
    x, y = page.evaluate("now.start")
    assert 0 < x < 1.5
    assert 0 < y < 2.4

    link, end = page.evaluate("location.href"), ends_of(page)
    again = opened(link)
    assert ends_of(again) == end
    assert again.evaluate("[now.problem, now.start]") == page.evaluate("[now.problem, now.start]")
    assert slider_of(again).input_value() == slider_of(page).input_value()


def test_the_start_follows_the_hand_and_back_and_forward_walk_through_what_was_chosen(opened, explorer):
    page = opened(explorer + "?problem=gallery/himmelblau&method=gd:lr=0.01&budget=100")
    first = page.evaluate("now.start")
    box = page.locator("#handle").bounding_box()
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=4)
    settled(page)
    halfway = page.evaluate("[...now.start, runs[0].x[0], runs[0].x[1]]")
    assert halfway[:2] == halfway[2:] != first
    page.mouse.up()
    page.wait_for_function("history.state.start[0] === now.start[0]")
    second = page.evaluate("now.start")
    page.locator("#problem").select_option("rosenbrock")
    page.wait_for_url("**problem=rosenbrock**")
    settled(page)
    page.go_back()
    page.wait_for_url("**himmelblau**")
    settled(page)
    assert page.evaluate("now.start") == second
    page.go_back()
    page.wait_for_function("(first) => now.start[0] === first[0]", arg=first)
    settled(page)
    assert page.evaluate("[runs[0].x[0], runs[0].x[1]]") == first
    page.go_forward()
    page.wait_for_function("(second) => now.start[0] === second[0]", arg=second)


def test_a_slider_changes_where_all_starts_lead_and_a_list_leaves_it_out(opened, explorer):
    page = opened(explorer + "?problem=gallery/himmelblau&method=gd:lr=0.01&budget=100&basins=1")
    page.get_by_text("to the minimum (3, 2)").wait_for()
    page.evaluate("window.image = underlay.image")
    slider_of(page).focus()
    for _ in range(10):  # the newest wins
        page.keyboard.press("ArrowRight")
    size = page.evaluate("now.methods[0]['p.0']")
    page.wait_for_function("(size) => $('legend').textContent.includes(`lr=${size} lead`)", arg=size)
    assert page.evaluate("underlay.image !== window.image")
    page.locator("#out").click()
    page.wait_for_function("JSON.stringify(underlay.view) === JSON.stringify(now.view) && underlay.view[0][0] < -7")
    page.locator("#of").select_option("0")
    page.wait_for_function("underlay === null && !location.search.includes('basins')")


def test_a_method_by_its_spec_from_the_lists_added_and_removed(opened, explorer):
    page = opened(explorer + "?method=gd&budget=100")
    spec_of(page).fill("momentum+l4:a=0.2")
    spec_of(page).press("Enter")
    page.wait_for_url("**method=momentum%2Bl4:a=0.2**")
    settled(page)
    assert page.get_by_label("direction").first.input_value() == "momentum"
    page.get_by_label("step-size rule").first.select_option("rdbd")
    page.wait_for_url("**method=momentum%2Brdbd&**")
    settled(page)
    page.get_by_label("direction").first.select_option("csawg")
    page.wait_for_url("**method=csawg&**")
    settled(page)
    assert not page.get_by_label("step-size rule").first.is_visible()
    page.get_by_role("button", name="+ add a method").click()
    page.wait_for_url("**method=csawg&method=adam&**")
    settled(page)
    page.get_by_role("button", name="remove").first.click()
    page.wait_for_function("!location.search.includes('csawg')")
    settled(page)
    words = shlex.split(page.locator("#same").inner_text())
    assert words[:3] == ["stepbench", "run", "rosenbrock:a=1,b=100"]


def test_the_page_does_nothing_that_its_policy_forbids(opened, explorer):
    page = opened(explorer + "?problem=gallery/himmelblau&method=gd:lr=0.01&budget=100&basins=1", bypass_csp=False)
    page.get_by_text("to the minimum (3, 2)").wait_for()
    page.get_by_text("stepbench run gallery/himmelblau").wait_for()


def test_a_failure_is_told_in_words(opened, explorer):
    page = opened(explorer + "?problem=quadratic&method=gd:lr=3.1&method=foo")
    page.get_by_text("α = 3.1 is above 2/L = 0.002 (L = 1000)").wait_for()
    page.get_by_text("method=foo is left out: nothing here is called foo").wait_for()


@pytest.mark.parametrize("budget", ["5001", "0", "-7"])
def test_a_refusal_is_told_in_view_and_the_box_goes_back(opened, explorer, budget):
    page = opened(explorer + "?method=csawg&method=adam&method=gd&budget=60")
    spec_of(page, 2).scroll_into_view_if_needed()
    spec_of(page, 2).fill("adm")
    spec_of(page, 2).press("Enter")
    told = page.get_by_text("nothing here is called adm")
    told.wait_for()
    assert 0 <= told.bounding_box()["y"] < 720
    assert spec_of(page, 2).input_value() == "gd"
    box = page.locator("#budget")
    box.fill(budget)
    box.press("Enter")
    told = page.get_by_text("A budget here is an integer from 1 to 5,000")
    told.wait_for()
    assert 0 <= told.bounding_box()["y"] < 720
    assert box.input_value() == "60"


def test_a_server_that_stopped_says_so_on_the_page(chromium):
    with serving.explorer() as (server, address):
        page = chromium.new_page(viewport={"width": 1280, "height": 720}, bypass_csp=True)
        page.goto(f"{address}?method=gd&budget=60")
        settled(page)
        server.terminate()
        server.wait()
        spec_of(page).fill("adam")
        spec_of(page).press("Enter")
        told = page.get_by_text("The server has stopped")
        told.wait_for()
        assert 0 <= told.bounding_box()["y"] < 720
        page.close()


def test_keys_step_play_and_present(opened, explorer):
    page = opened(explorer + "?method=gd&method=csawg&budget=300")
    told = page.locator("#at")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("$('at').textContent === '299 ∇f'")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("$('at').textContent === '300 ∇f'")
    page.keyboard.press("-")
    page.keyboard.press(" ")
    assert page.locator("#play").inner_text() == "▶ Play ×0.5"
    page.keyboard.press("p")
    page.wait_for_function("$('controls').clientWidth === 0")
    page.wait_for_timeout(100)
    wide, high = page.evaluate("[$('plane').clientWidth, $('plane').clientHeight]")
    assert abs(wide / high - 4 / 3) < 0.02
    assert page.evaluate("document.documentElement.scrollHeight") <= 720
    assert [page.locator("#rows td").nth(k).is_visible() for k in (0, 1)] == [True, False]  # the names alone
    page.keyboard.press("p")
    page.wait_for_function("$('controls').clientWidth > 0")
    assert told.is_visible()


def test_a_question_is_asked_and_its_page_answers_it(opened, explorer):
    page = opened(explorer)
    assert not page.locator("#asked").is_visible()
    page.locator("#question").select_option("Which minimum does a start lead to?")
    page.wait_for_url("**himmelblau**")
    settled(page)
    assert page.locator("#asked b").inner_text() == "Which minimum does a start lead to?"


def test_what_is_chosen_for_the_eye_stays(opened, explorer):
    page = opened(explorer)
    page.locator("#theme").click()
    page.locator("#problem").select_option("quadratic")
    page.wait_for_url("**quadratic**")
    settled(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


FOCUSED = """() => {
  const e = document.activeElement
  return [e.tagName, e.type ?? "", e.labels?.length ?? 0, e.ariaLabel ?? "", e.textContent.trim(),
    getComputedStyle(e).outlineStyle]
}"""


FOCUSED = """() => {
  const e = document.activeElement
  return [e.tagName, e.type ?? "", e.labels?.length ?? 0, e.ariaLabel ?? "", e.textContent.trim(),
    getComputedStyle(e).outlineStyle]
}"""


def test_everything_is_in_reach_of_the_keyboard_with_the_focus_in_sight(opened, explorer):
    page = opened(explorer + "?method=gd&budget=100")
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert {"SELECT", "INPUT", "BUTTON"} <= {tag for tag, *_ in seen}
    assert sum(kind == "range" for _, kind, *_ in seen) >= 4  # the scrubber, lr, a and b
    for tag, _, labels, label, text, outline in seen:
        if tag in ("SELECT", "INPUT", "BUTTON"):
            assert labels or label or text
            assert outline != "none"


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_nothing_is_wider_than_the_page(opened, explorer, width):
    page = opened(explorer + "?method=adam+rdbd&method=csawg-p5:K=10", width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide, high = page.evaluate("[$('plane').clientWidth, $('plane').clientHeight]")
    assert abs(wide / high - 4 / 3) < 0.02


def test_a_port_in_use_is_one_line(explorer):
    port = str(urlsplit(explorer).port)
    command = [sys.executable, "-m", "stepbench", "explore", "--no-browser", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


def test_the_picture_is_downloaded(opened, explorer, tmp_path):
    page = opened(explorer + "?method=gd&budget=50")
    with page.expect_download() as download:
        page.get_by_text("Download PNG").click()
    file = tmp_path / "picture.png"
    download.value.save_as(file)
    assert Path(file).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
