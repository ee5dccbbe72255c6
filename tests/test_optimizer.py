"""The methods as torch optimizers: on the path of the bench, on that of torch.optim, and with its manners."""

import copy
import itertools
import math
import pickle
import re
import shutil
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from conftest import EVERY_METHOD

import stepbench
from stepbench import contracts
from stepbench.fields import InputError
from stepbench.oracle import Oracle

torch = pytest.importorskip("torch")

from torch.nn.functional import cross_entropy  # noqa: E402

from stepbench.torch.blocks import PIECE  # noqa: E402
from stepbench.torch.optimizer import NonFiniteWarning, Optimizer  # noqa: E402

RUN = [m for m in EVERY_METHOD if m != "idbd"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """On two cores that two test processes share, threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def told(spec):
    """The method of a spec, with what it cannot ask a training loop for."""
    method = stepbench.method(spec)
    known = contracts.hyperparameters(method)
    values = {"f_star": 0.0} if "f_star" in method.needs else {}
    if "N" in known:
        values |= {"N": 2, "iterations": 5}
    return contracts.with_values(method, values)


class Fresh(Oracle):
    """The bench's oracle as a training loop is: f and gradient are new at every step, and μ and L unknown."""

    condition = None

    def advance(self):
        super().advance()
        self._forget()


class Loss(torch.autograd.Function):
    """A problem of the bench as a function that torch can differentiate: NumPy's very value and gradient."""

    @staticmethod
    def forward(ctx, w, problem):
        x = w.detach().numpy()[:, None]
        ctx.gradient = torch.tensor(problem.grad(x)[:, 0])
        return torch.tensor(problem.f(x)[0])

    @staticmethod
    def backward(ctx, slope):
        return slope * ctx.gradient, None


def closure_of(optimizer, loss):
    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def bench_trace(problem, method, steps):
    """The points, (steps, d), until they are at 1e100; how far the last bit of the start moves them; the counts."""
    oracle = Fresh(problem, horizon=steps, per=method.vector)
    x = problem.x0[:, None] + np.finfo(float).eps * np.array([0, 1, -1, 2])
    s, points = method.init(x), []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            oracle.advance()
            if not (np.abs(x) < 1e100).all():
                break
            x, s = method.step(x, oracle, s)
            points.append(x)
    points = np.array(points)
    chaos = np.abs(points - points[:, :, :1]).max(axis=(1, 2))
    counts = (np.broadcast_to(count, 4)[0] for count in (oracle.evals, oracle.fevals))
    return points[:, :, 0], np.maximum.accumulate(chaos), tuple(counts)


def torch_trace(problem, method, steps, sizes=None, groups=False):
    """The points that the optimizer reaches, with w split over tensors of some sizes, or over as many groups."""
    parts = [p.clone().requires_grad_() for p in torch.tensor(problem.x0).split(sizes or [problem.x0.size])]
    optimizer = Optimizer([{"params": [p]} for p in parts] if groups else parts, method, horizon=200)
    closure, points = closure_of(optimizer, lambda: Loss.apply(torch.cat(parts), problem)), []
    for _ in range(steps):
        optimizer.step(closure)
        points.append(torch.cat(parts).detach().numpy())
    return np.array(points), (optimizer.evals, optimizer.fevals)


@pytest.mark.parametrize("problem", ["quadratic", "linear-regression"])
@pytest.mark.parametrize("spec", [m for m in EVERY_METHOD if m != "idbd"])
def test_a_training_loop_takes_the_path_of_the_bench(spec, problem):
    """To 1e-12 of the path's scale, where rounding is all that differs.

    On a chaotic path rounding is amplified: there torch may leave NumPy's path as far as NumPy itself does, five times
    over, when its start is moved in the last bit. With exact the step size itself differs, since central differences
    leave 1e-11 of a product with the Hessian; a path that grows tenfold again and again amplifies that.
    """
    problem, method = stepbench.problem(problem), told(spec)
    expected, chaos, counts = bench_trace(problem, method, 200)
    points, ours = torch_trace(problem, method, len(expected))
    scale = np.maximum.accumulate(np.abs(expected).max(axis=1))
    products = 10 if "exact" in method.name else 0
    tolerance = 1e-8 if products else 1e-12
    assert (np.abs(points - expected).max(axis=1) <= tolerance * scale + 5 * chaos).all()
    if (chaos < 1e-9 * scale).all():  # elsewhere a line search may take another number of trials
        assert ours == (counts[0] + products, counts[1])


def elementwise():
    found = {spec: told(spec) for spec in EVERY_METHOD if spec != "idbd"}
    return [spec for spec, method in found.items() if method.elementwise]


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("spec", elementwise())
def test_going_component_by_component_it_does_not_matter_how_parameters_are_cut(spec, groups):
    problem, method = stepbench.problem("quadratic:dim=7"), told(spec)
    whole, _ = torch_trace(problem, method, 50)
    parts, _ = torch_trace(problem, method, 50, sizes=[1, 4, 2], groups=groups)
    assert np.array_equal(whole, parts)


def test_large_tensors_go_in_pieces_and_small_ones_together():
    """Where it leads is where torch goes; how it goes shows in the sizes of the first states."""

    @dataclass(frozen=True)
    class Told(contracts.Joined):
        def init(self, x):
            sizes.append(len(x))
            return super().init(x)

    sizes, momentum = [], stepbench.method("momentum")
    shapes = [(PIECE // 64, 200), (3,), (), (PIECE,), (0, 4), (5, 2)]
    ours = [torch.randn(shape, requires_grad=True) for shape in shapes]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    optimizers = Optimizer(ours, Told(momentum.direction, momentum.rule)), torch.optim.SGD(theirs, momentum=0.9)
    for _ in range(3):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert sorted(sizes) == sorted([PIECE, PIECE, PIECE, PIECE // 8, PIECE, 3 + 1 + 10])
    for p, q in zip(ours, theirs, strict=True):
        assert torch.allclose(p, q, rtol=1e-6, atol=1e-6)


# Torch's own ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])


def network(dtype=torch.float32):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10)).to(dtype)


def vector(net):
    return torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone()


def train(net, optimizer, digits, steps, start=0, each=lambda: None):
    """Steps on mini-batches of 60, with a closure; returns the parameters as one vector."""
    x, y = digits
    x = x.to(next(net.parameters()).dtype)
    for k in range(start, start + steps):
        part = slice(60 * (k % 10), 60 * (k % 10) + 60)
        optimizer.step(closure_of(optimizer, lambda part=part: cross_entropy(net(x[part]).float(), y[part])))
        each()
    return vector(net)


TORCHS = {
    "gd:lr=0.1": ("SGD", {"lr": 0.1}),
    "momentum:lr=0.05": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "heavy-ball:lr=0.05": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "rmsprop:lr=0.001": ("RMSprop", {"lr": 0.001}),
    "adam:lr=0.001": ("Adam", {"lr": 0.001}),
    "amsgrad:lr=0.001,bias_correction=true": ("Adam", {"lr": 0.001, "amsgrad": True}),
    "adagrad:lr=0.01": ("Adagrad", {"lr": 0.01}),
    "adamax:lr=0.002": ("Adamax", {"lr": 0.002, "eps": 1e-30}),  # ours has no ε
    "nadam:lr=0.002,variant=reference": ("NAdam", {"lr": 0.002}),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("spec", TORCHS)
def test_a_network_goes_the_way_of_torchs_optimizer(spec, dtype, tolerance, digits):
    """A hundred steps; the tolerance is a part of the largest weight.

    In float32 Adam's kin are 1e-6 to 4e-6 apart: where a pixel is nearly always 0, a root of rounded squares divides.
    In float64 nothing is left of that, but for torch's NAdam, which keeps its product of the μ in float32.
    """
    name, options = TORCHS[spec]
    ours, theirs = network(dtype), network(dtype)
    start = vector(ours)
    a = train(ours, Optimizer(ours.parameters(), spec), digits, 100)
    b = train(theirs, getattr(torch.optim, name)(theirs.parameters(), **options), digits, 100)
    assert (b - start).abs().max() > 0.01
    tolerance = max(tolerance, 5e-9) if name == "NAdam" else tolerance
    assert (a - b).abs().max() <= tolerance * b.abs().max()


SCHEDULERS = {
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
    "OneCycleLR": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.05, total_steps=40, cycle_momentum=False),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("spec", ["gd:lr=0.1", "momentum:lr=0.05", "adam:lr=0.001"])
def test_torchs_schedulers_set_a_constant_step_size(spec, scheduler, digits):
    name, options = TORCHS[spec]
    ends = []
    for make in (
        lambda net: Optimizer(net.parameters(), spec),
        lambda net: getattr(torch.optim, name)(net.parameters(), **options),
    ):
        net = network(torch.float64)
        optimizer = make(net)
        ends.append(train(net, optimizer, digits, 30, each=SCHEDULERS[scheduler](optimizer).step))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


def test_a_scheduler_is_refused_by_a_method_that_sets_its_own_step_size(digits):
    net = network()
    optimizer = Optimizer(net.parameters(), "rdbd")
    scheduler = SCHEDULERS["StepLR"](optimizer)  # which sets lr to what it is
    train(net, optimizer, digits, 7, each=scheduler.step)
    before = vector(net)
    with refused("rdbd sets its own step size, from its first lr=0.005 on: lr=0.0025 cannot be set"):
        train(net, optimizer, digits, 1)
    assert torch.equal(vector(net), before)


def test_a_tensor_may_be_the_lr(digits):
    ends = []
    for lr in (0.1, torch.tensor(0.1, dtype=torch.float64)):
        net = network()
        optimizer = Optimizer(net.parameters(), "gd")
        optimizer.param_groups[0]["lr"] = lr
        ends.append(train(net, optimizer, digits, 10, each=SCHEDULERS["LambdaLR"](optimizer).step))
    assert torch.equal(*ends)


def refused(start):
    """Expect an InputError that begins so, in one line."""
    return pytest.raises(InputError, match=r"\A" + re.escape(start) + r".*\Z")


# Groups and tensors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["adam", "rdbd", "momentum+tlr:K=3"])
def test_two_groups_are_two_optimizers(spec, digits):
    """Each with its hyper-parameters; with a closure the two would take one step, here they take backward()'s."""
    x, y = digits

    def run(*make):
        net = network()
        optimizers = [one(net) for one in make]
        for _ in range(20):
            net.zero_grad()
            cross_entropy(net(x), y).backward()
            for optimizer in optimizers:
                optimizer.step()
        return vector(net)

    one = run(lambda n: Optimizer([{"params": n[0].parameters(), "lr": 0.01}, {"params": n[2].parameters()}], spec))
    lr = {"lr": 0.01}
    two = run(
        lambda n: Optimizer(n[0].parameters(), stepbench.method(spec, **lr)),
        lambda n: Optimizer(n[2].parameters(), spec),
    )
    same = run(lambda n: Optimizer(n.parameters(), spec))
    assert torch.equal(one, two)
    assert not torch.equal(one, same)


def test_a_group_is_moved_alone_where_a_method_looks_elsewhere():
    """Of f = w² v² a group's half-gradient steps, taken from where both stand, are known by hand."""
    w, v = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (1.0, 2.0))
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], "csawg:lr=0.01,K=1")
    closure = closure_of(optimizer, lambda: (w * v).square().sum())
    optimizer.step(closure)
    a, b = 1 - 0.01 * 2 * 1 * 4, 2 - 0.01 * 2 * 2 * 1
    assert (w.item(), v.item()) == pytest.approx((a, b), rel=1e-15)
    optimizer.step(closure)
    ends = []
    for mine, other, start in ((a, b, 1.0), (b, a, 2.0)):
        g_last, g = (start - mine) / 0.01, 2 * mine * other**2
        near = mine - 0.01 * g
        alpha = g_last * (mine - near) / g_last**2
        ends.append(near - alpha * 2 * near * other**2)
    assert (w.item(), v.item()) == pytest.approx(ends, rel=1e-12)
    assert optimizer.evals == 1 + 3  # where both stand, once; then once for each group alone


def test_one_step_size_a_tensor_is_an_optimizer_for_each(digits):
    x, y = digits

    def run(make):
        net = network()
        optimizers = make(net)
        for _ in range(30):
            net.zero_grad()
            cross_entropy(net(x), y).backward()
            for optimizer in optimizers:
                optimizer.step()
        return vector(net)

    rdbd = stepbench.method("rdbd:eta=0.1")
    together = run(lambda net: [Optimizer(net.parameters(), rdbd)])
    apart = run(lambda net: [Optimizer([p], contracts.with_values(rdbd, {"per": "run"})) for p in net.parameters()])
    one = run(lambda net: [Optimizer(net.parameters(), "rdbd:eta=0.1,per=run")])
    assert torch.equal(together, apart)
    assert not torch.allclose(together, one, rtol=1e-3)


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_what_is_frozen_is_left_alone(spec, digits):
    net, alone = network(), network()
    net[0].requires_grad_(False)
    optimizer = Optimizer(net.parameters(), spec)
    train(net, optimizer, digits, 10)
    assert torch.equal(vector(net[0]), vector(network()[0]))
    alone[0].requires_grad_(False)
    train(alone, Optimizer(alone[2].parameters(), spec), digits, 10)
    assert torch.equal(vector(net[2]), vector(alone[2]))
    kept = sum(t.numel() for t in tensors(optimizer.state_dict()) if t.ndim == 2)
    # small tensors go together, so that each component of rdbd has its tensor's α and h beside u
    assert kept == vector(net[2]).numel() * {"adam": 2, "rdbd": 3, "bb": 2}[spec]


def tensors(data):
    """The tensors in plain data."""
    if isinstance(data, torch.Tensor):
        return [data]
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list | tuple) else ()
    return [t for part in parts for t in tensors(part)]


