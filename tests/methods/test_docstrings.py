"""Every method says what it is, where it comes from, and in what it differs from what was published."""

import re

import pytest

from stepbench import catalog

EVERY = [(kind, name) for kind in ("directions", "stepsizes", "methods") for name in catalog.names(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=[name for _, name in EVERY])
def test_a_method_has_its_algorithm_source_and_deviations(kind, name):
    text = catalog.docstring(catalog.load(kind, name))
    headings = re.findall(r"^(Algorithm|Needs|Source|Deviations)", text, re.MULTILINE)
    assert [*dict.fromkeys(headings)] == [h for h in ("Algorithm", "Needs", "Source", "Deviations") if h in headings]
    assert {"Algorithm", "Source", "Deviations"} <= {*headings}
    assert len(text.partition("\n")[0]) <= 60
