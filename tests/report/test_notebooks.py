"""What results show of themselves in a notebook."""

import numpy as np
import pytest

import stepbench
from stepbench.engine.running import run_quietly


@pytest.mark.slow
def test_results_show_themselves_in_notebooks():
    one = run_quietly("rosenbrock", "gd", budget=50)
    batch = run_quietly("rosenbrock", stepbench.method("gd", lr=np.geomspace(1e-4, 1e-1, 7)), budget=50)
    sweep = stepbench.sweep("rosenbrock", ["gd"], ["lr=1e-4:1e-3:3:log"], budget=50)
    compared = stepbench.compare("rosenbrock", ["gd", stepbench.method("adam", lr=0.1)], budget=50)
    for shown in (one, batch, sweep, compared):
        page = shown._repr_html_()
        assert page.count("<pre") == 1
        assert page.count("<img") == (shown is not batch)
        assert "rosenbrock" in page
    assert "7 runs" in batch._repr_html_()
    assert "diverged" in batch._repr_html_()
    assert [r.label for r in compared.results] == ["gd", "adam:lr=0.1"]
