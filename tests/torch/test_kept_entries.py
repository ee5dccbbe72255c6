"""What an optimizer keeps for each parameter: the entries of ``optimizer.state``, as torch's optimizers have them."""

import copy

import pytest

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy

from stepbench.torch.optimizer import Optimizer
from tests.torch.training import IN_A_LOOP, closure_of, network, refused, told, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")


def test_adams_entries_are_torchs_by_other_names(digits):
    """m and v are torch's exp_avg and exp_avg_sq, in the parameters' shapes."""
    ours, theirs = network(torch.float64), network(torch.float64)
    one, other = Optimizer(ours.parameters(), "adam"), torch.optim.Adam(theirs.parameters())
    train(ours, one, digits, 5)
    train(theirs, other, digits, 5)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        kept, torchs = one.state[p], other.state[q]
        torch.testing.assert_close(kept["m"], torchs["exp_avg"])
        torch.testing.assert_close(kept["v"], torchs["exp_avg_sq"])
        assert kept["beta1_k"] == pytest.approx(0.9 ** torchs["step"].item())
        assert kept["alpha"] == 0.001
    assert one.state_dict()["state"].keys() == other.state_dict()["state"].keys()


@pytest.mark.one_in(11)
@pytest.mark.parametrize("spec", IN_A_LOOP)
def test_every_entry_has_its_parameters_shape_or_is_one_number(spec, digits):
    net = network(torch.float64)
    optimizer = Optimizer(net.parameters(), told(spec), horizon=12)
    train(net, optimizer, digits, 3)
    for p in net.parameters():
        for value in optimizer.state[p].values():
            assert value is None or isinstance(value, int | float) or value.shape in (p.shape, ())


def test_an_entry_keeps_its_name_where_only_one_part_has_it():
    w = torch.ones(3, requires_grad=True)
    optimizer = Optimizer([w], "adam+l4")
    optimizer.step(closure_of(optimizer, lambda: (w**2).sum()))
    assert {"u.m", "rule.m", "v", "alpha"} <= optimizer.state[w].keys()


@pytest.mark.parametrize("shape", [(3,), (300, 300)])
def test_what_is_written_in_place_is_what_the_next_step_begins_with(shape):
    """Twice the momentum moves twice as far where the gradient is 0."""
    moved = []
    for factor in (1, 2):
        w, v = torch.zeros(shape, requires_grad=True), torch.zeros(2, requires_grad=True)
        optimizer = Optimizer([w, v], "momentum:lr=0.1")
        w.grad, v.grad = torch.ones(shape), torch.ones(2)
        optimizer.step()
        optimizer.state[w]["v"].mul_(factor)
        before = w.detach().clone()
        w.grad = torch.zeros(shape)
        optimizer.step()
        moved.append(before - w.detach())
    torch.testing.assert_close(moved[1], 2 * moved[0])


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb", "nesterov"])
def test_entries_that_are_taken_out_and_put_back_change_nothing(spec, digits):
    """As copies, as others' loops that bring a state to a device put them there."""
    ends = []
    for disturbed in (False, True):
        net = network()
        optimizer = Optimizer(net.parameters(), spec)

        def disturb(optimizer=optimizer):
            for kept in optimizer.state.values():
                kept.update(copy.deepcopy(dict(kept)))

        ends.append(train(net, optimizer, digits, 6, each=disturb if disturbed else lambda: None))
    assert torch.equal(*ends)


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_what_others_keep_there_survives(spec, digits):
    net = network()
    optimizer = Optimizer(net.parameters(), spec)
    train(net, optimizer, digits, 2)
    for p in net.parameters():
        optimizer.state[p]["slow"] = p.detach().clone()
    optimizer.state["mine"] = {"k": 3}
    kept = copy.deepcopy(optimizer.state_dict())
    again = network()
    other = Optimizer(again.parameters(), spec)
    other.load_state_dict(kept)
    assert other.state["mine"] == {"k": 3}
    for p, q in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(optimizer.state[p]["slow"], other.state[q]["slow"])


def test_step_sizes_are_told_by_name_and_by_number(digits):
    net = network()
    named = Optimizer(net.named_parameters(), "rdbd:lr=0.01")
    assert named.step_sizes() == {}
    train(net, named, digits, 5)
    sizes = named.step_sizes()
    assert list(sizes) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(set(sizes.values())) == 4
    assert all(isinstance(size, float) and size > 0 for size in sizes.values())
    w = torch.ones(2, 3, requires_grad=True)
    numbered = Optimizer([w], "delta-bar-delta:lr=0.01")
    for _ in range(2):
        numbered.step(closure_of(numbered, lambda: (w**2).sum()))
    assert numbered.step_sizes()[0].shape == (2, 3)


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_memory_is_one_vector_for_each_entry_per_component(spec):
    """Two floats per parameter for Adam, as many as torch's own keeps."""
    w = torch.ones(400, 400, requires_grad=True)
    optimizer = Optimizer([w], spec)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, lambda: (w**2).sum() / 1e6))
    size = sum(t.untyped_storage().nbytes() for t in optimizer.state[w].values() if isinstance(t, torch.Tensor))
    assert size <= w.numel() * 4 * {"adam": 2, "rdbd": 1, "bb": 2}[spec] + 100


