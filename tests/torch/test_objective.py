"""Weight decay of both kinds, and maximization: torch's own where torch has them, and one function for every rule."""

import copy

import pytest

pytest.importorskip("torch")

import torch

from stepbench import contracts
from stepbench.torch.optimizer import Optimizer
from tests.every_method import parameters
from tests.torch.training import IN_A_LOOP, ONE, closure_of, network, refused, told, train

pytestmark = pytest.mark.usefixtures("one_thread")

LIKE_TORCH = [
    ("gd:lr=0.1", "SGD", {"lr": 0.1}),
    ("momentum:lr=0.05", "SGD", {"lr": 0.05, "momentum": 0.9}),
    ("adam:lr=0.001", "Adam", {"lr": 0.001}),
    ("amsgrad:lr=0.001,bias=true", "Adam", {"lr": 0.001, "amsgrad": True}),
    ("adamax:lr=0.001", "Adamax", {"lr": 0.001, "eps": 1e-30}),  # ours has no ε
    ("rmsprop:lr=0.001", "RMSprop", {"lr": 0.001}),
    ("adagrad:lr=0.01,eps=1e-10", "Adagrad", {"lr": 0.01}),
]
DECOUPLED = [
    ("adam:lr=0.001", "AdamW", {"lr": 0.001}),
    ("amsgrad:lr=0.001,bias=true", "AdamW", {"lr": 0.001, "amsgrad": True}),
    ("adam:lr=0.001", "Adam", {"lr": 0.001, "decoupled_weight_decay": True}),
]


def same_as_torch(digits, spec, ours, name, theirs, steps=60):
    """Both optimizers on the parameters of one network, in two groups, of which the second decays otherwise."""
    ends = []
    for make, options in (
        (lambda groups, options: Optimizer(groups, spec, **options), ours),
        (lambda groups, options: getattr(torch.optim, name)(groups, **options), theirs),
    ):
        net = network(torch.float64)
        groups = [{"params": net[0].parameters()}, {"params": net[2].parameters(), "weight_decay": 0.3}]
        ends.append(train(net, make(groups, options), digits, steps))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)
    return ends[0]


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("spec", "name", "options"), LIKE_TORCH)
def test_coupled_decay_and_maximization_are_torchs(spec, name, options, digits):
    ends = [
        same_as_torch(digits, spec, more, name, options | more)
        for more in ({"weight_decay": 0.1}, {"maximize": True}, {"maximize": True, "weight_decay": 0.1})
    ]
    assert not torch.allclose(ends[0], ends[1], atol=1e-3)


@pytest.mark.parametrize(("spec", "name", "options"), DECOUPLED)
def test_decoupled_decay_is_torchs(spec, name, options, digits):
    for more in ({"weight_decay": 0.1}, {"weight_decay": 0.1, "maximize": True}):
        same_as_torch(digits, spec, {"decoupled_weight_decay": True} | more, name, options | more)


def test_nadam_decays_as_torchs_where_its_step_is_torchs():
    """Torch's NAdam has another schedule of momentum: the decay is what a step with it adds to one without."""
    moves = []
    for decay in (0.0, 0.1):
        w = torch.full((3,), 2.0, dtype=torch.float64, requires_grad=True)
        ours = Optimizer([w], "nadam:lr=0.01", weight_decay=decay, decoupled_weight_decay=True)
        w.grad = torch.ones_like(w)
        ours.step()
        moves.append(w.detach().clone())
    assert torch.allclose(moves[0] - moves[1], torch.full((3,), 0.01 * 0.1 * 2.0, dtype=torch.float64), atol=1e-15)


