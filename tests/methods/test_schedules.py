"""Schedules against torch's."""

import numpy as np
import pytest

from stepbench import run

SCHEDULES = [
    ("linear:lr=0.3,end=0.2,T=20", lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=20), 30),
    ("linear:lr=0.3", lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=30), 30),
    ("step:lr=0.3,gamma=0.5,every=7", lambda s, o: s.StepLR(o, step_size=7, gamma=0.5), 30),
    ("multistep:lr=0.3", lambda s, o: s.MultiStepLR(o, milestones=[15, 22]), 30),
    (
        "multistep:lr=0.3,gamma=0.5,first=0.8,second=0.2,T=20",
        lambda s, o: s.MultiStepLR(o, milestones=[4, 16], gamma=0.5),
        30,
    ),
    ("sgd-mstep:lr=0.3", lambda s, o: s.MultiStepLR(o, milestones=[int(0.5 * 30), int(0.75 * 30)], gamma=0.1), 30),
    ("exponential:lr=0.3,gamma=0.9", lambda s, o: s.ExponentialLR(o, gamma=0.9), 30),
    ("cosine:lr=0.3,end=0.1", lambda s, o: s.CosineAnnealingLR(o, T_max=30, eta_min=0.03), 30),
    (
        "one-cycle:lr=0.3",
        lambda s, o: s.OneCycleLR(o, max_lr=0.3, total_steps=30, cycle_momentum=False),
        30,
    ),
    (
        "one-cycle:lr=0.3,warmup=0.5,div=10,final_div=100,T=20",
        lambda s, o: s.OneCycleLR(
            o, max_lr=0.3, total_steps=20, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
        20,
    ),
]


@pytest.mark.parametrize(("spec", "schedule", "steps"), SCHEDULES, ids=[row[0] for row in SCHEDULES])
def test_schedule_is_torchs(spec, schedule, steps, torch):
    """From step 0 on the step sizes are those of torch's scheduler."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler, sizes = schedule(torch.optim.lr_scheduler, optimizer), []
    for k in range(steps):
        sizes.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if k < steps - 1:
            scheduler.step()
    r = run("quadratic:kappa=1", spec, steps=steps)
    assert r.steps == steps
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    ("spec", "last"),
    [("linear:lr=0.3,end=0.2,T=5", 0.06), ("cosine:lr=0.3,end=0.2,T=5", 0.06), ("one-cycle:lr=0.3,T=5", 0.3 / 25e4)],
)
def test_a_schedule_rests_at_its_end(spec, last):
    """A run longer than T keeps the last step size: no schedule starts over."""
    r = run("quadratic:kappa=1", spec, steps=12)
    np.testing.assert_allclose(r.step_size[7:], last, rtol=1e-12)


EPOCHS, BATCHES = 6, 5


@pytest.mark.parametrize(
    "schedule",
    [
        "linear:lr=0.3",
        "step:lr=0.3,every=2",
        "multistep:lr=0.3",
        "sqrt:lr=0.3",
        "inverse-time:lr=0.3,decay=0.5",
        "exponential:lr=0.3,gamma=0.9",
        "one-cycle:lr=0.3",
        "cosine:lr=0.3,T=4",
        "decay-sqrt:b0=2",
    ],
)
def test_a_schedule_by_epoch_has_in_each_epoch_one_step_size_of_the_schedule_by_step(schedule):
    """With part=1, epoch k has the step size of step k of a run of as many steps as there are epochs."""
    by_step = run("quadratic:kappa=1", schedule, steps=EPOCHS).step_size[1:]
    by_epoch = run("linear-regression:n=100,batch=20", f"{schedule},part=1", steps=EPOCHS * BATCHES).step_size[1:]
    np.testing.assert_array_equal(by_epoch, np.repeat(by_step, BATCHES))


def test_a_last_part_of_an_epoch_counts_as_one():
    """A run of 2.4 epochs has three step sizes, as long as each lasts."""
    sizes = run("linear-regression:n=100,batch=20", "linear:lr=0.3,part=1", steps=12).step_size[1:]
    np.testing.assert_allclose(sizes, np.repeat([0.3, 0.2, 0.1], 5)[:12])
