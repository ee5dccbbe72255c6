"""The numbers of networks, worked out in other ways."""

import numpy as np
import pytest

import stepbench
from stepbench.fields import InputError

pytest.importorskip("torch")

import torch

from tests.torch.small_networks import TINY


def test_gradient_descent_is_torchs_own_loop():
    """The trajectory of gd is that of torch.optim.SGD with autograd, on the same mini-batches."""
    problem = stepbench.problem(TINY)
    module = problem.trained(problem.start(5))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for step in range(1, 101):
        sample = problem.draw(5, step, None)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(sample.inputs), sample.targets).backward()
        optimizer.step()
    r = stepbench.run(problem, "gd:lr=0.1", steps=100, seed=5)
    with torch.no_grad():
        data = problem.dataset
        loss = torch.nn.functional.cross_entropy(module(data.inputs), data.targets)
        right = (module(data.test_inputs).argmax(1) == data.test_targets).float().mean()
    assert r.f[-1] == pytest.approx(float(loss), rel=1e-5)
    assert r.accuracy[-1] == pytest.approx(float(right), abs=2 / 360)
    assert r.evals.tolist() == r.iteration.tolist()
    assert not r.fevals.any()


def test_rdbd_has_a_step_size_a_tensor():
    """Algorithm 1, each tensor for itself, by a loop over the module's own parameters."""
    problem = stepbench.problem(TINY)
    lr, eta = 0.05, 0.01
    weights = [w.detach().clone() for w in problem.trained(problem.start(0)).parameters()]
    state = [(lr, torch.zeros_like(w), 0.0) for w in weights]
    for step in range(1, 31):
        sample = problem.draw(0, step, None)
        own = [w.clone().requires_grad_() for w in weights]
        hidden = torch.relu(sample.inputs @ own[0].T + own[1])
        loss = torch.nn.functional.cross_entropy(hidden @ own[2].T + own[3], sample.targets)
        for i, u in enumerate(torch.autograd.grad(loss, own)):
            alpha, last, h_last = state[i]
            h = float((u * last).sum())
            if h * h_last < 0:
                weights[i] = weights[i] + eta * h_last * last
                alpha -= eta * h_last
            alpha += eta * h
            weights[i] = weights[i] - alpha * u
            state[i] = alpha, u, h
    r = stepbench.run(problem, f"rdbd:lr={lr},eta={eta}", steps=30)
    np.testing.assert_allclose(r.step_size[-1], [alpha for alpha, _, _ in state], rtol=1e-4)
    w = torch.cat([w.reshape(-1) for w in weights]).double().numpy()
    assert r.f[-1] == pytest.approx(float(problem.f(w[:, None])[0]), rel=1e-5)
    assert stepbench.run(problem, f"rdbd:lr={lr},eta={eta},per=run", steps=30).step_size.ndim == 1


@pytest.mark.slow
def test_exact_estimates_the_largest_curvature_and_is_charged():
    """K̂ is the largest |eigenvalue| of Hessians that torch.autograd.functional forms whole, at the same points."""
    problem = stepbench.problem("digits-mlp:hidden=0,batch=none")
    method = stepbench.method("exact:N=2,iterations=60,T=50,law=init")
    r = stepbench.run(problem, method, steps=1)
    assert r.evals[-1] == 2 * 60 + 1
    assert r.fevals[-1] == 1
    largest = 0.0
    for draw in (0, 2):
        seed = np.random.SeedSequence((0, 0, draw)).generate_state(1, np.uint64)[0] >> np.uint64(1)
        w = torch.as_tensor(problem.start(int(seed)), dtype=torch.float32)
        H = torch.autograd.functional.hessian(
            lambda w: problem.mean_loss(w, problem.dataset.inputs, problem.dataset.targets), w, vectorize=True
        )
        largest = max(largest, float(torch.linalg.eigvalsh(H.double()).abs().max()))
    K = 2 * r.f[0] / (r.step_size[-1] ** 2 * 50)
    assert pytest.approx(largest, rel=1e-2) == K
    assert largest * (1 + 1e-4) >= K, "power iteration comes from below"


def test_exact_sees_the_mini_batch_where_there_is_one():
    whole, batch = (
        stepbench.run(f"digits-mlp:hidden=0,batch={b}", "exact:N=1,iterations=5,T=50", steps=6) for b in ("none", "16")
    )
    assert whole.step_size[-1] != batch.step_size[-1]
    assert batch.evals[-1] == 5 + 6


def test_numpy_is_answered_in_numpy_and_float64():
    problem = stepbench.problem(TINY)
    x = np.stack([problem.start(0), problem.start(1)], axis=1)
    f, g = problem.f(x), problem.grad(x)
    assert f.dtype == g.dtype == np.float64
    look = problem.look(problem.as_points(x))
    np.testing.assert_allclose(look["f"], f, rtol=1e-5)
    np.testing.assert_allclose(look["gradient_norm"], np.linalg.norm(g, axis=0), rtol=1e-4)
    with pytest.raises(InputError, match="Hessian is too large to form"):
        problem.hessian(x)
