"""The state of an optimizer is kept, and what is kept goes on to the last bit."""

import copy
import pickle
import warnings

import pytest

import stepbench

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.every_method import parameters
from tests.torch.training import IN_A_LOOP, network, refused, told, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")


def kept_by_file(net, optimizer, make):
    torch.save((net.state_dict(), optimizer.state_dict()), "kept.pt")
    weights, state = torch.load("kept.pt", weights_only=True)
    again = network()
    again.load_state_dict(weights)
    other = make(again)
    other.load_state_dict(state)
    return again, other


WAYS = {
    "file": kept_by_file,
    "deepcopy": lambda net, optimizer, _: copy.deepcopy((net, optimizer)),
    "pickle": lambda net, optimizer, _: pickle.loads(pickle.dumps((net, optimizer))),
}


@pytest.mark.one_in(17)
@pytest.mark.parametrize("spec", parameters(IN_A_LOOP))
def test_what_was_kept_goes_on_to_the_last_bit(spec, digits):
    def make(net):
        return Optimizer([{"params": net[0].parameters()}, {"params": net[2].parameters()}], told(spec), horizon=12)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)  # some diverge
        net = network()
        optimizer = make(net)
        train(net, optimizer, digits, 5)
        others = {way: keep(net, optimizer, make) for way, keep in WAYS.items()}
        end = train(net, optimizer, digits, 5, start=5)
        for way, (again, other) in others.items():
            assert other.evals > 0, way
            assert torch.equal(train(again, other, digits, 5, start=5), end), way
            assert (other.evals, other.fevals) == (optimizer.evals, optimizer.fevals), way


def test_a_copy_shares_nothing(digits):
    net = network()
    optimizer = Optimizer(net.parameters(), "adam")
    train(net, optimizer, digits, 3)
    again, other = copy.deepcopy((net, optimizer))
    before = vector(net)
    train(again, other, digits, 3)
    assert torch.equal(vector(net), before)
    assert optimizer.evals == 3


def test_a_state_of_another_method_or_shape_is_refused(digits):
    net = network()
    state = Optimizer(net.parameters(), "adam").state_dict()
    with refused("the state is of adam+constant, and the optimizer's method is gradient+rdbd"):
        Optimizer(net.parameters(), "rdbd").load_state_dict(state)
    with refused("the state is of groups of [4] parameters, and here they are of [2]"):
        Optimizer(net[0].parameters(), "adam").load_state_dict(state)
    with refused("the state is not of an optimizer of stepbench's"):
        Optimizer(net.parameters(), "adam").load_state_dict(torch.optim.Adam(net.parameters()).state_dict())
    run = Optimizer(net.parameters(), "rdbd:per=run").state_dict()
    with refused("rdbd must have one and the same per in every group"):
        Optimizer(net.parameters(), "rdbd").load_state_dict(run)


def test_a_state_of_an_older_version_is_refused():
    """It had the vectors of the method, not the parameters' parts of them."""
    net = network()
    optimizer = Optimizer(net.parameters(), "tlr:lr=0.1")
    old = optimizer.state_dict() | {"state": {"method": "gradient+tlr", "blocks": [[]], "layout": [[[3]]]}}
    with refused("the state is of an older version: load the weights alone, and start the optimizer anew"):
        optimizer.load_state_dict(old)


def test_a_state_whose_groups_differ_in_what_is_one_is_refused():
    net = network()
    state = Optimizer([{"params": [p]} for p in net.parameters()], "tlr").state_dict()
    state["param_groups"][1]["lr"] = 0.5
    with refused("tlr takes the parameters of all groups as one vector with one lr, and the groups have 0.001 and 0.5"):
        Optimizer([{"params": [p]} for p in net.parameters()], "tlr").load_state_dict(state)


def test_a_state_brings_its_hyper_parameters_horizon_and_batches(digits):
    net = network()
    state = Optimizer(net.parameters(), "cosine:lr=0.5", horizon=7, batches=3).state_dict()
    optimizer = Optimizer(net.parameters(), "cosine", horizon=9)
    optimizer.load_state_dict(state)
    assert (optimizer.param_groups[0]["lr"], optimizer.horizon, optimizer.batches) == (0.5, 7, 3)
    schedule = stepbench.method("cosine:lr=0.5,T=7").rule
    before = vector(net)
    net[2].bias.grad = torch.ones(10)
    optimizer.step()
    assert (before - vector(net))[-1].item() == pytest.approx(schedule.step_size(0, 7, 0.0))
