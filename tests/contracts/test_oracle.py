"""The oracle: what it answers within a step, and what it counts."""

import numpy as np

import stepbench


def test_within_a_step_every_question_is_about_the_same_sample():
    problem = stepbench.problem("linear-regression:n=50,batch=5")
    oracle = stepbench.Oracle(problem, noise=0.1)
    x, y = np.ones((2, 2)), np.zeros((2, 2))
    oracle.advance()
    first, _, again = oracle.grad(x), oracle.grad(y), oracle.grad(x)
    assert np.array_equal(first, again)
    oracle.advance()
    assert not np.array_equal(first, oracle.grad(x))


def test_asking_twice_at_the_same_point_costs_one_evaluation():
    oracle = stepbench.Oracle(stepbench.problem("rosenbrock"))
    x = np.zeros((2, 3))
    for _ in range(2):
        oracle.value(x)
        oracle.grad(x)
    assert (oracle.evals, oracle.fevals) == (1, 1)
    oracle.value(x + 1, where=np.array([True, False, True]))
    assert oracle.fevals.tolist() == [2, 1, 2]


def test_a_question_is_charged_once_to_each_run_that_asks_it():
    oracle = stepbench.Oracle(stepbench.problem("rosenbrock"))
    x, first, second = np.zeros((2, 2)), np.array([True, False]), np.array([False, True])
    oracle.value(x, where=first)
    oracle.value(x, where=second)
    assert oracle.fevals.tolist() == [1, 1]
    oracle.value(x)
    assert oracle.fevals.tolist() == [1, 1]
    oracle.grad(x, where=first)
    oracle.grad(x)
    assert oracle.evals.tolist() == [1, 1]


def test_a_refused_step_is_the_first_that_a_run_could_not_take():
    """Later refusals change nothing; where there are several learners, one of them is enough."""
    oracle = stepbench.Oracle(stepbench.problem("rosenbrock"))
    for mask in ([False, True], [True, True], [[False, False], [True, True]]):
        oracle.advance()
        oracle.refuse(np.array(mask), "it goes down for ever")
    assert oracle.refused.tolist() == [2, 1]
    assert oracle.why == "it goes down for ever"
    again = stepbench.Oracle(stepbench.problem("rosenbrock"))
    again.restore(oracle.mark())
    assert again.refused.tolist() == [2, 1]


def test_another_start_is_drawn_as_the_start_is():
    """Each draw is another, and a draw is the same for every run of a batch."""

    class Drawn(type(stepbench.problem("rosenbrock"))):
        random_start = True

        def start(self, seed):
            return np.random.default_rng(seed).uniform(2, 3, 2)

    oracle, w = stepbench.Oracle(Drawn()), np.zeros((2, 3))
    one, other = oracle.another_start(w, 0), oracle.another_start(w, 1)
    assert ((one >= 2) & (one <= 3)).all()
    assert (one == one[:, :1]).all()
    assert not np.array_equal(one, other)
