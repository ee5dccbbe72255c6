"""Where the output of a command goes: what is written, to which files, and whether it can be."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stepbench.options import DRAWING, OUTPUT, FilmOptions, RunDrawingOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console
    from rich.table import Table

    from stepbench import Result


DRAWN = ("plot", "style", "width", "dpi", "title", "open")
"""The options of every command that draws a picture."""
OF_RUNS = ("overlay", "surface", "multiples")
FILMED = ("seconds", "fps", "size")
"""Those of pictures of runs, beside them."""
WRITTEN = (*DRAWN, *OF_RUNS, "animate", *FILMED, "show", "html", "table", "csv", "json", "verbose")
"""All that can be written of runs."""


@dataclass(frozen=True)
class Output(RunDrawingOptions, FilmOptions):
    """What is to be written, and where: the options of the commands that run something."""

    plot: Path | None = option(None, "Draw to a .png, .svg, .pdf or .pgf file.", OUTPUT)
    open: bool = option(False, "Open the picture in the system's viewer.", DRAWING)
    show: bool = option(False, "Draw in the terminal, too.", OUTPUT)
    animate: Path | None = option(None, "Film the run to a .gif, .mp4 or .webm file.", OUTPUT)
    html: Path | None = option(None, "Write a page that runs in a browser, offline too, with sliders.", OUTPUT)
    table: Path | None = option(None, "Write the table, all its columns, to a .tex, .md or .csv file.", OUTPUT)
    save: Path | None = option(None, "Keep every record in an .npz file, which stepbench plot draws.", OUTPUT)
    csv: str | None = option(None, "Write every record to a CSV file; - for standard output.", OUTPUT)
    json: bool = option(False, "Print a JSON summary, not a table.", OUTPUT)
    verbose: bool = option(False, "Say what made each run, NumPy or a kernel, and why.", OUTPUT)

    def check(self, *used: Path | str | None) -> None:
        """Refuse, before anything runs, a file that could not be written after it, or that the command itself uses."""
        from stepbench import InputError

        self._check_drawing()
        if self.json and self.csv == "-":
            raise InputError("--json and --csv - would both write to standard output: give --csv a file")
        if self.show and (self.json or self.csv == "-"):
            raise InputError("--show draws where --json and --csv - write: leave one of them out")
        for name, path in self._files():
            FILES[name].refuse_unfit(path, self)
        records = {} if self.csv in (None, "-") else {"csv": Path(str(self.csv))}
        refuse_unwritable(dict(self._files()) | records, *used)

    def _check_drawing(self) -> None:
        """Refuse what no picture can be, and what is said of one where there is none."""
        from stepbench import InputError

        usual = Output()
        asked = [name for name in (*DRAWN[1:], *OF_RUNS, *FILMED) if getattr(self, name) != getattr(usual, name)]
        if not asked:
            return
        for name in asked:
            if name in FILMED and self.animate is None:
                raise InputError(f"--{name} is about a film: give --animate FILE too")
            if name not in FILMED and self.plot is None and not (name == "style" and self.animate):
                raise InputError(f"--{name} is about a picture: give --plot FILE too")
        from stepbench.report.styles import check

        check(self)

    def _files(self) -> list[tuple[str, Path]]:
        """The files to write to, each with its option."""
        given = [(name, getattr(self, name)) for name in FILES]
        return [(name, path) for name, path in given if path is not None]

    def deliver(
        self,
        tell: Callable[[], Any],
        tables: Callable[[int], Sequence[Table]],
        print_notes: Callable[[Console], None],
        draw: Callable[[], Figure],
        results: Sequence[Result] = (),
        steps: int | None = None,
    ) -> None:
        """Write what was asked for.

        ``tell`` gives what JSON says, ``tables`` gives what a reader sees otherwise, in so many letters of width,
        ``print_notes`` prints what stands below them, and ``draw`` makes the figure. The records as CSV, a picture in
        the terminal, a film and a page are made from ``results``; ``steps`` is the number that they were allowed, where
        one was given.
        """
        if self.csv not in (None, "-"):
            from stepbench.report.records import write_csv

            write_csv(results, str(self.csv))
        in_words = not self.json and self.csv != "-"
        unheard = None
        try:
            self._print(tell, tables, print_notes, results, in_words=in_words)
        except OSError as error:  # nobody reads on, or a disk is full: the files are written all the same
            unheard = error
        content = Content(results, tables, draw, self, steps)
        written = [(name, path, FILES[name].write(path, content)) for name, path in self._files()]
        if unheard is not None:
            raise unheard
        for name, path, left_out in written if in_words else ():
            console().print(f"{FILES[name].done} {path}{f' ({left_out})' if left_out else ''}", highlight=False)
        if self.open:
            open_file(self.plot)

    def _print(
        self,
        tell: Callable[[], Any],
        tables: Callable[[int], Sequence[Table]],
        print_notes: Callable[[Console], None],
        results: Sequence[Result],
        *,
        in_words: bool,
    ) -> None:
        """Print what ``deliver`` was given."""
        if self.csv == "-":
            from stepbench.report.records import write_csv

            write_csv(results, self.csv)
        if self.json:
            write_json(tell())
        elif in_words:
            out = console()
            for table in tables(out.width):
                out.print(table)
            print_notes(out)
            for result in results if self.verbose else ():
                console().print(f"{result.label} was made by {result.engine}", highlight=False, markup=False)
        if self.show:
            from stepbench.report.terminal import Picture

            console().print(Picture(results))

    def write_picture(self, draw: Callable[[], Figure]) -> None:
        """Draw to the file of ``plot``, as these options say."""
        from stepbench.report.styles import drawn_for, save

        assert self.plot is not None
        with drawn_for(self):
            save(draw(), self.plot)

    def write_tables(self, tables: Sequence[Table], out: Console) -> None:
        """Write tables to the file of ``table``, where one is given, and say so."""
        if self.table is not None:
            from stepbench.report.table_files import write_tables

            write_tables(tables, self.table)
            out.print(f"written to {self.table}", highlight=False)


def open_file(path: Path | None) -> None:
    """Open a file in the system's viewer, or say that nothing here can."""
    import webbrowser

    if path is not None and not webbrowser.open(path.absolute().as_uri()):
        console().print(f"no viewer was found: open {path} yourself", highlight=False, markup=False)


