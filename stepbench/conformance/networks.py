"""What holds for every network."""

from __future__ import annotations

import copy
import pickle

import numpy as np

from stepbench import catalog
from stepbench.arrays import as_numpy
from stepbench.conformance import require
from stepbench.conformance.functions import shapes
from stepbench.contracts import Vector
from stepbench.derivatives import slopes
from stepbench.torch.network import Network

LINES = 3
"""Random directions along which derivatives are looked at."""


def _lines(network: Network) -> tuple[Vector, Vector]:
    """Points a little away from the start, and directions of length 1, which cross few kinks: (d, R) both."""
    rng = np.random.default_rng(0)
    w = np.repeat(network.x0[:, None], LINES, axis=1)
    v = rng.standard_normal(w.shape)
    return w + 1e-3 * rng.standard_normal(w.shape), v / np.linalg.norm(v, axis=0)


def gradient(network: Network) -> str:
    """∇f is the derivative of f along random directions, in float64"""
    if len(network.learners) > 1:  # each learner has its own loss, and f is another number
        return ""
    w, v = _lines(network)
    _, by_differences, doubt = slopes(network.f, w, v)
    along = (network.grad(w) * v).sum(0)
    off = float(np.abs(along - by_differences).max() / np.abs(along).max())
    require(
        (np.abs(along - by_differences) <= doubt + 1e-5 * np.abs(along).max()).all(), f"off by {off:.2g} of its size"
    )
    return f"within {off:.2g} of its size"


def curvature(network: Network) -> str:
    """H v is the derivative of ∇f along v, in float64"""
    if "hvp" not in network.supplies:
        return ""
    w, v = _lines(network)
    h = 1e-7
    expected = (network.grad(w + h * v) - network.grad(w - h * v)) / (2 * h)
    product = network.hvp(network, w, v)
    off = float(np.linalg.norm(product - expected) / np.linalg.norm(expected))
    require(off <= 1e-2, f"off by {off:.2g} of its size")  # ReLU has kinks between the two points
    return f"within {off:.2g} of its size"


def epochs(network: Network) -> str:
    """An epoch sees every training example once, and the next one does so in another order"""
    if not network.stochastic or network.batch is None:
        return ""
    steps, n = network.steps_per_epoch, len(network.dataset.targets)
    numbered = copy.copy(network)
    numbers = network.dataset._replace(inputs=network.tensor(np.arange(n)), targets=network.tensor(np.arange(n)))
    vars(numbered)["dataset"] = numbers
    vars(numbered).pop("_order", None)
    orders = []
    for epoch in range(2):
        drawn = [numbered.mini_batch(0, epoch * steps + k + 1) for k in range(steps)]
        order = np.concatenate([as_numpy(numbers) for numbers, _ in drawn])
        require(len(np.unique(order)) == len(order) == steps * network.batch, "an example is seen twice in an epoch")
        orders.append(order)
    require((orders[0] != orders[1]).any(), "both epochs have the same order")
    return f"{steps} mini-batches of {network.batch}"


def bits(network: Network) -> str:
    """A run has the same bits alone and beside others, and a seed the same start"""
    w = network.as_points(np.stack([network.start(seed) for seed in (0, 1, 2)], axis=1))
    require((network.start(1) == network.start(1)).all(), "seed 1 has two starts")
    require(bool((w[:, 0] != w[:, 1]).any()), "seeds 0 and 1 have the same start")
    with network.at_work():
        together = network.draw(0, 1, w) if network.stochastic else network
        g = together.grad(w)
        for r in range(3):
            one = w[:, r : r + 1]
            alone = (network.draw(0, 1, one) if network.stochastic else network).grad(one)
            require(bool((alone[:, 0] == g[:, r]).all()), f"run {r} has another gradient alone")
    return f"{len(w):,} weights"


def data(network: Network) -> str:
    """It can be pickled, and is described"""
    again = pickle.loads(pickle.dumps(network))
    require(again == network, "another network comes back from a pickle")
    require(bool(catalog.docstring(type(network))), "it has no docstring")
    return network.source or "no source is given"


CHECKS = (shapes, gradient, curvature, epochs, bits, data)
