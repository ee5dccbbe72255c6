"""Small networks and their training, as a user writes it."""

import re

import pytest
import torch
from torch.nn.functional import cross_entropy

import stepbench
from stepbench import contracts
from stepbench.fields import InputError
from tests.every_method import EVERY_METHOD

IN_A_LOOP = [method for method in EVERY_METHOD if method not in ("autostep", "idbd", "k1")]
"""Every method that a training loop can run; those others need the Hessian's diagonal."""

ONE = (torch.ones(2),)
"""The parameters of an optimizer that is refused, or never asked for a step."""


def told(spec):
    """The method of a spec, with what it cannot ask a training loop for."""
    method = stepbench.method(spec)
    known = contracts.hyperparameters(method)
    values = {"f_star": 0.0} if "f_star" in method.needs else {}
    values |= {"L": 1000.0} if "L" in method.needs else {}
    if "N" in known:
        values |= {"N": 2, "iterations": 5}
    return contracts.with_values(method, values)


def closure_of(optimizer, loss):
    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


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


def tensors(data):
    """The tensors in plain data."""
    if isinstance(data, torch.Tensor):
        return [data]
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list | tuple) else ()
    return [t for part in parts for t in tensors(part)]


def refused(start):
    """Expect an InputError that begins so, in one line."""
    return pytest.raises(InputError, match=r"\A" + re.escape(start) + r".*\Z")
