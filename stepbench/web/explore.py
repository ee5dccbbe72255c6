"""The explorer: pages on which problems, methods and hyper-parameters are chosen, and every choice is seen at once.

The page makes its runs itself, as any page of ``--html`` does. What is answered depends on the address alone: the
server keeps nothing about who asks, each answer is made once for all, and the browser's history is that of the page.
"""

from __future__ import annotations

import base64
import html
import io
import json
import math
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from string import Template
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from stepbench import catalog
from stepbench.contracts import Joined, Window
from stepbench.engine.comparison import Comparison
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.version import __version__
from stepbench.web import live
from stepbench.web import selection as selections
from stepbench.web.assets import asset
from stepbench.web.basins import where_they_lead
from stepbench.web.batches import TooSlowError
from stepbench.web.colours import PALETTE
from stepbench.web.selection import Selection
from stepbench.web.sensitivity import sensitivity
from stepbench.web.strangers import Hosts, everywhere, in_address

KEPT = 200
"""How many answers are kept, those that were asked for last."""

IDLE = 60
"""For how many seconds a connection may say nothing."""

LIMITS = (
    f"At most {selections.METHODS} methods and {selections.BUDGET:,} gradient evaluations; a run that is not made in "
    f"the page is stopped after {selections.SECONDS:g} seconds; no files are opened from here, and peers that own "
    "their loop are left to the command."
)


class Answer(NamedTuple):
    """What is sent for an address; what the time that it took has decided does not last, and is not kept."""

    kind: str
    body: bytes
    status: int = 200
    lasts: bool = True


class Made:
    """Answers by what was asked, each made once however many ask for it at the same time; the last ones are kept."""

    def __init__(self, make: Callable[[str], Answer]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Future[Answer]] = OrderedDict()

    def __call__(self, query: str) -> Answer:
        """The answer to a query."""
        with self._lock:
            new = query not in self._known
            future = self._known.setdefault(query, Future())
            self._known.move_to_end(query)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        if new:
            try:
                answer = self._make(query)
            except BaseException as error:
                self._forget(query, future)
                future.set_exception(error)
                raise
            if not answer.lasts:
                self._forget(query, future)
            future.set_result(answer)
        return future.result()

    def _forget(self, query: str, future: Future[Answer]) -> None:
        with self._lock:
            if self._known.get(query) is future:
                del self._known[query]


# The page -------------------------------------------------------------------------------------------------------------


def page(query: str) -> Answer:
    """The page of a link; what of the link cannot be used is left out, and told on it."""
    selection, unused = selections.parse(query)
    selection, results, refused = selections.run_all(selection)
    stage = live.staged(results)
    problem = selection.problem
    question = next((question for question in QUESTIONS if question.query == selection.query.removeprefix("?")), None)
    stage.facts["explore"] = {
        "parts": [_parts(method) for method in selection.methods],
        "rules": list(catalog.names("stepsizes")),
        "most": {"methods": selections.METHODS, "budget": selections.BUDGET},
        "palette": PALETTE,
        "of": selection.basins,
        "questions": [question.query for question in QUESTIONS],
    }
    text = Template(asset("explore.html")).substitute(
        title=html.escape(f"{', '.join(r.label for r in results)} on {problem}"),
        header=live.header(problem),
        style=asset("live.css") + asset("explore.css"),
        problems=_options(_problem_groups(), problem.name),
        questions="".join(
            f"<option{' selected' if q is question else ''}>{html.escape(q.asked)}</option>" for q in QUESTIONS
        ),
        question=html.escape(question.asked) if question else "",
        hint=html.escape(question.hint) if question else "",
        budget=selection.budget,
        most=selections.BUDGET,
        refused=live.paragraphs([*unused, *refused]),
        directions=_options(_direction_groups(), ""),
        runs=asset("runs.html"),
        notes=live.paragraphs([*live.notes(results), LIMITS]),
        version=__version__,
        scripts=stage.scripts(live.OF_RUNS, ["explore"]),
    )
    return Answer("text/html; charset=utf-8", text.encode(), lasts=_last(results))


def _last(results: Sequence[Result]) -> bool:
    """Whether none of the runs was stopped by the time that it took."""
    return not any(r.detail.startswith(selections.OUT_OF_TIME) for r in results)


def _parts(method: Any) -> list[str]:
    """The direction and the rule of a method; of a method that is whole, its name alone."""
    if isinstance(method, Joined):
        return [method.direction.name, method.rule.name]
    return [method.name]


def _options(groups: dict[str, list[str]], chosen: str) -> str:
    """A choice of names, by groups."""
    text = ""
    for title, names in groups.items():
        options = "".join(
            f"<option{' selected' if name == chosen else ''}>{html.escape(name)}</option>" for name in names
        )
        text += f'<optgroup label="{html.escape(title)}">{options}</optgroup>'
    return text


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


class Question(NamedTuple):
    """A question that a page answers, what to do on it, and its link."""

    asked: str
    hint: str
    query: str


