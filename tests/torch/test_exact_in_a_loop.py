"""The exact step size in a training loop: the points at which it takes the curvature are those of a run."""

import pytest

pytest.importorskip("torch")

import torch

import stepbench
from stepbench.torch.optimizer import Optimizer
from tests.torch.training import closure_of, refused

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 4])
def test_a_loop_has_the_step_size_of_a_run(layers):
    """K̂ is taken at the same standard normal weights, by differences of gradients in place of exact products.

    A kink of a ReLU between the two points of a difference counts there, and does not in a product.
    """
    problem = stepbench.problem(f"digits-mlp:hidden={layers},width=16,batch=none")
    spec = "exact:N=3,T=100,f_star=0"
    r = stepbench.run(problem, spec, steps=1)
    net, data = problem.trained(problem.start(0)), problem.dataset
    optimizer = Optimizer(net.parameters(), spec)
    w = torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    loss = torch.nn.functional.cross_entropy
    optimizer.step(closure_of(optimizer, lambda: loss(net(data.inputs), data.targets)))
    moved = torch.nn.utils.parameters_to_vector(net.parameters()).detach() - w
    assert float(moved.norm()) == pytest.approx(r.step_size[1] * r.gradient_norm[0], rel=0.05)


@pytest.mark.slow
def test_points_drawn_as_the_start_make_a_much_larger_step_of_deep_networks():
    """There the curvature is that of a small network of nearly equal outputs; and the step size is for a run only."""
    problem = "digits-mlp:hidden=4,width=16,batch=none"
    normal, init = (
        stepbench.run(problem, f"exact:N=3,T=100,f_star=0,law={law}", steps=1).step_size[1]
        for law in ("normal", "init")
    )
    assert init > 20 * normal


def test_a_loop_does_not_tell_how_weights_are_drawn():
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "exact:f_star=0,law=init", horizon=5)
    with refused("exact needs starts drawn as the parameters were, which a training loop does not tell"):
        optimizer.step(closure_of(optimizer, lambda: (w * w).sum()))


def test_a_loss_below_0_is_refused_by_l4():
    """Nothing is changed by the step, and the loop may go on with another loss."""
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "l4-mom")
    with refused("ema+l4: the loss is below 0"):
        optimizer.step(closure_of(optimizer, lambda: (w * w).sum() - 3))
    assert w.tolist() == [1.0, 1.0]
    optimizer.step(closure_of(optimizer, lambda: (w * w).sum()))
    assert (w < 1).all()
