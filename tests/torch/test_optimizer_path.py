"""The methods as torch optimizers: on the path that they take on the bench."""

from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import contracts
from stepbench.contracts import Oracle

pytest.importorskip("torch")

import torch

from stepbench.torch.bundles import PIECE
from stepbench.torch.optimizer import Optimizer
from tests.every_method import parameters, sampled
from tests.torch.training import IN_A_LOOP, closure_of, told

pytestmark = pytest.mark.usefixtures("one_thread")


PATHS = 64
"""How many paths that differ in last bits tell how far rounding is amplified."""


class Fresh(Oracle):
    """The bench's oracle as a training loop is: f and gradient are new at every step, μ and L are not known."""

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


def bench_trace(problem, method, steps):
    """The points (steps, d) up to 1e100, how far changes in the last bit of each point move them, and the counts."""
    oracle = Fresh(problem, horizon=steps, per=method.vector)
    rng, last_bit = np.random.default_rng(0), np.finfo(float).eps * np.array([0.0, *[1.0] * (PATHS - 1)])
    x = problem.x0[:, None] + last_bit * rng.choice((-1, 1, 2), PATHS)
    s, points = method.init(x), []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            oracle.advance()
            if not (np.abs(x) < 1e100).all():
                break
            x, s = method.step(x, oracle, s)
            points.append(x)
            x = x * (1 + last_bit * rng.choice((-1, 1), x.shape))
    points = np.array(points)
    chaos = np.abs(points - points[:, :, :1]).max(axis=(1, 2))
    counts = (np.broadcast_to(count, PATHS)[0] for count in (oracle.evals, oracle.fevals))
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


@pytest.mark.one_in(37)
@pytest.mark.parametrize("problem", sampled(["quadratic", "linear-regression"], 2))
@pytest.mark.parametrize("spec", parameters(IN_A_LOOP))
def test_a_training_loop_takes_the_path_of_the_bench(spec, problem):
    """To 1e-12 of the path's scale, where rounding is all that differs.

    On a chaotic path rounding is amplified: there torch may leave NumPy's path as far as NumPy itself does, five times
    over, when its points are moved in the last bit. With cauchy, exact and smd steps themselves differ, since central
    differences leave 1e-11 of a product with the Hessian; a path that grows tenfold again and again amplifies that.
    """
    problem, method = stepbench.problem(problem), told(spec)
    expected, chaos, counts = bench_trace(problem, method, 200)
    points, ours = torch_trace(problem, method, len(expected))
    scale = np.maximum.accumulate(np.abs(expected).max(axis=1))
    products = 10 if "exact" in method.name else len(expected) if method.name in ("cauchy", "smd") else 0
    tolerance = 1e-8 if products else 1e-12
    apart = np.abs(points - expected).max(axis=1)
    # Once last bits move NumPy's own path by all of its scale, there is no path left to compare with.
    assert ((apart <= tolerance * scale + 5 * chaos) | (chaos >= scale)).all()
    with np.errstate(all="ignore"):
        f = problem.f(np.ascontiguousarray(expected.T))
        rests = (np.abs(np.diff(f)) <= 8 * np.finfo(float).eps * np.abs(f[1:])).any()
    # Elsewhere a line search may take another number of trials, and where f rests rounding decides when one ends.
    if (chaos < 1e-9 * scale).all() and not ("sls" in spec and rests):
        assert ours == (counts[0] + products, counts[1])


def elementwise():
    found = {spec: told(spec) for spec in IN_A_LOOP}
    return [spec for spec, method in found.items() if method.elementwise]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("spec", parameters(elementwise()))
def test_going_component_by_component_it_does_not_matter_how_parameters_are_cut(spec, groups):
    problem, method = stepbench.problem("quadratic:dim=7"), told(spec)
    whole, _ = torch_trace(problem, method, 50)
    parts, _ = torch_trace(problem, method, 50, sizes=[1, 4, 2], groups=groups)
    assert np.array_equal(whole, parts)


def test_large_tensors_go_in_pieces_and_small_ones_together():
    """The points are torch's; the sizes of the vectors that are stepped show how the tensors were cut."""

    @dataclass(frozen=True)
    class Told(contracts.Joined):
        def step(self, x, oracle, s):
            sizes.append(len(x))
            return super().step(x, oracle, s)

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
    assert sorted(sizes) == sorted(3 * [PIECE, PIECE, PIECE, PIECE // 8, PIECE, 3 + 1 + 10])
    for p, q in zip(ours, theirs, strict=True):
        assert torch.allclose(p, q, rtol=1e-6, atol=1e-6)
