"""PyTorch's generic tests of an optimizer: what it takes, where it goes, and who may look on. See ``generic.py``."""

import functools

import pytest

pytest.importorskip("torch")

import torch
from torch.optim import lr_scheduler as schedulers
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn

from stepbench.fields import InputError
from stepbench.torch.optimizer import Optimizer
from tests.torch.generic import APART, COMPONENT, ONE_OF_EACH_KIND, SPECS, STEADY, TENSOR, WHOLE, Trial, every
from tests.torch.training import closure_of, network, refused

pytestmark = pytest.mark.usefixtures("one_thread")


# What it takes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ONE_OF_EACH_KIND)
def test_what_is_no_list_of_parameters_is_refused_as_torch_does(spec):
    w = torch.ones(2, requires_grad=True)
    for params, error, words in (
        (w, TypeError, "should be an iterable of Tensors or dicts"),
        ([], ValueError, "empty parameter list"),
        ([w, 2.0], TypeError, "can only optimize Tensors"),
        ([2 * w], ValueError, "non-leaf"),
        ([{"params": {w}}], TypeError, "sets will change between runs"),
        ([{"params": [w]}, {"params": [w]}], ValueError, "more than one parameter group"),
        ([{"params": [("w", w)]}, {"params": [torch.ones(2, requires_grad=True)]}], ValueError, "with/without names"),
    ):
        with pytest.raises(error, match=words):
            Optimizer(params, spec)
    with pytest.warns(UserWarning, match="duplicate parameters"), refused("parameter 0, of shape (2,), is in the"):
        Optimizer([w, w], spec)  # of which torch only warns


@pytest.mark.one_in(7)
@every()
def test_parameters_come_in_every_form(spec):
    """A list, a generator, names, groups and groups of names: the same parameters go the same way."""
    forms = (
        lambda *both: list(both),
        lambda *both: (p for p in both),
        lambda *both: list(zip(("weight", "bias"), both, strict=True)),
        lambda *both: zip(("weight", "bias"), both, strict=True),
        lambda *both: [{"params": [p]} for p in both],
        lambda weight, bias: [{"params": weight}, {"params": bias}],
        lambda weight, bias: [{"params": [("weight", weight)]}, {"params": [("bias", bias)]}],
    )
    ends = [Trial(spec, form).run(5).point() for form in forms]
    assert all(torch.equal(end, ends[0]) for end in ends)


@every()
def test_it_tells_what_it_is(spec):
    text = repr(Trial(spec).optimizer)
    assert text.startswith("Optimizer ")
    assert "lr: " in text or "lr" not in Trial(spec).optimizer.defaults


@every()
def test_complex_parameters_and_sparse_gradients_are_refused_in_a_line(spec):
    with pytest.raises(InputError, match=r"\Aparameter 0, of shape \(2,\), is complex.*\Z"):
        Optimizer([torch.ones(2, dtype=torch.complex64, requires_grad=True)], spec)
    w = torch.ones(3, requires_grad=True)
    optimizer = Optimizer([w], spec)

    def closure():
        w.grad = torch.sparse_coo_tensor([[0]], [1.0], (3,), check_invariants=True)
        return w.detach().sum()

    with pytest.raises(InputError, match=r"\Aparameter 0, of shape \(3,\), has a sparse gradient.*\Z"):
        optimizer.step(closure)
    assert torch.equal(w, torch.ones(3))


# Where it goes --------------------------------------------------------------------------------------------------------


@pytest.mark.one_in(23)
@every()
@pytest.mark.parametrize("contiguous", [True, False])
def test_it_goes_downhill_wherever_the_parameters_lie(spec, contiguous):
    """Parameters that lie apart in memory go the same way, but for the last bits of the loss."""
    trial = Trial(spec, contiguous=contiguous)
    before = trial.loss()
    assert trial.run(50).loss() < before
    assert torch.allclose(trial.point(), Trial(spec).run(50).point(), rtol=1e-9, atol=1e-9)


