"""Where all starts lead, and how much the step size matters: what the explorer draws of many runs."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog
from stepbench.contracts import with_values
from stepbench.engine.running import run_quietly
from stepbench.web import basins, selection, sensitivity
from stepbench.web.basins import DIVERGED, ON_THE_WAY, STEPS, UNDEFINED, starts, where_they_lead
from stepbench.web.colours import BETWEEN, PALETTE, SHADES, STRIPE, WAY

WINDOW = ((-6.0, 6.0), (-4.5, 4.5))


def alone(found, k, side):
    """The run from start k by itself."""
    error, norm = found.targets
    start = starts(found.view, side)[:, k]
    given = {"start": start, "steps": STEPS, "budget": 1_000_000, "target": error, "grad_target": norm}
    return run_quietly(found.problem, found.method, **given)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("spec", ["gd:lr=0.01", "heavy-ball:lr=0.03", "csawg:K=2", "sls"])
def test_each_start_leads_where_its_own_run_ends(spec):
    problem, method = catalog.problem("gallery/himmelblau"), catalog.method(spec)
    found = where_they_lead(problem, method, WINDOW)
    side = len(found.leads)
    seen = set()
    for k in np.random.default_rng(0).choice(side * side, 10, replace=False):
        r = alone(found, k, side)
        at = np.unravel_index(k, (side, side))
        assert found.cost[at] == r.evals[-1]
        lead = found.leads[at]
        seen.add(int(lead))
        if r.status == "converged":
            nearest = np.argmin(np.hypot(*(np.array(found.minima).T - r.x[-1][:, None])))
            assert lead == nearest
        else:
            assert lead == {"diverged": DIVERGED, "budget": ON_THE_WAY}[r.status]
    assert len(seen) > 1


def test_the_minima_have_their_colours_whatever_the_setting():
    """They are those that the problem declares, and others behind them, each with the number that it had before."""
    problem = catalog.problem("gallery/himmelblau")
    known = np.reshape(problem.x_star, (2, -1)).T
    one = where_they_lead(problem, catalog.method("gd:lr=0.01"), WINDOW)
    other = where_they_lead(problem, catalog.method("gd:lr=0.005"), WINDOW, one.minima)
    for found in (one, other):
        assert np.allclose(found.minima[:4], known)
    both = (one.leads >= 0) & (other.leads >= 0)
    assert (one.leads == other.leads)[both].mean() > 0.9


def test_what_is_soon_is_light_and_what_diverged_is_striped():
    problem = catalog.problem("quadratic:kappa=50")
    found = where_they_lead(problem, catalog.method("gd:lr=0.03"), WINDOW)
    order = np.argsort(found.cost[found.leads == 0])
    shades = found.image[found.leads == 0][order]
    assert (np.diff(shades.astype(int)) >= 0).all()
    assert shades.max() < SHADES
    assert "to the minimum (0, 0)" in found.legend
    lost = where_they_lead(problem, catalog.method("gd:lr=100"), WINDOW)
    assert (lost.leads == DIVERGED).all()
    assert set(np.unique(lost.image)) == {STRIPE, BETWEEN}
    assert "100 % diverged" in lost.legend
    slow = where_they_lead(problem, catalog.method("gd:lr=1e-6"), WINDOW)
    assert ((slow.image >= WAY) & (slow.image < WAY + SHADES)).all()


def test_the_shades_of_a_hue_are_even_to_the_eye():
    """In the lightness L* of CIELAB, which is another measure than the one that the colours are made by."""
    for k in range(WAY // SHADES):
        values = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in PALETTE[SHADES * k : SHADES * (k + 1)]]
        linear = np.where(
            np.array(values) <= 0.04045, np.array(values) / 12.92, ((np.array(values) + 0.055) / 1.055) ** 2.4
        )
        lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
        steps = -np.diff(lightness)
        assert (steps > 0).all()
        assert steps.std() < 0.35 * steps.mean()


def test_a_problem_of_more_parameters_has_no_basins():
    with pytest.raises(InputError, match="has 3 parameters"):
        where_they_lead(catalog.problem("rosenbrock:dim=3"), catalog.method("gd"), WINDOW)


def test_nothing_is_drawn_where_f_is_not_defined():
    class Root(stepbench.Problem):
        """√w₁ + w₂², which is defined on one half of the plane."""

        name = "root"
        x0 = np.array([1.0, 1.0])

        def f(self, w):
            return np.sqrt(w[0]) + w[1] ** 2

        def grad(self, w):
            return np.stack([0.5 / np.sqrt(w[0]), 2 * w[1]])

    found = where_they_lead(Root(), catalog.method("gd"), WINDOW)
    assert (found.leads[:, : len(found.leads) // 2] == UNDEFINED).all()
    assert (found.leads[:, len(found.leads) // 2 :] != UNDEFINED).all()
    assert PALETTE[found.image[0, 0]].endswith("00")  # it is transparent


def test_where_no_kernel_can_be_made_numpy_takes_fewer_starts(monkeypatch):
    monkeypatch.setattr(basins, "WAYS", basins.WAYS[-1:])
    monkeypatch.setattr(basins, "_way_of", {})
    problem, method = catalog.problem("rosenbrock"), catalog.method("adam:lr=0.1")
    found = where_they_lead(problem, method, WINDOW)
    assert found.leads.shape == (basins.COARSE, basins.COARSE)
    assert found.image.shape == (basins.SIDE, basins.SIDE)
    assert "of 50 × 50 only" in found.legend
    monkeypatch.setattr(selection.Limit, "__call__", stopping)
    with pytest.raises(InputError, match="take longer"):
        where_they_lead(problem, method, WINDOW)


def stopping(limit, done, total):
    limit.over = True
    raise KeyboardInterrupt


def test_the_sensitivity_has_the_ends_of_the_runs_that_are_drawn():
    problem, method = catalog.problem("rosenbrock"), catalog.method("gd")
    found = sensitivity.sensitivity(problem, method, (-1.0, 2.0), 200)
    for k in range(0, len(found.sizes), 7):
        r = run_quietly(problem, with_values(method, {"lr": float(found.sizes[k])}), start=(-1.0, 2.0), budget=200)
        assert found.lost[k] == (r.status == "diverged")
        assert found.result.value[-1, k] == r.value[-1]
    assert found.lost.any()
    assert not found.lost.all()
    with pytest.raises(InputError, match="no step size"):
        sensitivity.sensitivity(problem, catalog.method("l4"), (-1.0, 2.0), 200)


def test_what_misses_by_infinitely_much_is_darkest_and_nobody_is_warned():
    assert basins._shade(np.array([np.nan, -np.inf, 0.0, 0.5, 1.0, np.inf])).tolist() == [0, 0, 0, 14, 27, 27]
