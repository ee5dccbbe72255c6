"""``stepbench new``: a file of your own to begin with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

TEMPLATES = Path(__file__).parents[1] / "templates"


class Kind(StrEnum):
    """What the file will hold."""

    problem = "problem"
    method = "method"
    network = "network"
    lesson = "lesson"


def command(
    kind: Annotated[Kind, typer.Argument(help="problem, method, network or lesson.")],
    name: Annotated[str, typer.Argument(help="Its name, as my-valley.")],
) -> None:
    """Write a problem, method, network or lesson to begin with.

    A short commented file in this folder, which runs as it stands.
    """
    import importlib.util
    import keyword
    import re

    from stepbench import InputError

    ending = ".toml" if kind is Kind.lesson else ".py"
    name = name.removesuffix(ending)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise InputError(f"{name} cannot be a name: it needs letters, digits, - and _, and begins with a letter")
    stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    path = Path(f"{stem}{ending}")
    text = (TEMPLATES / f"{kind}{ending}").read_text(encoding="utf-8")
    title = stem.title().replace("_", "")
    python = kind is not Kind.lesson
    if (python and re.search(rf"\b{title}\b", text)) or keyword.iskeyword(title):
        raise InputError(f"{name} cannot be a name: {title} has a meaning in the file; choose another")
    if python and not path.exists() and importlib.util.find_spec(stem) is not None:
        raise InputError(f"{name} cannot be a name: {path} would hide the module {stem}; choose another")
    text = text.replace("FILE", stem).replace("class Name(", f"class {title}(")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists already: choose another name") from None
    if not python:
        print(f"wrote {path}; next:\n  stepbench demo ./{path} --ask")
        return
    run = {
        Kind.problem: f"run ./{path} --method adam",
        Kind.method: f"compare rosenbrock ./{path} gd",
        Kind.network: f"run ./{path} --method adam --epochs 20",
    }[kind]
    print(f"wrote {path}; next:\n  stepbench check ./{path}\n  stepbench {run} --plot {stem}.png")
