"""What a spec, a file or a text holds is shown as it stands, and not as rich's markup or as a picture."""

import io

import pytest
from rich.console import Console

from stepbench.cli.output import console
from stepbench.report.literal import Table

TRICKY = ["1e-3:100:log", "[bold]b[/bold]", "w:1:heart:", "a [0, 1) b", "[/]"]


@pytest.mark.parametrize("text", TRICKY)
def test_a_table_shows_its_texts_as_they_stand(text):
    """Also on a console of the user's own, which reads markup."""
    table = Table(text, title=text, title_style="bold")
    table.add_column(text)
    table.add_row(text, text)
    grid = Table.grid()
    grid.add_row(text)
    out = Console(file=io.StringIO(), width=100)
    out.print(table, grid)
    assert out.file.getvalue().count(text) == 6


@pytest.mark.parametrize("text", TRICKY)
def test_the_console_prints_sentences_as_they_stand(text, capsys):
    console().print(f"a sentence about {text}", highlight=False)
    assert capsys.readouterr().out == f"a sentence about {text}\n"


@pytest.mark.parametrize("name", ["sps", "sls", "delta-bar-delta"])
def test_show_prints_what_is_tuned_over(stepbench_cli, name):
    _, out, _ = stepbench_cli("show", name)
    assert ":log" in out
    assert all(ord(letter) < 0x1F000 for letter in out)


def test_a_progress_bar_has_the_name_that_it_was_given(monkeypatch):
    from stepbench.cli import progress

    made = []
    monkeypatch.setattr("rich.progress.Progress.start", lambda self: made.append(self))
    bar = progress.Progress("./a[b]/mine.py:lr=1e-3:100:log")
    bar.began -= 2
    bar(1, 2)
    out = Console(file=io.StringIO(), width=100)
    out.print(made[0].make_tasks_table(made[0].tasks))
    assert "./a[b]/mine.py:lr=1e-3:100:log" in out.file.getvalue()