@pytest.mark.parametrize("spec", ["gd:lr=0.1", "adam:lr=0.001"])
def test_schedulers_scale_a_decoupled_decay_too(spec, digits):
    ends = []
    for make in (
        lambda net: Optimizer(net.parameters(), spec, weight_decay=0.1, decoupled_weight_decay=True),
        lambda net: (
            torch.optim.AdamW(net.parameters(), 0.001, weight_decay=0.1)
            if "adam" in spec
            else torch.optim.SGD(net.parameters(), 0.1, weight_decay=0.1)  # for which both kinds are the same
        ),
    ):
        net = network(torch.float64)
        optimizer = make(net)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (1 + k))
        ends.append(train(net, optimizer, digits, 20, each=scheduler.step))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


def test_without_decay_and_sign_the_bits_are_those_of_the_method(digits):
    nets = network(), network()
    options = {"weight_decay": 0.0, "decoupled_weight_decay": True, "maximize": False}
    ends = [
        train(net, Optimizer(net.parameters(), "adam", **more), digits, 5)
        for net, more in zip(nets, ({}, options), strict=True)
    ]
    assert torch.equal(*ends)


# Any method -----------------------------------------------------------------------------------------------------------


def path(spec, loss, steps=6, dtype=torch.float64, **options):
    """The points of two groups in a row, where the second has three components."""
    w, v = (torch.linspace(0.5, 1.5, n, dtype=dtype).requires_grad_() for n in (2, 3))
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], spec, horizon=20, **options)
    points, values = [], []
    for _ in range(steps):
        values.append(optimizer.step(closure_of(optimizer, lambda: loss(w, v))))
        points.append(torch.cat([w, v]).detach().clone())
    return torch.stack(points), values


def bowl(w, v):
    return 0.02 * ((w[0] - 1) ** 2 + 3 * (w[1] * v[0] - 2) ** 2 + (v**4).sum() + 1)


def rounding(spec):
    """How far two ways to write one function may part: exact's products are differences of two gradients."""
    return 1e-6 if "exact" in spec else 1e-9


@pytest.mark.one_in(5)
@pytest.mark.parametrize("spec", parameters(IN_A_LOOP))
def test_coupled_decay_is_one_more_term_of_the_loss_for_every_method(spec):
    """The method sees the loss and the gradient of the sum: what it does is what it does with the sum itself."""
    decay = 0.01
    decayed, values = path(told(spec), bowl, weight_decay=decay)
    summed, sums = path(told(spec), lambda w, v: bowl(w, v) + decay / 2 * ((w**2).sum() + (v**2).sum()))
    scale = summed.abs().max()
    assert torch.allclose(decayed, summed, rtol=rounding(spec), atol=rounding(spec) * scale)
    assert values[0] < sums[0]  # what is returned is the loss that the closure gave


@pytest.mark.one_in(5)
@pytest.mark.parametrize("spec", parameters(IN_A_LOOP))
def test_maximizing_is_minimizing_the_negative_for_every_method(spec):
    """Methods that are told f* are told the maximum; the loss is below 0, so that its negative suits L4."""
    method = told(spec)
    known = contracts.hyperparameters(method)
    top = contracts.with_values(method, {"f_star": -0.01}) if "f_star" in known else method
    bottom = contracts.with_values(method, {"f_star": 0.01}) if "f_star" in known else method
    up, values = path(top, lambda w, v: -bowl(w, v), maximize=True)
    down, others = path(bottom, bowl)
    assert torch.equal(up, down)
    assert torch.equal(torch.stack(values), -torch.stack(others))


