"""``stepbench study check`` names what is damaged, and ``stepbench study repair`` keeps the sound rest."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import stepbench
from stepbench.study import rows
from stepbench.study.batch import digest
from stepbench.study.store import Store
from tests.study.kept import content, made_study, piece, scalars

SWEEP = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--over", "seed=0:60")
NOISY = (*SWEEP, "--noise", "0.1", "--budget", "20", "--study")


def changed(statement):
    """Change the tables past their checksums."""

    def damage(path):
        with closing(sqlite3.connect(path)) as db, db:
            db.executescript(statement)

    return damage


def overwritten(begin, content):
    """Other bytes at a place of the file."""

    def damage(path):
        data = bytearray(path.read_bytes())
        data[begin : begin + len(content)] = content
        path.write_bytes(data)

    return damage


def with_a_leaf_of_garbage(path):
    [size] = scalars(path, "PRAGMA page_size")
    data = path.read_bytes()
    [last] = scalars(path, "SELECT max(rowid) FROM runs")
    [key] = scalars(path, f"SELECT substr(key, 1, 16) FROM runs WHERE rowid = {last // 2}")
    at = next(k for k in range(len(data)) if data[k : k + 16] == key and data[(k // size) * size] == 13)
    overwritten((at // size) * size, bytes(range(256)) * (size // 256))(path)


def with_another_table(path):
    overwritten(path.read_bytes().index(b"CREATE TABLE runs"), b"CREATE FABLE")(path)


DAMAGED = {
    "numbers": (changed("UPDATE runs SET numbers = zeroblob(length(numbers)) WHERE id = 2"), 2),
    "the numbers of another row": (changed("UPDATE runs SET numbers = (SELECT numbers FROM runs) WHERE id = 2"), 2),
    "a status": (changed("UPDATE runs SET status = CAST(replace(status, 'budget', 'failed') AS BLOB) WHERE id = 2"), 2),
    "parameters": (changed("UPDATE runs SET parameters = CAST('{' AS BLOB) WHERE id = 2"), 2),
    "values of another type": (changed("UPDATE runs SET numbers = 'one', seed = 0.5 WHERE id = 2"), 2),
    "a row gone": (changed("DELETE FROM runs WHERE id = 2"), 2),
    "a row with another number": (changed("UPDATE runs SET id = 99 WHERE id = 2"), 2),
    "a part of a row": (changed("UPDATE runs SET key = substr(key, 17), seed = substr(seed, 9) WHERE id = 2"), 2),
    "a setting that is no JSON": (changed("UPDATE settings SET setting = 'x'"), 120),
    "a setting that is no text": (changed("UPDATE settings SET setting = x'00'"), 120),
    "a setting of another shape": (changed("UPDATE settings SET setting = '[1]'"), 120),
    "another number of runs": (changed("UPDATE settings SET runs = 7"), 0),
    "no setting": (changed("DELETE FROM settings"), 120),
    "no text": (changed("UPDATE runs SET detail = x'fffe' WHERE id = 2"), 2),
    "a page": (with_a_leaf_of_garbage, range(1, 40)),
    "the list of tables": (with_another_table, 0),
    "the encoding": (overwritten(56, b"\0\0\0\3"), 0),
    "the list of free pages": (overwritten(32, b"\0\0\0\5\0\0\0\1"), 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_damaged_is_named_and_only_that_is_made_again(stepbench_cli, kind):
    made_study("whole.db", seeds=60)
    damage, lost = DAMAGED[kind]
    path = Path("s.db")
    path.write_bytes(Path("whole.db").read_bytes())
    damage(path)
    before = path.read_bytes()
    code, out, err = stepbench_cli("study", "check", "s.db")
    assert (code, err) == (1, "")
    assert "s.db is damaged: stepbench study repair s.db NEW" in out
    code, out, err = stepbench_cli("study", "repair", "s.db", "new.db")
    if lost == 120:
        assert (code, out) == (2, "")
        assert "has no run that can be read" in err
        assert not Path("new.db").exists()
    else:
        assert (code, err) == (0, "")
        [made] = re.findall(r"new.db: (\d+) runs made", stepbench_cli(*NOISY, "new.db")[1])
        assert int(made) in (lost if isinstance(lost, range) else [lost])
        assert stepbench_cli("study", "check", "new.db")[:2] == (0, "new.db is whole: 120 runs\n")
        assert content("new.db")["runs"] == content("whole.db")["runs"]
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in DAMAGED if kind != "the list of free pages"])
def test_what_reads_all_of_a_damaged_study_is_one_line_that_says_what_to_do(stepbench_cli, kind):
    made_study("s.db", seeds=60)
    DAMAGED[kind][0](Path("s.db"))
    before = Path("s.db").read_bytes()
    for command in (
        ("show", "s.db"),
        ("show", "s.db", "--status", "budget"),
        ("export", "s.db", "--csv", "a.csv"),
        ("merge", "other.db", "s.db"),
        ("remove", "s.db", "--status", "failed"),
    ):
        code, _, err = stepbench_cli("study", *command)
        assert code == 2, command
        assert len(err.splitlines()) == 1, command
        assert "damaged" in err
        assert "stepbench study check s.db" in err
        assert "stepbench study repair s.db NEW" in err
    assert Path("s.db").read_bytes() == before


def test_a_whole_study_is_said_to_be_whole_and_repair_refuses_a_file_that_is_there(stepbench_cli):
    made_study("s.db")
    assert stepbench_cli("study", "check", "s.db") == (0, "s.db is whole: 6 runs\n", "")
    code, _, err = stepbench_cli("study", "repair", "s.db", "s.db")
    assert (code, err) == (2, "stepbench: s.db is there already: name a new file\n")
    for command in (("check", "none.db"), ("repair", "none.db", "new.db")):
        code, _, err = stepbench_cli("study", *command)
        assert code == 2
        assert "no study none.db" in err
    assert [path.name for path in Path().iterdir()] == ["s.db"]


def test_a_setting_is_restored_from_its_second_copy(stepbench_cli):
    data = made_study("s.db")
    at = [k for k in range(len(data)) if data.startswith(b'"quadratic"', k)]
    assert len(at) == 2, "the table and the index that keeps it unique"
    for k in at:
        overwritten(k, b'"quadratik"')(Path("s.db"))
        assert stepbench_cli("study", "check", "s.db")[0] == 1
        assert stepbench_cli("study", "repair", "s.db", f"{k}.db")[0] == 0
        assert content(f"{k}.db")["runs"] == content_of(data)
        Path("s.db").write_bytes(data)


def content_of(data):
    Path("c.db").write_bytes(data)
    return content("c.db")["runs"]


def test_a_run_whose_trace_is_damaged_is_kept_without_it(stepbench_cli):
    with stepbench.Study("s.db", traces=True) as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=9, study=study)
        traces = dict(study.store.traces())
    changed("UPDATE runs SET trace = substr(trace, 1, 99) WHERE rowid = 1")(Path("s.db"))
    code, _, err = stepbench_cli("study", "export", "s.db", "--traces", "kept")
    assert code == 2
    assert "the trace of the run" in err
    assert stepbench_cli("study", "repair", "s.db", "new.db")[1].startswith("2 runs kept in new.db, 0 were lost")
    with stepbench.Study("new.db") as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=9, study=study)
        assert study.made == 0
    with stepbench.Study("new.db", traces=True) as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=9, study=study)
        assert study.made == 1
        assert dict(study.store.traces()) == traces


def test_a_study_that_a_killed_process_left_is_whole(stepbench_cli):
    made_study("s.db", seeds=60)
    with closing(sqlite3.connect("s.db", isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE runs SET numbers = zeroblob(99)")
        torn, journal = Path("s.db").read_bytes(), Path("s.db-journal").read_bytes()
        db.execute("ROLLBACK")
    Path("t.db").write_bytes(torn)
    Path("t.db-journal").write_bytes(journal)
    assert stepbench_cli("study", "check", "t.db")[:2] == (0, "t.db is whole: 120 runs\n")


@pytest.mark.parametrize(
    "parameters", ["[1]", "{", "3", '{"lr": [1]}', '{"lr": {}}', r'{"lr": "\ud800"}', r'{"\ud800": 1}']
)
def test_parameters_that_are_no_json_object_are_one_line_even_with_their_checksum(stepbench_cli, parameters):
    made_study("s.db")
    with Store("s.db") as store:
        [setting] = store.settings()
        store.put({}, [piece(b"k" * 16, setting=setting, parameters=parameters)])
    code, _, err = stepbench_cli("study", "export", "s.db", "--csv", "a.csv")
    assert code == 2
    assert "are no JSON object" in err
    assert len(err.splitlines()) == 1


FACTS = {
    **dict.fromkeys(("problem", "method", "stepbench"), "a"),
    **dict.fromkeys(("noise", "budget"), 1),
    **dict.fromkeys(("steps", "target"), None),
    "problem_parameters": {},
}
OTHER_FACTS = (
    {"budget": None},
    {"budget": "1"},
    {"budget": 1.5},
    {"steps": [1]},
    {"noise": None},
    {"target": {}},
    {"problem": "\ud800"},
    {"problem_parameters": {"a": []}},
    {"problem_parameters": {"\ud800": 1}},
    {"grad_target": [1]},
)
SHAPES = ["", "[]", "{}", '{"problem": 1}', "[" * 100_000, *(json.dumps(FACTS | other) for other in OTHER_FACTS)]


@pytest.mark.parametrize("text", SHAPES)
def test_a_setting_of_another_shape_is_one_line_even_with_its_checksum(stepbench_cli, text):
    with Store("s.db") as store:
        store.put({digest(text): text}, ())
    for command in (("show", "s.db"), ("export", "s.db", "--csv", "a.csv"), ("remove", "s.db", "--stale")):
        code, _, err = stepbench_cli("study", *command)
        assert code == 2
        assert "does not say in JSON what a setting says" in err
        assert len(err.splitlines()) == 1


OTHER_COLUMNS = {
    "start": b"abc",
    "point": b"abc",
    "numbers": b"abcdefgh",
    "seed": b"",
    "parameters": b"\xff",
    "status": b"budget",
    "detail": b"[1, 2]",
    "curve": b"abc",
}


@pytest.mark.parametrize("column", OTHER_COLUMNS)
def test_a_row_of_another_shape_is_damage_even_with_its_checksum(stepbench_cli, column):
    made_study("s.db")
    with closing(sqlite3.connect("s.db")) as db, db:
        db.execute(f"UPDATE runs SET {column} = ? WHERE id = 1", [OTHER_COLUMNS[column]])
        names = ", ".join([*rows.RUNS][1:-2])
        [row] = db.execute(f"SELECT {names} FROM runs WHERE id = 1")
        db.execute("UPDATE runs SET checksum = ? WHERE id = 1", [rows._checksum(1, row, False)])
    for command in (("study", "export", "s.db", "--csv", "a.csv"), ("plot", "s.db")):
        code, _, err = stepbench_cli(*command)
        assert (code, err.count("\n")) == (2, 1)
        assert "is damaged: the row 1 of runs has another shape" in err
    assert "4 runs are sound; there were 6" in stepbench_cli("study", "check", "s.db")[1]


@pytest.mark.parametrize(
    "statement",
    ["PRAGMA auto_vacuum = FULL; VACUUM", "PRAGMA page_size = 512; VACUUM", "PRAGMA journal_mode = WAL", "REINDEX"],
)
def test_what_another_program_did_without_changing_a_row_is_no_damage(stepbench_cli, statement):
    made_study("s.db", seeds=60)
    changed(statement)(Path("s.db"))
    assert stepbench_cli("study", "check", "s.db")[:2] == (0, "s.db is whole: 120 runs\n")
    assert "120 runs kept in new.db, 0 were lost" in stepbench_cli("study", "repair", "s.db", "new.db")[1]


def test_what_another_program_has_not_written_back_from_its_log_is_read(stepbench_cli):
    made_study("s.db")
    with closing(sqlite3.connect("s.db")) as db:
        db.executescript("PRAGMA journal_mode = WAL; UPDATE runs SET numbers = zeroblob(length(numbers)) WHERE id = 1")
        assert "4 runs are sound; there were 6" in stepbench_cli("study", "check", "s.db")[1]
