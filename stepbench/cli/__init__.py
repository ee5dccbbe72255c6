"""The command line: one file per command, and what they share in options, data, output, progress and kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from stepbench import __version__, stopping
from stepbench.cli import (
    check,
    compare,
    demo,
    explain,
    explore,
    list,  # noqa: A004
    map,  # noqa: A004
    new,
    plot,
    profile,
    rate,
    reproduce,
    run,
    show,
    study,
    sweep,
    tune,
)

BEGIN = """\
The bench on which step-size methods are run, seen and compared honestly. Three things to try:

  stepbench run rosenbrock --method csawg --K 2 --show
      one method, with its path and its errors drawn in the terminal
  stepbench compare rosenbrock gd csawg:K=2 adam:lr=0.01 --plot valley.png
      several methods at the same budget, in a table and a picture
  stepbench demo too-large-a-step
      a lesson of two seconds; stepbench demo lists them all

stepbench --help lists all commands, stepbench COMMAND --help explains one,
and stepbench list names all problems and methods."""
"""What stepbench says where it is asked for nothing."""


COMPLETING = "_STEPBENCH_COMPLETE"
"""The variable by which a shell asks how a command goes on, as ``stepbench --install-completion`` sets it up."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; exits 0, 2 for input that cannot be used, 130 after Ctrl-C, or 143 after SIGTERM."""
    args = [*(sys.argv[1:] if args is None else args)]  # [*…], for `list` is a command here
    _open_streams()
    try:
        _answer(args)
    except SystemExit as end:
        code = 0 if isinstance(end.__context__, BrokenPipeError) else end.code  # Typer and Rich make 1 of it
    sys.exit(_flushed(code))


def _answer(args: Sequence[str]) -> NoReturn:
    """Do what was asked for, and exit with the code."""
    try:
        if not args and COMPLETING not in os.environ:
            print(BEGIN, flush=True)
            sys.exit(0)
        code = _app(args)(args, standalone_mode=False, prog_name="stepbench") or 0
        sys.stdout.flush()
        sys.exit(stopping.say() if code == 130 else code)  # Typer, too, makes 130 of Ctrl-C
    except SystemExit as end:
        if "stepbench.catalog.files" in sys.modules:  # else no file of the user's was loaded
            _refuse_users_error(end)
        raise
    except typer.TyperException as error:
        if not (message := error.format_message()):  # the help was asked for by saying nothing
            sys.exit(0)
        if message.startswith("No such command"):
            group = getattr(error, "ctx", None)  # stepbench itself, or stepbench study
            message += f" {group.command_path if group else 'stepbench'} --help lists the commands."
        _refuse(message)
    except KeyboardInterrupt:
        sys.exit(stopping.say())
    except BrokenPipeError:  # the reader of a pipe went away, as in `stepbench list | head`
        sys.exit(0)
    except MemoryError:
        _refuse("not enough memory: choose a smaller problem, budget or batch")
    except Exception as error:
        if _is_of_ctrl_c(error):
            sys.exit(stopping.say())
        from stepbench import InputError  # NumPy comes with it, for which --help must not wait

        if isinstance(error, InputError):
            _refuse(str(error))
        _refuse_users_error(error)
        if isinstance(error, OSError):
            _refuse(f"{error.filename or 'the output'} cannot be written or read: {error.strerror}")
        raise


def _open_streams() -> None:
    """Have somewhere to print to, also where standard output or error was closed, as by ``>&-``."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            while os.open(os.devnull, os.O_RDWR) < 2:  # no other file may get the number of one that is closed
                pass
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - it stays open to the end
        getattr(sys, name).reconfigure(errors="replace")  # α in a terminal that knows no Greek


def _is_of_ctrl_c(error: BaseException | None) -> bool:
    """Whether it is what a library made of a KeyboardInterrupt, as an import that fails."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _refuse(message: str) -> NoReturn:
    with suppress(OSError):  # nobody can be told
        print("stepbench: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(2)


def _flushed(code: Any) -> Any:
    """The exit code, once all is printed that can be; Python would make 120 of what cannot."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (AttributeError, ValueError):  # a file of the user's closed it, or took it away
            pass
    return code


def _refuse_users_error(error: BaseException) -> None:
    """Where a file of the user's raised the error, show its own traceback, and not ours."""
    from stepbench.catalog.files import users_lines

    told = users_lines(error)
    if told:
        where, trace = told
        print(trace, end="", file=sys.stderr)
        hint = ""
        if "truth value of an array" in str(error) or "only 0-dimensional arrays" in str(error):
            hint = "; it gets all runs at once: np.where in place of if, np.exp in place of math.exp"
        _refuse(f"{where}: {type(error).__name__}: {error}{hint}")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _app(args: Sequence[str]) -> typer.Typer:
    # The formatted help of a command costs as much start-up again as everything else: the overview does without.
    overview = not args or args[0].startswith("-")
    app = typer.Typer(add_completion=overview, rich_markup_mode=None if overview else "rich")

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
        ] = False,
    ) -> None:
        """The bench on which step-size methods are run, seen and compared honestly."""

    app.command("run")(run.command_of(args))
    app.command("compare")(compare.command)
    app.command("explain")(explain.command)
    app.command("demo")(demo.command)
    app.command("explore")(explore.command)
    app.command("sweep")(sweep.command)
    app.command("map")(map.command)
    app.command("tune")(tune.command)
    app.command("profile")(profile.command)
    app.command("plot")(plot.command)
    app.command("rate")(rate.command)
    app.command("reproduce")(reproduce.command)
    app.add_typer(study.app, name="study")
    app.command("list")(list.command)
    app.command("show")(show.command)
    app.command("new")(new.command)
    app.command("check")(check.command)
    return app
