"""What the methods declare to be tuned."""

import numpy as np
import pytest

from stepbench import catalog
from stepbench.contracts import hyperparameters
from stepbench.fields import fields_of
from stepbench.study.grid import interval
from tests.every_method import EVERY_METHOD, parameters

DECLARED = [
    pytest.param(kind, name, field, id=f"{name}-{field.name}")
    for kind in ("directions", "stepsizes", "methods")
    for name in catalog.names(kind)
    for field in fields_of(catalog.load(kind, name)).values()
    if field.search
]


@pytest.mark.parametrize(("kind", "name", "field"), DECLARED)
def test_a_declared_range_lies_within_the_bounds_and_holds_the_default(kind, name, field):
    span = interval(field.name, field.search, field)  # refuses ends that are out of bounds
    assert str(span) != ""
    if span.choices:
        assert field.default in span.choices
    elif field.default is None:
        assert "none for" in field.meaning  # the meaning tells what stands in for it
    else:
        assert span.low <= field.default <= span.high
    for value in span.values(np.linspace(0, 1, 9)):
        field.check(value)


@pytest.mark.parametrize("spec", parameters(EVERY_METHOD))
def test_the_values_that_a_name_sets_lie_within_what_is_tried(spec):
    for key, (part, field) in hyperparameters(catalog.method(spec)).items():
        value = getattr(part, field.name)
        if field.search and value is not None:
            span = interval(key, field.search, field)
            assert value in span.choices if span.choices else span.low <= value <= span.high, key


@pytest.mark.parametrize(
    "name", [name for kind in ("directions", "stepsizes", "methods") for name in catalog.names(kind)]
)
def test_whatever_has_a_learning_rate_has_it_tuned(name):
    kind = next(kind for kind in ("directions", "stepsizes", "methods") if name in catalog.names(kind))
    fields = fields_of(catalog.load(kind, name))
    assert "lr" not in fields or fields["lr"].search
