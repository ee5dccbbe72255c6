"""What the tests share: every method there is."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests share the processor out among themselves

import pytest
from hypothesis import settings

from stepbench import catalog, cli

settings.register_profile("patient", deadline=None)  # an example may import SciPy
settings.load_profile("patient")

DIRECTIONS = catalog.names("directions")
RULES = catalog.names("stepsizes")
WHOLE = tuple(name for name in catalog.names("methods") if name != "scipy")
JOINS = tuple(f"{direction}+{rule}" for direction in DIRECTIONS for rule in RULES)
EVERY_METHOD = (
    *WHOLE,
    *JOINS,
    *catalog.ALIASES,
    "rdbd:per=component",
    "adam+dbd:per=component",
    "tlr:variant=reference",
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    """No test leaves a file behind, and none depends on the folder it runs in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stepbench_cli(capsys, monkeypatch):
    """Run the command line in this process; returns the exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(args)
        out = capsys.readouterr()
        return stop.value.code, out.out, out.err

    return call