@pytest.mark.one_in(11)
@every(
    apart_from=dict.fromkeys(
        ("tlr", "adam+tlr"),
        "it doubles its step size as long as an epoch's gradients agree, and those along a valley's floor do",
    )
)
def test_rosenbrocks_valley(spec):
    """From (1.5, 1.5), as torch asks. A thousandth of the function has gradients of the size of a network's."""
    w = torch.tensor([1.5, 1.5], dtype=torch.float64, requires_grad=True)
    optimizer = Optimizer([w], spec, batches=10)
    closure = closure_of(optimizer, lambda: ((1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2) / 1000)
    before = closure()
    for _ in range(80):
        optimizer.step(closure)
    assert closure() < before


@every(of=APART)
def test_parameters_go_together_as_they_go_alone(spec):
    """One optimizer for all of a network takes, to the last bit, the steps of one optimizer for each tensor."""
    ends = []
    for alone in (False, True):
        net = network(torch.float64)
        parts = [[p] for p in net.parameters()] if alone else [list(net.parameters())]
        optimizers = [Optimizer(part, spec) for part in parts]
        inputs = torch.randn(8, 64, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        for _ in range(5):
            net.zero_grad()
            net(inputs).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
        ends.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach())
    assert torch.equal(*ends)


@every(of=APART)
def test_parameters_of_different_dtypes_stand_in_one_optimizer(spec):
    start = torch.randn(6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    params = [start.to(dtype, copy=True).requires_grad_() for dtype in (torch.float64, torch.float32, torch.bfloat16)]
    together, alone = Optimizer(params, spec), []
    copies = [p.detach().clone().requires_grad_() for p in params]
    alone = [Optimizer([p], spec) for p in copies]
    for _ in range(4):
        for p in params + copies:
            p.grad = (2 * p).detach()
        for optimizer in (together, *alone):
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(params, copies, strict=True))
    assert [p.dtype for p in params] == [torch.float64, torch.float32, torch.bfloat16]


@every(of=WHOLE)
def test_one_vector_has_one_dtype(spec):
    params = [torch.ones(2, dtype=dtype, requires_grad=True) for dtype in (torch.float64, torch.float32)]
    optimizer = Optimizer(params, spec)
    with pytest.raises(InputError, match=r"\A.* takes all parameters as one vector, and these are .*\Z"):
        optimizer.step(closure_of(optimizer, lambda: sum(p.double().square().sum() for p in params)))


NO_STEP = {"exact": "where nothing is curved, its α is no number, so that its first step is refused"}


@every(apart_from=NO_STEP)
def test_a_step_without_gradients_moves_nothing(spec):
    trial = Trial(spec)
    start = trial.point()

    def closure():
        return trial.loss().detach()

    for grad in (None, torch.zeros_like):
        for p in (trial.weight, trial.bias):
            p.grad = grad and grad(p)
        trial.optimizer.step(closure)
        assert torch.equal(trial.point(), start)


@every(apart_from=NO_STEP)
def test_gradients_of_zero_move_nothing_after_the_first(spec):
    """With all gradients 0 from the start, neither averages nor step sizes move a parameter."""
    trial = Trial(spec)
    start = trial.point()

    def closure():
        for p in (trial.weight, trial.bias):
            p.grad = torch.zeros_like(p)
        return torch.zeros((), dtype=torch.float64)

    for _ in range(5):
        trial.optimizer.step(closure)
    assert torch.equal(trial.point(), start)


@every(of=APART)
def test_a_parameter_without_gradient_stays_and_starts_when_it_has_one(spec):
    trial = Trial(spec)
    bias = trial.bias.detach().clone()
    for _ in range(3):
        trial.closure()
        trial.bias.grad = None
        trial.optimizer.step()
    assert torch.equal(trial.bias, bias)
    trial.run(1)
    assert not torch.equal(trial.bias, bias)


# Closures -------------------------------------------------------------------------------------------------------------

LOOKS_ELSEWHERE = {
    "sls": "it searches along a line",
    "csawg": "it plans",
    "lossgrad": "it looks at the loss after its step",
    "exact": "it takes differences of gradients",
    "smd": "it takes differences of gradients",
    "hdm": "it tries a step",
}

LOOKS_AHEAD = dict.fromkeys(
    ("nesterov", "schedule-free", "schedule-free-adam"),
    "its gradient, and so the loss that comes with it, is of another point",
)


@every(apart_from=LOOKS_AHEAD)
def test_the_closure_is_called_once_and_its_loss_is_returned(spec):
    trial = Trial(spec)
    for _ in range(3):
        loss, calls = trial.loss().item(), trial.calls
        assert trial.optimizer.step(trial.closure).item() == pytest.approx(loss, rel=1e-14)
        looks_elsewhere = spec.split(":")[0] in LOOKS_ELSEWHERE
        assert trial.calls == calls + 1 or (looks_elsewhere and trial.calls > calls)


@every(of=APART)
def test_a_step_without_a_closure_is_the_same_step(spec):
    one, other = Trial(spec).run(4), Trial(spec)
    for _ in range(4):
        other.closure()
        assert other.optimizer.step() is None
    assert torch.equal(one.point(), other.point())


@every(of=APART)
def test_a_closure_that_does_nothing_is_none(spec):
    """Lightning passes one in manual optimization, where the gradients were computed before."""
    one, other = Trial(spec).run(4), Trial(spec)
    for _ in range(4):
        other.closure()
        assert other.optimizer.step(lambda: None) is None
    assert torch.equal(one.point(), other.point())


@every(of=STEADY)
def test_a_closure_computes_gradients_also_where_they_are_switched_off(spec):
    trial = Trial(spec)
    start = trial.point()
    with torch.no_grad():
        trial.optimizer.step(trial.closure)
    assert not torch.equal(trial.point(), start)


@every()
@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_are_cleared(spec, set_to_none):
    trial = Trial(spec).run(1)
    trial.optimizer.zero_grad(set_to_none=set_to_none)
    for p in (trial.weight, trial.bias):
        assert (p.grad is None) if set_to_none else not p.grad.any()


@every(of=APART)
def test_a_step_may_be_taken_within_the_backward_pass(spec):
    """An optimizer for each parameter, which steps as soon as its gradient is there, and lets it go."""
    ends = []
    for within in (True, False):
        trial = Trial(spec)
        optimizers = {p: Optimizer([p], spec) for p in (trial.weight, trial.bias)}

        def step(p, optimizers=optimizers):
            optimizers[p].step()
            p.grad = None

        if within:
            for p in optimizers:
                p.register_post_accumulate_grad_hook(step)
        for _ in range(4):
            trial.loss().backward()
            if not within:
                for p in optimizers:
                    step(p)
        ends.append(trial.point())
    assert torch.equal(*ends)


@pytest.mark.one_in(2)
@every()
def test_gradients_that_a_hook_has_changed_are_the_gradients(spec):
    """Halved gradients of twice the loss are those of the loss; the loss itself is what the closure returns."""
    plain, hooked = Trial(spec).run(4), Trial(spec)
    for p in (hooked.weight, hooked.bias):
        p.register_hook(lambda g: g / 2)

    def closure():
        hooked.optimizer.zero_grad()
        loss = hooked.loss()
        (2 * loss).backward()
        return loss

    for _ in range(4):
        hooked.optimizer.step(closure)
    assert torch.equal(plain.point(), hooked.point())


@pytest.mark.one_in(3)
@every(apart_from={"cocob": "it has no step size, which a decoupled decay is multiplied by"})
@pytest.mark.parametrize("decoupled", [False, True])
def test_a_group_without_weight_decay_keeps_larger_weights(spec, decoupled):
    """As torch asks: of two groups with the same gradients, the one that decays ends nearer to 0."""
    torch.manual_seed(0)
    start = torch.rand(6, dtype=torch.float64) + 1
    plain, decaying = (start.clone().requires_grad_() for _ in range(2))
    groups = [{"params": [plain]}, {"params": [decaying], "weight_decay": 0.02}]
    optimizer = Optimizer(groups, spec, batches=10, decoupled_weight_decay=decoupled)
    closure = closure_of(optimizer, lambda: (plain - 2).square().sum() / 20 + (decaying - 2).square().sum() / 20)
    for _ in range(3):
        optimizer.step(closure)
    assert decaying.norm() < plain.norm()


@pytest.mark.one_in(2)
@every()
def test_what_is_maximized_is_the_negative_minimized(spec):
    """The same steps, to the last bit: of −f with maximize, and of f without. An f* that is given is the maximum."""
    plain = Trial(spec).run(5)
    mirrored = Trial(spec, maximize=True)

    def closure():
        mirrored.optimizer.zero_grad()
        loss = -mirrored.loss()
        loss.backward()
        return loss

    for _ in range(5):
        mirrored.optimizer.step(closure)
    assert torch.equal(plain.point(), mirrored.point())


# Groups ---------------------------------------------------------------------------------------------------------------


@every(of=APART, apart_from=dict.fromkeys(("silver", "long-steps", "cocob"), "it has no lr"))
def test_a_group_has_its_own_step_size(spec):
    """A group with an lr of its own goes as in an optimizer that has this lr."""
    trial = Trial(spec)
    lr = trial.optimizer.param_groups[0]["lr"]
    grouped = Trial(spec, lambda w, b: [{"params": [w]}, {"params": [b], "lr": lr / 4}])
    ones = [Trial(spec), Trial(spec, lambda w, b: [{"params": [w, b], "lr": lr / 4}])]
    for _ in range(4):
        grads = [torch.randn_like(grouped.weight), torch.randn_like(grouped.bias)]
        for one in (grouped, *ones):
            one.weight.grad, one.bias.grad = (g.clone() for g in grads)
            one.optimizer.step()
    assert torch.equal(grouped.weight, ones[0].weight)
    assert torch.equal(grouped.bias, ones[1].bias)
    assert not torch.equal(ones[0].bias, ones[1].bias)


@every()
def test_what_no_group_says_is_the_default(spec):
    trial = Trial(spec, lambda w, b: [{"params": [w]}, {"params": [b]}])
    optimizer = trial.optimizer
    for group in optimizer.param_groups:
        assert {key: group[key] for key in optimizer.defaults} == optimizer.defaults


@every(of=APART)
def test_a_group_may_be_added_later(spec):
    trial = Trial(spec, lambda w, b: [w]).run(3)
    bias = trial.bias.detach().clone()
    trial.optimizer.add_param_group({"params": [trial.bias]})
    trial.run(1)
    alone = Trial(spec, lambda w, b: [b])
    with torch.no_grad():
        alone.bias.copy_(bias)
    alone.bias.grad = trial.bias.grad.clone()
    alone.optimizer.step()
    assert torch.equal(trial.bias, alone.bias)


# Step sizes that others set -------------------------------------------------------------------------------------------

SCHEDULERS = {
    "StepLR": lambda o: [schedulers.StepLR(o, 3, 0.9)],
    "MultiStepLR": lambda o: [schedulers.MultiStepLR(o, [2, 6])],
    "MultiplicativeLR": lambda o: [schedulers.MultiplicativeLR(o, lambda epoch: 0.9)],
    "LambdaLR": lambda o: [schedulers.LambdaLR(o, lambda epoch: 1 / (1 + epoch))],
    "ConstantLR": lambda o: [schedulers.ConstantLR(o, 0.4, 4)],
    "LinearLR, ExponentialLR": lambda o: [schedulers.LinearLR(o, 0.4, total_iters=4), schedulers.ExponentialLR(o, 0.9)],
    "PolynomialLR": lambda o: [schedulers.PolynomialLR(o, 4, 0.9)],
    "CosineAnnealingLR": lambda o: [schedulers.CosineAnnealingLR(o, 5, 1e-4)],
    "CosineAnnealingWarmRestarts": lambda o: [schedulers.CosineAnnealingWarmRestarts(o, 3)],
    "ReduceLROnPlateau": lambda o: [schedulers.ReduceLROnPlateau(o, patience=1, threshold=10)],
    "StepLR, ReduceLROnPlateau": lambda o: [schedulers.StepLR(o, 3), schedulers.ReduceLROnPlateau(o, threshold=10)],
    "CyclicLR": lambda o: [schedulers.CyclicLR(o, 1e-3, 2e-2, 3, cycle_momentum=False)],
    "OneCycleLR": lambda o: [schedulers.OneCycleLR(o, 0.02, total_steps=20, cycle_momentum=False)],
    "SequentialLR": lambda o: [
        schedulers.SequentialLR(o, [schedulers.ConstantLR(o, 0.1, 2), schedulers.ExponentialLR(o, 0.9)], [2])
    ],
    "ChainedScheduler": lambda o: [
        schedulers.ChainedScheduler([schedulers.ConstantLR(o, 0.1, 2), schedulers.ExponentialLR(o, 0.9)])
    ],
    "SWALR": lambda o: [SWALR(o, 0.02, 4)],
}


@pytest.mark.one_in(17)
@every(of=STEADY)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedulers_set_the_step_size(spec, scheduler):
    """The steps are those of a loop that writes the scheduler's numbers into the groups, or into a tensor, itself.

    The numbers are those that the scheduler gives a torch.optim.SGD of two groups.
    """
    groups = [lambda w, b: [{"params": [w]}, {"params": [b], "lr": 0.02}]] * 2
    scheduled, by_hand = (Trial(spec, form) for form in groups)
    their_params = [{"params": [torch.ones(1, requires_grad=True)], "lr": lr} for lr in (0.01, 0.02)]
    theirs = torch.optim.SGD(their_params)
    ours, reference = SCHEDULERS[scheduler](scheduled.optimizer), SCHEDULERS[scheduler](theirs)
    seen = set()
    for _ in range(10):
        for mine, their in zip(by_hand.optimizer.param_groups, theirs.param_groups, strict=True):
            mine["lr"] = their["lr"]
        seen.add(theirs.param_groups[0]["lr"])
        scheduled.run(1)
        by_hand.run(1)
        theirs.step()
        for one in ours + reference:
            one.step(1.0) if isinstance(one, schedulers.ReduceLROnPlateau) else one.step()
    assert torch.equal(scheduled.point(), by_hand.point())
    assert len(seen) > 1


@every(of=[spec for spec in SPECS if spec not in STEADY])
def test_a_scheduler_of_a_method_that_sets_its_own_step_size_is_refused_in_a_line(spec):
    trial = Trial(spec)
    if "lr" not in trial.optimizer.defaults:
        return
    trial.run(1)
    for group in trial.optimizer.param_groups:
        group["lr"] = 0.9 * group["lr"]
    before = trial.point()
    with pytest.raises(InputError, match=r"\A.*sets its own step size.*\Z"):
        trial.run(1)
    assert torch.equal(trial.point(), before)


@every(of=STEADY)
def test_the_step_size_may_be_a_tensor(spec):
    """Schedulers fill it in place, and the steps are those with a number."""
    number, tensor = Trial(spec), Trial(spec)
    tensor.optimizer.param_groups[0]["lr"] = torch.tensor(0.01, dtype=torch.float64)
    for trial in (number, tensor):
        trial.run(6, each=schedulers.ExponentialLR(trial.optimizer, 0.9).step)
    assert isinstance(tensor.optimizer.param_groups[0]["lr"], torch.Tensor)
    assert torch.equal(number.point(), tensor.point())


# Who looks on ---------------------------------------------------------------------------------------------------------


@every(of=COMPONENT + TENSOR + ["l4", "sls", "bb"])
def test_averages_of_the_weights_are_taken_beside_it(spec):
    """The moving average of AveragedModel is that of the weights after each step."""
    net = torch.nn.Linear(3, 2).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.linspace(-1, 1, p.numel()).view(p.shape))
    optimizer = Optimizer(net.parameters(), spec)
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    inputs = torch.eye(3, dtype=torch.float64)
    expected = None
    for _ in range(5):
        optimizer.step(closure_of(optimizer, lambda: net(inputs).square().sum()))
        averaged.update_parameters(net)
        weight = net.weight.detach().clone()
        expected = weight if expected is None else 0.9 * expected + 0.1 * weight
    assert torch.allclose(averaged.module.weight, expected, rtol=1e-12)