def test_what_is_thawed_begins_then(digits):
    """As in torch: Adam's averages begin with a parameter's first gradient. One vector for all cannot grow."""
    ends = []
    for make in (lambda net: Optimizer(net.parameters(), "adam"), lambda net: torch.optim.Adam(net.parameters())):
        net = network(torch.float64)
        optimizer = make(net)
        net[0].requires_grad_(False)
        train(net, optimizer, digits, 5)
        net[0].requires_grad_(True)
        ends.append(train(net, optimizer, digits, 5))
    assert torch.allclose(*ends, rtol=0, atol=1e-13)
    net = network()
    optimizer = Optimizer(net.named_parameters(), "bb")
    net[0].requires_grad_(False)
    train(net, optimizer, digits, 2)
    net[0].requires_grad_(True)
    with refused("0.weight is trained only after the first step, and bb takes a group's parameters as one vector"):
        train(net, optimizer, digits, 1)


@pytest.mark.parametrize("spec", ["momentum", "adam", "nadam:variant=reference"])
def test_a_parameter_without_a_gradient_waits_as_in_torch(spec):
    """It is not moved, and its averages and powers stand still; the others' go on."""
    name = {"momentum": "SGD", "adam": "Adam", "nadam:variant=reference": "NAdam"}[spec]
    options = {"lr": 0.001} | ({"momentum": 0.9} if name == "SGD" else {})
    ours = [torch.linspace(1, 2, n, dtype=torch.float64).requires_grad_() for n in (2, 3, 4)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    optimizers = Optimizer(ours, spec), getattr(torch.optim, name)(theirs, **options)
    for k, mask in enumerate(["111", "111", "101", "110", "000", "011", "111"]):
        for p, q, given in zip(ours, theirs, mask, strict=True):
            p.grad = torch.sin(p.detach() * (k + 1)) if given == "1" else None
            q.grad = None if p.grad is None else p.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-10 if name == "NAdam" else 1e-14)  # its μ are float32


