"""What a user's file reads, and the files beside it that it imports, count as if they stood in the file itself."""

import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.catalog import files
from tests.catalog.own_files import write

FIT = """
    from pathlib import Path
    import numpy as np
    from stepbench import Problem
    {above}

    class Fit(Problem):
        x0 = (0.0,)

        def f(self, w):
            return (w[0] - {target}) ** 2
    """
HERE = 'Path(__file__).parent / "data.csv"'
IN_C = f"ctypes.CDLL(None).open(str({HERE}).encode(), 0)"
WAYS = {
    "numpy": f"D = float(np.loadtxt({HERE}))",
    "a text": f"D = float(({HERE}).read_text())",
    "open": f"with open({HERE}) as file: D = float(file.read())",
    "bytes": f"D = float(({HERE}).read_bytes())",
    "a map of memory": f"D = float(bytes(np.memmap({HERE}, np.uint8, 'r')))",
    "C, and once Python": f"import ctypes, os\n    open({HERE}).close()\n    D = float(os.read({IN_C}, 99))",
    "from this folder": "D = float(np.genfromtxt('data.csv'))",
    "a function of a file beside it": "from helper import read\n    D = read()",
    "a file beside it": "import helper\n    D = helper.D",
}
HELPER = """
    from pathlib import Path
    def read():
        return float((Path(__file__).parent / "data.csv").read_text())
    D = read()
    """


def sweep(study="study.db"):
    """The f where gd ends, and how many runs were made for it."""
    with stepbench.Study(study) as kept:
        swept = stepbench.sweep("./fit.py", "gd", {"lr": [0.5]}, budget=20, study=kept)
        return np.ravel(swept.ends.f)[0], kept.made


@pytest.mark.one_in(2)
@pytest.mark.parametrize("way", WAYS)
def test_a_changed_data_file_is_another_problem(way):
    write("fit.py", FIT.format(above=WAYS[way], target="D"))
    write("helper.py", HELPER)
    Path("data.csv").write_text("3.0")
    assert sweep()[1] == 1
    assert sweep()[1] == 0
    first = stepbench.run("./fit.py", "gd:lr=0.5", budget=20, checkpoint="c.npz")
    assert first.x[-1, 0] == 3
    Path("data.csv").write_text("7.0")  # as long, and within the same second
    assert sweep()[1] == 1
    assert stepbench.run("./fit.py", "gd:lr=0.5", budget=20).x[-1, 0] == 7
    with pytest.raises(InputError, match=r"c\.npz holds another run \(problem differ\)"):
        stepbench.run("./fit.py", "gd:lr=0.5", budget=20, checkpoint="c.npz")
    Path("data.csv").write_text("3.0")
    assert sweep()[1] == 0


@pytest.mark.parametrize("where", ["f", "cached"])
def test_a_file_that_is_read_only_when_it_is_needed_counts_too(where):
    text = FIT.format(above="from functools import cached_property", target="float(np.loadtxt('data.csv'))")
    if where == "cached":
        text = text.replace("float(np.loadtxt('data.csv'))", "self.D")
        text += "    @cached_property\n        def D(self):\n            return float(np.loadtxt('data.csv'))\n"
    write("fit.py", text)
    Path("data.csv").write_text("3.0")
    assert sweep()[1] == 1
    assert sweep()[1] == 0
    Path("data.csv").write_text("7.0")
    assert sweep()[1] == 1


@pytest.mark.slow
def test_it_counts_in_another_process_too():
    write("fit.py", FIT.format(above=WAYS["numpy"], target="D"))
    again = [sys.executable, "-m", "stepbench", "sweep", "./fit.py", "--method", "gd", "--over", "lr=0.5"]
    said = []
    for content in ("3.0", "3.0", "7.0"):
        Path("data.csv").write_text(content)
        said.append(subprocess.run([*again, "--budget", "20"], capture_output=True, text=True).stdout.splitlines()[-1])
    assert said == ["study.db: 1 run made", "study.db: 0 runs made, 1 were there", "study.db: 1 run made"]


