"""``stepbench run``: one method on one problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench import stopping
from stepbench.cli import guaranteed
from stepbench.cli.data import DataOptions
from stepbench.cli.lost import print_suggestions
from stepbench.cli.options import ONE_RUN, MethodName, Only, ProblemName, takes
from stepbench.cli.output import WRITTEN, Output
from stepbench.cli.progress import run_one
from stepbench.options import RunOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

    from stepbench.contracts import Runnable
    from stepbench.fields import Field


def command_of(args: Sequence[str]) -> Callable[..., None]:
    """The command as a function whose parameters are the run's options and the named method's hyper-parameters."""
    spec = _method_in(args)
    named, known = (None, {}) if spec is None else _named(spec)
    options = {f"own_{i}": key for i, key in enumerate(known)}  # as names of Python parameters

    def command(
        problem: ProblemName,
        *,
        method: MethodName = "gd",
        data: DataOptions,
        run: Annotated[RunOptions, Only(*ONE_RUN, "every", "checkpoint", "checkpoint_every", "engine")],
        output: Annotated[Output, Only(*WRITTEN, "save")],
        guarantee: guaranteed.Steps = None,
        **values: Any,
    ) -> None:
        """Run one method on one problem.

        Prints a convergence table; --plot draws trace, errors and step sizes,
        --show draws in the terminal, --animate films the run. --guarantee sets the
        exact worst case of the first steps beside them, in the table and the plot.

        The hyper-parameters of the method are options too, listed below.
        """
        import stepbench
        from stepbench import catalog
        from stepbench.report.records import summary
        from stepbench.report.tables import convergence, outcome

        output.check(run.checkpoint)
        chosen = {options[name]: value for name, value in values.items() if value is not None}
        function = data.problem(problem)
        as_named = named if named is not None and method == spec else catalog.method(method)
        runner = catalog.method(as_named, **chosen)
        run = replace(run, epochs=data.epochs)
        guarantees = guaranteed.Guarantees(guarantee, function, run)
        label = method if runner.spec() == as_named.spec() else catalog.label(runner)
        try:
            with stopping.keeping():
                result, code = run_one(function, runner, run, label), 0
            guarantees.find([result], [runner])
        except stepbench.Interrupted as stop:
            result = stop.result
            code = stopping.say(
                f", kept in {run.checkpoint}; the same command goes on from there" if run.checkpoint else ""
            )

        def notes(out: Console) -> None:
            out.print(outcome(result), highlight=False)
            guarantees.print_notes(out)
            print_suggestions([(result, runner)], run, out)

        def figure() -> Figure:
            from stepbench.report.plots import comparison_figure

            return comparison_figure([result], guarantees.found, output)

        output.deliver(
            lambda: summary(result) | guarantees.facts(result),
            lambda width: [convergence(result, width), *guarantees.tables()],
            notes,
            figure,
            [result],
            run.steps,
        )
        raise typer.Exit(code)

    return takes(command, [_parameter(name, key, *known[key]) for name, key in options.items()])


def _method_in(args: Sequence[str]) -> str | None:
    """The method that the command line names, looked up before it is parsed: its fields are options of the parser."""
    if args[:1] != ["run"]:
        return None
    found = "gd"
    for i, arg in enumerate(args):  # the last one counts, as it does for the parser
        if arg in ("--method", "-m") and i + 1 < len(args):
            found = args[i + 1]
        elif arg.startswith("--method="):
            found = arg.removeprefix("--method=")
        elif arg.startswith("-m") and not arg.startswith("--"):
            found = arg[2:]
    return found


def _named(spec: str) -> tuple[Runnable, dict[str, tuple[Any, Field]]]:
    """The method of a spec, and its hyper-parameters by key."""
    from stepbench import catalog
    from stepbench.contracts import hyperparameters

    found = catalog.method(spec)
    return found, hyperparameters(found)


def _parameter(name: str, key: str, part: Any, field: Field) -> inspect.Parameter:
    """An option of the command line for one hyper-parameter."""
    flag = "--" + key.replace("_", "-")
    value = getattr(part, field.name)
    symbol = f"{field.symbol}: " if field.symbol and field.symbol != field.name else ""
    option = typer.Option(
        flag + (f"/--no-{flag[2:]}" if field.kind == "bool" else ""),
        help=symbol + field.meaning + ".",
        metavar=None if field.kind == "bool" else field.range.removeprefix("a ").removeprefix("an "),
        show_default=True if value is not None else "none",
        rich_help_panel=f"Hyper-parameters of {part.name}",
    )
    kind: Any = bool | None if field.kind == "bool" else str | None
    default = value if field.kind == "bool" else None if value is None else str(value)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