def test_in_one_vector_a_parameter_without_a_gradient_counts_as_flat():
    """Nesterov's look-ahead may pass by it; it is where it was after the step."""
    w, v = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    alone = torch.ones(2, dtype=torch.float64, requires_grad=True)
    optimizer, single = Optimizer([w, v], "nesterov:lr=0.1"), Optimizer([alone], "nesterov:lr=0.1")
    for _ in range(5):
        optimizer.step(closure_of(optimizer, lambda: (w**4).sum()))
        single.step(closure_of(single, lambda: (alone**4).sum()))
    assert torch.equal(w, alone)
    assert torch.equal(v, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("spec", ["adam", "heavy-ball:lr=0.01", "rdbd:eta=1e-5", "bb", "adagrad-norm"])
def test_how_a_tensor_lies_in_memory_does_not_matter(spec):
    """A transposed parameter, a scalar, one moved to other memory on the way."""
    target = torch.arange(12.0, dtype=torch.float64).view(3, 4) / 12

    def run(strange):
        w = torch.zeros(4, 3, dtype=torch.float64).t() if strange else torch.zeros(3, 4, dtype=torch.float64)
        c = torch.tensor(0.5, dtype=torch.float64)
        optimizer = Optimizer([w.requires_grad_(), c.requires_grad_()], spec)
        for k in range(10):
            optimizer.step(closure_of(optimizer, lambda: (w - c * target - 1).square().sum()))
            if strange and k == 5:
                w.data = w.data.clone(memory_format=torch.contiguous_format)
        return w.detach(), c.detach()

    for a, b in zip(run(False), run(True), strict=True):
        assert torch.allclose(a, b, rtol=1e-12)


def test_a_tied_tensor_is_one(digits):
    ends = []
    for make in (lambda net: Optimizer(net.parameters(), "adam"), lambda net: torch.optim.Adam(net.parameters())):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64)).double()
        net[2].weight = net[0].weight
        ends.append(train(net, make(net), digits, 10))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("spec", ["adam:lr=0.01", "rdbd:lr=0.01", "csawg:lr=0.01"])
