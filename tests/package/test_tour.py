"""The notebook of the tour."""

import pytest

from tests import ROOT


def test_the_tour_runs_and_is_kept_without_its_outputs(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = ROOT / "docs" / "tour.ipynb"
    tour = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in tour.cells)
    client.NotebookClient(
        tour, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [output.data for cell in tour.cells for output in cell.get("outputs", ()) if "data" in output]
    assert sum("text/html" in data for data in shown) == 6
    assert sum("image/gif" in data for data in shown) == 1
