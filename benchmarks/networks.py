"""Networks: a lone run against torch's own loop, and a sweep of the learning rate against runs in a row and loops."""

import importlib.util

import numpy as np

import stepbench
from benchmarks.races import Race, add
from stepbench.engine.running import run_quietly
from stepbench.fields import InputError

RATES = np.geomspace(1e-3, 1, 60)
STEPS = 267  # three epochs
LONE_STEPS = 3000


def networks(table, repeats):
    if importlib.util.find_spec("torch"):
        alone(table, repeats)
        against_single_runs(table, repeats)
        against_torch(table, repeats)


def alone(table, repeats):
    """A lone run, which looks at all examples at its start and its end, as the loop does at its end."""
    for name in ("digits-mlp", "mnist-mlp:samples=1000"):
        problem = stepbench.problem(name)
        try:
            problem.dataset  # noqa: B018 - it is read once, for both
        except InputError as error:
            print(f"its row is left out: {error}")
            continue

        def ours(problem=problem):
            return run_quietly(problem, "gd:lr=0.01", steps=LONE_STEPS, every=LONE_STEPS, target=0.0)

        def loop(problem=problem):
            return by_hand(problem, 0.01, LONE_STEPS, LONE_STEPS)

        with problem.at_work():
            race = Race(ours, loop, repeats)
        add(table, f"{name}, gd: {LONE_STEPS:,} steps", "a loop of torch.optim.SGD", race, 1.2)


def against_single_runs(table, repeats):
    for name in ("gd", "adam", "rdbd"):

        def together(name=name):
            return stepbench.sweep("digits-mlp", name, {"lr": RATES}, budget=STEPS).ends.f[0]

        def one_by_one(name=name):
            methods = [stepbench.method(name, lr=lr) for lr in RATES]
            runs = [run_quietly("digits-mlp", one, budget=STEPS, target=0.1, trace=False) for one in methods]
            return np.array([run.f[-1] for run in runs])

        if (together() != one_by_one()).any():
            raise SystemExit(f"{name}: a run in lock-step has other bits than alone")
        add(table, sized(name), "one run after the other", Race(together, one_by_one, repeats), 0.5)


def against_torch(table, repeats):
    problem = stepbench.problem("digits-mlp")

    def together():
        return stepbench.sweep("digits-mlp", "gd", {"lr": RATES}, budget=STEPS, target=0.0).ends.f[0]

    def loops():
        return np.array([by_hand(problem, float(lr), STEPS, problem.every) for lr in RATES])

    with problem.at_work():
        if not np.allclose(together()[:30], loops()[:30], rtol=1e-3):  # larger rates amplify rounding errors
            raise SystemExit("gd: a run in lock-step ends elsewhere than torch's own loop")
        add(table, sized("gd"), "a loop of torch.optim.SGD each", Race(together, loops, repeats), 0.5)


def by_hand(problem, lr, steps, every):
    """A run as one writes it in torch, looking at all examples as often; returns its training loss."""
    import torch

    loss = torch.nn.functional.cross_entropy
    train, labels, tests, test_labels = problem.dataset
    module = problem.trained(problem.start(0))
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    for step in range(1, steps + 1):
        sample = problem.draw(0, step, None)
        optimizer.zero_grad()
        loss(module(sample.inputs), sample.targets).backward()
        optimizer.step()
        if step % every == 0 or step == steps:
            optimizer.zero_grad()
            value = loss(module(train), labels)
            value.backward()
            torch.cat([p.grad.reshape(-1) for p in module.parameters()]).norm()
            with torch.no_grad():
                (module(tests).argmax(1) == test_labels).float().mean()
    return float(value.detach())


def gpu(table, repeats):
    """60 networks at once against 60 runs in a row, both on the GPU."""
    import torch

    if not torch.cuda.is_available():
        print("there is no GPU: its rows are left out")
        return
    problem = stepbench.problem("digits-mlp", device="cuda", batch=128)

    def at_once():
        return stepbench.sweep(stepbench.problem(problem, lockstep="always"), "adam", {"lr": RATES}, budget=STEPS)

    def in_a_row():
        return [run_quietly(problem, stepbench.method("adam", lr=lr), budget=STEPS, trace=False) for lr in RATES]

    add(table, f"{sized('adam')}, on a GPU", "one run after the other", Race(at_once, in_a_row, repeats), 1 / 30)


def sized(name):
    return f"digits-mlp, {name}: {len(RATES)} lr x 3 epochs"
