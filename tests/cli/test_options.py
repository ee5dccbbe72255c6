"""The options of a run are declared once: what the command line offers is what the Python API takes."""

import dataclasses
import inspect
import subprocess
import sys
from typing import Annotated

import pytest

import stepbench
from stepbench import InputError
from stepbench.cli.options import Default, Only, given, takes
from stepbench.options import RunOptions

FIELDS = {field.name: field for field in dataclasses.fields(RunOptions)}


def test_the_options_of_a_run_are_those_of_the_python_api():
    taken = inspect.signature(stepbench.run).parameters
    assert set(taken) - {"problem", "method", "label", "trace", "progress"} == set(FIELDS)
    for name, field in FIELDS.items():
        assert taken[name].default == field.default


@pytest.mark.parametrize("function", [stepbench.sweep, stepbench.tune, stepbench.profile])
def test_what_is_not_given_is_the_same_for_every_function(function):
    taken = inspect.signature(function).parameters
    for name in (taken.keys() & FIELDS.keys()) - {"budget"}:
        assert taken[name].default == FIELDS[name].default


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.metadata["bounds"]])
def test_a_run_refuses_what_lies_outside_the_bounds(name):
    bounds = FIELDS[name].metadata["bounds"]
    low, high = bounds[1:-1].split(", ")
    low = float(low) if name in ("epochs", "noise", "target", "grad_target") else int(low)
    refused = [low - 1, *([low] if bounds[0] == "(" else []), *([int(high)] if high != "inf" else [])]
    accepted = [low + 1, *([low] if bounds[0] == "[" else []), *([int(high) - 1] if high != "inf" else [])]
    others = {} if name in ("budget", "epochs") else {"budget": 5}
    for value in refused:
        with pytest.raises(InputError, match=name):
            stepbench.run("quadratic", "gd", **others, **{name: value})
    for value in accepted:
        stepbench.run("quadratic", "gd", **others, **{name: value})


def test_declaring_options_imports_nothing_large():
    look = "import sys, stepbench.options; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert {"numpy", "typer", "rich"}.isdisjoint(out.split())


def test_a_record_stands_for_its_options():
    got = []

    @takes
    def command(name: str, run: Annotated[RunOptions, Only("start", "budget"), Default(budget=7)]) -> None:
        """A command."""
        got.append((name, run))

    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["name", "start", "budget"]
    assert parameters["budget"].default == 7
    assert command.__doc__ == "A command."
    command(name="a", start="-1,0.5", budget=7)
    assert got == [("a", RunOptions(start=[-1, 0.5], budget=7))]
    assert given(got[0][1]) == {"start": [-1, 0.5], "budget": 7}
    with pytest.raises(InputError, match="commas"):
        command(name="a", start="-1,b", budget=7)


def test_a_record_has_no_options_but_its_own():
    with pytest.raises(KeyError):
        takes(_misspelt)
    with pytest.raises(TypeError):
        takes(_unknown)


def _misspelt(run: Annotated[RunOptions, Only("bugdet")]) -> None: ...


def _unknown(run: Annotated[RunOptions, Default(bugdet=7)]) -> None: ...
