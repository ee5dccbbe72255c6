"""The explorer: a page on which every choice redraws the runs at once."""

from __future__ import annotations

import io
import logging
import math
import signal
from collections.abc import Callable
from html import escape
from typing import Any, cast

import panel as pn
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, CustomJSTickFormatter
from tornado.iostream import StreamClosedError
from tornado.web import ErrorHandler
from tornado.websocket import WebSocketClosedError

from stepbench import catalog
from stepbench.catalog import summary
from stepbench.contracts import Joined, Runnable, changed, hyperparameters, values_of, with_values
from stepbench.engine.comparison import Comparison
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.report.ending import ending
from stepbench.report.styles import COLOURS
from stepbench.web import selection as selections
from stepbench.web import sensitivity as sensitivities
from stepbench.web.assets import STYLE, asset, script
from stepbench.web.basins import where_they_lead
from stepbench.web.figures import Scene
from stepbench.web.selection import Control, Selection
from stepbench.web.strangers import Refusal, Strange, everywhere, in_address, log_in_one_line

POWER = "return String(Number((10 ** tick).toPrecision(3)))"
"""How the browser writes the value of a logarithmic slider."""


PAUSE = 10
"""For how many milliseconds the server listens before a slower drawing."""


class Explorer:
    """The page in one browser: what is selected, the widgets and the figures."""

    def __init__(self, query: str = "") -> None:
        self.selection, unused = selections.parse(query)
        self.results: list[Result | str] = []
        self._filling = False  # whether the program sets the widgets, and not the user
        self.scene = Scene(selections.METHODS, components=2)
        self.scene.contour.on_event(Tap, self._tapped)
        self.link = ColumnDataSource({"query": [""], "command": [""]})
        self.link.js_on_change("data", script("link.js", link=self.link))
        self.problem = _widget(pn.widgets.Select, "problem", groups=_problem_groups())
        self.problem.param.watch(self._problem_chosen, "value")
        self.start = [_widget(pn.widgets.FloatInput, name, step=0.1) for name in ("start w₁", "w₂")]
        for box in self.start:
            box.param.watch(self._start_typed, "value")
        self.budget = _widget(pn.widgets.IntInput, "gradient evaluations", step=100)
        self.budget.param.watch(self._budget_typed, "value")
        self.fields = Controls(self._problem_set, pn.Row)
        self.cards = [Card(i, self) for i in range(selections.METHODS)]
        self.methods = pn.Column(sizing_mode="stretch_width")
        self.add = _button("+ add a method", self._add)
        self.message, self.summary, self.command = _text(), _text(), _text("code")
        self.basins = _widget(pn.widgets.Select, "where all starts lead", options={"off": 0})
        self.basins.param.watch(self._basins_chosen, "value")
        self.legend = _text("legend")
        self.sensitivity = sensitivities.Panel()
        self._minima: dict[str, tuple[tuple[float, float], ...]] = {}  # found so far, by the problem
        self._document = pn.state.curdoc
        self._due: list[Callable[[], None]] = []
        self._drawn: dict[str, Any] = {}  # of what each of the slower drawings was made
        self.message.styles = {"color": "#B00000"}
        self.copy = _button("Copy the command")
        self.copy.js_on_click(args={"link": self.link}, code=asset("copy.js"))
        self.png = pn.widgets.FileDownload(
            callback=self._png, filename="stepbench.png", label="Download PNG", stylesheets=[STYLE]
        )
        self.show(self.selection, unused)

    def page(self) -> Any:
        """The page, for Panel to serve."""
        template = pn.Template("{% extends base %}\n" + asset("explore.html"))
        for name in ("page.css", "explore.css", "keys.js", "names.js", "lost.js"):
            template.add_variable(name.replace(".", "_"), asset(name))
        scene = self.scene
        parts = {"plane": scene.contour, "player": scene.play, "scrubber": scene.slider}
        parts |= {"curve": scene.errors, "steps": scene.sizes, "sensitivity": self.sensitivity.figure}
        for name, part in parts.items():
            template.add_panel(name, pn.pane.Bokeh(part, sizing_mode=part.sizing_mode))
        for name in (
            "problem",
            "summary",
            "budget",
            "methods",
            "add",
            "message",
            "command",
            "copy",
            "png",
            "basins",
            "legend",
        ):
            template.add_panel(name, getattr(self, name))
        template.add_panel("start", pn.Row(*self.start, sizing_mode="stretch_width"))
        template.add_panel("fields", self.fields.column)
        return template

    def show(self, selection: Selection, messages: list[str] | None = None) -> None:
        """Show another selection: set the widgets, make the runs, fill the figures, and say how each run ended."""
        self.selection = selection
        self._fill()
        self.results = selections.run(selection)
        self.scene.show(selection.problem, [r if isinstance(r, Result) else None for r in self.results])
        for card, result in zip(self.cards, self.results, strict=False):
            card.tell(result)
        self.message.object = "<br>".join(map(escape, messages or []))
        self.command.object = escape(selection.command)
        self.link.data = {"query": [selection.query], "command": [selection.command]}
        self._later()

    # The drawings of many runs come after the paths, and of what is selected by then: the newest wins.

    def _later(self) -> None:
        """Let the slower drawings be made once what the browser has sent meanwhile is heard."""
        waiting = bool(self._due)
        self._due = [self._draw_basins, self._draw_sensitivity]
        if self._document is not None and self._document.session_context is not None and not waiting:
            self._document.add_timeout_callback(self._draw_next, PAUSE)

    def _draw_next(self) -> None:
        draw, *self._due = self._due
        if self._due:
            self._document.add_timeout_callback(self._draw_next, PAUSE)
        with pn.io.hold():
            draw()

    def draw(self) -> None:
        """Make the slower drawings now."""
        while self._due:
            draw, *self._due = self._due
            draw()

    @property
    def current(self) -> int:
        """The place of the method that the slower drawings are of."""
        return max(self.selection.basins - 1, 0)

    def _draw_basins(self) -> None:
        selection, view = self.selection, self.scene.view
        method = selection.methods[self.current]
        made_of = (selection.problem.spec(), method.spec(), view, selection.basins > 0)
        if self._drawn.get("basins") == made_of:
            return
        self._drawn["basins"] = made_of
        image, told = None, ""
        if selection.basins and view:
            try:
                known = self._minima.get(selection.problem.spec(), ())
                found = where_they_lead(selection.problem, method, view, known)
                self._minima = {selection.problem.spec(): found.minima}
                image, told = found.image, found.legend
            except InputError as error:
                told = f"Where all starts lead is not shown: {escape(str(error))}"
        self.scene.show_layer(image, view)
        self.legend.object = told

    def _draw_sensitivity(self) -> None:
        selection, i = self.selection, self.current
        method, colour, result = selection.methods[i], COLOURS[i], self.results[i]
        try:
            size = values_of(method)[sensitivities.step_size(method).key]
            others = with_values(method, {"lr": 1.0}).spec()
            made_of = (selection.problem.spec(), others, selection.begins, selection.budget, i)
            if self._drawn.get("sensitivity") != made_of:
                self._drawn["sensitivity"] = made_of
                found = sensitivities.sensitivity(selection.problem, method, selection.begins, selection.budget)
                self.sensitivity.show(found, colour)
                self.sensitivity.figure.xaxis.axis_label = f"step size α of {selections.short(method)}"
        except InputError as error:
            self._drawn["sensitivity"] = None
            self.sensitivity.clear()
            self.sensitivity.figure.xaxis.axis_label = str(error)
            return
        value = math.nan
        if isinstance(result, Result) and result.status not in ("diverged", "failed"):
            value = float(result.value[-1])
        self.sensitivity.mark(size, value, colour)

    def attempt(self, change: Callable[[], Selection]) -> None:
        """Change the selection, or say why that cannot be."""
        if self._filling:
            return
        try:
            selection = change()
            with pn.io.hold():  # one message to the browser, and one redraw
                self.show(selection)
        except InputError as error:
            self._fill()
            self.message.object = escape(str(error))

    def _fill(self) -> None:
        self._filling = True
        try:
            selection = self.selection
            self.problem.value = selection.problem.name
            self.summary.object = escape(summary(type(selection.problem)))
            for box, w in zip(self.start, selection.begins, strict=True):
                box.value = w
            self.budget.value = selection.budget
            names = [f"{i + 1} · {selections.short(method)}" for i, method in enumerate(selection.methods)]
            options = {"off": 0, **{name: i + 1 for i, name in enumerate(names)}}
            if self.basins.options != options:
                self.basins.options = options
            self.basins.value = selection.basins
            self.fields.fill(
                selections.problem_controls(selection.problem), lambda key: getattr(selection.problem, key)
            )
            for card, method in zip(self.cards, selection.methods, strict=False):
                card.fill(method)
            shown = [card.column for card in self.cards[: len(selection.methods)]]
            if self.methods.objects != shown:
                self.methods.objects = shown
            self.add.disabled = len(selection.methods) == selections.METHODS
            for card in self.cards:
                card.remove.disabled = len(selection.methods) == 1
        finally:
            self._filling = False

    def _tapped(self, event: Tap) -> None:
        if event.x is not None and event.y is not None:
            self.attempt(lambda: self.selection.having(start=selections.near(self.selection, event.x, event.y)))

    def _problem_chosen(self, event: Any) -> None:
        self.attempt(lambda: self.selection.having(problem=selections.problem(event.new), start=None))

    def _problem_set(self, key: str, value: Any) -> None:
        self.attempt(lambda: self.selection.having(problem=changed(self.selection.problem, {key: value})))

    def _start_typed(self, event: Any) -> None:
        w1, w2 = (box.value for box in self.start)
        self.attempt(lambda: self.selection.having(start=selections.point(f"{w1},{w2}")))

    def _budget_typed(self, event: Any) -> None:
        self.attempt(lambda: self.selection.having(budget=selections.budget(str(event.new))))

    def _basins_chosen(self, event: Any) -> None:
        if event.new is not None:
            self.attempt(lambda: self.selection.having(basins=event.new))

    def _add(self, event: Any) -> None:
        self.attempt(lambda: self.selection.having(methods=(*self.selection.methods, selections.method("adam"))))

    def _png(self) -> io.BytesIO:
        file = io.BytesIO()
        Comparison([r for r in self.results if isinstance(r, Result)]).figure().savefig(file, format="png")
        file.seek(0)
        return file