@pytest.mark.parametrize(
    "spec",
    [m for m in IN_A_LOOP if m.startswith("gradient+") and not any(w in m for w in ("exact", "mechanic"))]
    + ["nesterov", "heavy-ball", "csawg:K=4", "gradient+rdbd:per=run", "gradient+bb:per=component"],
)
def test_decoupled_decay_takes_the_step_size_of_its_own_step(spec):
    """α is found anew, in each step, from a twin that stands where the optimizer stands and does not decay.

    On a plain gradient w − w' = α g, component by component, so that α is a quotient. RDBD corrects w before it steps,
    in steps where its products of directions change their sign; the loss has none here. Mechanic scales all of its way
    anew.
    """
    method, decay = told(spec), 0.01
    w, v = (torch.linspace(2.0, 3.0, n, dtype=torch.float64).requires_grad_() for n in (2, 3))
    optimizer = Optimizer([w, v], method, horizon=20, weight_decay=decay, decoupled_weight_decay=True)

    def loss():
        return 0.05 * ((w**2).sum() + 2 * (v**2).sum())

    for _ in range(3):
        twin = copy.deepcopy(optimizer)
        before = torch.cat([w, v]).detach().clone()
        optimizer.step(closure_of(optimizer, loss))
        after = torch.cat([w, v]).detach().clone()
        plain, slope = step_of(twin, before, decay)
        alpha = contracts.values_of(method)["lr"] if method.steady else (before - plain) / slope
        assert torch.allclose(after, plain - alpha * decay * before, rtol=1e-10, atol=0)
        assert not torch.equal(after, plain)


def step_of(optimizer, before, decay):
    """The step that a copy takes from its own parameters without decay, and the gradient there."""
    for group in optimizer.param_groups:
        assert group["weight_decay"] == decay
        group["weight_decay"] = 0.0
    w, v = optimizer.param_groups[0]["params"]
    assert torch.equal(torch.cat([w, v]), before)
    optimizer.step(closure_of(optimizer, lambda: 0.05 * ((w**2).sum() + 2 * (v**2).sum())))
    return torch.cat([w, v]).detach(), torch.cat([0.1 * before[:2], 0.2 * before[2:]])


@pytest.mark.parametrize("spec", ["adam", "rdbd", "l4:per=tensor", "bb", "sls"])
@pytest.mark.parametrize("decoupled", [False, True])
def test_what_got_no_gradient_is_not_decayed(spec, decoupled):
    w, still = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = Optimizer([w, still], spec, weight_decay=0.1, decoupled_weight_decay=decoupled)
    alone = torch.ones(2, dtype=torch.float64, requires_grad=True)
    other = Optimizer([alone], spec, weight_decay=0.1, decoupled_weight_decay=decoupled)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, lambda: (w**4).sum()))
        other.step(closure_of(other, lambda: (alone**4).sum()))
    assert torch.equal(still, torch.ones(2, dtype=torch.float64))
    assert torch.allclose(w, alone, rtol=1e-14)


@pytest.mark.parametrize("spec", ["adam:lr=0.01", "rdbd:lr=0.01", "nesterov:lr=0.01", "sls"])
@pytest.mark.parametrize("decoupled", [False, True])
def test_each_group_has_its_own_decay(spec, decoupled):
    """What is given to all holds where a group has none; a decay that is changed holds from the next step on."""
    ends = []
    for given in ({"weight_decay": 0.2}, {}):
        w, v = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
        groups = [{"params": [w]}, {"params": [v], "weight_decay": 0.0}]
        optimizer = Optimizer(groups, spec, decoupled_weight_decay=decoupled, **given)
        optimizer.param_groups[0]["weight_decay"] = 0.2
        closure = closure_of(optimizer, lambda w=w, v=v: (w**2).sum() + (v**2).sum())
        optimizer.step(closure)
        optimizer.param_groups[1]["weight_decay"] = torch.tensor(0.2, dtype=torch.float64)
        optimizer.step(closure)
        ends.append(torch.cat([w, v]).detach())
    assert torch.equal(*ends)
    assert not torch.equal(ends[0][:2], ends[0][2:])


@pytest.mark.parametrize("decoupled", [False, True])
def test_in_half_precision_the_decay_is_computed_in_float32(decoupled):
    ends = []
    for dtype in (torch.bfloat16, torch.float32):
        w = torch.ones(4, dtype=dtype, requires_grad=True)
        optimizer = Optimizer([w], "gd:lr=0.5", weight_decay=0.1, decoupled_weight_decay=decoupled)
        w.grad = torch.zeros_like(w)
        optimizer.step()
        ends.append(w.detach().to(torch.bfloat16))
    assert torch.equal(*ends)


