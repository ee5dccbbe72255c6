"""Networks: a sweep of the learning rate in lock-step, against one run after the other and against torch's own loop."""

import importlib.util

import numpy as np

import stepbench
from benchmarks.races import Race, add
from stepbench.engine.running import run_quietly

RATES = np.geomspace(1e-3, 1, 60)
STEPS = 267  # three epochs


def networks(table, repeats):
    if importlib.util.find_spec("torch"):
        against_single_runs(table, repeats)
        against_torch(table, repeats)


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
    import torch

    problem = stepbench.problem("digits-mlp")

    def together():
        return stepbench.sweep("digits-mlp", "gd", {"lr": RATES}, budget=STEPS, target=0.0).ends.f[0]

    def by_hand():
        """Each run as one writes it in torch, looking at all examples as often."""
        loss = torch.nn.functional.cross_entropy
        train, labels, tests, test_labels = problem.data
        ends = []
        for lr in RATES:
            module = problem.trained(problem.start(0))
            optimizer = torch.optim.SGD(module.parameters(), lr=float(lr))
            for step in range(1, STEPS + 1):
                sample = problem.draw(0, step, None)
                optimizer.zero_grad()
                loss(module(sample.inputs), sample.targets).backward()
                optimizer.step()
                if step % problem.every == 0 or step == STEPS:
                    optimizer.zero_grad()
                    value = loss(module(train), labels)
                    value.backward()
                    torch.cat([p.grad.reshape(-1) for p in module.parameters()]).norm()
                    with torch.no_grad():
                        (module(tests).argmax(1) == test_labels).float().mean()
            ends.append(float(value.detach()))
        return np.array(ends)

    with problem.at_work():
        if not np.allclose(together()[:30], by_hand()[:30], rtol=1e-3):  # larger rates amplify rounding errors
            raise SystemExit("gd: a run in lock-step ends elsewhere than torch's own loop")
        add(table, sized("gd"), "a loop of torch.optim.SGD each", Race(together, by_hand, repeats), 0.5)


def sized(name):
    return f"digits-mlp, {name}: {len(RATES)} lr x 3 epochs"