QUESTIONS = (
    Question(
        "Why is one step size never right in a narrow valley?",
        "Move the step size of gd until it diverges, then compare it with momentum.",
        "problem=quadratic:kappa=50&method=gd:lr=0.03&method=momentum:lr=0.01&budget=200",
    ),
    Question(
        "Which minimum does a start lead to?",
        "Drag the start over the colours, then give momentum a larger step size.",
        "problem=gallery/himmelblau&method=gd:lr=0.01&method=momentum:lr=0.01&start=0,0&budget=200&basins=1",
    ),
    Question(
        "Does Adam's step size have to be tuned?",
        "Look at the curve of final errors, and move Adam's step size along it.",
        "problem=rosenbrock&method=adam&method=gd&budget=1000",
    ),
    Question(
        "What does Csawg look at before it steps?",
        "Change K, and watch its step size and its path.",
        "problem=rosenbrock&method=csawg&method=gd&budget=1000",
    ),
    Question(
        "Who leaves a saddle, and who stays?",
        "Drag the start onto the axis, and away from it again.",
        "problem=gallery/saddle&method=gd:lr=0.05&method=adam:lr=0.05&start=1,0.0001&budget=200",
    ),
    Question(
        "What does a step size that adapts cost when it begins far too large?",
        "Make every step size a hundred times larger.",
        "problem=rosenbrock&method=rdbd&method=gd&method=adam&budget=1000",
    ),
)


# The other answers ----------------------------------------------------------------------------------------------------


def basins(query: str) -> dict[str, Any]:
    """Where the starts of a window lead, as numbers of the palette in rows from the bottom up, and what they mean."""
    selection, asked = _asked(query)
    view, minima = _window(asked), _pairs(asked.get("minima", ""))
    found = where_they_lead(selection.problem, selection.methods[0], view, minima)
    image = base64.b64encode(found.image.tobytes()).decode()
    return {"image": image, "side": len(found.image), "view": view, "minima": found.minima, "legend": found.legend}


def sensitivities(query: str) -> dict[str, Any]:
    """The final error of a run for each of many step sizes, None where the run was lost."""
    selection, _ = _asked(query)
    found = sensitivity(selection.problem, selection.methods[0], selection.begins, selection.budget)
    ends = [
        None if lost or not math.isfinite(end) else float(end)
        for end, lost in zip(found.result.value[-1], found.lost, strict=True)
    ]
    return {"sizes": found.sizes.tolist(), "ends": ends, "first": float(found.result.value[0, 0])}


def _asked(query: str) -> tuple[Selection, dict[str, str]]:
    """The selection of a query for an answer of one method, and all that it says; raises InputError."""
    asked = {key: values[-1] for key, values in parse_qs(query[: selections.LENGTH]).items()}
    made = Selection(
        selections.problem(asked.get("problem", "")),
        (selections.method(asked.get("method", "")),),
        selections.point(asked["start"]) if "start" in asked else None,
        selections.budget(asked.get("budget", "1000")),
    )
    return made, asked


def _window(asked: dict[str, str]) -> Window:
    match _pairs(asked.get("view", "")):
        case [(left, right), (bottom, top)] if left < right and bottom < top:
            return (left, right), (bottom, top)
    raise InputError("a view is left,right;bottom,top")


def _pairs(text: str) -> list[tuple[float, float]]:
    return [selections.point(pair) for pair in text.split(";") if pair]


_drawing = threading.Lock()
"""Matplotlib draws one figure at a time."""


def picture(query: str) -> Answer:
    """The figure of the runs of a link, as a PNG file."""
    _, results, _ = selections.run_all(selections.parse(query)[0])
    file = io.BytesIO()
    with _drawing:
        Comparison(results).figure().savefig(file, format="png")
    return Answer("image/png", file.getvalue(), lasts=_last(results))


def _json(answer: Callable[[str], dict[str, Any]]) -> Callable[[str], Answer]:
    def made(query: str) -> Answer:
        try:
            return Answer("application/json", json.dumps(answer(query), allow_nan=False).encode())
        except InputError as error:
            slow = isinstance(error, TooSlowError)  # beside fewer visitors it may be quick enough
            told = json.dumps({"error": str(error)}).encode()
            return Answer("application/json", told, 503 if slow else 400, lasts=not slow)

    return made


ANSWERS = {
    "/": Made(page),
    "/basins": Made(_json(basins)),
    "/sensitivity": Made(_json(sensitivities)),
    "/picture.png": Made(picture),
}


# The server -----------------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """It answers each browser in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int) -> None:
        """Listen; raises OSError where the port cannot be had."""
        self.address_family, _, _, _, at = socket.getaddrinfo(host or None, port, 0, socket.SOCK_STREAM, 0, 1)[0]
        self.hosts = Hosts(host, port)
        self.url = f"http://{'127.0.0.1' if everywhere(host) else in_address(host)}:{port}"
        super().__init__(at, _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        """Take the port, and ask nobody for this machine's name, which may take long."""
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone, which is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stepbench", ""
    timeout = IDLE
    server: Server

    def do_GET(self) -> None:
        if not self.server.hosts.serve(self.headers.get("Host", ""), self.headers.get("Origin")):
            told = f"stepbench explore does not serve this host: open {self.server.url}, or name the host with --host\n"
            self._send(Answer("text/plain; charset=utf-8", told.encode(), 403))
            return
        path, _, query = self.path.partition("?")
        make = ANSWERS.get(path)
        self._send(make(query) if make else Answer("text/plain; charset=utf-8", b"there is no such page\n", 404))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'"
)
"""A page uses what stands in it and what this server sends, and nothing else."""


def serve(host: str, port: int, *, browser: bool) -> None:
    """Serve the page until Ctrl-C; raises InputError where the port cannot be had."""
    try:
        server = Server(host, port)
    except (OSError, UnicodeError) as error:  # no name of a host is that long, or made of such letters
        why = getattr(error, "strerror", error)
        raise InputError(f"port {port} of {host} cannot be had ({why}): choose others with --port and --host") from None
    print(f"stepbench: explore at {server.url} (Ctrl-C ends it)", flush=True)
    if browser:
        import webbrowser

        webbrowser.open(server.url)
    with server:
        server.serve_forever()