@pytest.mark.parametrize(("value", "shown"), [("junk", "a str"), (torch.zeros(7), "of shape (7,)"), ([1.0], "a list")])
def test_an_entry_that_cannot_be_one_is_refused(value, shown):
    w = torch.ones(2, 3, requires_grad=True)
    optimizer = Optimizer([("w", w)], "adam")
    w.grad = torch.ones(2, 3)
    optimizer.step()
    optimizer.state[w]["m"] = value
    with refused(f"the state's m of w is {shown}, which does not fit a parameter of shape (2, 3): "):
        optimizer.step()


def test_an_array_in_a_numbers_place_is_refused():
    w = torch.ones(2, 3, requires_grad=True)
    optimizer = Optimizer([("w", w)], "cosine:T=9")
    w.grad = torch.ones(2, 3)
    optimizer.step()
    optimizer.state[w]["k"] = torch.tensor([1, 2])
    with refused("the state's k of w is of shape (2,), which does not fit a parameter of shape (2, 3): "):
        optimizer.step()


# Groups that change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["adam:lr=0.1", "rdbd:lr=0.1", "momentum:lr=0.1", "rdbd:per=run,lr=0.1"])
def test_a_parameter_in_anothers_place_is_trained_and_the_other_is_not(spec):
    p, q = torch.ones(4, requires_grad=True), torch.ones(6, requires_grad=True)
    optimizer = Optimizer([p], spec)
    p.grad = torch.ones(4)
    optimizer.step()
    optimizer.param_groups[0]["params"][0] = q
    before, p.grad, q.grad = p.detach().clone(), torch.ones(4), torch.ones(6)
    optimizer.step()
    assert torch.equal(p, before)
    assert not torch.equal(q, torch.ones(6))
    assert list(optimizer.state) == [q]
    assert list(optimizer.state_dict()["state"]) == [0]


@pytest.mark.parametrize("spec", ["adam", "rdbd", "nesterov"])
def test_groups_that_go_and_come(spec):
    w, v, u = (torch.ones(2, requires_grad=True) for _ in range(3))
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], spec)
    closure = closure_of(optimizer, lambda: (w**2).sum() + (v**2).sum() + (u**2).sum())
    optimizer.step(closure)
    optimizer.param_groups.pop()
    before = v.detach().clone()
    optimizer.step(closure)
    assert torch.equal(v, before)
    optimizer.param_groups.append({"params": [u]})
    u.grad = None
    optimizer.step(closure)
    assert not torch.equal(u, torch.ones(2))
    optimizer.param_groups.clear()
    optimizer.step(closure)
    assert torch.equal(v, before)


def test_a_new_component_of_one_vector_begins_as_at_the_start():
    """Momentum with one step size: the new averages are 0, and the step size goes on."""
    w, v = torch.ones(2, requires_grad=True), torch.full((3,), 2.0, requires_grad=True)
    optimizer = Optimizer([w], "ema+adagrad-norm")
    closure = closure_of(optimizer, lambda: (w**2).sum() + (v**2).sum())
    optimizer.step(closure)
    b_squared = optimizer.state[w]["b_squared"].item()
    optimizer.param_groups[0]["params"].append(v)
    v.grad = None
    optimizer.step(closure)
    g = torch.cat([w.grad, v.grad])
    assert optimizer.state[v]["b_squared"].item() == pytest.approx(b_squared + (g @ g).item())
    torch.testing.assert_close(optimizer.state[v]["m"], (1 - 0.9) * v.grad)


def test_entries_of_others_in_a_group_are_kept():
    w = torch.ones(2, requires_grad=True)
    group = {"params": [w], "lr_scale": 0.5, "rho": 0.05}
    optimizer = Optimizer([group], "adam")
    assert (optimizer.param_groups[0]["lr_scale"], optimizer.param_groups[0]["rho"]) == (0.5, 0.05)
    again = Optimizer([w], "adam")
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["lr_scale"] == 0.5
    assert "stepbench" not in again.param_groups[0]