class Controls:
    """Sliders and choices for the fields of one object; with ``fold`` those that tuning does not try are hidden."""

    def __init__(self, use: Callable[[str, Any], None], layout: Any = pn.Column, *, fold: bool = False) -> None:
        self._use, self._fold = use, fold
        self._widgets: dict[str, tuple[Control, Any]] = {}
        self.column = layout(sizing_mode="stretch_width")

    def fill(self, controls: list[Control], value: Callable[[str], Any]) -> None:
        """Show these controls at these values; a control that is there already is moved, and not made again."""
        if [control for control, _ in self._widgets.values()] != controls:
            self._widgets = {control.key: (control, self._make(control, value(control.key))) for control in controls}
            first = [widget for control, widget in self._widgets.values() if control.field.search or not self._fold]
            rest = [widget for _, widget in self._widgets.values() if widget not in first]
            folded = pn.Column(*rest, visible=False, sizing_mode="stretch_width")
            more = pn.widgets.Toggle(label="more", stylesheets=[STYLE])
            more.jslink(folded, value="visible")
            self.column.objects = [*first, more, folded] if rest else first
        for control, widget in self._widgets.values():
            now = value(control.key)
            if control.kind == "choice" or control.value(widget.value) != now:
                widget.value = _place(control, now)

    def _make(self, control: Control, value: Any) -> Any:
        if control.kind == "choice":
            names = {True: "yes", False: "no", None: "run" if control.key == "per" else "none"}
            options = {names.get(choice, str(choice)): choice for choice in control.choices}
            widget = _widget(pn.widgets.Select, control.title, options=options, value=value)
        elif control.kind == "int":
            low, high = int(control.low), int(control.high)
            widget = _widget(pn.widgets.IntSlider, control.title, start=low, end=high, value=value)
        else:
            shape = CustomJSTickFormatter(code=POWER) if control.kind == "log" else "0[.][0000]"
            ends = {"start": control.low, "end": control.high, "step": control.step}
            place = _place(control, value)
            widget = _widget(pn.widgets.FloatSlider, control.title, **ends, value=place, format=shape)

        def use(event: Any) -> None:
            chosen = event.new if control.kind == "choice" else control.value(event.new)
            self._use(control.key, chosen)

        widget.param.watch(use, "value")
        return widget


