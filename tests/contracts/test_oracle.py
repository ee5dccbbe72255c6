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
