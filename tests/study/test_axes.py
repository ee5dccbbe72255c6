"""The axes of a grid: what is varied."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import InputError, catalog
from stepbench.fields import show_value
from stepbench.study.grid import axes
from stepbench.study.sweep import window_axes
from tests.study.grids import read, values

short = st.floats(1e-12, 1e12).map(lambda x: float(f"{x:.12g}"))
"""Numbers of at most twelve digits."""


@given(st.lists(st.floats(min_value=0, exclude_min=True, allow_infinity=False), min_size=1, max_size=9, unique=True))
def test_listed_numbers_are_taken_as_they_are_in_order_of_size(numbers):
    assert values("lr=" + ",".join(map(repr, numbers))) == tuple(sorted(numbers))
    [given_as_they_are] = axes({"lr": np.array(numbers)}, catalog.problem("quadratic"), [catalog.method("gd")])
    assert given_as_they_are.values == tuple(sorted(numbers))


@given(short, short, st.integers(2, 200), st.booleans())
def test_a_range_goes_evenly_from_end_to_end_in_twelve_digits(a, b, n, log):
    low, high = sorted((a, b))
    if high < low * (1 + 1e-6):
        high = float(f"{2 * low:.12g}")
    found = values(f"lr={low!r}:{high!r}:{n}{':log' * log}")
    assert len(found) == n
    assert (found[0], found[-1]) == (low, high)
    spread = np.log(found) if log else np.array(found)
    even = np.linspace(spread[0], spread[-1], n)
    np.testing.assert_allclose(spread, even, rtol=1e-11, atol=1e-11 if log else 0)
    assert all(float(f"{value:.12g}") == value for value in found)


@given(short, st.integers(2, 50), st.sampled_from(["", ":log"]))
def test_what_is_printed_makes_the_same_run_again(low, n, log):
    found = values(f"lr={low!r}:{1000 * low!r}:{n}{log}")
    assert values("lr=" + ",".join(show_value(value) for value in found)) == found
    assert values("lr=" + ",".join(map(str, found))) == found


@given(st.integers(0, 1000), st.integers(1, 300))
def test_two_integers_are_all_from_the_first_up_to_but_not_the_second(first, n):
    assert values(f"seed={first}:{first + n}") == tuple(range(first, first + n))


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("lr=1:3", {}, (1.0, 2.0)),
        ("lr=0.1:0.5:5", {}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("lr=1e-4:1:5:log", {}, (1e-4, 1e-3, 1e-2, 0.1, 1.0)),
        (" lr = 1e-2, 2e-2", {}, (0.01, 0.02)),
        ("K=1:4", {"methods": ["csawg"]}, (1, 2, 3)),
        ("K=1:100:3:log", {"methods": ["csawg"]}, (1, 10, 100)),
        ("K=1:4:50", {"methods": ["csawg"]}, (1, 2, 3, 4)),  # whole numbers, each once
        ("seed=3,1,2", {}, (1, 2, 3)),
        ("problem.kappa=10:1000:3:log", {}, (10.0, 100.0, 1000.0)),
        ("w2=-2:2:5", {}, (-2.0, -1.0, 0.0, 1.0, 2.0)),
        ("w1=-2:1", {}, (-2.0, -1.0, 0.0)),
        ("per=run,component", {"methods": ["rdbd"]}, ("run", "component")),
        ("per=component,run", {"methods": ["rdbd"]}, ("component", "run")),
        ("bias=true,false", {"methods": ["amsgrad"]}, (True, False)),
        ("f_star=none,0.2", {"methods": ["polyak"]}, (None, 0.2)),
    ],
)
def test_an_axis_is_read(text, where, expected):
    found = values(text, **where)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_numbers_over_more_than_a_decade_are_drawn_on_a_logarithmic_axis():
    logarithmic = [read(text)[0].log for text in ("lr=1e-3:1:4:log", "lr=1e-3,1", "lr=1e-3:1:4", "lr=1,2", "seed=0:99")]
    assert logarithmic == [True, True, False, False, False]


def test_a_very_wide_range_has_as_many_values_as_a_narrow_one():
    found = values("lr=1e-200:1e200:5:log")
    np.testing.assert_allclose(np.log10(found), [-200, -100, 0, 100, 200], atol=1e-9)


@pytest.mark.parametrize(
    ("over", "says"),
    [
        (["lr=0.1,0.2,0.1"], "lr has the value 0.1 twice"),
        (["lr=0.1,1e-1"], "lr has the value 0.1 twice"),
        (["lr=0.1,0.2", "lr=0.3"], "lr is varied twice"),
        (["lr"], "'lr' varies nothing"),
        (["lr="], "must be a number"),
        (["lr=0.1,,0.2"], "must be a number"),
        (["lr=a,b"], "must be a number"),
        (["lr=nan,1"], "must be a number in (0, inf)"),
        (["lr=inf"], "must be a number in (0, inf)"),
        (["lr=0,1"], "must be a number in (0, inf)"),
        (["lr=-1:1:5"], "must be a number in (0, inf)"),
        (["lr=0:1:5:log"], "must be a number in (0, inf)"),
        (["w1=0:1:5:log"], "a logarithm needs numbers above 0"),
        (["w1=-1:1:5:log"], "a logarithm needs numbers above 0"),
        (["lr=1:0.1:5"], "must go up"),
        (["lr=1:1:5"], "must go up"),
        (["lr=1:inf:5"], "must be a number in (0, inf)"),
        (["w1=0:1e400:3"], "must be a number in (-inf, inf)"),
        (["lr=1e-4:1"], "how many values?"),
        (["lr=1e-4:1:log"], "how many values? Write 1e-4:1:60:log"),
        (["lr=1e-4:1:many"], "how many values?"),
        (["lr=1e-4:1:2.5"], "how many values?"),
        (["lr=1e-4:1:1"], "from 2 to"),
        (["lr=1e-4:1:-3"], "from 2 to"),
        (["lr=1e-4:1:2000000"], "from 2 to"),
        (["lr=1e-4:1:5:lin"], "write values as"),
        (["lr=1e-4:1:5:log:6"], "write values as"),
        (["lr=a:1:5"], "'a' is not a number"),
        (["seed=3:3"], "there are none"),
        (["seed=3:1"], "there are none"),
        (["seed=-1,2"], "[0, inf)"),
        (["seed=0.5,2"], "must be an integer"),
        (["seed=0:2000000"], "1,000,000"),
        (["kappa=1,2"], "the problem's is problem.kappa"),
        (["problem.kapa=1,2"], "did you mean kappa?"),
        (["problem.kappa=0.5"], "[1, 1e12]"),
        (["problem.dim=2.5"], "must be an integer"),
        (["lrr=1,2"], "did you mean lr?"),
        (["w3=1,2"], "w1 to w2"),
        (["w0=1,2"], "no hyper-parameter w0"),
        (["per=rum,component"], "must be run or tensor or component"),
        (["lr=1e-3:1:1000", "w1=0:1:1000", "w2=0:1:2"], "2,000,000 runs"),
        ({"lr": []}, "no values"),
        ({"lr": ["a"]}, "must be a number"),
        ({"lr": [0.1, 0.1]}, "twice"),
        ({"lr": [0.1, -0.1]}, "must be a number in (0, inf)"),
    ],
)
def test_what_varies_nothing_is_refused_in_words(over, says):
    with pytest.raises(InputError) as refused:
        axes(over, catalog.problem("quadratic"), [catalog.method("gd")])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("over", [{"lr": 0.1}, {"lr": np.float64(0.1)}, {"lr": np.ones((2, 2))}, {"lr": None}])
def test_values_by_name_that_are_no_list_are_refused(over):
    with pytest.raises(InputError, match="lr"):
        axes(over, catalog.problem("quadratic"), [catalog.method("gd")])


def test_an_axis_must_be_known_to_every_method():
    assert values("beta1=0.5,0.9", methods=["adam", "nadam"]) == (0.5, 0.9)
    with pytest.raises(InputError, match="gd has no hyper-parameter beta1"):
        read("beta1=0.5,0.9", methods=["adam", "gd"])


def test_values_must_be_within_the_bounds_of_every_method():
    assert values("c=1,2", methods=["sps"]) == (1.0, 2.0)
    with pytest.raises(InputError, match=r"c=1.0 must be a number in \(0, 1\)"):
        read("c=1,2", methods=["sps", "sls"])


def test_a_window_is_swept_along_both_sides():
    problem = catalog.problem("himmelblau")
    first, second = axes(window_axes(problem, 5), problem, [catalog.method("gd")])
    for axis, (low, high) in zip((first, second), problem.view, strict=True):
        assert axis.kind == "start"
        np.testing.assert_allclose(axis.values, np.linspace(low, high, 5), rtol=1e-11)
    assert (first.name, second.name, first.component, second.component) == ("w1", "w2", 0, 1)
    with pytest.raises(InputError, match="rosenbrock:dim=3 has no window"):
        window_axes(catalog.problem("rosenbrock:dim=3"), 5)


@pytest.mark.parametrize("name", [name for name in catalog.names("problems") if catalog.problem(name).view])
def test_every_window_makes_two_axes(name):
    problem = catalog.problem(name)
    found = axes(window_axes(problem, 3), problem, [catalog.method("gd")])
    assert [len(axis.values) for axis in found] == [3, 3]
