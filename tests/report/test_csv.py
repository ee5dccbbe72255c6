"""CSV files: what a spreadsheet would run stands behind an apostrophe, and a number stays one."""

import csv
from pathlib import Path

import pytest

import stepbench
from stepbench.report.records import write_csv, write_rows_as_csv

TEXTS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(1)"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_a_spreadsheet_would_run_is_written_so_that_it_does_not(text):
    result = stepbench.run("quadratic", "gd", steps=2, label=text)
    write_csv([result], "records.csv")
    write_rows_as_csv([{"problem": text, text: "gd", "f": -1.5, "w": [-1.0, 2.0], "detail": "-1.5"}], Path("runs.csv"))
    with Path("records.csv").open(newline="") as file:
        assert {row["method"] for row in csv.DictReader(file)} == {f"'{text}"}
    with Path("runs.csv").open(newline="") as file:
        assert [*csv.reader(file)] == [
            ["problem", f"'{text}", "f", "w", "detail"],
            [f"'{text}", "gd", "-1.5", "-1.0 2.0", "-1.5"],
        ]


def test_other_texts_stay_as_they_are():
    write_rows_as_csv([{"problem": "./a.py", "method": "gd", "detail": "f - f* = 1", "f": None}], Path("runs.csv"))
    assert Path("runs.csv").read_text().splitlines() == ["problem,method,detail,f", "./a.py,gd,f - f* = 1,"]