@pytest.mark.parametrize("spec", ["adam", "rdbd", "cosine:T=9", "tlr", "csawg:K=1"])
def test_a_step_size_of_nothing_moves_nothing(spec):
    w = torch.ones(3, requires_grad=True)
    optimizer = Optimizer([{"params": [w], "lr": 0.0}], spec)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, lambda: (w**2).sum()))
    assert torch.equal(w, torch.ones(3))


def test_a_rule_that_rested_begins_when_it_is_given_a_step_size():
    """As torch.distributed.checkpoint takes a step with lr=0 before it reads a state."""
    w, v = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    rested, fresh = Optimizer([w], "rdbd:lr=0.1"), Optimizer([v], "rdbd:lr=0.1")
    rested.param_groups[0]["lr"] = 0.0
    w.grad = torch.zeros(3)
    rested.step()
    rested.param_groups[0]["lr"] = 0.1
    for _ in range(4):
        for p, optimizer in ((w, rested), (v, fresh)):
            p.grad = p.detach().clone()
            optimizer.step()
    assert torch.equal(w, v)


def test_a_scheduler_of_what_a_method_does_not_have_is_told_so():
    w = torch.ones(2, requires_grad=True)
    with refused("the parameter group has no lr, which cannot be read or scheduled: it has a, "):
        torch.optim.lr_scheduler.LambdaLR(Optimizer([w], "l4"), lambda k: 1.0)


# Loading ----------------------------------------------------------------------------------------------------------


def test_states_with_names_are_matched_by_their_names():
    def pair(order):
        named = {name: torch.ones(3, requires_grad=True) for name in "ab"}
        return named, Optimizer([(name, named[name]) for name in order], "adam")

    one, optimizer = pair("ab")
    one["a"].grad, one["b"].grad = torch.ones(3), -torch.ones(3)
    optimizer.step()
    other, again = pair("ba")
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["param_names"] == ["b", "a"]
    for name in "ab":
        assert torch.equal(again.state[other[name]]["m"], optimizer.state[one[name]]["m"])
    c = torch.ones(3, requires_grad=True)
    with refused("the state is of parameters named a, b, and here they are a, c: "):
        Optimizer([("a", other["a"]), ("c", c)], "adam").load_state_dict(optimizer.state_dict())


def test_hooks_mend_a_state_before_it_is_looked_at():
    w = torch.ones(2, requires_grad=True)
    optimizer, seen = Optimizer([w], "adam"), []
    good = copy.deepcopy(optimizer.state_dict())
    optimizer.register_load_state_dict_pre_hook(lambda *_: good)
    optimizer.register_load_state_dict_post_hook(seen.append)
    optimizer.load_state_dict({"junk": 1})
    assert seen == [optimizer]


@pytest.mark.parametrize("junk", [None, 3, {}, {"state": {}}, {"state": {}, "param_groups": [3]}, {"a": 1}])
def test_what_is_no_state_is_refused(junk):
    with refused("the state is not of an optimizer of stepbench's"):
        Optimizer([torch.ones(2, requires_grad=True)], "adam").load_state_dict(junk)


def test_what_is_missing_in_a_state_becomes_the_methods_own():
    """Hyper-parameters, and entries of a parameter."""
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "adam:eps=0.5")
    w.grad = torch.ones(2)
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    del state["param_groups"][0]["eps"], state["state"][0]["v"]
    again = Optimizer([w], "adam:eps=0.25")
    again.load_state_dict(state)
    assert again.param_groups[0]["eps"] == 0.25
    again.step()
    torch.testing.assert_close(again.state[w]["v"], torch.full((2,), 0.001))


def test_a_loaded_state_shares_no_memory(digits):
    net, again = network(), network()
    optimizer, other = (Optimizer(one.parameters(), "adam") for one in (net, again))
    train(net, optimizer, digits, 2)
    other.load_state_dict(optimizer.state_dict())
    before = copy.deepcopy(optimizer.state_dict()["state"])
    train(again, other, digits, 2)
    assert repr(optimizer.state_dict()["state"]) == repr(before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_a_state_goes_on_to_the_last_bit(dtype, digits):
    """The state is in float32, and stays so when it is loaded."""
    net = network(dtype)
    optimizer = Optimizer(net.parameters(), "adam")
    again = copy.deepcopy(net)
    x, y = digits

    def steps(net, optimizer):
        for _ in range(3):
            optimizer.step(closure_of(optimizer, lambda: cross_entropy(net(x.to(dtype)).float(), y)))
        return vector(net)

    steps(net, optimizer)
    again.load_state_dict(net.state_dict())
    other = Optimizer(again.parameters(), "adam")
    other.load_state_dict(optimizer.state_dict())
    assert torch.equal(steps(again, other), steps(net, optimizer))
