"""Tables in files: LaTeX that is well formed, Markdown and CSV that read back as what the terminal shows."""

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench.report.literal import Table
from stepbench.report.table_files import FORMS, plain, write_tables
from stepbench.report.tables import FULL, comparison

CELLS = st.text(st.characters(exclude_categories=["C"]), max_size=9).map(lambda text: " ".join(text.split()))
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=4)


def table_of(*columns, title="a title"):
    """A table of columns: a heading, whether it holds numbers, and the cells."""
    table = Table(title=title)
    for heading, numeric, _ in columns:
        table.add_column(heading, justify="right" if numeric else "left")
    for row in zip(*(cells for _, _, cells in columns), strict=True):
        table.add_row(*row)
    return plain(table)


def csv_of(*columns):
    return [*csv.reader(io.StringIO(FORMS[".csv"]([table_of(*columns)])))]


def latex_of(text):
    """What stands in LaTeX for one cell."""
    [line] = [line for line in FORMS[".tex"]([table_of(("h", False, [text]))]).splitlines() if line.endswith(r"\\")][1:]
    return line.strip().removesuffix(r"\\").strip()


def split_markdown(line):
    """The cells of a row, as GitHub reads them: a pipe behind a backslash is a letter."""
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", line)
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell.strip()) for cell in cells[1:-1]]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("1e-5", "$10^{-5}$"),
        ("3.92e-05", r"$3.92 \times 10^{-5}$"),
        ("-1e+02", "$-10^{2}$"),
        ("1,354", "$1{,}354$"),
        ("110 (74)", "$110$ ($74$)"),
        ("6f (3)*", r"$6$f ($3$)\textsuperscript{*}"),
        ("99.1%", r"$99.1$\%"),
        ("1e-5 … 0.1", r"$10^{-5}$ \ldots{} $0.1$"),
        ("> 1,000", "$>$ $1{,}000$"),
        ("–", "--"),
        ("adam:lr=1e-5", "adam:lr=1e-5"),
        ("a_b&c%d#e$f", r"a\_b\&c\%d\#e\$f"),
        ("{a}^~\\", r"\{a\}\textasciicircum{}\textasciitilde{}\textbackslash{}"),
        ("[b]", "{[}b{]}"),
        ("*", r"\textsuperscript{*}"),
        ("a--b", "a-{}-b"),
        ("∇²f, λ₁₀ 10⁻³", r"$\nabla^{2}$f, $\lambda_{10}$ 10$^{-3}$"),
        ("$λ", r"\$$\lambda$"),
        ("▁█", r"\rule{0.4em}{0.2ex}\rule{0.4em}{1.6ex}"),
    ],
)
def test_cells_in_latex(cell, written):
    assert latex_of(cell) == written


@given(ROWS)
def test_latex_is_balanced_whatever_the_cells_hold(rows):
    text = FORMS[".tex"]([table_of(("a", False, [a for a, _ in rows]), ("b", True, [b for _, b in rows]))])
    body = text.split("\n", 1)[1]
    assert body.count(r"\begin{") == body.count(r"\end{") == 2
    lines = [line for line in body.split("\n") if line.endswith(r" \\")]
    assert len(lines) == 1 + len(rows)
    for line in lines:
        bare = re.sub(r"\\\\$|\\textbackslash|\\[{}$&#%_]", "", line)  # what is left has its meaning in LaTeX
        assert bare.count("&") == 1
        assert not re.search(r"[%#~]", bare)
        assert bare.count("$") % 2 == 0
        depth = np.cumsum([{"{": 1, "}": -1}.get(letter, 0) for letter in bare])
        assert depth[-1] == 0
        assert depth.min() >= 0
        assert not re.match(r"\s*[\[*]", bare)  # \\[…] and \\* would be read as a length and as a star


@given(ROWS)
def test_markdown_reads_back(rows):
    columns = ("a|b", False, [a for a, _ in rows]), ("c", True, [b for _, b in rows])
    title, empty, *lines = FORMS[".md"]([table_of(*columns)]).rstrip("\n").split("\n")
    assert (title, empty) == ("**a title**", "")
    head, rule, *body = lines
    assert re.fullmatch(r"\| -{3,} \| -{2,}: \|", rule)
    ends = [m.start() for line in (head, *body) for m in re.finditer(r"\|", line)]
    assert ends
    assert split_markdown(head) == ["a|b", "c"]
    assert [tuple(split_markdown(line)) for line in body] == rows


@given(ROWS)
def test_texts_read_back_from_csv_and_none_is_a_formula(rows):
    head, *body = csv_of(("a", False, [a for a, _ in rows]), ("b", False, [b for _, b in rows]))
    assert head == ["a", "b"]
    for row, read in zip(rows, body, strict=True):
        for cell, text in zip(row, read, strict=True):
            assert text.removeprefix("'") in (cell, cell.removeprefix("'"), "" if cell == "–" else cell)
            if text[:1] in ("=", "+", "-", "@"):
                float(text)


def test_numbers_are_plain_in_csv():
    assert csv_of(
        ("method", False, ["gd", "=1+1", "1,000"]),
        ("1e0", True, ["1,354", "110 (74)", "–"]),
        ("time", True, ["0.34 s*", "1.2 s", "1e+02 s"]),
        ("accuracy", True, ["99.1%*", "0%", "–"]),
        ("95 %", True, ["1,234 … > 10,000", "> 10,000", "–"]),
        ("w", True, ["-1.2, 1", "–, 3", "0, 0"]),
    ) == [
        ["method", "1e0", "1e0 (iterations)", "time (s)", "accuracy", "95 % (from)", "95 % (to)", "w_1", "w_2"],
        ["gd", "1354", "1354", "0.34", "0.991", "1234", "> 10000", "-1.2", "1"],
        ["'=1+1", "110", "74", "1.2", "0.00", "> 10000", "", "", "3"],
        ["1,000", "", "", "1e+02", "", "", "", "0", "0"],
    ]


def test_a_comparisons_table_holds_the_numbers_of_its_runs_and_every_column():
    results = [stepbench.run("rosenbrock", spec, budget=2000) for spec in ("gd", "csawg:K=2", "scipy:bfgs")]
    write_tables([comparison(results, FULL)], Path("t.CSV"))
    with Path("t.CSV").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert {"1e0", "1e0 (iterations)", "error", "∇f evals", "f evals", "time (s)", "log error", "status"} <= {*rows[0]}
    for row, result in zip(rows, results, strict=True):
        k = result.first_at(1.0)
        assert int(row["1e0"]) == result.evals[k]
        assert int(row["1e0 (iterations)"]) == result.iteration[k]
        assert int(row["∇f evals"]) == result.evals[-1]
        assert math.isclose(float(row["error"]), result.error[-1], rel_tol=0.01)
        assert row["status"] == result.status
