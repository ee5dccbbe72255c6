"""Start-up: from the prompt to an answer, against importing the libraries that no such program can do without."""

from benchmarks.races import Race, add, python


def startup(table, repeats):
    for arguments, needs, goal in (
        ("--help", "typer, rich", 1.5),
        ("list", "numpy, typer, rich.table", 2.0),
        ("run rosenbrock --method csawg --K 2", "numpy, typer, rich.table", 2.0),
    ):
        program = python("-m", "stepbench", *arguments.split())
        imports = python("-c", f"import {needs}")
        program()  # the first start of each writes the bytecode, and is not timed
        imports()
        add(table, arguments, f"import {needs}", Race(program, imports, repeats), goal)
