"""The parts of the package: none hides a public name, and what is named as text is there."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stepbench
from stepbench.catalog import files
from stepbench.catalog.specs import _parts
from stepbench.engine import identity
from stepbench.report import shown

PACKAGE = Path(stepbench.__file__).parent


def test_no_module_hides_a_public_name():
    """Importing ``stepbench.run`` as a module would put it in the place of the function."""
    for name in stepbench.__all__:
        assert not (PACKAGE / name).exists()
        assert not (PACKAGE / f"{name}.py").exists()


def test_public_names_come_from_where_they_are_said_to():
    for home, names in stepbench._HOMES.items():
        for name in names:
            assert getattr(stepbench, name) is getattr(importlib.import_module(home), name)
    assert {name for names in stepbench._HOMES.values() for name in names} == {*stepbench.__all__}


def test_the_package_knows_where_it_lies():
    assert files.PACKAGE == PACKAGE
    for name in identity.CODE:
        assert (PACKAGE / name).exists(), name


@pytest.mark.slow
def test_only_what_decides_no_bits_is_left_out_of_a_runs_identity():
    """What a run imports counts in its identity, but for what only leads to it."""
    run = "import stepbench, sys; stepbench.run({problem!r}, 'adam+tlr', steps=2); print(*sys.modules)"
    leads_to_it = {"", "catalog", "options", "showing", "version", "problems"}
    for problem in ("quadratic", "networks/digits-mlp:width=2"):
        if "/" in problem:
            pytest.importorskip("torch")
        call = [sys.executable, "-c", run.format(problem=problem)]
        out = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        parts = {name.split(".")[1] for name in out.split() if name.startswith("stepbench.")}
        known = {name.removesuffix(".py") for name in identity.CODE}
        assert parts - leads_to_it <= known


@pytest.mark.one_in(3)
@pytest.mark.parametrize("edited", ["engine/loop.py", "contracts/counting.py", "stepsizes/rdbd.py", "arrays.py"])
def test_an_edit_of_what_decides_bits_makes_another_version(edited, tmp_path):
    assert versions_after_an_edit_of(edited, tmp_path)[0] != identity.version()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("edited", ["report/plots.py", "lessons/momentum.toml", "cli/run.py", "study/tune.py"])
def test_an_edit_of_a_lesson_or_a_picture_makes_no_stored_run_stale(edited, tmp_path):
    assert versions_after_an_edit_of(edited, tmp_path)[0] == identity.version()


def test_an_edited_problem_makes_only_its_own_runs_stale(tmp_path):
    version, rosenbrock, quadratic = versions_after_an_edit_of("problems/rosenbrock.py", tmp_path)
    assert version == identity.version()
    assert rosenbrock != identity.problem_file("rosenbrock")
    assert quadratic == identity.problem_file("quadratic")


def versions_after_an_edit_of(name, folder):
    """The version, and the digests of two problems' files, that a copy of the package has with a file edited."""
    shutil.copytree(PACKAGE, folder / "stepbench", ignore=shutil.ignore_patterns("__pycache__"))
    if not (folder / "stepbench/problems").exists():
        problems = stepbench.catalog.problem_folder()
        shutil.copytree(problems, folder / "stepbench/problems", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "stepbench" / name).open("a") as file:
        file.write("\n")
    look = (
        "from stepbench.engine.identity import problem_file, version; "
        "print(version(), problem_file('rosenbrock'), problem_file('quadratic'))"
    )
    call = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {look}"]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()


def test_what_shows_itself_is_known_behind_the_door():
    for home, names in {
        "stepbench.engine.result": ("Result",),
        "stepbench.engine.comparison": ("Comparison",),
        "stepbench.study.sweep": ("Sweep",),
        "stepbench.study.tune": ("Tuning",),
        "stepbench.study.profile": ("Profile",),
        "stepbench.autopsy": ("Autopsy",),
        "stepbench.lessons": ("Lecture",),
    }.items():
        for name in names:
            assert issubclass(getattr(importlib.import_module(home), name), stepbench.showing.Shown)
            assert f'"{name}"' in Path(shown.__file__).read_text()


def test_a_run_from_the_shell_reads_each_spec_once(stepbench_cli, monkeypatch):
    read = []

    def counting(spec, several):
        read.append(spec)
        return _parts(spec, several)

    monkeypatch.setattr("stepbench.catalog.specs._parts", counting)
    assert stepbench_cli("run", "rosenbrock:b=10", "--method", "adam+tlr", "--budget", "9")[0] == 0
    assert sorted(read) == ["adam+tlr", "rosenbrock:b=10"]
