"""What the tests share: every method there is."""

import pytest

from stepbench import catalog

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
