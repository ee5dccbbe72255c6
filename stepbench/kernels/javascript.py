"""A program for a page: plain JavaScript, one run at a time.

A number of JavaScript is a float64, and + − × ÷ √ are IEEE's there too: where a program is ``exact``, a run in a page
has NumPy's bits. ``run.js`` lets such a program step, and ends a run as the engine does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from stepbench.contracts import Method, Problem
from stepbench.kernels import symbols
from stepbench.kernels.recording import Program, Recording, Search, ordered, with_inputs
from stepbench.kernels.symbols import Node, Number, Unrecordable

RUN = (Path(__file__).parent / "run.js").read_text(encoding="utf-8")
"""``run``, and the functions that JavaScript lacks and the text of a program calls."""

_OPERATIONS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "maximum": "{0} >= {1} || {0} !== {0} ? {0} : {1}",
    "minimum": "{0} <= {1} || {0} !== {0} ? {0} : {1}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "equal": "{} === {}",
    "not_equal": "{} !== {}",
    "logical_and": "{} && {}",
    "logical_or": "{} || {}",
    "logical_not": "!{}",
    "isfinite": "Number.isFinite({})",
    "isnan": "Number.isNaN({})",
    "select": "{} ? {} : {}",
    "power": "power({}, {})",
    "absolute": "Math.abs({})",
    "rint": "rint({})",
    "fmod": "{} % {}",
    "copysign": "copysign({}, {})",
    "arcsin": "Math.asin({})",
    "arccos": "Math.acos({})",
    "arctan": "Math.atan({})",
    "arctan2": "Math.atan2({}, {})",
}
"""How each operation is written; those that are missing are called in Math as they are in NumPy."""


def recorded(
    problem: Problem,
    method: Method,
    horizon: int,
    free: tuple[str, ...] = (),
    nonzero: tuple[str, ...] = (),
    noise: float = 0.0,
) -> tuple[Program, Recording]:
    """The program of a method on a problem from the start of a run, and what recorded it.

    ``horizon`` is the number of steps that a run may take, ``free`` are real fields of the problem that a page may
    change, and ``nonzero`` those that may be taken not to be 0. With ``noise`` above 0 each step has a vector of it
    anew, and asks for the gradient at its own point again. Raises Unrecordable.
    """
    recording = Recording(problem, method, 0, noise, horizon, free=free, nonzero=nonzero)
    program = recording.program()
    if len(program.seen) != (program.d if noise else 0) or not (noise or program.carried):
        raise Unrecordable("each of its steps sees something else")
    return program, recording


def module(program: Program) -> str:
    """The program as an object of JavaScript.

    ``s`` are the slots, with the point first, ``p`` the parameters, ``e`` the noise on a step's gradients, and ``o``
    what a step leaves beside the slots: gradient and function evaluations, whether it was refused (then why), and the
    step sizes. ``start(s, p)`` fills the slots of a state, ``look(s, p)`` those of f and its gradient and returns ‖g‖²,
    ``f(s, p)`` is f alone, and a phase takes one step.
    """
    looks = ("f", *(f"g.{i}" for i in range(program.d)))
    slots = (*program.slots, *(name for name in looks if name not in program.slots))  # with noise no step reads a look
    place = {name: f"s[{k}]" for k, name in enumerate(slots)}
    place |= {name: f"p[{k}]" for k, name in enumerate(program.parameters)}
    place |= {name: f"e[{k}]" for k, name in enumerate(program.seen)}
    looked = {"f": program.f} | {f"g.{i}": g for i, g in enumerate(program.g)}
    phases = []
    for phase in program.phases:
        after = {place[name]: value for name, value in phase.slots.items()}
        after |= {"o[0]": phase.evals, "o[1]": phase.fevals, "o[2]": phase.refused}
        after |= {f"o[{3 + k}]": value for k, value in enumerate(phase.alpha or ())}
        step = function("s, p, o, e", place, after)
        why = json.dumps(phase.why).replace("<", "\\u003c")  # as </script> would end the script that it stands in
        phases.append(f"{{ next: {phase.next}, why: {why},\nstep: {step} }}")
    start = function("s, p", place, {place[name]: value for name, value in program.start.items()})
    look = function("s, p", place, {place[name]: value for name, value in looked.items()}, program.square)
    facts = {
        "d": program.d,
        "slots": len(slots),
        "sizes": max(len(phase.alpha or ()) for phase in program.phases),
        "at": slots.index("f"),
        "parameters": program.parameters,
        "exact": program.exact,
    }
    return (
        f"{{ ...{json.dumps(facts)},\nstart: {start},\nlook: {look},\n"
        f"f: {function('s, p', place, {}, program.f)},\nphases: [{', '.join(phases)}] }}"
    )


def answers(
    problem: Problem,
    parameters: Sequence[str],
    ask: Callable[[Problem], Iterable[Number] | None],
    nonzero: Sequence[str] = (),
) -> str:
    """What a problem says of itself, as a function of a page's parameters, which gives a list, or null.

    Raises Unrecordable, or whatever the text of the problem raises on symbols.
    """
    symbols.begin()
    said = ask(with_inputs(problem, [name[2:] for name in parameters if name.startswith("q.")], nonzero))
    if said is None:
        return "() => null"
    place = {name: f"p[{k}]" for k, name in enumerate(parameters)}
    values = [symbols.node_or_number(value) for value in said]
    return function("p", place, {f"o[{k}]": value for k, value in enumerate(values)}, made="const o = []", result="o")


def function(
    taken: str,
    place: dict[str, str],
    after: dict[str, Number],
    value: Number | None = None,
    *,
    made: str = "",
    result: str = "",
) -> str:
    """A function that assigns some values at once, all of them of what was there before, and returns another."""
    names: dict[int, str] = {}
    roots = [*after.values(), *([] if value is None else [value])]
    lines = [*([made] if made else []), *_lines(ordered(roots), names, place)]
    lines += [f"{target} = {_named(root, names)}" for target, root in after.items()]
    if value is not None or result:
        lines.append(f"return {result or _named(value, names)}")  # type: ignore[arg-type]
    return f"({taken}) => {{\n" + ";\n".join(lines) + "\n}"


def _named(a: Number, names: dict[int, str]) -> str:
    return names[id(a)] if isinstance(a, Node) else literal(a)


def _lines(nodes: Iterable[Node], names: dict[int, str], place: dict[str, str]) -> list[str]:
    """A line for each operation, which gives its value a name; a search is a loop over what it tries."""
    lines = []
    for node in nodes:
        name = f"v{len(names)}"
        if node.op == "search":
            searched: Search = node.args[0]
            first = [_named(a, names) for a in node.args[1 : 1 + len(searched.inputs)]]
            names |= {id(each): f"{name}[{k}]" for k, each in enumerate(searched.inputs)}
            body = _lines(searched.body, names, place)
            last = ", ".join(_named(a, names) for a in searched.outputs)
            text = ";\n".join([*body, f"{name} = [{last}]"])
            lines.append(f"let {name} = [{', '.join(first)}];\ndo {{\n{text}\n}} while ({name}[0])")
        elif node.op == "found":
            name = f"{names[id(node.args[0])]}[{node.args[1]}]"
        elif node.op == "input":
            if node.args[0] not in place:
                raise Unrecordable(f"it needs {node.args[0]} where that is not known")
            lines.append(f"const {name} = {place[node.args[0]]}")
        else:
            form = _OPERATIONS.get(node.op) or f"Math.{node.op}({{}})"
            lines.append(f"const {name} = {form.format(*(_named(a, names) for a in node.args))}")
        names[id(node)] = name
    return lines


def literal(a: float) -> str:
    """A number to the last bit, or a truth; in brackets where it has a sign."""
    if isinstance(a, bool):
        return str(a).lower()
    if math.isnan(a):
        return "NaN"
    size = "Infinity" if math.isinf(a) else repr(abs(float(a)))
    return f"(-{size})" if math.copysign(1.0, a) < 0 else size
