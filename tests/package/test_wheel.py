"""The package as it is installed: from a wheel, from a wheel built from the sdist, and from a checkout."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from stepbench import catalog
from tests import ROOT

pytestmark = pytest.mark.slow

LOOK = """
import stepbench, pathlib, sys
from stepbench import catalog
from stepbench.study.store import Store
print(pathlib.Path(stepbench.__file__).parent)
print(catalog.problem_folder())
print(stepbench.run("rosenbrock", "csawg-p5:K=10").evals[-1], *catalog.names("problems"))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what a checkout holds, so that building leaves nothing in this one."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("stepbench", "problems", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


def build(hook, source, out):
    """Call one hook of the build backend, as a frontend does."""
    out.mkdir(parents=True, exist_ok=True)
    code = f"import hatchling.build as b; print(b.{hook}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True)
    return out / done.stdout.split()[-1]


def look(path, cwd, prelude=""):
    """Run from a folder that has nothing to do with the checkout, with only this copy of the package in reach."""
    env = {**os.environ, "PYTHONPATH": str(path), "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", prelude + LOOK]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout.splitlines()


def unpack(wheel, where):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(where)
    return where


def test_a_wheel_carries_its_problems(checkout, tmp_path):
    wheel = build("build_wheel", checkout, tmp_path / "out")
    site = unpack(wheel, tmp_path / "site")
    package, problems, ran = look(site, tmp_path)
    assert Path(package) == site / "stepbench"
    assert Path(problems) == site / "stepbench" / "problems"
    assert ran.split() == ["465", *catalog.names("problems")]
    names = {str(p.relative_to(site)).split("/")[0] for p in site.rglob("*") if p.is_file()}
    assert {n for n in names if not n.endswith(".dist-info")} == {"stepbench"}
    assert (site / "stepbench" / "py.typed").exists()
    env = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    commands = (
        ["list", "--suite", "mgh"],
        ["new", "problem", "mine"],
        ["check", "./mine.py"],
        ["demo", "momentum"],
        ["new", "lesson", "mine"],
        ["demo", "./mine.toml"],
    )
    for args in commands:
        subprocess.run(
            [sys.executable, "-m", "stepbench", *args], cwd=tmp_path, env=env, capture_output=True, check=True
        )
    metadata = next(site.glob("*.dist-info/METADATA")).read_text()
    required = {
        re.split(r"[<>=;]", line[15:])[0] for line in metadata.splitlines() if re.match("Requires-Dist: [^;]*$", line)
    }
    assert required == {"numpy", "scipy", "typer", "rich", "matplotlib"}
    assert "stepbench = stepbench.__main__:main" in next(site.glob("*.dist-info/entry_points.txt")).read_text()


def test_a_wheel_built_from_the_sdist_is_the_same(checkout, tmp_path):
    sdist = build("build_sdist", checkout, tmp_path / "out")
    with tarfile.open(sdist) as archive:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4
        archive.extractall(tmp_path / "source", **safely)
    [source] = (tmp_path / "source").iterdir()
    again = unpack(build("build_wheel", source, tmp_path / "again"), tmp_path / "site")
    first = unpack(build("build_wheel", checkout, tmp_path / "first"), tmp_path / "first-site")
    files = {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert files == {p.relative_to(first): p.read_bytes() for p in first.rglob("*") if p.is_file()}
    assert look(again, tmp_path)[2].startswith("465 ")


def test_a_checkout_needs_no_installation(checkout, tmp_path):
    package, problems, ran = look(checkout, tmp_path)
    assert Path(package) == checkout / "stepbench"
    assert Path(problems) == checkout / "problems"
    assert ran.startswith("465 ")


def test_an_editable_install_follows_the_checkout(checkout, tmp_path):
    wheel = build("build_editable", checkout, tmp_path / "out")
    site = unpack(wheel, tmp_path / "site")
    prelude = (
        f"import sys, site; sys.path = [p for p in sys.path if {str(ROOT)!r} != p]; site.addsitedir({str(site)!r})\n"
    )
    package, problems, ran = look(site, tmp_path, prelude)
    assert Path(package) == checkout / "stepbench"
    assert Path(problems) == checkout / "problems"
    assert ran.startswith("465 ")