@every()
def test_hooks_before_and_after_a_step(spec):
    seen = []

    def note(what, optimizer, args, kwargs):
        seen.append(what)

    trial = Trial(spec)
    removers = [
        register_optimizer_step_pre_hook(functools.partial(note, "all before")),
        register_optimizer_step_post_hook(functools.partial(note, "all after")),
        trial.optimizer.register_step_pre_hook(functools.partial(note, "before")),
        trial.optimizer.register_step_post_hook(functools.partial(note, "after")),
    ]
    try:
        trial.run(2)
    finally:
        for remover in removers:
            remover.remove()
    assert seen == ["all before", "before", "after", "all after"] * 2
    trial.run(1)
    assert len(seen) == 8


@pytest.mark.parametrize("spec", ONE_OF_EACH_KIND)
def test_a_hook_may_change_what_the_step_is_given(spec):
    """A pre-hook's closure takes the place of the one that was passed, as torch documents."""
    trial, plain = Trial(spec), Trial(spec).run(3)
    trial.optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: ((optimizer, trial.closure), {}))
    for _ in range(3):
        trial.optimizer.step()
    assert torch.equal(trial.point(), plain.point())


@every(of=STEADY)
def test_the_default_dtype_changes_nothing(spec):
    plain = Trial(spec, dtype=torch.float32).run(3).point()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        other = Trial(spec, dtype=torch.float32).run(3).point()
    finally:
        torch.set_default_dtype(before)
    assert other.dtype == torch.float32
    assert torch.equal(plain, other)
