"""What a training loop may give to a step: keywords, a loss without a closure, and a closure that returns nothing."""

import pytest

import stepbench

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy

from stepbench.contracts import values_of
from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.torch.training import IN_A_LOOP, ONE, closure_of, network, refused, tensors, told, vector

pytestmark = pytest.mark.usefixtures("one_thread")

# Keywords -------------------------------------------------------------------------------------------------------------


def test_hyper_parameters_are_keywords_which_a_spec_cannot_overrule(digits):
    made = Optimizer(ONE, "adam:lr=0.5,beta2=0.9", lr=torch.tensor(0.25), eps=0)
    expected = {"lr": 0.25, "beta2": 0.9, "eps": 0.0, "beta1": 0.9, "bias": True, "per": None, "wd": None}
    assert values_of(made.method) == expected
    assert {key: made.param_groups[0][key] for key in expected} == expected
    assert made.defaults["lr"] == 0.25
    assert values_of(Optimizer(ONE, stepbench.method("rdbd"), eta=0.5).method)["eta"] == 0.5
    assert Optimizer(ONE, "adam+rdbd", lr=2).param_groups[0]["lr"] == 2.0
    groups = [{"params": [torch.ones(1)]}, {"params": [torch.ones(2)], "lr": 3.0}]
    assert [group["lr"] for group in Optimizer(groups, "gd", lr=0.5).param_groups] == [0.5, 3.0]
    assert values_of(Optimizer(ONE, "sps", f_star=0).method)["f_star"] == 0.0


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ("adam", {"lrr": 0.1}, "adam has no hyper-parameter lrr (did you mean lr"),
        ("adam", {"betas": (0.9, 0.99)}, "adam has no hyper-parameter betas (did you mean beta"),
        ("adam", {"wieght_decay": 0.1}, "adam has no hyper-parameter wieght_decay (did you mean weight_decay"),
        ("adam", {"maximise": True}, "adam has no hyper-parameter maximise (did you mean maximize"),
        ("adam", {"horizn": 5}, "adam has no hyper-parameter horizn (did you mean horizon"),
        ("adam", {"lr": "fast"}, "lr=fast must be a number in (0, inf)"),
        ("adam", {"lr": -1.0}, "constant: lr=-1.0 must be a number in (0, inf)"),
        ("adam", {"lr": [0.1, 0.2]}, "adam: lr must be one number: an optimizer is one run"),
    ],
)
def test_an_unknown_keyword_is_refused_with_the_nearest(spec, options, words):
    with refused(words):
        Optimizer(ONE, spec, **options)


# A loss without a closure ---------------------------------------------------------------------------------------------


def losses_only():
    """Methods that read the loss where they stand, and nowhere else."""
    rules = ("l4", "adaloss", "polyak", "sps")
    return [spec for spec in IN_A_LOOP if any(rule in spec for rule in rules)] + ["l4:per=tensor", "l4:per=component"]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("spec", losses_only())
def test_a_loss_after_backward_is_as_good_as_a_closure(spec, digits):
    x, y = digits
    ends = []
    for with_closure in (True, False):
        net = network(torch.float64)
        optimizer = Optimizer(net.parameters(), told(spec), weight_decay=0.01)
        for k in range(4):
            batch = slice(100 * k, 100 * k + 100)
            closure = closure_of(
                optimizer, lambda batch=batch, net=net: cross_entropy(net(x[batch].double()), y[batch])
            )
            given = None if with_closure else closure()
            back = optimizer.step(closure) if with_closure else optimizer.step(loss=given)
            assert with_closure or back is given
        ends.append((vector(net), optimizer.evals, optimizer.fevals))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1:] == ends[1][1:]


def test_a_loss_may_be_a_number_and_keeps_its_precision():
    ends = []
    for loss in (0.1, torch.tensor(0.1, dtype=torch.float64), torch.tensor([[0.1]], dtype=torch.float64)):
        w = torch.ones(2, dtype=torch.float64, requires_grad=True)
        optimizer = Optimizer([w], "polyak:f_star=0")
        w.grad = torch.ones_like(w)
        optimizer.step(loss=loss)
        ends.append(w.detach())
    assert all(torch.equal(end, torch.full((2,), 1 - 0.1 / 2, dtype=torch.float64)) for end in ends)


def test_a_scaler_and_a_scheduler_pass_the_loss_on():
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "polyak:f_star=0")
    torch.optim.lr_scheduler.LambdaLR(Optimizer([torch.ones(1)], "gd"), lambda k: 1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    loss = (w**2).sum()
    scaler.scale(loss).backward()
    scaler.step(optimizer, loss=loss)
    assert torch.equal(w, torch.full((2,), 0.5))
    with pytest.raises(RuntimeError, match="Closure use is not currently supported if GradScaler is enabled"):
        scaler.step(optimizer, closure=lambda: loss)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("sls", "sls needs gradients at other points: call step(closure)"),
        ("lossgrad", "lossgrad needs gradients at other points: call step(closure)"),
        ("csawg", "csawg needs gradients at other points: call step(closure)"),
    ],
)
def test_a_loss_alone_does_not_do_for_other_points(spec, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    with refused(words):
        optimizer.step(loss=1.0)
    assert torch.equal(w, torch.ones(2))


@pytest.mark.parametrize("spec", ["adam", "rdbd", "l4"])
def test_what_is_no_loss_is_refused(spec):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    with refused("a closure returns the loss itself: call step(closure) or step(loss=loss), not both"):
        optimizer.step(lambda: 1.0, loss=1.0)
    with refused("the closure must be a function that returns the loss; a loss is given as step(loss=loss)"):
        optimizer.step(torch.tensor(1.0))
    for wrong in (torch.ones(2), "low", {"loss": 1.0}, 1j):
        with refused("the loss must be one number"):
            optimizer.step(loss=wrong)
    with pytest.warns(NonFiniteWarning, match="the loss is nan: the step is refused"):
        optimizer.step(loss=float("nan"))
    assert torch.equal(w, torch.ones(2))


# A closure that returns nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["adam", "rdbd", "l4", "sls", "csawg:K=1", "nesterov", "l4:per=tensor"])
def test_a_closure_that_returns_none_skips_the_step(spec):
    """At any of its calls: nothing is changed, and the next step goes on as if this one had not been asked for."""
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer = Optimizer([w], spec)
    closure = closure_of(optimizer, lambda: (w**4).sum())
    optimizer.step(closure)
    for skipped in range(2):
        before = w.detach().clone(), [t.clone() for t in tensors(optimizer.state_dict())], optimizer.evals
        calls = []

        def skips(calls=calls, skipped=skipped):
            calls.append(1)
            optimizer.zero_grad()
            return None if len(calls) > skipped else closure()

        back = optimizer.step(skips)
        if len(calls) > skipped:
            assert back is None
            assert torch.equal(w, before[0])
            kept = tensors(optimizer.state_dict())
            assert all(
                torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(kept, before[1], strict=True)
            )
    assert optimizer.step(closure) is not None


def test_a_return_that_was_forgotten_is_told():
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "adam")

    def forgetful():
        (w**2).sum().backward()

    with pytest.warns(UserWarning, match="returned None, so that the step is skipped: end it with return loss"):
        assert optimizer.step(forgetful) is None
    assert torch.equal(w, torch.ones(2))