@pytest.mark.slow
def test_the_fused_step_decays_too(digits):
    ends = []
    for fused in (False, True):
        net = network(torch.float64)
        options = {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}
        ends.append(train(net, Optimizer(net.parameters(), "adam", compile=fused, **options), digits, 5))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


def test_decay_is_kept_with_the_state(digits):
    ends = []
    for resumed in (False, True):
        net = network()
        optimizer = Optimizer(net.parameters(), "adam", weight_decay=0.1, decoupled_weight_decay=True)
        train(net, optimizer, digits, 3)
        if resumed:
            state = optimizer.state_dict()
            optimizer = Optimizer(net.parameters(), "adam")
            optimizer.load_state_dict(state)
        ends.append(train(net, optimizer, digits, 3, start=3))
    assert torch.equal(*ends)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight_decay": -1.0}, "weight_decay=-1.0 must be a number in [0, inf)"),
        ({"weight_decay": float("nan")}, "weight_decay=nan must be a number in [0, inf)"),
        ({"weight_decay": "much"}, "weight_decay=much must be a number in [0, inf)"),
        ({"weight_decay": True}, "weight_decay=True must be a number in [0, inf)"),
        ({"weight_decay": torch.ones(2)}, "weight_decay=tensor([1., 1.]) must be a number in [0, inf)"),
        ({"maximize": 1}, "maximize=1 must be True or False"),
        ({"decoupled_weight_decay": None}, "decoupled_weight_decay=None must be True or False"),
    ],
)
def test_a_decay_that_cannot_be_meant_is_refused(options, words):
    with refused(words):
        Optimizer(ONE, "adam", **options)
    with refused(words):
        Optimizer([{"params": ONE} | options], "bb")
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "adam")
    optimizer.param_groups[0] |= options
    w.grad = torch.ones(2)
    with refused(words):
        optimizer.step()
    assert torch.equal(w, torch.ones(2))


def test_one_vector_has_one_sign():
    def groups():
        return [{"params": [torch.ones(2)]}, {"params": [torch.ones(2)], "maximize": True}]

    with refused("l4 takes the parameters of all groups as one vector, which has one loss"):
        Optimizer(groups(), "l4")
    assert len(Optimizer(groups(), "adam").param_groups) == 2


def test_a_method_may_have_a_weight_decay_of_its_own(tmp_path):
    """Then the name is the method's, and nothing decays twice."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from typing import NamedTuple\n"
        "from stepbench.contracts import Method\n"
        "class State(NamedTuple):\n    alpha: float\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Method):\n"
        "    elementwise = True\n"
        "    weight_decay: float = 0.5\n"
        "    def init(self, w):\n        return State(0.1)\n"
        "    def step(self, w, oracle, s):\n"
        "        return w - 0.1 * (oracle.grad(w) + self.weight_decay * w), s\n"
    )
    for options, end in (({}, 0.85), ({"weight_decay": 0.25}, 0.875)):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = Optimizer([w], str(file), **options)
        w.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
        assert w.item() == pytest.approx(end)


def test_a_method_without_a_step_size_cannot_decay_beside_it(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from stepbench.contracts import Method\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Method):\n"
        "    elementwise = True\n"
        "    def init(self, w):\n        return ()\n"
        "    def step(self, w, oracle, s):\n        return w - 0.1 * oracle.grad(w), s\n"
    )
    w = torch.ones(1, requires_grad=True)
    optimizer = Optimizer([w], str(file), weight_decay=0.1, decoupled_weight_decay=True)
    w.grad = torch.ones(1)
    with pytest.raises(ValueError, match="has no step size α, which a decoupled weight decay is multiplied by"):
        optimizer.step()
    assert torch.equal(w, torch.ones(1))