def test_half_precision_is_rounded_only_when_written_back(spec, dtype, digits):
    """A step is the float32 step from the rounded parameters, with their gradient, rounded."""
    half, single = network(dtype), network()
    optimizers = Optimizer(half.parameters(), spec), Optimizer(single.parameters(), spec)
    for _ in range(3):
        for p, q in zip(half.parameters(), single.parameters(), strict=True):
            q.data = p.data.float()
            p.grad = torch.sin(10 * p.data)
            q.grad = p.grad.float()
        for optimizer in optimizers:
            optimizer.step(lambda: torch.tensor(0.0))
        for p, q in zip(half.parameters(), single.parameters(), strict=True):
            assert p.dtype == dtype
            assert torch.equal(p, q.to(dtype))
    assert all(t.dtype == torch.float32 for t in tensors(optimizers[0].state_dict()["state"]))


def test_one_vector_has_one_dtype():
    parts = [torch.ones(1, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64)]
    optimizer = Optimizer(parts, "bb")
    with refused("bb takes a group's parameters as one vector, and these are torch.float32 on cpu and torch.float64"):
        optimizer.step(closure_of(optimizer, lambda: sum((p**2).sum() for p in parts)))
    assert Optimizer([{"params": [p]} for p in parts], "bb").step(lambda: 0.0) == 0.0


