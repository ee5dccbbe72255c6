"""Files that are no study, or not a whole one."""

import io
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import stepbench
from tests.study.kept import bits, made_study, scalars


def cut_at(part):
    def make(path):
        data = made_study(path)
        path.write_bytes(
            data[: part if isinstance(part, int) and part > 0 else int(len(data) * part) if part > 0 else part]
        )

    return make


def made_newer(path):
    made_study(path)
    with closing(sqlite3.connect(path)) as db:
        [(version,)] = db.execute("PRAGMA user_version")
        db.execute(f"PRAGMA user_version = {version + 1}")


def made_older(path):
    made_study(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 3")


def made_by_another_program(path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE runs (key BLOB PRIMARY KEY, setting BLOB); INSERT INTO runs VALUES (x'00', x'01')"
        )


def made_with_bytes_that_are_no_text(path):
    path.write_bytes(made_study(path).replace(b"budget spent", b"\xff\xfe\xfd" + b"get spent"))
    assert b"\xff\xfe\xfd" in path.read_bytes()


def made_with_a_page_of_garbage(path):
    data = bytearray(made_study(path, seeds=60))
    [root] = scalars(path, "SELECT rootpage FROM sqlite_master WHERE name = 'runs'")
    [size] = scalars(path, "PRAGMA page_size")
    data[(root - 1) * size : root * size] = random.Random(1).randbytes(size)
    path.write_bytes(data)


def picture(path):
    image = io.BytesIO()
    Figure().savefig(image, format="png")
    path.write_bytes(image.getvalue())


NO_STUDIES = {
    **{f"cut to {n} bytes": (cut_at(n), ("truncated", "damaged")) for n in (16, 17, 50, 99, 100, 101, 4096)},
    "cut to 1 byte": (cut_at(1), ("truncated", "not a study")),
    "cut in half": (cut_at(0.5), ("truncated", "damaged")),
    "cut by one byte": (cut_at(-1), ("truncated", "damaged")),
    "newer": (made_newer, ("newer",)),
    "older": (made_older, ("was written by another version of stepbench, whose runs have other columns",)),
    "another program's": (made_by_another_program, ("another program",)),
    "text": (lambda path: path.write_text("SQLite format 3 is what this is not\n" * 99), ("not a study",)),
    "a short text": (lambda path: path.write_text("x"), ("not a study",)),
    "a picture": (picture, ("not a study",)),
    "no text where text should be": (made_with_bytes_that_are_no_text, ("damaged",)),
    "a page of garbage": (made_with_a_page_of_garbage, ("damaged",)),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", NO_STUDIES)
def test_a_file_that_is_no_whole_study_is_one_line_and_stays_as_it_is(stepbench_cli, kind):
    make, says = NO_STUDIES[kind]
    make(Path("s.db"))
    before = Path("s.db").read_bytes()
    args = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--over", "seed=0:60", "--noise", "0.1")
    code, out, err = stepbench_cli(*args, "--budget", "20", "--study", "s.db")
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: s.db ")
    assert len(err.splitlines()) == 1
    assert any(words in err for words in says)
    assert Path("s.db").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["s.db"]


@pytest.mark.slow
def test_garbage_anywhere_is_never_a_traceback_nor_another_number():
    data, truth = (
        made_study(seeds=60),
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(60)}, noise=0.1, budget=20),
    )
    found, rng = [], random.Random(3)
    [page] = scalars("s.db", "PRAGMA page_size")
    for at in range(page, len(data), page):
        damaged = bytearray(data)
        damaged[at : at + page] = rng.randbytes(page)
        Path("d.db").write_bytes(damaged)
        try:
            with stepbench.Study("d.db") as study:
                again = stepbench.sweep(
                    "quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(60)}, noise=0.1, budget=20, study=study
                )
        except stepbench.InputError as error:
            found.append(str(error))
            assert Path("d.db").read_bytes() == bytes(damaged)
        else:
            assert bits(again.ends.f) == bits(truth.ends.f)
    assert len(found) > 3
    assert all("damaged" in message for message in found)
