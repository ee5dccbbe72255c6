"""Options of the command line, read from records: each field of a record is an option of the commands that take it."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from stepbench.options import RUN, RunOptions, option


def problems_like(incomplete: str) -> list[str]:
    """The problems whose names begin so, for the shell to complete."""
    from stepbench import catalog

    return [name for name in catalog.names("problems") if name.startswith(incomplete)]


def methods_like(incomplete: str) -> list[str]:
    """The methods whose names begin so, also behind a plus sign, for the shell to complete."""
    from stepbench import catalog

    before, plus, last = incomplete.rpartition("+")
    return [f"{before}{plus}{name}" for name in catalog.method_names() if name.startswith(last)]


ProblemName = Annotated[
    str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.", autocompletion=problems_like)
]
MethodName = Annotated[
    str,
    typer.Option(
        "--method",
        "-m",
        help="A method, as csawg or adam+rdbd.",
        rich_help_panel=RUN,
        autocompletion=methods_like,
    ),
]
MethodNames = Annotated[
    list[str],
    typer.Option(
        "--method",
        "-m",
        help="A method, as adam or adam+rdbd; may be repeated.",
        rich_help_panel=RUN,
        autocompletion=methods_like,
    ),
]

ONE_RUN = ("budget", "steps", "target", "grad_target", "start", "seed", "noise")
"""What a run of any method on any problem can be given, but for how it is recorded."""

TYPED: dict[str, Any] = {"start": str | None, "checkpoint": Path | None}
"""What is typed for the fields that Python takes in more than one form."""


@dataclass(frozen=True)
class GoalOptions(RunOptions):
    """The options of runs that are compared by what they cost to reach a target."""

    target: float | None = option(None, "The error f − f* to reach.", RUN, bounds="[0, inf)", shown="1e-6")


class Only:
    """Beside a record in an annotation: the command takes only these of its options, and lists them in this order."""

    def __init__(self, *names: str) -> None:
        self.names = names


class Default:
    """Beside a record in an annotation: what these of its options are where the user gives none."""

    def __init__(self, **values: Any) -> None:
        self.values = values


def takes(function: Callable[..., None], more: Sequence[inspect.Parameter] = ()) -> Callable[..., None]:
    """A function as typer takes it for a command: a parameter that is a record stands for the options of that record.

    The help lists the options, and the panels that hold them, in the order of the parameters. ``more`` are options that
    the function does not name: they come with its ``**`` parameter.
    """
    parameters: list[inspect.Parameter] = []
    records: dict[str, tuple[Any, list[str]]] = {}  # by parameter: the record at its defaults, the options taken of it
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        kind, *notes = _annotated(parameter.annotation)
        if dataclasses.is_dataclass(kind):
            record, own = _options(kind, notes)
            records[parameter.name] = record, [p.name for p in own]
            parameters += own
        elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    parameters += more

    @wraps(function)
    def command(**values: Any) -> None:
        built = {
            name: _built(record, {key: values.pop(key) for key in taken}) for name, (record, taken) in records.items()
        }
        function(**values, **built)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def given(record: Any) -> dict[str, Any]:
    """The options that are not at the defaults of their record, as the functions of the Python API take them."""
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    defaults = {field.name: field.default for field in dataclasses.fields(record)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _annotated(annotation: Any) -> tuple[Any, ...]:
    """What is annotated, and the notes beside it."""
    return typing.get_args(annotation) if typing.get_origin(annotation) is Annotated else (annotation,)


def _options(kind: Any, notes: Sequence[Any]) -> tuple[Any, list[inspect.Parameter]]:
    """A record at the defaults that a command has for it, and those of its options that the command takes."""
    names = [field.name for field in dataclasses.fields(kind)]
    record = kind()
    for note in notes:
        if isinstance(note, Only):
            names = [*note.names]
        elif isinstance(note, Default):
            record = dataclasses.replace(record, **note.values)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    return record, [_parameter(fields[name], _types(kind)[name], getattr(record, name)) for name in names]


@cache
def _types(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _parameter(field: dataclasses.Field[Any], kind: Any, default: Any) -> inspect.Parameter:
    in_words = field.metadata["shown"] if default is None else ""
    said = typer.Option(
        "--" + field.name.replace("_", "-"),  # stated, so that a bool has no second option --no-…
        help=field.metadata["meaning"],
        show_default=in_words or True,
        rich_help_panel=field.metadata["heading"],
    )
    kind = TYPED.get(field.name, kind)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, said]
    )


def _built(record: Any, values: dict[str, Any]) -> Any:
    """The record with what was typed for its options."""
    if values.get("start") is not None:
        values |= {"start": _point(values["start"])}
    return dataclasses.replace(record, **values)


def _point(text: str) -> list[float]:
    from stepbench import InputError

    try:
        return [float(w) for w in text.split(",")]
    except ValueError:
        raise InputError(f"--start {text} must be numbers with commas between them, as -1,0") from None