class Card:
    """One method: its spec, the parts it is joined from, how its run ended, and its hyper-parameters."""

    def __init__(self, i: int, page: Explorer) -> None:
        self._i, self._page = i, page
        self.spec = _widget(pn.widgets.TextInput, f"method {i + 1}")
        self.spec.param.watch(self._typed, "value")
        self.direction = _widget(pn.widgets.Select, "direction", groups=_direction_groups())
        self.rule = _widget(pn.widgets.Select, "step-size rule", options=list(catalog.names("stepsizes")))
        for part in (self.direction, self.rule):
            part.param.watch(self._chosen, "value")
        self.remove = _button("remove", self._removed, align="end")
        self.ending = _text()
        self.controls = Controls(self._set, fold=True)
        self.column = pn.Column(
            pn.Row(self.spec, self.remove, sizing_mode="stretch_width"),
            self.ending,
            pn.Row(self.direction, self.rule, sizing_mode="stretch_width"),
            self.controls.column,
            styles={"--colour": COLOURS[i], "border-left": f"10px solid {COLOURS[i]}", "margin-bottom": "14px"},
            css_classes=["card"],
            stylesheets=[STYLE],
            sizing_mode="stretch_width",
        )

    def fill(self, method: Runnable) -> None:
        """Show a method."""
        self.spec.value = catalog.label(method)
        joined = isinstance(method, Joined)
        self.direction.value = method.direction.name if isinstance(method, Joined) else method.name
        self.rule.visible = joined
        if isinstance(method, Joined):
            self.rule.value = method.rule.name
        self.controls.fill(selections.method_controls(method), values_of(method).__getitem__)

    def tell(self, result: Result | str) -> None:
        """Say how its run ended."""
        lost = isinstance(result, str) or result.status in ("diverged", "failed")
        self.ending.object = escape(result if isinstance(result, str) else ending(result))
        self.ending.styles = {"color": "#B00000" if lost else "#5a6472"}

    def _change(self, method: Callable[[], Runnable]) -> None:
        self._page.attempt(lambda: self._page.selection.with_method(self._i, method()))

    def _typed(self, event: Any) -> None:
        self._change(lambda: selections.method(event.new.strip()))

    def _chosen(self, event: Any) -> None:
        def method() -> Runnable:
            name, rule = self.direction.value, self.rule.value
            if name not in catalog.names("directions"):
                return selections.method(name)
            joined, before = selections.method(f"{name}+{rule}"), self._page.selection.methods[self._i]
            owners, values = hyperparameters(joined), values_of(before)
            taken_over = {
                key: values[key]
                for key, (part, _) in hyperparameters(before).items()
                if key in owners and key != "per" and (key == "lr" or type(part) is type(owners[key][0]))
            }
            return cast(Runnable, with_values(joined, taken_over))

        self._change(method)

    def _set(self, key: str, value: Any) -> None:
        self._change(lambda: with_values(self._page.selection.methods[self._i], {key: value}))

    def _removed(self, event: Any) -> None:
        selection = self._page.selection
        left = selection.methods[: self._i] + selection.methods[self._i + 1 :]
        self._page.attempt(lambda: selection.having(methods=left, basins=min(selection.basins, len(left))))