# Safety ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["adam", "rdbd", "polyak:f_star=0"])
def test_a_step_from_what_is_not_finite_is_refused_and_changes_nothing(spec, digits):
    """And the next goes on as if it had not been."""
    ends = []
    for bad in (False, True):
        net = network()
        optimizer = Optimizer(net.named_parameters(), spec)
        train(net, optimizer, digits, 3)
        if bad:
            before, state = vector(net), copy.deepcopy(optimizer.state_dict())

            def broken(where, value, net=net, optimizer=optimizer):
                loss = closure_of(optimizer, lambda: net(digits[0]).square().mean())()
                if where == "loss":
                    return loss * value
                net[2].weight.grad[1, 1] = value
                return loss

            for value in (float("nan"), float("inf"), -float("inf")):
                with pytest.warns(
                    NonFiniteWarning, match="the gradient of 2.weight is not finite: the step is refused"
                ):
                    optimizer.step(lambda value=value: broken("gradient", value))
                with pytest.warns(NonFiniteWarning, match="the loss is (nan|-?inf): the step is refused"):
                    optimizer.step(lambda value=value: broken("loss", value))
            assert torch.equal(vector(net), before)
            after = optimizer.state_dict()
            assert repr(after["state"]["blocks"]) == repr(state["state"]["blocks"])
        ends.append(train(net, optimizer, digits, 3, start=3))
    assert torch.equal(*ends)


def test_parameters_without_names_are_named_by_number_and_shape():
    parts = [torch.ones(shape, requires_grad=True) for shape in ((2,), (3, 2))]
    optimizer = Optimizer(parts, "gd", nonfinite="raise")
    for p in parts:
        p.grad = torch.full_like(p, 3e38)  # whose sum is infinite, and they are not
    optimizer.step()
    assert all(torch.isfinite(p).all() for p in parts)
    parts[1].grad[2, 1] = torch.nan
    before = [p.detach().clone() for p in parts]
    with pytest.raises(FloatingPointError, match=r"the gradient of parameter 1, of shape \(3, 2\), is not finite"):
        optimizer.step()
    assert all(map(torch.equal, parts, before))


def test_a_step_of_one_vector_to_what_is_not_finite_is_refused():
    """A finite loss and gradient, and a step size that takes them out of range."""
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "nesterov:lr=1e38")
    with pytest.warns(NonFiniteWarning, match="would lead parameter 0, of shape"):
        optimizer.step(closure_of(optimizer, lambda: (100 * w).sum()))
    assert torch.equal(w, torch.ones(2))


@pytest.mark.parametrize(
    "spec", ["adam", "rdbd", "csawg:K=1", "nesterov", "sls", "lossgrad", "exact:f_star=0,T=999,N=1"]
)
def test_what_a_closure_raises_leaves_all_as_it_was(spec):
    w, v = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], spec)
    closure = closure_of(optimizer, lambda: (w**4).sum() + (w * v).square().sum())
    optimizer.step(closure)
    for calls in itertools.count():
        before = w.detach().clone(), v.detach().clone(), repr(optimizer.state_dict()["state"]["blocks"])
        left = [calls]

        def fails(left=left):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return closure()

        try:
            optimizer.step(fails)
            break
        except KeyboardInterrupt:
            assert torch.equal(w, before[0])
            assert torch.equal(v, before[1])
            assert repr(optimizer.state_dict()["state"]["blocks"]) == before[2]
    assert calls >= 1