def test_a_file_beside_is_imported_and_read_again_where_it_has_changed(stepbench_cli):
    write("fit.py", FIT.format(above="import helper as h\n    from constants import D", target="(D + h.more())"))
    write("helper.py", "import constants\ndef more():\n    return constants.D\n")
    write("constants.py", "D = 3.0\n")
    before = stepbench.problem("./fit.py")
    assert stepbench.problem("./fit.py") == before
    assert stepbench.run(before, "gd:lr=0.5", budget=20).x[-1, 0] == 6
    assert sweep()[1] == 1
    write("constants.py", "D = 4.0\n")
    assert stepbench.run("./fit.py", "gd:lr=0.5", budget=20).x[-1, 0] == 8
    assert stepbench.run(before, "gd:lr=0.5", budget=20).x[-1, 0] == 6  # the object is what it was
    assert sweep()[1] == 1
    assert not list(Path().glob("**/__pycache__"))
    code, out, _ = stepbench_cli("check", "./fit.py")
    assert code == 0, out
    write("constants.py", "D = 1 / 0\n")
    assert "constants.py, line 1: ZeroDivisionError" in stepbench_cli("run", "./fit.py")[2]


def test_files_of_one_name_in_two_folders_are_two():
    for folder, value in (("a", 3.0), ("b", 7.0)):
        write(f"{folder}/fit.py", FIT.format(above="from helper import D", target="D"))
        write(f"{folder}/helper.py", f"D = {value}")
    ends = [stepbench.run(f"./{folder}/fit.py", "gd:lr=0.5", budget=20).x[-1, 0] for folder in "ab"]
    assert ends == [3, 7]


def test_files_may_import_each_other():
    write("fit.py", FIT.format(above="import one", target="one.D()"))
    write("one.py", "import two\nK = 3.0\ndef D():\n    return two.D()")
    write("two.py", "import one\ndef D():\n    return one.K")
    assert stepbench.run("./fit.py", "gd:lr=0.5", budget=20).x[-1, 0] == 3
    assert stepbench.problem("./fit.py") == stepbench.problem("./fit.py")


def test_what_python_itself_has_is_not_looked_for_beside_a_file():
    write("fit.py", FIT.format(above="import statistics, stepbench", target="statistics.mean([3.0])"))
    for name in ("statistics.py", "stepbench.py"):
        write(name, "raise RuntimeError")
    assert stepbench.run("./fit.py", "gd:lr=0.5", budget=20).x[-1, 0] == 3


def test_what_a_library_reads_while_it_is_imported_does_not_count():
    write("fit.py", FIT.format(above="import email.mime.text", target="3.0"))
    assert not files.reads_of(type(stepbench.problem("./fit.py")))


def test_a_pickle_and_a_saved_run_know_that_the_data_have_changed():
    write("fit.py", FIT.format(above=WAYS["numpy"], target="D"))
    Path("data.csv").write_text("3.0")
    p = stepbench.problem("./fit.py")
    stepbench.run(p, "gd", budget=5).save("run.npz")
    Path("p.pkl").write_bytes(pickle.dumps(p))
    again = "import pickle, pathlib; pickle.loads(pathlib.Path('p.pkl').read_bytes()); print('read')"
    assert subprocess.run([sys.executable, "-c", again], capture_output=True, text=True).stdout == "read\n"
    assert str(stepbench.load("run.npz").problem) == "./fit.py"
    Path("data.csv").write_text("7.0")
    done = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True)
    assert "fit.py has changed since Fit was pickled" in done.stderr
    with pytest.raises(InputError, match="that file has changed since"):
        stepbench.load("run.npz")