class Content(NamedTuple):
    """What there is to write.

    The results of single runs, what makes their tables in so many letters of width, what makes their figure, how that
    is to look, and the steps that they were allowed.
    """

    results: Sequence[Result]
    tables: Callable[[int], Sequence[Table]]
    draw: Callable[[], Figure]
    output: Output
    steps: int | None = None


class File(NamedTuple):
    """A file: what refuses a path that cannot be, before anything runs, what writes it, and what is said of it.

    What writes it returns what was left out of it, in words.
    """

    refuse_unfit: Callable[[Path, Output], None]
    write: Callable[[Path, Content], str | None]
    done: str = "drawn to"


def _refuse_no_picture(path: Path, _: Output) -> None:
    from stepbench import InputError

    if path.suffix.lower() not in (".png", ".svg", ".pdf", ".pgf"):
        raise InputError(f"--plot {path} must end in .png, .svg, .pdf or .pgf")
    if path.suffix.lower() == ".pgf":
        from stepbench.report.styles import LATEX, latex

        if latex() is None:
            raise InputError(f"--plot {path} needs LaTeX, and none of {', '.join(LATEX)} is installed: choose a .pdf")


def _write_picture(_: Path, content: Content) -> str | None:
    content.output.write_picture(content.draw)
    asked = [name for name in OF_RUNS if getattr(content.output, name)]
    if asked:
        from stepbench.report.landscape import in_the_plane

        if not in_the_plane(content.results):
            return f"without --{asked[0]}, since f has no map here"
    return None


def _refuse_no_film(path: Path, output: Output) -> None:
    from stepbench.report.animation import check

    check(path, output)


def _write_film(path: Path, content: Content) -> str:
    from stepbench.report.animation import animate

    return animate(content.results, path, content.output)


def _refuse_no_page(path: Path, _: Output) -> None:
    from stepbench import InputError

    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--html {path} must end in .html")


def _write_page(path: Path, content: Content) -> None:
    from stepbench.web.live import page

    path.write_text(page(content.results, typed(), content.steps), encoding="utf-8")


def _refuse_no_table(path: Path, _: Output) -> None:
    from stepbench import InputError
    from stepbench.report.table_files import FORMS

    if path.suffix.lower() not in FORMS:
        raise InputError(f"--table {path} must end in .tex, .md or .csv")


def _write_table(path: Path, content: Content) -> None:
    from stepbench.report.table_files import write_tables
    from stepbench.report.tables import FULL

    write_tables(content.tables(FULL), path)


def _refuse_no_archive(path: Path, _: Output) -> None:
    from stepbench import InputError

    if path.suffix.lower() != ".npz":
        raise InputError(f"--save {path} must end in .npz")


def _write_archive(path: Path, content: Content) -> None:
    content.results[0].save(path)


FILES = {
    "plot": File(_refuse_no_picture, _write_picture),
    "animate": File(_refuse_no_film, _write_film),
    "html": File(_refuse_no_page, _write_page),
    "table": File(_refuse_no_table, _write_table, "written to"),
    "save": File(_refuse_no_archive, _write_archive, "kept in"),
}
"""The files that can be written to, by the option that names them, in the order in which they are."""


def refuse_unwritable(places: dict[str, Path], *used: Path | str | None) -> None:
    """Refuse files, each by its option, of which one cannot be written, or would be written over another.

    ``used`` are the files that hold what the command reads or keeps. All stay as they are.
    """
    from stepbench.fields import InputError, same_file

    for k, (name, path) in enumerate(places.items()):
        for file in used:
            if file is not None and same_file(path, file):
                raise InputError(f"--{name} would overwrite {file}, which this command uses: give another file")
        check_writable(path, f"--{name}")
        for other in [*places][:k]:
            if same_file(path, places[other]):
                raise InputError(f"--{other} and --{name} would both write to {path}: give two files")


def is_study(path: Path) -> bool:
    """Whether a file is a database of SQLite, as every study is."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def check_writable(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, or that must not be, and leave it as it is."""
    from stepbench import InputError

    target = Path(os.path.realpath(path))  # what is made for a try, and not the link to it, is removed
    if target.is_fifo():  # one of a shell, as of >(gzip), has no place among the files, and has a reader
        raise InputError(f"{option} {path} is a pipe, for which a reader may never come: name a file")
    new = not path.exists()
    try:
        if target.is_file() and (target.suffix == ".py" or is_study(target)):
            raise InputError(f"{option} would overwrite {path}, which no command makes again: name another file")
        path.open("ab").close()
    except OSError as error:
        raise InputError(f"{option} {path} cannot be written: {error.strerror}") from None
    if new:
        target.unlink()


def console() -> Console:
    """The terminal, or the pipe, that tables and sentences go to; strings stand as they are, brackets included."""
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            """Let the command see it, where Rich would exit with 1."""
            raise

    return Ours(markup=False, emoji=False)


def write_json(value: Any) -> None:
    """Print strict JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def typed() -> str:
    """The command as it was typed, to be given again; what is not in UTF-8 cannot stand in a page, and is a ``?``."""
    return shlex.join(["stepbench", *sys.argv[1:]]).encode(errors="replace").decode()