@pytest.mark.parametrize(
    "spec", [m for m in EVERY_METHOD if m != "idbd" and m.startswith(("gradient+", "heavy", "nest", "csawg", "adam+"))]
)
def test_no_state_lies_in_memory_that_changes(spec):
    """Neither in a parameter's nor in a gradient's, which zero_grad(set_to_none=False) writes over."""
    w = torch.linspace(1, 2, 6, dtype=torch.float64).requires_grad_()
    optimizer = Optimizer([w], told(spec), horizon=20)

    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = (w**2).sum() / 200
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
        state = optimizer.state_dict()["state"]["blocks"]
        kept = tensors(state)
        before = [t.clone() for t in kept]
        with torch.no_grad():
            saved = w.clone(), w.grad.clone()
            w.fill_(7.0)
            w.grad.fill_(8.0)
            assert all(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True) for a, b in zip(kept, before, strict=True))
            w.copy_(saved[0])
            w.grad.copy_(saved[1])
        assert not any(t.requires_grad for t in kept)


def test_a_method_that_says_wrongly_that_it_goes_by_components_is_caught():
    class Nothing(NamedTuple):
        alpha: float = 0.0

    @dataclass(frozen=True)
    class Liar(contracts.Method):
        elementwise = True
        ask: str = "dot"

        def init(self, x):
            return Nothing()

        def step(self, x, oracle, s):
            g = oracle.grad(x)
            asked = {
                "dot": lambda: oracle.dot(g, g),
                "value": lambda: oracle.value(x),
                "else": lambda: oracle.grad(x - g),
            }
            asked[self.ask]()
            return x, s

    for ask, words in (("dot", "inner products"), ("value", "the loss"), ("else", "another point")):
        object.__setattr__(liar := Liar(), "ask", ask)
        w = torch.ones(1, requires_grad=True)
        optimizer = Optimizer([w], liar)
        optimizer._groups[0].method = liar
        with refused(f"Liar says that it goes component by component, and asks for {words}"):
            optimizer.step(closure_of(optimizer, lambda w=w: w.sum()))


def test_gradients_are_clipped_before(digits):
    ends = []
    for make in (
        lambda net: Optimizer(net.parameters(), "momentum:lr=0.1"),
        lambda net: torch.optim.SGD(net.parameters(), 0.1, 0.9),
    ):
        net = network(torch.float64)
        optimizer = make(net)
        for _ in range(10):
            closure_of(optimizer, lambda net=net: net(digits[0].double()).square().mean())()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            optimizer.step()
        ends.append(vector(net))
    assert torch.allclose(*ends, rtol=0, atol=1e-13)


@pytest.mark.parametrize("spec", ["adam", "rdbd"])
def test_a_grad_scaler_stands_in_front(spec, digits):
    """Powers of two scale without rounding; a step that overflows is skipped by the scaler, in silence."""
    scaled, plain = network(), network()
    optimizers = Optimizer(scaled.parameters(), spec), Optimizer(plain.parameters(), spec)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000)
    for k in range(6):
        for net, optimizer in zip((scaled, plain), optimizers, strict=True):
            optimizer.zero_grad()
            loss = net(digits[0]).square().mean()
            (scaler.scale(loss) if net is scaled else loss).backward()
        before = vector(scaled)
        if k == 2:
            scaled[0].weight.grad[0, 0] = torch.inf
        scaler.step(optimizers[0])
        scaler.update()
        if k == 2:
            assert torch.equal(vector(scaled), before)
            assert scaler.get_scale() == 2.0**9
            continue
        optimizers[1].step()
        torch.nn.utils.vector_to_parameters(vector(scaled), plain.parameters())
    assert optimizers[0].evals == optimizers[1].evals == 5


# Keeping --------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("spec", [m for m in EVERY_METHOD if m != "idbd"])
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
    with refused(
        "the state is of groups of parameters of shapes [[[16, 64], [16], [10, 16], [10]]], and here they are"
    ):
        Optimizer(net[0].parameters(), "adam").load_state_dict(state)
    with refused("the state is not of an optimizer of stepbench's"):
        Optimizer(net.parameters(), "adam").load_state_dict(torch.optim.Adam(net.parameters()).state_dict())
    run = Optimizer(net.parameters(), "rdbd:per=run").state_dict()
    with refused("rdbd must have one and the same per in every group"):
        Optimizer(net.parameters(), "rdbd").load_state_dict(run)


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
    assert (before - vector(net))[-1].item() == pytest.approx(schedule.at(0, 7, 0.0))