def _place(control: Control, value: Any) -> Any:
    """Where a value stands on its control."""
    return math.log10(value) if control.kind == "log" else value


def _widget(kind: Any, title: str, **options: Any) -> Any:
    widget = kind(label=title, stylesheets=[STYLE], **{"sizing_mode": "stretch_width"} | options)
    widget._debounce = 10  # for how many milliseconds Panel gathers the changes of a widget; by default for 50
    return widget


def _text(*css_classes: str) -> Any:
    return pn.pane.HTML("", stylesheets=[STYLE], css_classes=["text", *css_classes], sizing_mode="stretch_width")


def _button(title: str, use: Callable[[Any], None] | None = None, **options: Any) -> Any:
    button = pn.widgets.Button(label=title, stylesheets=[STYLE], **options)
    if use:
        button.on_click(use)
    return button


def _problem_groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in selections.problems():
        groups.setdefault(name.rpartition("/")[0] or "classics", []).append(name)
    return groups


def _direction_groups() -> dict[str, list[str]]:
    wholes = [name for name in catalog.names("methods") if name not in catalog.peers()]
    return {
        "directions": list(catalog.names("directions")),
        "whole methods": wholes,
        "settings of papers": [name for name in catalog.ALIASES if name not in ("gd", "sgd")],
    }


def serve(host: str, port: int, *, browser: bool) -> None:
    """Serve the page until Ctrl-C; raises InputError where the port cannot be had."""
    import webbrowser

    def session() -> Any:
        request = pn.state.curdoc.session_context.request
        return Explorer(request.query).page()

    url = f"http://{'127.0.0.1' if everywhere(host) else in_address(host)}:{port}"
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)  # it warns of "*", which is made safe below
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    try:
        server = pn.serve(
            {"/": session},
            port=port,
            address=host,
            websocket_origin="*",
            title="stepbench explore",
            show=False,
            start=False,
            verbose=False,
            admin=False,
            extra_patterns=[
                ("/components/.*", ErrorHandler, {"status_code": 404})
            ],  # Panel's own page there imports what its address names
        )
    except OSError as error:
        raise InputError(
            f"port {port} of {host} cannot be had ({error.strerror}): choose others with --port and --host"
        ) from None
    refused = (Strange(host, port), Refusal, {"address": url})
    server._tornado.add_handlers(".*", [refused])  # it is asked before all pages and WebSockets
    log_in_one_line()
    signal.signal(signal.SIGINT, on_ctrl_c)  # Panel sets its own, after which the command would seem to have succeeded
    print(f"stepbench: explore at {url} (Ctrl-C ends it)", flush=True)
    if browser:
        webbrowser.open(url)
    server.io_loop.asyncio_loop.set_exception_handler(_unless_gone)
    server.start()
    server.io_loop.start()


def _unless_gone(loop: Any, context: dict[str, Any]) -> None:
    """Log what went wrong in a task, but not that a page was left while something was on its way to it."""
    if not isinstance(context.get("exception"), WebSocketClosedError | StreamClosedError):
        loop.default_exception_handler(context)
