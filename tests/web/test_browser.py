"""The HTML file and the explorer as a browser shows them: a real Chromium, with no network but this machine."""

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stepbench.engine.running import run_quietly
from tests.waiting import PATIENCE
from tests.web.conftest import CHROMIUM

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
pytest.importorskip("panel", reason='the extra "web" is not installed')

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

NAMED = """() => {
  window.model = (name) => Bokeh.documents.map((page) => page.get_model_by_name(name)).find((model) => model)
}"""


@pytest.fixture
def opened(chromium):
    """Open a page; in the end there must have been no error on it, and no request off this machine."""
    wrong, contexts = [], []

    def look(url):
        if urlsplit(url).hostname not in (None, "", "127.0.0.1"):
            wrong.append(f"asked for {url}")

    def call(url, *, offline=False, width=1280, height=720):
        context = chromium.new_context(viewport={"width": width, "height": height})
        context.set_offline(offline)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: look(request.url))
        page.on("websocket", lambda websocket: look(websocket.url))
        page.goto(url)
        page.wait_for_function("window.Bokeh?.documents?.[0]?.is_idle && document.querySelector('[data-root-id]')")
        page.evaluate(NAMED)
        return page

    yield call
    for context in contexts:
        context.close()
    assert wrong == []


LAST = "(name) => { const d = model(name).data; return [d.x[d.x.length - 1], d.y[d.y.length - 1], d.x.length] }"


def the_last(page, run):
    """Where a run ends, and how many records it has."""
    return page.evaluate(LAST, run)


def a_change(page, run, act):
    """What a run was before something is done, and what it is then."""
    before = the_last(page, run)
    act()
    page.wait_for_function(f"(before) => ({LAST})('{run}').some((value, i) => value !== before[i])", arg=before)
    return before, the_last(page, run)


def write_still(file, problem, methods, **options):
    """Write a page of runs as they were made, such as those have that cannot be made in a page."""
    from stepbench.web import html

    results = [run_quietly(problem, method, **options) for method in methods]
    file.write_text(html.still(results, "stepbench …"), encoding="utf-8")


def test_the_file_plays_with_the_network_off(opened, tmp_path):
    file = tmp_path / "out.html"
    methods = ["gd:lr=0.01", "csawg:K=2", "adam:lr=0.01"]
    write_still(file, "rosenbrock", methods, budget=300)
    page = opened(file.as_uri(), offline=True)
    assert page.title() == "gd:lr=0.01, csawg:K=2, adam:lr=0.01 on rosenbrock"
    assert "diverged at step" in page.locator(".methods li").first.inner_text()
    assert page.locator("pre").inner_text() == "stepbench …"
    assert page.locator("canvas").count() >= 3

    at = "() => ['now 2', 'now 3'].map((name) => model(name).data.evals[0])"
    assert page.evaluate(at) == [300, 300]
    handle = page.locator(".scrub .noUi-handle")
    handle.focus()
    page.keyboard.press("Home")
    assert page.evaluate(at) == [0, 0]
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("model('slider').value") == 7
    assert page.evaluate(at) == [6, 7]  # the next step of Csawg plans, and would be at 8
    assert page.evaluate("model('past 3').data.x.length") == 8

    page.keyboard.press(" ")
    page.wait_for_function("model('slider').value > 30")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press(" ")
    stopped = page.evaluate("model('slider').value")
    page.wait_for_timeout(300)
    assert page.evaluate("model('slider').value") == stopped < 300


def test_the_file_tells_a_record_under_the_pointer(opened, tmp_path):
    file = tmp_path / "out.html"
    write_still(file, "quadratic:kappa=3", ["gd:lr=0.5"], steps=3)
    page = opened(file.as_uri(), offline=True)
    box = page.locator(".plane canvas").first.bounding_box()
    place = """() => {
      const [figure] = Bokeh.documents[0].roots().filter((root) => root.name === "contour")
      const view = Bokeh.index.get_one(figure)
      const { x, y } = model("run 1").data
      return [view.frame.x_scale.compute(x[1]) , view.frame.y_scale.compute(y[1])]
    }"""
    x, y = page.evaluate(place)
    page.mouse.move(box["x"] + x, box["y"] + y)
    told = page.locator(".bk-tooltip-row-value")
    told.first.wait_for()
    assert [words.strip() for words in told.all_inner_texts()] == ["gd:lr=0.5", "1", "(0.5, 1)", "0.875", "0.5", "1"]


