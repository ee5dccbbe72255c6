"""An actor and a critic that swing up a pendulum."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from stepbench import InputError, param
from stepbench.torch import Network

FRAMES, EPISODES, TESTS = 200, 10, 10
DISCOUNT, TRACE, CLIP = 0.95, 0.95, 0.2


class Rollout(NamedTuple):
    """What a policy met in some episodes and how well it did, with one row per frame."""

    seen: object
    actions: object
    log_chance: object
    advantage: object
    gain: object


@dataclass(frozen=True)
class Pendulum(Network):
    """An actor and a critic swing up gymnasium's Pendulum-v1.

    w is the actor and the critic, two networks; each is trained by a method of its own, so that inner products, losses
    and step sizes are those of its own part. Every ``reuse`` steps the actor plays ten episodes of 200 frames. It
    descends the clipped surrogate of proximal policy optimisation, the critic its squared error. Recorded are the mean
    cost per frame (minus the reward, between 0 and 16.3) and the part of the episodes that end upright, over ten other
    episodes in which the actor does not explore.
    """

    batch: int | None = param(None, "", "none: a step sees all frames of the ten episodes", "[1, inf)")
    width: int = param(64, "", "units in each of the two hidden layers of both networks", "[1, 10000]")
    reuse: int = param(10, "", "steps that learn from the same episodes", "[1, 1000]")

    source = "Wu et al. 2022, §5; Schulman et al. 2017, Proximal policy optimization; gymnasium's Pendulum-v1"
    f_means = "mean cost per frame"
    accuracy_means = "episodes that end upright"
    f_star = None
    stochastic = True
    supplies = frozenset()

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None:
            raise InputError(f"{self.name}: a step sees all frames of its episodes: leave out batch")
        if self.weight_decay:
            raise InputError(f"{self.name}: the actor and the critic have losses of their own: leave out weight_decay")

    def module(self):
        """The action's mean, the logarithm of its spread, and the value of what is seen, as three columns."""
        import torch
        from torch import nn

        class ActorCritic(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.spread = nn.Parameter(torch.full((1,), -0.5))
                self.actor, self.critic = (
                    nn.Sequential(
                        nn.Linear(3, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
                    )
                    for _ in range(2)
                )

            def forward(self, seen):
                spread = self.spread.expand(len(seen), 1)
                return torch.cat([2 * torch.tanh(self.actor(seen)), spread, self.critic(seen)], 1)

        return ActorCritic(self.width)

    def examples(self):
        """There are none, since the actor plays; raises InputError."""
        raise InputError(f"{self.name} has no data: it plays")

    data = None

    def carry(self, seed, runs):
        """Nothing."""

    @property
    def learners(self):
        """The actor with its spread, and the critic."""
        half = sum(self.tensors) // 2
        return (half + 1, half)

    @property
    def steps_per_epoch(self):
        """The steps that learn from the same episodes."""
        return self.reuse

    @cached_property
    def _environment(self):
        try:
            import gymnasium
        except ImportError:
            raise InputError('the pendulum needs gymnasium: pip install "stepbench[torch]"') from None
        return gymnasium.make_vec("Pendulum-v1", num_envs=EPISODES, vectorization_mode="sync")

    def _play(self, w, seeds, noise):
        """Play with the weights w, (d,): what was seen (201, 10, 3), actions (200, 10, 1) and rewards (200, 10)."""
        import torch

        seen, actions, rewards = [self._environment.reset(seed=seeds)[0]], [], []
        with torch.no_grad():
            for z in noise:
                mean, spread, _ = self.outputs(w, self._as_tensor(seen[-1])).cpu().split(1, 1)
                actions.append((mean + spread.exp() * torch.as_tensor(z, dtype=mean.dtype)).numpy())
                now, reward, *_ = self._environment.step(actions[-1].clip(-2, 2))
                seen.append(now)
                rewards.append(reward)
        return np.array(seen), np.array(actions), np.array(rewards)

    def _as_tensor(self, a):
        import torch

        return torch.as_tensor(np.ascontiguousarray(a), dtype=torch.float32, device=self.place)

    def _rollout(self, w, rng):
        """Episodes of the policy w, with generalised advantages (Schulman et al. 2016)."""
        import torch

        seeds = [int(s) for s in rng.integers(1 << 31, size=EPISODES)]
        seen, actions, rewards = self._play(w, seeds, rng.standard_normal((FRAMES, EPISODES, 1)))
        with torch.no_grad():
            made = self.outputs(w, self._as_tensor(seen.reshape(-1, 3)))
        value = made[:, 2].cpu().numpy().reshape(FRAMES + 1, EPISODES)
        surprise = 0.1 * rewards + DISCOUNT * value[1:] - value[:-1]
        advantage = np.zeros_like(surprise)
        ahead = np.zeros(EPISODES)
        for k in reversed(range(FRAMES)):
            advantage[k] = ahead = surprise[k] + DISCOUNT * TRACE * ahead
        scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        acted = self._as_tensor(actions.reshape(-1, 1))
        kept = made[: FRAMES * EPISODES]
        return Rollout(
            self._as_tensor(seen[:-1].reshape(-1, 3)),
            acted,
            log_chance(kept, acted),
            self._as_tensor(scaled.reshape(-1, 1)),
            self._as_tensor((advantage + value[:-1]).reshape(-1, 1)),
        )

    def draw(self, seed, step, w, carried=None):
        """Episodes of each run's policy as it stands before the step, with the same random numbers for all runs."""
        return Played(self, [self._rollout(w_r, np.random.default_rng((seed, step))) for w_r in separate(w)])

    def losses(self, w, rollout):
        """The actor's and the critic's loss, each a function of its own part of w."""
        import torch

        made = self.outputs(w, rollout.seen)
        ratio = (log_chance(made, rollout.actions) - rollout.log_chance).exp()
        bounded = ratio.clamp(1 - CLIP, 1 + CLIP)
        gained = torch.minimum(ratio * rollout.advantage, bounded * rollout.advantage)
        return -gained.mean(), 0.5 * ((made[:, 2:] - rollout.gain) ** 2).mean()

    def look(self, w, carried=None):
        """The cost and the upright episodes without exploring, and the gradient's norm with exploring."""
        played = [self._play(w_r, [*range(TESTS)], np.zeros((FRAMES, TESTS, 1))) for w_r in separate(w)]
        upright = [(seen[-50:, :, 0] > 0.95).all(0).mean() for seen, _, _ in played]  # the cosine of the angle
        return {
            "f": np.array([-rewards.mean() for _, _, rewards in played]),
            "gradient_norm": self.draw(0, 0, w).grad(w).norm(dim=0).cpu().numpy().astype(float),
            "accuracy": np.array(upright),
        }

    def f(self, w):
        """The mean cost per frame, (R,)."""
        return self.look(self.as_points(w))["f"]

    def grad(self, w):
        """The sum of the gradients of both losses, (d, R), in episodes in which the actor explores."""
        weights = self.as_points(w)
        return self.draw(0, 0, weights).grad(weights).cpu().numpy().astype(float)

    def as_points(self, w):
        """Weights as a tensor of float32."""
        return self.tensor(w.astype(np.float32))


class Played:
    """The losses of several runs' policies on their episodes: each component of w has the loss of its own network."""

    def __init__(self, problem, rollouts):
        self.problem, self.rollouts = problem, rollouts

    def f(self, w):
        """The actor's loss in its components, the critic's in its own, (d, R)."""
        import torch

        with torch.no_grad():
            both = [self.problem.losses(w_r, rollout) for w_r, rollout in zip(separate(w), self.rollouts, strict=True)]
        rows = [
            torch.cat([loss.expand(n) for loss, n in zip(pair, self.problem.learners, strict=True)]) for pair in both
        ]
        return torch.stack(rows).T

    def grad(self, w):
        """The gradient of both losses' sum, (d, R): neither loss depends on the other's components."""
        import torch

        ask = torch.func.grad(lambda w, rollout: sum(self.problem.losses(w, rollout)))
        return torch.stack([ask(w_r, rollout) for w_r, rollout in zip(separate(w), self.rollouts, strict=True)]).T


def separate(w):
    """The weights of each run, (d,), of those of all runs, (d, R).

    They are copies: on some processors it depends on where in memory a matrix begins how its products are rounded.
    """
    return [run.clone() for run in w.T]


def log_chance(made, actions):
    """The logarithm of the normal density of actions, up to a constant."""
    mean, spread, _ = made.split(1, 1)
    return -0.5 * ((actions - mean) / spread.exp()) ** 2 - spread
