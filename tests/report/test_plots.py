"""The figures of runs."""

import numpy as np
from matplotlib.figure import Figure

import stepbench
from stepbench.report.plots import draw_errors


def test_values_of_either_sign_get_an_axis_that_shows_them():
    r = stepbench.run("saddle", "gd:lr=0.05", steps=110)
    assert r.error is None
    assert r.f[0] > 0 > r.f[-1]
    ax = Figure().subplots()
    draw_errors(ax, [r], "error")
    assert ax.get_yscale() == "symlog"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), r.f)
    assert not any("0 in double" in text.get_text() for text in (ax.get_legend().texts if ax.get_legend() else ()))
