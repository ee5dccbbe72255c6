"""Changed problems: rotated, scaled, shifted and displaced, and with answers that are less than exact."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog, problem, run

twenty = settings(deadline=None, max_examples=20, derandomize=True)

bases = st.sampled_from(["rosenbrock:dim=3", "quadratic:kappa=30,dim=4", "gallery/beale", "linear-regression:dim=3"])
coordinates = st.builds(
    lambda rotate, scale, shift: f"@rotate={rotate},scale={scale},shift={shift}",
    st.floats(-180, 180).map(lambda x: round(x, 3)),
    st.sampled_from([0.1, 1, 3, 100]),
    st.floats(-2, 2).map(lambda x: round(x, 3)),
)


def at(function, w):
    """What a function answers at one point."""
    return function(np.repeat(np.asarray(w, dtype=float)[:, None], 2, axis=1))[..., 0]


# Coordinates


@twenty
@given(bases, coordinates, st.integers(0, 1000))
def test_derivatives_follow_the_chain_rule(base, change, seed):
    # Neither the axes nor the scales are read: f alone is asked, by the complex step and by differences.
    p = problem(base + change)
    w, h = p.x0 + np.random.default_rng(seed).normal(size=p.x0.size), 1e-150
    by_step = [p.f((w + 1j * h * e)[:, None])[0].imag / h for e in np.eye(w.size)]
    np.testing.assert_allclose(at(p.grad, w), by_step, rtol=1e-9, atol=1e-9 * np.abs(by_step).max())
    H, h = at(p.hessian, w), 1e-4
    differences = [(at(p.grad, w + h * e) - at(p.grad, w - h * e)) / (2 * h) for e in np.eye(w.size)]
    np.testing.assert_allclose(H, differences, rtol=1e-5, atol=1e-5 * np.abs(H).max())


@twenty
@given(bases, coordinates)
def test_what_is_known_is_carried_along(base, change):
    plain, p = problem(base), problem(base + change)
    assert p.f_star == plain.f_star
    assert at(p.f, p.x0) == pytest.approx(float(at(plain.f, plain.x0)), rel=1e-9)
    assert at(p.f, p.x_star) == pytest.approx(p.f_star, abs=1e-9)
    if "scale=1," in change:
        assert (p.mu, p.L) == (plain.mu, plain.L)
        if plain.L:
            eigenvalues = np.linalg.eigvalsh(at(p.hessian, p.x0))
            assert eigenvalues[-1] == pytest.approx(p.L, rel=1e-9)
    else:
        assert (p.mu, p.L) == (None, None)


def test_a_rotation_is_by_the_angle_and_a_scale_makes_the_last_axis_steep():
    p, plain = problem("quadratic:kappa=9@rotate=90"), problem("quadratic:kappa=9")
    np.testing.assert_allclose(p.x0, [-plain.x0[1], plain.x0[0]], atol=1e-15)  # a quarter to the left
    np.testing.assert_allclose(at(p.hessian, p.x0), np.diag([1.0, 9.0]), atol=1e-13)
    scaled = at(problem("quadratic:kappa=1,dim=3@scale=100").hessian, np.zeros(3))
    np.testing.assert_allclose(scaled, np.diag([1.0, 10.0**2, 100.0**2]), atol=1e-8)
    np.testing.assert_allclose(problem("quadratic@shift=3").x_star, [3, 3])


def test_gradient_descent_is_the_same_run_in_turned_and_shifted_coordinates():
    plain, turned = (run(f"rosenbrock{c}", "gd:lr=1e-3", budget=100) for c in ("", "@rotate=40,shift=2"))
    np.testing.assert_allclose(plain.f, turned.f, rtol=1e-9)
    np.testing.assert_allclose(turned.distance, plain.distance, rtol=1e-9)
    adam, turned = (run(f"rosenbrock{c}", "adam", budget=100) for c in ("", "@rotate=40"))
    assert not np.allclose(adam.f, turned.f)  # it goes by the axes


def test_the_window_holds_the_start_and_the_minimum():
    p = problem("rosenbrock@rotate=70,scale=4,shift=-3")
    (left, right), (bottom, top) = p.view
    for x, y in (p.x0, p.x_star):
        assert left < x < right
        assert bottom < y < top


def test_kernels_record_changed_coordinates():
    pytest.importorskip("llvmlite")
    numpy, kernel = (
        run("rosenbrock@rotate=30,scale=3,shift=1", "adam", budget=300, engine=e) for e in ("numpy", "kernel")
    )
    np.testing.assert_array_equal(numpy.x, kernel.x)


# Answers


def damaged(change, seed=0, step=1):
    """What a step of a run with this seed sees of a changed quadratic."""
    return problem(f"quadratic:kappa=3@{change}").sample(np.random.default_rng((seed, step)), step)


@pytest.mark.parametrize("change", ["noise=0.5", "nan=0.3", "noise=1,nan=0.2,truncate=3,quantize=0.1,rotate=20"])
def test_an_answer_depends_on_the_seed_the_step_and_the_point_alone(change):
    w = np.random.default_rng(0).normal(size=(2, 50))
    sample = damaged(change)
    f, g = sample.f(w), sample.grad(w)
    np.testing.assert_array_equal(sample.grad(w), g)  # whatever was asked before
    np.testing.assert_array_equal(damaged(change).f(w[:, ::-1])[::-1], f)
    for few in ([3, 7], [49, 3]):  # whatever stands beside it
        np.testing.assert_array_equal(damaged(change).f(w[:, few]), f[few])
        np.testing.assert_array_equal(damaged(change).grad(w[:, few]), g[:, few])
    for other in (damaged(change, seed=1), damaged(change, step=2)):
        assert not np.array_equal(other.f(w), f, equal_nan=True)


def test_noise_is_standard_normal_and_independent():
    # 20,000 points: a mean within 5 standard errors, and as many beyond one and two σ as a Gaussian has.
    w = np.random.default_rng(0).normal(size=(2, 20_000))
    plain, sample = problem("quadratic:kappa=3"), damaged("noise=0.5")
    noise = np.vstack([sample.f(w) - plain.f(w), sample.grad(w) - plain.grad(w)]) / 0.5
    np.testing.assert_allclose(noise.mean(axis=1), 0, atol=5 / np.sqrt(20_000))
    np.testing.assert_allclose(np.corrcoef(noise), np.eye(3), atol=5 / np.sqrt(20_000))
    for bound, part in ((1, 0.3173), (2, 0.0455)):
        assert (np.abs(noise) > bound).mean() == pytest.approx(part, abs=5 * np.sqrt(part / 60_000))


def test_missing_quantised_and_truncated_answers():
    w = np.random.default_rng(0).normal(size=(2, 5000))
    plain = problem("quadratic:kappa=3")
    lost = damaged("nan=0.2").grad(w)
    assert np.isnan(lost).all(axis=0).mean() == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / 5000))
    kept = ~np.isnan(lost[0])
    np.testing.assert_array_equal(lost[:, kept], plain.grad(w)[:, kept])
    mesh = np.round(w * 4) / 4
    np.testing.assert_array_equal(damaged("quantize=0.25").f(w), plain.f(mesh))
    digits = damaged("truncate=2").f(w)
    assert [f"{value:.1e}" for value in digits] == [f"{value:.1e}" for value in plain.f(w)]
    assert all(float(f"{value:.1e}") == value for value in digits)


def test_what_is_recorded_is_the_exact_function():
    r = run("quadratic:kappa=3@noise=0.3,truncate=4", "gd:lr=0.1", budget=50)
    np.testing.assert_array_equal(r.f, problem("quadratic:kappa=3").f(r.x.T))
    assert r.status == "budget"


@pytest.mark.parametrize("change", ["noise=0.1", "noise=0.1,rotate=30,quantize=0.01", "perturb=0.5,shift=1"])
def test_a_batch_has_the_bits_of_lone_runs(change):
    lrs = np.array([0.003, 0.01, 0.1])
    spec = f"quadratic:kappa=3@{change}"
    many = run(spec, stepbench.method("gd", lr=lrs), budget=40, seed=5)
    for k, lr in enumerate(lrs):
        lone = run(spec, stepbench.method("gd", lr=lr), budget=40, seed=5)
        np.testing.assert_array_equal(lone.x, many.x[..., k])


def test_a_displaced_start_is_the_seeds_and_as_far_away_as_said():
    p = problem("rosenbrock@perturb=0.5,shift=2")
    starts = [p.start(seed) for seed in range(5)]
    np.testing.assert_array_equal(starts[0], p.start(0))
    np.testing.assert_allclose([np.linalg.norm(s - p.x0) for s in starts], 0.5 * np.linalg.norm(p.x0))
    assert len({tuple(s) for s in starts}) == 5
    assert p.seeded
    assert run(p, "gd", budget=1, seed=3).x[0].tolist() == starts[3].tolist()


def test_mini_batches_are_those_of_the_unchanged_problem():
    plain, turned = (run(f"linear-regression:batch=5{c}", "gd:lr=1e-3", budget=30) for c in ("", "@rotate=25,shift=1"))
    np.testing.assert_allclose(plain.f, turned.f, rtol=1e-9)


# Specs


def test_a_spec_names_the_changes_and_builds_the_problem_again():
    p = problem("rosenbrock:b=10@rotate=30,noise=0.1")
    assert str(p) == "rosenbrock:b=10@rotate=30,noise=0.1"
    assert p.spec() == "rosenbrock:a=1,b=10,dim=2@rotate=30,noise=0.1"
    assert problem(p.spec()) == p == pickle.loads(pickle.dumps(p)) == catalog.find(str(p))
    assert catalog.is_rebuilt(p)
    assert str(problem(p, b=3)) == "rosenbrock:b=3@rotate=30,noise=0.1"
    assert str(problem(p, **{"@rotate": 5})) == "rosenbrock:b=10@rotate=5,noise=0.1"
    assert str(problem("gallery/beale", **{"@nan": 0.1})) == "gallery/beale@nan=0.1"
    assert problem("rosenbrock@rotate=0").f_star == 0


def test_no_character_of_a_spec_is_one_that_a_shell_reads():
    import shlex

    spec = problem("rosenbrock:b=10@rotate=30,scale=2,shift=-1,perturb=0.1,noise=1e-3,truncate=6,nan=0.1").spec()
    assert shlex.quote(spec) == spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("rosenbrock@rotat=3", r"no change @rotat \(did you mean rotate"),
        ("rosenbrock@rotate", "after @ stands change=value"),
        ("rosenbrock@", "after one @ stand changes"),
        ("rosenbrock@rotate=1@scale=2", "after one @ stand changes"),
        ("rosenbrock@rotate=much", "rotate=much must be a number"),
        ("rosenbrock@noise=-1", "must be a number in"),
        ("rosenbrock@truncate=0", "must be an integer in"),
        ("rosenbrock@rotate=1,rotate=2", "given twice"),
        ("rosenbrok@rotate=1", "did you mean rosenbrock"),
        ("gd@rotate=1", "gd is a method"),
        ("quadratic:dim=1@rotate=3", "must be an integer in"),
    ],
)
def test_a_wrong_change_is_refused_in_one_line(spec, says):
    with pytest.raises(InputError, match=says) as error:
        problem(spec)
    assert "\n" not in str(error.value)


def test_a_users_file_may_be_changed(tmp_path):
    (tmp_path / "me@home").mkdir()
    path = tmp_path / "me@home" / "bowl.py"
    path.write_text(
        "from stepbench import Problem\n\n\nclass Bowl(Problem):\n    x0 = (1.0, 2.0)\n    f_star = 0.0\n"
        "    x_star = (0.0, 0.0)\n\n    def f(self, w):\n        return w[0] * w[0] + 9 * w[1] * w[1]\n"
    )
    assert problem(str(path)).f_star == 0
    p = problem(f"{path}@rotate=30,shift=1")
    assert catalog.is_rebuilt(p)
    np.testing.assert_allclose(p.x_star, [1, 1])
    assert p.derived == ("grad", "hessian")
    assert run(p, "gd:lr=0.05", budget=200).error[-1] < 1e-6


@pytest.mark.slow
def test_a_saved_run_and_a_page_of_it(tmp_path, stepbench_cli):
    r = run("rosenbrock@rotate=30,noise=0.1", "gd:lr=1e-3", budget=20, seed=4)
    r.save(tmp_path / "r.npz")
    again = stepbench.load(tmp_path / "r.npz")
    assert again.problem == r.problem
    np.testing.assert_array_equal(again.x, r.x)
    for spec in ("gallery/beale@rotate=30,shift=1", "gallery/beale@noise=0.1"):
        args = ("run", spec, "-m", "gd:lr=0.01", "--budget", "20", "--html", "p.html", "--plot", "p.png")
        code, _, err = stepbench_cli(*args)
        assert (code, err) == (0, "")


def test_a_sweep_may_vary_a_change_and_a_study_keeps_it():
    with stepbench.Study() as study:
        for made, reused in ((2, 0), (2, 2)):
            found = stepbench.sweep("quadratic:kappa=3@scale=1", "gd:lr=0.02", ["problem.@scale=1,2"], study=study)
            assert (study.made, study.reused) == (made, reused)
    assert found.cost.ravel()[0] != found.cost.ravel()[1]


def test_commands_take_changed_problems(stepbench_cli):
    for args in ("run gallery/beale@rotate=30,noise=0.1 --method gd --budget 9", "show gallery/beale@rotate=30"):
        code, out, err = stepbench_cli(*args.split())
        assert (code, err) == (0, "")
        assert "beale" in out
