"""The newer rules against their authors' own code, and the page that says so."""

from pathlib import Path

import numpy as np
import pytest

from tests.newer_rules import PRINTED, end_of, facts, table

PAGE = Path(__file__).parents[2] / "docs" / "newer-rules.md"


@pytest.mark.parametrize("spec", PRINTED)
def test_a_rule_ends_where_its_authors_code_ends(spec):
    np.testing.assert_allclose(end_of(spec), PRINTED[spec].end, rtol=PRINTED[spec].rtol)


def test_what_the_papers_say_holds():
    assert [fact for fact in facts() if not fact.holds] == []


def test_the_page_has_the_numbers_of_the_program():
    assert "\n".join(table()) in PAGE.read_text(encoding="utf-8")