def test_workers_get_the_files_beside_and_refuse_other_data():
    write("fit.py", FIT.format(above="from helper import D", target="D"))
    write("helper.py", HELPER)
    Path("data.csv").write_text("3.0")
    kept = []
    for name, workers in (("one.db", 1), ("two.db", 2)):
        with stepbench.Study(name, workers=workers) as study:
            stepbench.sweep("./fit.py", "gd", {"lr": [0.1, 0.3]}, budget=20, study=study)
            kept.append([run for setting in study.store.settings() for run in study.store.runs(setting)])
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2
    stale = stepbench.problem("./fit.py")
    Path("data.csv").write_text("7.0")
    with pytest.raises(InputError, match="is known to this program only"):
        stepbench.sweep(stale, "gd", {"lr": [0.1]}, budget=20, study="one.db")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n# \xe9t\xe9\n"])
def test_a_file_may_begin_as_other_editors_write_it(mark, stepbench_cli):
    text = b"from stepbench import Problem\n\n\nclass P(Problem):\n    x0 = (-1.0,)\n\n    def f(self, w):\n"
    Path("p.py").write_bytes(mark + text + b"        return w[0] ** 2\n")
    assert stepbench.run("./p.py", "gd:lr=0.5", budget=2).f[-1] == 0
    Path("p.py").write_bytes(mark + text + b"        return w\n")
    assert f"p.py, line {7 + mark.count(bytes([10]))}: f takes" in stepbench_cli("run", "./p.py")[2]


ELSEWHERE = {
    "a folder on the path": "import sys; sys.path.append('lib')\n    from model import D",
    "a package there": "import sys; sys.path.append('lib')\n    import pack.model as m; D = m.D",
    "by importlib": "import importlib, sys; sys.path.append('lib')\n    D = importlib.import_module('model').D",
    "a database": (
        "import sqlite3; from contextlib import closing\n"
        "    with closing(sqlite3.connect('d.db')) as db: D = db.execute('SELECT a FROM t').fetchone()[0]"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", ELSEWHERE)
def test_what_is_imported_from_elsewhere_and_a_database_count_in_the_next_process(way):
    write("fit.py", FIT.format(above=ELSEWHERE[way], target="D"))
    write("lib/pack/__init__.py", "")
    again = [sys.executable, "-m", "stepbench", "sweep", "./fit.py", "--method", "gd", "--over", "lr=0.5"]
    said = []
    for content in (3.0, 3.0, 17.0):
        for path in ("lib/constants.py", "lib/pack/constants.py"):
            write(path, f"D = {content}")
        write("lib/model.py", "from constants import D")
        write("lib/pack/model.py", "from pack.constants import D")
        Path("d.db").unlink(missing_ok=True)
        database = sqlite3.connect("d.db")
        database.execute(f"CREATE TABLE t AS SELECT {content} AS a")
        database.commit()
        database.close()
        done = subprocess.run([*again, "--budget", "20"], capture_output=True, text=True)
        said.append(done.stdout.splitlines()[-1] if done.stdout else done.stderr)
    assert said == ["study.db: 1 run made", "study.db: 0 runs made, 1 were there", "study.db: 1 run made"]


def test_a_check_lists_the_files_that_were_seen(stepbench_cli):
    """What C code alone opens is not, and the check says how it can be."""
    write("fit.py", FIT.format(above=WAYS["a function of a file beside it"], target="D"))
    write("helper.py", HELPER)
    Path("data.csv").write_text("3.0")
    _, out, _ = stepbench_cli("check", "./fit.py")
    assert "other files seen that it reads: ./data.csv, ./helper.py." in " ".join(out.split())
    unseen = f"import ctypes, os\n    D = float(os.read({IN_C}, 99))"
    write("fit.py", FIT.format(above=unseen, target="D"))
    _, out, _ = stepbench_cli("check", "./fit.py")
    assert "other files seen that it reads: none." in " ".join(out.split())
    assert 'open("data.h5").close()' in out
    assert "other files" not in stepbench_cli("check", "gd")[1]
