"""What each built-in network is."""

import sys
from itertools import pairwise

import numpy as np
import pytest

import stepbench
from stepbench.contracts import Oracle

pytest.importorskip("torch")

import torch


def test_made_up_reviews_say_what_their_label_says():
    """They are read in another way: the verdict of the clause that counts, turned by "not"."""
    module = sys.modules[type(stepbench.problem("text-lstm")).__module__]
    words = {number: word for word, number in module.WORDS.items()} | {0: ""}
    data = stepbench.problem("text-lstm").dataset
    rows = torch.cat([data.inputs, data.test_inputs]).tolist()
    labels = torch.cat([data.targets, data.test_targets]).tolist()
    assert len({tuple(row) for row in rows}) == len(rows) == 2500
    assert 0.45 < np.mean(labels) < 0.55
    for row, label in zip(rows, labels, strict=True):
        text = " ".join(words[n] for n in row).strip()
        if " though " in f" {text} ":
            counts = text.split(" though ")[0]
        elif text.startswith("although"):
            counts = text[text.index(" the ", text.index(" the ") + 1) :]  # the second of two clauses
        else:
            counts = text.split(" but ")[1]
        good = any(word in counts.split() for word in module.GOOD)
        assert int(good != ("not" in counts.split())) == label, text


def test_the_transformer_is_asked_for_the_reverse_and_sees_no_letter_ahead():
    problem = stepbench.problem("reverse-transformer:length=4,width=8")
    data = problem.dataset
    np.testing.assert_array_equal(data.targets, data.inputs[:, :4].flip(1))
    np.testing.assert_array_equal(data.inputs[:, 5:], data.targets[:, :-1])
    assert (data.inputs[:, 4] == 10).all()
    w = problem.as_points(problem.x0[:, None])[:, 0]
    one = data.inputs[:1].clone()
    other = one.clone()
    other[0, -1] = (other[0, -1] + 1) % 10  # the last letter that is shown to the decoder
    a, b = problem.outputs(w, one), problem.outputs(w, other)
    assert torch.equal(a[0, :3], b[0, :3])
    assert not torch.equal(a[0, 3], b[0, 3])


def test_the_transformer_has_the_heads_and_layers_that_are_asked_for():
    module = stepbench.problem("reverse-transformer:width=24,heads=8,layers=3").module().transformer
    layers = [*module.encoder.layers, *module.decoder.layers]
    assert (len(module.encoder.layers), len(module.decoder.layers)) == (3, 3)
    assert {layer.self_attn.num_heads for layer in layers} == {8}
    with pytest.raises(stepbench.InputError, match="width=30 is no multiple of heads=8"):
        stepbench.problem("reverse-transformer:width=30,heads=8")


def test_the_actor_and_the_critic_are_trained_each_for_itself():
    """Each has the step sizes of its own loss and gradient."""
    problem = stepbench.problem("pendulum:width=4")
    x = problem.as_points(problem.x0[:, None])
    sample = problem.draw(0, 1, x)
    f, g = sample.f(x), sample.grad(x)
    actor, critic = problem.learners
    assert actor + critic == len(x)
    losses = [float(loss) for loss in problem.losses(x[:, 0], sample.rollouts[0])]
    assert f[:actor, 0].tolist() == [pytest.approx(losses[0], abs=1e-6)] * actor
    assert f[actor:, 0].tolist() == [pytest.approx(losses[1])] * critic
    moved = x.clone()
    moved[actor:] += 1.0  # another critic: the actor's loss and gradient on these episodes stay
    assert torch.equal(sample.f(moved)[:actor], f[:actor])
    assert torch.allclose(sample.grad(moved)[:actor], g[:actor], atol=1e-7)
    r = stepbench.run(problem, "adagrad-norm:b0=0.5,eta=1e-6", steps=1)
    expected = [1e-6 / np.sqrt(0.25 + float((part * part).sum())) for part in (g[:actor], g[actor:])]
    np.testing.assert_allclose(r.step_size[1, [0, -1]], expected, rtol=1e-5)


def test_the_pendulums_advantages_are_the_sums_they_stand_for():
    """Generalised advantages by their definition, a sum of discounted surprises, for one episode."""
    problem = stepbench.problem("pendulum:width=4")
    w = problem.as_points(problem.x0[:, None])[:, 0]
    rollout = problem._rollout(w, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    seeds = [int(s) for s in rng.integers(1 << 31, size=10)]
    seen, _, rewards = problem._play(w, seeds, rng.standard_normal((200, 10, 1)))
    with torch.no_grad():
        value = np.array([problem.outputs(w, torch.as_tensor(frame))[:, 2].numpy() for frame in seen], dtype=float)
    surprise = 0.1 * rewards + 0.95 * value[1:] - value[:-1]
    for k in (0, 150, 199):
        advantage = sum((0.95 * 0.95) ** j * surprise[k + j] for j in range(200 - k))
        gain = np.asarray(rollout.gain).reshape(200, 10)[k]
        np.testing.assert_allclose(gain, advantage + value[k], rtol=1e-3, atol=1e-3)
    assert (rewards <= 0).all()
    assert (rewards >= -16.3).all()


def test_the_pendulum_learns_from_the_same_episodes_for_a_while():
    problem = stepbench.problem("pendulum:width=4,reuse=3")

    oracle, x = Oracle(problem), problem.as_points(problem.x0[:, None])
    drawn = []
    for _ in range(7):
        oracle.advance(x)
        drawn.append(oracle._sample)
    assert [a is b for a, b in pairwise(drawn)] == [True, True, False, True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "method"), [("text-lstm", "adam:lr=0.01"), ("reverse-transformer:length=4", "adam:lr=0.01")]
)
def test_the_stand_ins_can_be_learned(problem, method):
    r = stepbench.run(problem, method, epochs=2)
    assert r.accuracy[-1] > 0.9
    assert r.accuracy[0] < 0.7