# What is refused ------------------------------------------------------------------------------------------------------


ONE = (torch.ones(2),)

REFUSED = {
    ("scipy:bfgs",): "scipy:bfgs owns its loop: a training loop takes a method of steps",
    ("idbd",): "idbd needs the Hessian's diagonal, which a training loop does not give",
    ("polyak",): "polyak needs the minimum f*: give it as polyak:f_star=0",
    ("adam+sps:c=0.2",): "adam+sps needs the minimum f*: give it as adam+sps:c=0.2,f_star=0",
    ("cosine",): "cosine needs the number of steps: give horizon= or T",
    ("adam+exact:f_star=0",): "adam+exact needs the number of steps: give horizon= or T",
    ("adma",): "no method adma (did you mean",
    ("adam:lr=-1",): "constant: lr=-1.0 must be a number in (0, inf)",
    ("adam", "batches", 0): "batches=0 must be an integer in [1, inf)",
    ("adam", "horizon", 0.5): "horizon=0.5 must be an integer in [1, inf)",
    ("adam", "nonfinite", "skip"): "nonfinite=skip must be refuse or raise",
}


@pytest.mark.parametrize("given", REFUSED)
def test_what_cannot_be_run_is_refused_in_one_line(given):
    spec, *option = given
    with refused(REFUSED[given]):
        Optimizer(ONE, spec, **dict([option] if option else []))


def test_schedules_take_their_horizon_from_either():
    for make in (lambda: Optimizer(ONE, "cosine:T=4"), lambda: Optimizer(ONE, "cosine", horizon=4)):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = make()
        optimizer.add_param_group({"params": [w], "lr": 1.0})
        seen = []
        for _ in range(5):
            w.grad, before = torch.ones_like(w), w.item()
            optimizer.step()
            seen.append(before - w.item())
        assert seen == pytest.approx([(1 + np.cos(np.pi * k / 4)) / 2 for k in range(5)], abs=1e-15)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"lrr": 0.1}, "adam has no hyper-parameter lrr (did you mean lr"),
        ({"lr": 0.0}, "constant: lr=0.0 must be a number in (0, inf)"),
        ({"lr": np.array([0.1, 0.2])}, "adam: lr must be one number: an optimizer is one run"),
        ({"beta1": torch.tensor(1.5)}, "adam: beta1=1.5 must be a number in [0, 1)"),
    ],
)
def test_a_group_says_only_what_the_method_has(group, words):
    w = torch.ones(2, requires_grad=True)
    with refused(words):
        Optimizer([{"params": [w]} | group], "adam")
    optimizer = Optimizer(ONE, "adam")
    with refused(words):
        optimizer.add_param_group({"params": [w]} | group)
    assert len(optimizer.param_groups) == 1
    w.grad = torch.ones(2)
    optimizer.add_param_group({"params": [w], "lr": 0.5, "name": "head"})
    optimizer.step()
    assert torch.allclose(w, torch.tensor(0.5))


