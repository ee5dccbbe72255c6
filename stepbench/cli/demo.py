"""``stepbench demo``: lessons, each run in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepbench.cli.options import Default, Only, takes
from stepbench.cli.output import DRAWN, Output, console, open_file, typed
from stepbench.options import RUN

if TYPE_CHECKING:
    from rich.console import Console

    from stepbench.lessons import Question


@takes
def command(
    name: Annotated[
        str | None, typer.Argument(metavar="[LESSON]", help="A lesson, as ill-conditioning, or a file, ./mine.toml.")
    ] = None,
    *,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for a prediction before the result.", rich_help_panel=RUN)
    ] = False,
    output: Annotated[Output, Only(*DRAWN, "html", "table"), Default(style="slides")],
) -> None:
    """Show a lesson: what is run, why, and what to remember.

    Lists the lessons where none is named. --ask is for the lecture room: it
    puts a question first, waits for an answer, and says whether it was right.
    --html writes a page that does so in a browser, with sliders; without a
    lesson it writes all of them into a folder. Else the picture is drawn to
    LESSON.png where --plot names no other file.
    """
    from rich.text import Text

    from stepbench import InputError, lessons

    out = console()
    if name is None:
        if output.html is not None and not ask and output.plot is None and output.table is None:
            _write_course(out, output.html, show=output.open)
            return
        if ask or output.open or output.plot is not None or output.table is not None:
            raise InputError("which lesson? Name one, as stepbench demo ill-conditioning; stepbench demo lists them")
        longest = max(map(len, lessons.names()))
        for one in lessons.names():
            out.print(Text(f"{one:{longest}}  {lessons.load(one).title}"), no_wrap=True, overflow="ellipsis")
        return
    chosen = lessons.load(name)
    if output.html is None or output.plot is not None:
        output = replace(output, plot=output.plot or Path(f"{chosen.name}.png"))
        output.check()
    else:
        replace(output, style=Output().style, open=False).check()  # the page alone is opened, and has its own style
    if ask and chosen.question is None:
        raise InputError(f"{chosen.file} asks nothing: give it a [question], or leave out --ask")
    out.print(Text(chosen.title, style="bold"), "", sep="\n")
    _paragraphs(out, chosen.text)
    said = _asked(out, chosen.question) if ask and chosen.question else None
    lecture = chosen.run()
    out.print(lecture.table(out.width))
    for line in lecture.notes():
        out.print(Text(line, style="dim"))
    out.print()
    if ask and chosen.question:
        verdict = "" if said is None else f"You said {said}. " + ("Right: " if said == lecture.answer else "No: ")
        by = f", by the {chosen.question.measure}" if chosen.question.measure else ""
        out.print(Text(f"{verdict}{'it' if verdict else 'It'} is {lecture.answer}{by}.", style="bold"), "", sep="\n")
    _paragraphs(out, chosen.why)
    for trial in chosen.tries:
        _paragraphs(out, f"Try: {trial.say}")
    out.print(Text(f"Remember: {chosen.take_away}", style="bold green"), "", sep="\n")
    from stepbench.report.shown import drawn
    from stepbench.report.tables import FULL

    output.write_tables([lecture.table(FULL)], out)
    if output.plot is not None:
        output.write_picture(lambda: drawn(lecture, output))
        out.print(Text(f"drawn to {output.plot}"))
    if output.html is not None:
        from stepbench.web import lesson

        output.html.write_text(lesson.page(lecture, typed()), encoding="utf-8")
        out.print(Text(f"drawn to {output.html}"))
    if output.open:
        open_file(output.html or output.plot)


def _write_course(out: Console, folder: Path, *, show: bool) -> None:
    """Write every lesson as a page into a folder, and a list of them."""
    from rich.text import Text

    from stepbench import InputError
    from stepbench.web import lesson

    if folder.suffix.lower() in (".html", ".htm") or folder.is_file():
        raise InputError(f"--html {folder}: without a lesson it is a folder for all of them; or name a lesson first")
    try:
        pages = lesson.write_course(folder, typed())
    except OSError as error:
        raise InputError(f"--html {folder} cannot be written: {error.strerror}") from None
    out.print(Text(f"{len(pages)} lessons are drawn to {folder}; begin with {folder / 'index.html'}"))
    if show:
        open_file(folder / "index.html")


def _paragraphs(out: Console, text: str) -> None:
    """Text as wide as the terminal; an empty line in the file begins a new paragraph."""
    from rich.text import Text

    for paragraph in text.strip().split("\n\n"):
        out.print(Text(" ".join(paragraph.split())), "", sep="\n")


def _asked(out: Console, question: Question) -> str | None:
    """The choice of who sits there, by its number; None where the input ends before one is made."""
    from rich.text import Text

    out.print(Text(question.ask, style="bold"))
    for k, choice in enumerate(question.choices, 1):
        out.print(Text(f"  {k}  {choice}"))
    while True:
        try:
            word = input(f"your answer, 1 to {len(question.choices)}: ").strip()
        except EOFError:
            out.print("\n")
            return None
        if word in question.choices:
            return word
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(question.choices):
            out.print()
            return question.choices[int(word) - 1]
