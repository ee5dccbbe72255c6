"""The notebook of the tour."""

import pytest

from tests import ROOT

pytestmark = pytest.mark.slow


def shown_by(tour):
    return [output.data for cell in tour.cells for output in cell.get("outputs", ()) if "data" in output]


def test_the_tour_runs_and_is_kept_with_what_it_shows(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = ROOT / "docs" / "tour.ipynb"
    tour = nbformat.read(path, as_version=4)
    kept = shown_by(tour)
    client.NotebookClient(
        tour, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = shown_by(tour)
    assert sum("text/html" in data for data in shown) == 6
    assert sum("image/gif" in data for data in shown) == 1
    assert [sorted(data) for data in kept] == [sorted(data) for data in shown]  # else scripts/tour keeps it again