def test_a_slider_a_click_and_a_key_change_the_runs_and_the_address(opened, explorer):
    page = opened(explorer + "?problem=quadratic:kappa=50&method=gd:lr=0.01&method=adam:lr=0.05&budget=200")
    assert page.locator(".methods input[type=text]").first.input_value() == "gd:lr=0.01"

    slider = page.locator(".methods .noUi-handle").first
    slider.focus()
    before, after = a_change(page, "run 1", lambda: page.keyboard.press("ArrowRight"))
    assert before != after
    page.wait_for_function("location.search.includes('gd:lr=0.0105')")
    assert page.locator(".methods input[type=text]").first.input_value() == "gd:lr=0.0105"

    box = page.locator(".plane canvas").first.bounding_box()
    middle = (box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    a_change(page, "run 2", lambda: page.mouse.click(*middle))
    page.wait_for_function("location.search.includes('start=')")
    x, y = page.evaluate("[model('run 1').data.x[0], model('run 1').data.y[0]]")
    assert 0 < x < 1.5
    assert 0 < y < 2.4

    link = page.evaluate("location.href")
    end = the_last(page, "run 1")
    again = opened(link)
    assert the_last(again, "run 1") == end
    assert again.evaluate("location.href") == link
    assert again.locator(".methods .noUi-handle").first.get_attribute("aria-valuenow") == slider.get_attribute(
        "aria-valuenow"
    )


LAYER = "() => { const image = model('layer').data.image?.[0]; return image ? Array.from(image.slice(0)) : [] }"


def test_a_slider_changes_where_all_starts_lead_and_a_list_leaves_it_out(opened, explorer):
    page = opened(explorer + "?problem=gallery/himmelblau&method=gd:lr=0.01&budget=100")
    page.wait_for_function(f"({LAYER})().length === 40000")
    before = page.evaluate(LAYER)
    page.get_by_text("to the minimum (3, 2)").wait_for()
    page.wait_for_function("model('ends').data.x.length === 60")
    page.locator(".methods .noUi-handle").first.focus()
    for _ in range(10):  # the newest wins
        page.keyboard.press("ArrowRight")
    page.get_by_text("Where 300 steps of gd:lr=0.0158 lead").wait_for()
    page.wait_for_function(f"(before) => ({LAYER})().some((value, i) => value !== before[i])", arg=before)
    page.wait_for_function("Math.abs(model('end here').data.x[0] - Math.log10(0.0158)) < 1e-9")
    page.locator(".basins select").select_option("off")
    page.wait_for_function(f"({LAYER})().length === 0")
    page.wait_for_function("location.search.endsWith('&basins=0')")


def test_a_method_by_its_spec_from_the_lists_added_and_removed(opened, explorer):
    page = opened(explorer + "?method=gd&budget=100")
    spec = page.locator(".methods input[type=text]").first
    spec.fill("momentum+l4:a=0.2")
    a_change(page, "run 1", lambda: spec.press("Enter"))
    page.wait_for_function("location.search.includes('momentum+l4:a=0.2')")
    lists = page.locator(".methods select")
    a_change(page, "run 1", lambda: lists.nth(0).select_option("csawg"))
    page.wait_for_function("location.search.includes('method=csawg&')")
    page.get_by_role("button", name="+ add a method").click()
    page.wait_for_function("location.search.includes('method=adam&')")
    assert page.locator(".methods input[type=text]").count() == 2
    page.get_by_role("button", name="remove").first.click()
    page.wait_for_function("!location.search.includes('csawg')")
    spec = page.locator(".methods input[type=text]").first
    spec.fill("./evil.py")
    spec.press("Enter")
    page.get_by_text("files are not opened from here").wait_for()
    page.locator(".given select").select_option("gallery/himmelblau")
    page.wait_for_function("location.search.includes('problem=gallery/himmelblau')")
    page.get_by_text("stepbench compare gallery/himmelblau adam --budget 100").wait_for()


def test_a_failure_is_told_in_words(opened, explorer):
    page = opened(explorer + "?problem=quadratic&method=gd:lr=3.1&method=foo")
    page.get_by_text("α = 3.1 is above 2/L = 0.002 (L = 1000)").wait_for()
    page.get_by_text("method=foo is left out: nothing here is called foo").wait_for()


SLIDERS = """() => {
  const found = []
  const go = (root) => {
    for (const at of root.querySelectorAll("*")) {
      if (at.matches("[role=slider]")) found.push(["aria-label", "aria-valuetext"].map((name) => at.getAttribute(name)))
      if (at.matches("button:not([aria-label])") && !at.textContent.trim()) found.push([null, at.className])
      if (at.shadowRoot) go(at.shadowRoot)
    }
  }
  go(document.body)
  return found
}"""


def test_sliders_and_buttons_have_names_and_sliders_speak_their_value(opened, explorer):
    page = opened(explorer + "?problem=rosenbrock&method=gd:lr=0.01&budget=60")
    page.wait_for_function(f"({SLIDERS})().every(([name]) => name)")
    told = dict(page.evaluate(SLIDERS))
    assert told["α · step size"] == "0.01"  # and not −2, its place in the logarithm
    assert told["gradient evaluations"] in ("4", "60")
    page.locator(".methods .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"({SLIDERS})().some((told) => told[1] === '0.0105')")
    spec = page.locator(".methods input[type=text]").first
    spec.fill("adam")
    spec.press("Enter")
    page.wait_for_function(f"({SLIDERS})().some(([name]) => name?.startsWith('β₁'))")


def test_the_file_has_a_named_slider(opened, tmp_path):
    file = tmp_path / "out.html"
    write_still(file, "quadratic", ["gd"], steps=30)
    page = opened(file.as_uri(), offline=True)
    page.wait_for_function(f"({SLIDERS})().every(([name]) => name)")
    assert page.evaluate(SLIDERS) == [["gradient evaluations", "30"]]


@pytest.mark.parametrize("budget", ["5001", "0", "-7"])
def test_a_refusal_is_told_in_view_and_the_box_goes_back(opened, explorer, budget):
    page = opened(explorer + "?method=csawg&method=adam&method=gd&budget=60")
    spec = page.locator(".methods input[type=text]").last
    spec.scroll_into_view_if_needed()
    spec.fill("adm")
    spec.press("Enter")
    told = page.get_by_text("nothing here is called adm")
    told.wait_for()
    assert 0 <= told.bounding_box()["y"] < 720
    box = page.locator(".given .budget input")
    box.fill(budget)
    box.press("Enter")
    told = page.get_by_text("a budget here is an integer from 1 to 5000")
    told.wait_for()
    assert 0 <= told.bounding_box()["y"] < 720
    page.wait_for_function("model('slider').end === 60")
    page.wait_for_timeout(200)
    assert box.input_value() == "60"


def test_a_server_that_stopped_says_so_on_the_page(chromium):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stepbench", "explore", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        server.stdout.readline()
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"http://127.0.0.1:{port}/?method=gd&budget=60")
        page.wait_for_function("window.Bokeh?.documents?.[0]?.is_idle")
        page.wait_for_timeout(300)
        told = page.get_by_text("The server has stopped")
        assert not told.is_visible()
        server.terminate()
        told.wait_for()
        assert 0 <= told.bounding_box()["y"] < 720
        page.close()


TOOLTIPS = """() => {
  const found = []
  const go = (root) => {
    for (const at of root.querySelectorAll("*")) {
      if (at.matches(".bk-Tooltip") && getComputedStyle(at).display !== "none") {
        found.push([...at.shadowRoot.querySelectorAll(".bk-tooltip-row-value")].map((row) => row.textContent.trim()))
      }
      if (at.shadowRoot) go(at.shadowRoot)
    }
  }
  go(document.body)
  return found
}"""


def test_one_record_is_told_at_a_time_and_nothing_is_not_a_number(opened, tmp_path):
    """Five runs begin at one point, where none has a step size yet."""
    file = tmp_path / "out.html"
    methods = ["gd:lr=0.001", "momentum:lr=0.001", "adam", "rdbd:per=component", "gd:lr=0.01"]
    write_still(file, "rosenbrock", methods, budget=60)
    page = opened(file.as_uri(), offline=True)
    places = """([name, figure, at, column]) => {
      const view = Bokeh.index.get_one(Bokeh.documents[0].roots().find((root) => root.name === figure))
      const data = model(name).data
      const box = view.canvas_view.el.getBoundingClientRect()
      const y = view.frame.y_scale.compute(data[column[1]][at])
      return [box.x + view.frame.x_scale.compute(data[column[0]][at]), box.y + y]
    }"""
    for figure, at, columns in (
        ("contour", 0, ["x", "y"]),
        ("contour", 5, ["x", "y"]),
        ("errors", 0, ["cost", "error_y"]),
        ("sizes", 3, ["cost", "size_y_0"]),
    ):
        page.mouse.move(2, 2)
        page.wait_for_function(f"({TOOLTIPS})().length === 0")
        page.mouse.move(*page.evaluate(places, ["run 1", figure, at, columns]))
        page.wait_for_function(f"({TOOLTIPS})().length > 0")
        [told] = page.evaluate(TOOLTIPS)
        assert len(told) == (6 if figure == "contour" else 5)  # of a single record
        assert not {"NaN", "???", ""} & set(told)


def test_two_browsers_are_independent(opened, explorer):
    first, second = (opened(explorer + "?method=gd:lr=0.001&budget=100") for _ in range(2))
    before = the_last(second, "run 1")
    first.locator(".methods .noUi-handle").first.focus()
    a_change(first, "run 1", lambda: first.keyboard.press("ArrowRight"))
    second.wait_for_timeout(300)
    assert the_last(second, "run 1") == before
    assert "gd:lr=0.00105" in first.evaluate("location.search")
    assert "gd:lr=0.001&" in second.evaluate("location.search")


def test_playing_and_scrubbing_trouble_no_server(opened, explorer):
    page = opened(explorer + "?method=gd&method=csawg&budget=300")
    page.evaluate("""() => {
      window.sent = 0
      const send = WebSocket.prototype.send
      WebSocket.prototype.send = function (data) { sent += 1; return send.call(this, data) }
    }""")
    page.keyboard.press(" ")
    page.wait_for_function("10 < model('slider').value && model('slider').value < 300")
    page.keyboard.press(" ")
    page.locator(".scrub .noUi-handle").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[model('now 1').data.evals[0], model('past 2').data.x.length]") == [1, 2]
    assert page.evaluate("sent") == 0


def test_everything_is_in_reach_of_the_keyboard_with_the_focus_in_sight(opened, explorer):
    page = opened(explorer + "?method=gd&budget=100")
    focused = """() => {
      let at = document.activeElement
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
      return [at?.className ?? "", at?.tagName ?? "", at?.type ?? "", getComputedStyle(at).outlineStyle]
    }"""
    seen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(focused))
    kinds = {tag for _, tag, _, _ in seen}
    assert {"SELECT", "INPUT", "BUTTON"} <= kinds
    assert sum("noUi-handle" in name for name, *_ in seen) >= 4  # a and b of the problem, the scrubber, lr
    assert all(outline != "none" for name, tag, _, outline in seen if tag in ("SELECT", "INPUT", "BUTTON")), seen


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_page(opened, explorer, width):
    page = opened(explorer + "?method=adam+rdbd&method=csawg-p5:K=10", width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide, high = page.evaluate("[model('contour').inner_width, model('contour').inner_height]")
    assert abs(wide / high - 4 / 3) < 0.02


def test_the_server_imports_nothing_that_an_address_names(explorer):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(explorer + "components/this/Panel/css/x")
    refused.value.close()
    assert refused.value.code == 404


def test_a_change_is_drawn_at_once_and_once(opened, explorer):
    page = opened(explorer + "?method=csawg&method=adam+rdbd&budget=1000")
    page.locator(".methods .noUi-handle").first.focus()
    page.evaluate("""() => {
      window.drawn = 0
      model("run 1").properties.data.change.connect(() => requestAnimationFrame(() => { drawn += 1 }))
    }""")
    for k in range(1, 9):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"drawn >= {k}")
    assert page.evaluate("drawn") == 8


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
