"""A step that cannot be taken changes nothing."""

import copy
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from stepbench import contracts

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.torch.training import IN_A_LOOP, closure_of, network, refused, tensors, told, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("spec", ["adam", "rdbd", "polyak:f_star=0"])
def test_a_step_from_what_is_not_finite_is_refused_and_changes_nothing(spec, digits):
    """The steps after it go on as if it had not been asked for."""
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
            assert repr(optimizer.state_dict()["state"]) == repr(state["state"])
        ends.append(train(net, optimizer, digits, 3, start=3))
    assert torch.equal(*ends)


def test_parameters_without_names_are_named_by_number_and_shape():
    parts = [torch.ones(shape, requires_grad=True) for shape in ((2,), (3, 2))]
    optimizer = Optimizer(parts, "gd", nonfinite="raise")
    for p in parts:
        p.grad = torch.full_like(p, 3e38)  # each is finite, and their sum is not
    optimizer.step()
    assert all(torch.isfinite(p).all() for p in parts)
    parts[1].grad[2, 1] = torch.nan
    before = [p.detach().clone() for p in parts]
    with pytest.raises(FloatingPointError, match=r"the gradient of parameter 1, of shape \(3, 2\), is not finite"):
        optimizer.step()
    assert all(map(torch.equal, parts, before))


def test_a_step_of_one_vector_to_what_is_not_finite_is_refused():
    """The loss and the gradient are finite, and the step size takes the parameters out of range."""
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
        before = w.detach().clone(), v.detach().clone(), repr(optimizer.state_dict()["state"])
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
            assert repr(optimizer.state_dict()["state"]) == before[2]
    assert calls >= 1


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "spec", [m for m in IN_A_LOOP if m.startswith(("gradient+", "heavy", "nest", "csawg", "adam+"))]
)
def test_no_state_lies_in_memory_that_changes(spec):
    """Neither in that of a parameter nor in that of a gradient, which zero_grad(set_to_none=False) overwrites."""
    w = torch.linspace(1, 2, 6, dtype=torch.float64).requires_grad_()
    optimizer = Optimizer([w], told(spec), horizon=20)

    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = (w**2).sum() / 200
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
        state = optimizer.state_dict()["state"]
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


def test_a_gradient_ahead_that_is_not_finite_is_refused():
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([("w", w)], "nesterov:lr=0.1")
    with pytest.warns(NonFiniteWarning, match="the loss is nan"):
        optimizer.step(closure_of(optimizer, lambda: (w**2).sum() * math.nan))
    assert torch.equal(w, torch.ones(2))
