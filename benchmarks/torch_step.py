"""What a step costs through ``stepbench.torch.Optimizer`` beside torch's own optimizers: ratios of paired times.

Contestants have the same parameters and the same gradients, and take turns (ABAB…). A row shows the median time of a
step, the median of the pairs' ratios to its rival, and their middle half. Before each timed step a contestant's new
gradients are made, as backward() would, so that none finds its own in the cache. Nothing here fails for being slow.

A step of torch's default makes temporary tensors as large as the parameters. Whether the C library gives their memory
back to the system after every step, and pays for fresh pages at the next, depends on the largest block that the process
has ever freed, such as a batch's activations. A block of 30 MiB is freed first, so that torch is at its best.
"""

import argparse
import platform
import time
from statistics import median, quantiles

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from stepbench.torch import Optimizer

MODELS = {
    "mlp": [(1000, 784), (1000,), (1000, 1000), (1000,), (10, 1000), (10,)],
    "small": [(32, 32), (32,)] * 60,
}
SAID = {"mlp": "MLP 784-1000-1000-10", "small": "60 layers 32x32 + bias"}

RACES = {
    "Adam": {
        "torch default": lambda ps: torch.optim.Adam(ps),
        "torch foreach": lambda ps: torch.optim.Adam(ps, foreach=True),
        "torch fused": lambda ps: torch.optim.Adam(ps, fused=True),
        "stepbench adam": lambda ps: Optimizer(ps, "adam"),
        "stepbench adam, compile=True": lambda ps: Optimizer(ps, "adam", compile=True),
    },
    "SGD": {
        "torch default": lambda ps: torch.optim.SGD(ps),
        "stepbench gd": lambda ps: Optimizer(ps, "gd"),
        "stepbench gd, compile=True": lambda ps: Optimizer(ps, "gd", compile=True),
        "stepbench rdbd, one α per tensor": lambda ps: Optimizer(ps, "rdbd:eta=1e-9"),
    },
}


def contestant(make, shapes, device, clock):
    """A function that takes a step, and gives its seconds by a clock."""
    torch.manual_seed(0)
    ps = [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]
    gs = [0.01 * torch.randn(shape, device=device) for shape in shapes]
    optimizer = make(ps)

    def step():
        for p, g in zip(ps, gs, strict=True):
            p.grad = g.clone()
        wait(device)
        start = clock()
        optimizer.step()
        wait(device)
        return clock() - start

    return step, ps


def wait(device):
    if device != "cpu":
        torch.cuda.synchronize()


def race(contestants, shapes, device, repeats, clock):
    """The times of each contestant's steps, in turns, after checking that Adam's kin went the same way."""
    entered = {name: contestant(make, shapes, device, clock) for name, make in contestants.items()}
    for _ in range(5):
        for step, _ in entered.values():
            step()
    first = next(iter(entered.values()))[1]
    for name, (_, ps) in entered.items():
        if "rdbd" not in name:
            assert all(torch.allclose(p, q, rtol=1e-4, atol=1e-5) for p, q in zip(first, ps, strict=True)), name
    times = {name: [] for name in entered}
    for _ in range(repeats):
        for name, (step, _) in entered.items():
            times[name].append(step())
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--threads", type=int, help="threads of torch's; its own choice if left out")
    parser.add_argument("--busy", action="store_true", help="with --threads 1: the thread's own time, not the clock's")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.ones(30 << 18)
    device = torch.cuda.get_device_name() if args.device == "cuda" else platform.processor() or platform.machine()
    title = f"torch {torch.__version__}, {device}, {torch.get_num_threads()} thread(s)"
    table = Table("model", "step", "median µs", "ratio", "middle half", box=box.SIMPLE, title=title)
    for model, shapes in MODELS.items():
        for rule, contestants in RACES.items():
            times = race(
                contestants, shapes, args.device, args.repeats, time.thread_time if args.busy else time.perf_counter
            )
            rival = times["torch default"]
            for name, own in times.items():
                ratios = [a / b for a, b in zip(own, rival, strict=True)]
                low, _, high = quantiles(ratios, n=4)
                spread = "" if own is rival else f"{low:.2f} to {high:.2f}"
                table.add_row(
                    SAID[model], f"{rule}: {name}", f"{1e6 * median(own):.0f}", f"{median(ratios):.2f}", spread
                )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