@pytest.mark.parametrize(
    ("spec", "key", "value", "words"),
    [
        ("bb", "form", "short", "form is structural: it cannot change from long to short after the first step"),
        ("adam", "beta1", 1.0, "adam: beta1=1.0 must be a number in [0, 1)"),
        ("rdbd", "per", "run", "rdbd must have one and the same per in every group"),
    ],
)
def test_a_group_changed_on_the_way_is_looked_at(spec, key, value, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    optimizer.step()
    optimizer.param_groups[0][key] = value
    before = w.detach().clone()
    with refused(words):
        optimizer.step()
    assert torch.equal(w, before)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("adaloss", "adaloss needs the loss: call step(closure)"),
        ("l4:per=tensor", "l4:per=tensor"),
        ("l4-adam", "adam+l4 needs the loss: call step(closure)"),
        ("nesterov", "nesterov needs gradients at other points: call step(closure)"),
        ("csawg", "csawg needs gradients at other points: call step(closure)"),
    ],
)
def test_a_closure_is_asked_for_where_it_is_needed(spec, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    with refused(words if spec != "l4:per=tensor" else "l4 needs the loss: call step(closure)"):
        optimizer.step()
    assert torch.equal(w, torch.ones(2))
    assert optimizer.step(closure_of(optimizer, lambda: (w**2).sum())).item() == 2.0


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_sparse_gradients_and_complex_parameters_are_refused(spec):
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = Optimizer(table.named_parameters(), spec)
    with refused("weight has a sparse gradient: methods take dense ones"):
        optimizer.step(closure_of(optimizer, lambda: table(torch.tensor([1, 2])).sum()))
    optimizer = Optimizer(ONE, spec)
    with refused("parameter 1, of shape (2,), is complex"):
        optimizer.add_param_group({"params": [torch.ones(2, dtype=torch.complex64)]})
    assert len(optimizer.param_groups) == 1


def test_it_is_shown_with_its_method():
    assert repr(Optimizer(ONE, "adam")).startswith("Optimizer adam+constant (\nParameter Group 0\n    beta1: 0.9\n")


# compile=True

compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")


@compiler
@pytest.mark.filterwarnings("ignore")  # those of torch's compiler
@pytest.mark.parametrize("spec", ["adam", "momentum", "delta-bar-delta:lr=0.01"])
def test_a_compiled_step_is_the_same_to_rounding(spec):
    """Parameters of several sizes, with an lr that a scheduler sets where it may: the same text, fused."""

    def trained(compiled):
        torch.manual_seed(0)
        weights = [torch.randn(shape, requires_grad=True) for shape in ((300, 250), (7,), (), (40, 3))]
        optimizer = Optimizer(weights, spec, compile=compiled)
        for step in range(12):
            if optimizer.method.steady:
                optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            for w in weights:
                w.grad = w.detach() ** 3 + 0.1
            optimizer.step()
        assert optimizer.evals == 12
        return weights

    with torch._dynamo.config.patch(recompile_limit=6):  # beyond it an error: so no step is compiled anew
        for a, b in zip(trained(True), trained(False), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@compiler
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_optimizer_is_copied_kept_and_refuses_what_is_not_finite():
    w = torch.ones(5, requires_grad=True)
    optimizer = Optimizer([w], "adam", compile=True)
    w.grad = torch.ones(5)
    optimizer.step()
    twin, other = copy.deepcopy((w, optimizer))
    plain = Optimizer([w], "adam")
    plain.load_state_dict(optimizer.state_dict())
    for one, by in ((w, optimizer), (twin, other)):
        one.grad = torch.full((5,), 0.5)
        by.step()
    assert torch.equal(w, twin)
    w.grad = torch.full((5,), math.nan)
    with pytest.warns(NonFiniteWarning):
        optimizer.step()
    assert torch.equal(w, twin)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("csawg", "csawg does not go component by component, so that it cannot be compiled: leave out compile"),
        ("adaloss", "adaloss does not go component by component, so that it cannot be compiled"),
        ("adam+cosine:T=9", "adam+cosine counts its steps, so that it cannot be compiled: leave out compile"),
        ("nadam", "nadam counts its steps, so that it cannot be compiled"),
    ],
)
def test_what_cannot_be_compiled_is_refused(spec, words):
    with refused(words):
        Optimizer(ONE, spec, compile=True)


# What a training loop may bring


@pytest.mark.parametrize("spec", ["gd:lr=0.1", "adam:lr=0.1", "heavy-ball:lr=0.1"])
@pytest.mark.parametrize("schedule", ["warm-up", "cosine", "polynomial"])
def test_a_scheduler_may_set_a_step_size_of_nothing(spec, schedule):
    w = torch.ones(3, requires_grad=True)
    optimizer = Optimizer([w], spec)
    scheduler = {
        "warm-up": lambda: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: min(1, epoch / 5)),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
        "polynomial": lambda: torch.optim.lr_scheduler.PolynomialLR(optimizer, 5),
    }[schedule]()
    for _ in range(8):
        lr, before = optimizer.param_groups[0]["lr"], w.detach().clone()
        w.grad = torch.ones(3)
        optimizer.step()
        scheduler.step()
        if spec != "heavy-ball:lr=0.1":
            assert torch.equal(w, before) == (lr == 0)
    assert not torch.equal(w, torch.ones(3))
    with refused("constant: lr=0.0 must be a number in (0, inf)"):
        Optimizer([{"params": [w], "lr": 0.0}], "gd")


def test_a_gradient_ahead_that_is_not_finite_is_refused():
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([("w", w)], "nesterov:lr=0.1")
    with pytest.warns(NonFiniteWarning, match="the loss is nan"):
        optimizer.step(closure_of(optimizer, lambda: (w**2).sum() * math.nan))
    assert torch.equal(w, torch.ones(2))


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "the closure returned no loss: end it with return loss"), ((1, 2), "the closure must return the loss")],
)
def test_a_closure_that_returns_no_loss_is_told_so(answer, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "sls")

    def closure():
        w.grad = 2 * w.detach()
        return answer

    with refused(words):
        optimizer.step(closure)
    assert torch.equal(w, torch.ones(2))
