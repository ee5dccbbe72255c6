"""``stepbench new``: what it writes, and the names that it refuses."""

import re
from pathlib import Path

import pytest

from tests.catalog.own_files import write


@pytest.mark.slow
def test_what_new_writes_passes_the_check_as_it_stands(stepbench_cli):
    for kind, name in (("problem", "my-valley"), ("method", "MyRule")):
        code, out, err = stepbench_cli("new", kind, name)
        assert (code, err) == (0, "")
        [path] = re.findall(r"wrote (\S+);", out)
        code, out, err = stepbench_cli("check", f"./{path}")
        assert (code, err) == (0, "")
        assert "0 failed" in out
        assert not re.search(r"^ ✗", out, re.MULTILINE)  # as a check that failed begins
        for line in re.findall(r"stepbench (?:run|compare|check) .*", Path(path).read_text() + out):
            code, _, err = stepbench_cli(*line.rstrip('".').split()[1:])
            assert (code, err) == (0, ""), line
    assert {p.name for p in Path().glob("*.py")} == {"my_valley.py", "my_rule.py"}
    assert "class MyValley(Problem)" in Path("my_valley.py").read_text()
    assert "class MyRule(StepSize)" in Path("my_rule.py").read_text()


def test_new_loses_nothing(stepbench_cli):
    write("mine.py", "precious = 1")
    code, _, err = stepbench_cli("new", "problem", "mine")
    assert code == 2
    assert err == "stepbench: mine.py exists already: choose another name\n"
    assert Path("mine.py").read_text() == "precious = 1"
    for name in ("3d", "a/b", "", "a b", "state", "Scalar"):
        code, _, err = stepbench_cli("new", "method", name)
        assert code == 2
        assert "cannot be a name" in err


def test_a_name_that_would_hide_a_module_is_refused(stepbench_cli):
    for name in ("numpy", "random", "none"):
        code, _, err = stepbench_cli("new", "method", name)
        assert code == 2
        assert "cannot be a name" in err
    assert not list(Path().glob("*.py"))
