"""What stepbench costs beside the bare loops it replaces: ratios of times measured side by side, in one table.

Every row races two contestants that do the same work, one after the other, again and again (ABAB…). The row shows
the median seconds of each, the median of the pairwise ratios and their range. Contestants that can be compared are
checked to reach the same point before they are timed. Nothing here fails for being slow.
"""

import argparse
import gc
import importlib.util
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from statistics import median

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import stepbench
from stepbench import catalog
from stepbench.engine import run_quietly

START = np.array([-1.0, 0.0])
STEPS, LONG = 1_000, 10_000
RUNS = 1_000
RATES = np.geomspace(1e-6, 1e-3, RUNS)
RDBD_RATES = np.geomspace(1e-6, 2e-3, RUNS)  # the largest make RDBD take a step size back; none diverges
ETA = 1e-9
STARTS = START[:, None] + np.linspace(-0.1, 0.1, RUNS)
RATE = 1e-4  # where the runs differ in their starts


# The work, by hand ----------------------------------------------------------------------------------------------------


def rosenbrock(x):
    """The value and the gradient at x, (2,) or (2, R)."""
    a, b = x[0], x[1]
    along, across = a - 1.0, b - a * a
    g = np.empty_like(x)
    g[0] = 2.0 * along - 400.0 * a * across
    g[1] = 200.0 * across
    return along * along + 100.0 * (across * across), g


def gd(lr):
    """Gradient descent, as ``move(x, g)`` -> the next x, the step size and the gradients asked for."""

    def move(x, g):
        return x - lr * g, lr, 1

    return move


def adam(lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam."""
    m = v = 0.0
    k = 0

    def move(x, g):
        nonlocal m, v, k
        k += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g)
        m_hat, v_hat = m / (1 - beta1**k), v / (1 - beta2**k)
        return x - lr * (m_hat / (np.sqrt(v_hat) + eps)), lr, 1

    return move


def rdbd(lr, eta):
    """RDBD, for a batch."""
    alpha, last_g, last_h = lr, np.zeros((2, lr.size)), np.zeros(lr.size)

    def move(x, g):
        nonlocal alpha, last_g, last_h
        h = (g * last_g).sum(axis=0)
        regret = np.where(h * last_h < 0, eta * last_h, 0.0)
        x = x + regret * last_g
        alpha = alpha - regret + eta * h
        last_g, last_h = g, h
        return x - alpha * g, alpha, 1

    return move


def csawg(lr, K):
    """Csawg with one plan and no plain steps after it, for one run."""
    B1, B2 = [], []
    alpha = np.full(2, math.nan)

    def move(x, g):
        nonlocal B1, B2, alpha
        w = x - lr * g
        if len(B1) < K:
            B1.append((w, g))
            return w, alpha, 1
        B2.append((w, g))
        if len(B2) < K:
            return w, alpha, 1
        above = sum(g * (w - ahead) for (w, g), (ahead, _) in zip(B1, B2, strict=True))
        below = sum(g * g for _, g in B1)
        alpha = np.divide(above, below, out=np.zeros(2), where=below != 0)
        B1, B2 = B2, []
        return w - alpha * rosenbrock(w)[1], alpha, 2

    return move


def trace(x, f, norm, sizes, evals):
    """The whole trace, from what a loop recorded."""
    distance = x - (1.0 if x.ndim == 2 else np.ones((2, 1)))
    return {
        "x": x,
        "f": f,
        "error": f - 0.0,
        "distance": np.sqrt((distance * distance).sum(axis=1)),
        "gradient_norm": norm,
        "step_size": sizes,
        "evals": evals,
    }


def one_run(x, move, steps, sizes):
    """The loop on a point (2,). ``sizes`` is where its step sizes go: one a step, or one a component."""
    xs, fs, norms = np.empty((steps + 1, 2)), np.empty(steps + 1), np.empty(steps + 1)
    evals = np.zeros(steps + 1, dtype=np.int64)
    for k in range(steps + 1):
        f, g = rosenbrock(x)
        norm = math.sqrt(g @ g)
        if not (math.isfinite(f) and math.isfinite(norm)):
            raise FloatingPointError(f"not finite at step {k}")
        xs[k], fs[k], norms[k] = x, f, norm
        if k < steps:
            x, sizes[k + 1], asked = move(x, g)
            evals[k + 1] = evals[k] + asked
    return trace(xs, fs, norms, sizes, evals)


def batch(x, move, steps):
    """The loop on points (2, R), all runs in lock-step."""
    shape = (steps + 1, x.shape[1])
    xs, fs, norms, sizes = np.empty((steps + 1, *x.shape)), np.empty(shape), np.empty(shape), np.empty(shape)
    sizes[0] = math.nan
    evals = np.zeros(steps + 1, dtype=np.int64)
    for k in range(steps + 1):
        f, g = rosenbrock(x)
        norm = np.sqrt((g * g).sum(axis=0))
        if not (np.isfinite(f).all() and np.isfinite(norm).all()):
            raise FloatingPointError(f"not finite at step {k}")
        xs[k], fs[k], norms[k] = x, f, norm
        if k < steps:
            x, sizes[k + 1], asked = move(x, g)
            evals[k + 1] = evals[k] + asked
    return trace(xs, fs, norms, sizes, np.broadcast_to(evals[:, None], shape))


# The same work in other libraries -------------------------------------------------------------------------------------


def in_torch(optimizer, steps):
    """A torch optimizer on one parameter (2, R) that holds all the runs; the loss is their sum."""
    import torch

    x = torch.tensor(STARTS, requires_grad=True)
    optimizer = getattr(torch.optim, optimizer)([x], lr=RATE)
    xs = torch.empty((steps + 1, *x.shape), dtype=x.dtype)
    fs, norms = torch.empty((2, steps + 1, x.shape[1]), dtype=x.dtype)

    def closure():
        optimizer.zero_grad()
        along, across = x[0] - 1.0, x[1] - x[0] * x[0]
        f = along * along + 100.0 * (across * across)
        loss = f.sum()
        loss.backward()
        xs[k], fs[k], norms[k] = x.detach(), f.detach(), x.grad.norm(dim=0)
        return loss

    for k in range(steps):  # noqa: B007 - the closure records step k
        optimizer.step(closure)
    k = steps
    closure()
    if not torch.isfinite(fs).all():
        raise FloatingPointError("not finite")
    sizes, evals = np.full(fs.shape, RATE), np.arange(steps + 1)[:, None]
    return trace(xs.numpy(), fs.numpy(), norms.numpy(), sizes, np.broadcast_to(evals, fs.shape))


def in_optax(optimizer, steps):
    """A function that makes all the runs with an optax optimizer: a scan over steps, under vmap over rates.

    Its first call compiles; each function made here compiles anew.
    """
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def f(x):
        along, across = x[0] - 1.0, x[1] - x[0] * x[0]
        return along * along + 100.0 * (across * across)

    def run(lr):
        rule = getattr(optax, optimizer)(lr)

        def step(carry, _):
            x, state = carry
            value, g = jax.value_and_grad(f)(x)
            updates, state = rule.update(g, state)
            return (optax.apply_updates(x, updates), state), (x, value, jax.numpy.sqrt((g * g).sum()))

        x = jax.numpy.array(START)
        return jax.lax.scan(step, (x, rule.init(x)), length=steps + 1)[1]

    compiled = jax.jit(jax.vmap(run, out_axes=-1))

    def make():
        xs, fs, norms = map(np.asarray, compiled(RATES))
        if not np.isfinite(fs).all():
            raise FloatingPointError("not finite")
        sizes, evals = np.broadcast_to(RATES, fs.shape), np.arange(steps + 1)[:, None]
        return trace(xs, fs, norms, sizes, np.broadcast_to(evals, fs.shape))

    return make


# The races ------------------------------------------------------------------------------------------------------------


class Race:
    """Two contestants, timed one after the other, ``repeats`` times."""

    def __init__(self, ours, theirs, repeats):
        pairs = [(clock(ours), clock(theirs)) for _ in range(repeats)]
        self.ours, self.theirs = map(median, zip(*pairs, strict=True))
        ratios = [a / b for a, b in pairs]
        self.ratio, self.least, self.most = median(ratios), min(ratios), max(ratios)


def clock(work):
    """Seconds that the work takes."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def check(what, ours, theirs):
    """Stop everything unless the two end at the same points, having taken as many steps and gradients."""
    ours = vars(ours)
    if set(np.ravel(ours["status"])) != {"budget"}:
        raise SystemExit(f"{what}: not every run went to its last step")
    for name in ("x", "step_size", "evals"):
        if ours[name].shape != theirs[name].shape:
            raise SystemExit(f"{what}: {name} has shapes {ours[name].shape} and {theirs[name].shape}")
        if not np.allclose(ours[name][-1], theirs[name][-1], rtol=1e-9, atol=0, equal_nan=True):
            raise SystemExit(f"{what}: the contestants end at different {name}")


def ours(spec, steps, start=None, **values):
    """Work for stepbench: a run or a batch of exactly so many steps."""
    method = stepbench.method(spec, **values)
    return lambda: stepbench.run("rosenbrock", method, steps=steps, budget=10 * steps, start=start)


def startup(table, repeats):
    """From the shell's prompt to an answer, against what any such program must import."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def python(*arguments):
        command = [sys.executable, *arguments]
        return lambda: subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)

    for arguments, needs, goal in (
        ("--help", "typer, rich", 1.5),
        ("list", "numpy, typer, rich.table", 2.0),
        ("run rosenbrock --method csawg --K 2", "numpy, typer, rich.table", 2.0),
    ):
        program, imports = python("-m", "stepbench", *arguments.split()), python("-c", f"import {needs}")
        program(), imports()  # leaves the bytecode
        add(table, arguments, f"import {needs}", Race(program, imports, repeats), goal)


def single(table, repeats):
    """One long run against a loop on a (2,) array."""
    for name, move, values in (
        ("gd", gd, {"lr": 1e-3}),
        ("adam", adam, {"lr": 1e-3}),
        ("csawg", csawg, {"lr": 1e-3, "K": 2}),
    ):
        shape = (LONG + 1, 2) if name == "csawg" else LONG + 1
        what = f"{name}, 1 run x {LONG:,} steps"
        mine = ours(name, LONG, **values)

        def bare(move=move, values=values, shape=shape):
            return one_run(START, move(**values), LONG, np.full(shape, math.nan))

        check(what, mine(), bare())
        add(table, what, "bare loop", Race(mine, bare, repeats), 3.0)


def batches(table, repeats):
    """Many runs in lock-step, against a loop on a (2, R) array and against other libraries."""
    x = np.repeat(START[:, None], RUNS, axis=1)
    size = f"{RUNS:,} runs x {STEPS:,} steps"
    for name, move, values in (
        ("gd", gd, {"lr": RATES}),
        ("adam", adam, {"lr": RATES}),
        ("rdbd", rdbd, {"lr": RDBD_RATES, "eta": ETA}),
    ):
        mine = ours(name, STEPS, **values)

        def bare(move=move, values=values):
            return batch(x, move(**values), STEPS)

        check(name, mine(), bare())
        race = Race(mine, bare, repeats)
        add(table, f"{name}, {size}", "bare loop", race, 1.3)
        if name == "gd":
            each = [1e9 * seconds / (RUNS * STEPS) for seconds in (race.ours, race.theirs)]
            met = "yes" if each[0] < 100 else "no"
            table.add_row(
                "gd, each step of each run", "", f"{each[0]:.0f} ns", f"{each[1]:.0f} ns", "", "", "100 ns", met
            )

    for name, optimizer in (("gd", "SGD"), ("adam", "Adam")):
        if importlib.util.find_spec("torch"):
            mine = ours(name, STEPS, start=STARTS, lr=RATE)

            def theirs(optimizer=optimizer):
                return in_torch(optimizer, STEPS)

            check(f"torch.optim.{optimizer}", mine(), theirs())
            add(table, f"{name}, {size}", f"torch.optim.{optimizer}", Race(mine, theirs, repeats))
    for name, optimizer in (("gd", "sgd"), ("adam", "adam")):
        if importlib.util.find_spec("optax"):
            mine = ours(name, STEPS, lr=RATES)
            warm = in_optax(optimizer, STEPS)

            def cold(optimizer=optimizer):
                return in_optax(optimizer, STEPS)()

            check(f"optax.{optimizer}", mine(), warm())
            add(table, f"{name}, {size}", f"optax.{optimizer}, with compilation", Race(mine, cold, repeats))
            add(table, f"{name}, {size}", f"optax.{optimizer}, compiled", Race(mine, warm, repeats))


def suites(table, repeats):
    """The gradients of every problem of a suite at 1,000 points, against what they could be had for otherwise."""
    from stepbench.derivatives import derived

    for suite in catalog.suites():
        if suite == "networks":  # torch differentiates them, by backpropagation
            continue
        problems = [stepbench.problem(name) for name in catalog.suite(suite)]
        problems = [problem for problem in problems if problem.x0.size <= 50]  # deriving 500 axes takes half a minute
        points = []
        for k, problem in enumerate(problems):
            noise = np.random.default_rng(k).standard_normal((problem.x0.size, RUNS))
            points.append(problem.x0[:, None] * (1 + 0.01 * noise) + 0.01 * noise)
        ways = [derived(problem.f, problem.x0) for problem in problems]

        def together(problems=problems, points=points):
            return [problem.grad(x) for problem, x in zip(problems, points, strict=True)]

        def in_pairs(problems=problems, points=points):
            return [
                np.concatenate([problem.grad(x[:, k : k + 2]) for k in range(0, RUNS, 2)], axis=1)
                for problem, x in zip(problems, points, strict=True)
            ]

        def from_f(problems=problems, points=points, ways=ways):
            return [way(problem.f, x) for problem, x, way in zip(problems, points, ways, strict=True)]

        with np.errstate(all="ignore"):
            for other, what, rtol in ((in_pairs, "two points at a time", 0), (from_f, "derived from f", 1e-5)):
                for problem, g, again in zip(problems, together(), other(), strict=True):
                    alike = np.isclose(g, again, rtol=rtol, atol=rtol * np.abs(g).max(), equal_nan=True)
                    if alike.mean() < 0.99:  # differences may straddle a kink
                        raise SystemExit(f"{problem}: the gradients {what} differ")
                add(
                    table, f"{suite}: {len(problems)} gradients x {RUNS:,} points", what, Race(together, other, repeats)
                )


OPTAX_SWEEP = """
import jax, optax, numpy as np
jax.config.update("jax_enable_x64", True)
rates = np.geomspace(1e-5, 1, 1000)
def f(x):
    along, across = x[0] - 1.0, x[1] - x[0] * x[0]
    return along * along + 100.0 * (across * across)
def run(lr):
    rule = optax.adam(lr)
    def step(carry, _):
        x, state = carry
        value, g = jax.value_and_grad(f)(x)
        updates, state = rule.update(g, state)
        return (optax.apply_updates(x, updates), state), value
    x = jax.numpy.array([-1.0, 0.0])
    return jax.lax.scan(step, (x, rule.init(x)), length=1001)[1]
sweep = jax.jit(jax.vmap(run))
def table():
    errors = np.asarray(sweep(rates))
    reached = errors <= 1e-6
    cost = np.where(reached.any(axis=1), reached.argmax(axis=1), np.inf)
    best = cost.argmin()
    print(f"best lr {rates[best]:.3g}, cost {cost[best]}, reached {reached.any(axis=1).mean():.1%}")
"""
"""The sweep of a thousand rates as one writes it with optax: ``table()`` makes it and prints its table."""


def studies(table, repeats):
    """Whole studies: from the shell to the table, maps, profiles, workers, and what keeping every run costs."""
    from tempfile import TemporaryDirectory

    from stepbench.study.batch import batch, perform

    folder = TemporaryDirectory()
    number = iter(range(10**9))
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def path():
        return f"{folder.name}/{next(number)}.db"

    def shell(*arguments, **more):
        quiet = {"env": env | more, "check": True, "stdout": subprocess.DEVNULL, "cwd": folder.name}
        return lambda: subprocess.run([sys.executable, *arguments], **quiet)

    def program(text):
        return lambda: shell("-m", "stepbench", *text.split(), "--study", path())()

    lrs = ["lr=1e-5:1:1000:log"]
    sweep = program(f"sweep rosenbrock --method adam --over {lrs[0]} --budget 1000")
    if importlib.util.find_spec("optax"):
        add(
            table,
            "sweep: 1,000 lr x 1,000 steps, from the shell",
            "optax vmap script, cold",
            Race(sweep, shell("-c", OPTAX_SWEEP + "table()"), repeats),
            1.0,
        )
        cached = shell(
            "-c",
            OPTAX_SWEEP + "table()",
            JAX_COMPILATION_CACHE_DIR=f"{folder.name}/jax",
            JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
            JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
        )
        cached()
        add(table, "the same", "optax vmap script, compiled before", Race(sweep, cached, repeats), 3.0)
        script = {}
        exec(OPTAX_SWEEP, script)

        def warm():
            script["table"]()

        def ours():
            stepbench.sweep("rosenbrock", "adam", lrs, budget=1000, study=path())

        warm(), ours()
        add(table, "the same, without starting", "optax, compiled", Race(ours, warm, repeats), 3.0)

    def take(what, goal, work):
        """A row of our own time alone, in seconds."""
        seconds = [clock(work) for _ in range(repeats)]
        met = "yes" if median(seconds) <= goal else "no"
        spread = f"{min(seconds):.2f}..{max(seconds):.2f}"
        table.add_row(what, "", f"{median(seconds):.2f}", "", "", spread, f"{goal:g} s", met)

    gd = "map rosenbrock --method gd --points 300 --budget 500"
    take("map of 300 x 300 starts x 500 steps, from the shell, 2 workers", 5, program(f"{gd} --workers 2"))
    take("the same in one process", 5, program(gd))
    problems = [*catalog.suite("mgh"), *catalog.suite("gallery")[:19]]
    named = " ".join(f"--problem {name}" for name in problems)
    take(
        f"profile of {len(problems)} problems x 2 methods, from the shell, 2 workers",
        5,
        program(f"profile gd adam {named} --workers 2"),
    )
    take("the same in one process", 5, program(f"profile gd adam {named}"))

    heavy = ["lr=1e-5:1:400:log", "seed=0:40"]

    def busy(workers):
        with stepbench.Study(path(), workers=workers) as study:
            stepbench.sweep("linear-regression:batch=10", "adam", heavy, budget=2000, study=study)

    add(
        table,
        "sweep: 16,000 runs x 2,000 steps, 2 workers",
        "1 worker",
        Race(lambda: busy(2), lambda: busy(1), repeats),
        1 / 1.8,
    )

    many = np.geomspace(1e-5, 1, 10_000)
    whole = batch(stepbench.problem("rosenbrock"), stepbench.method("adam"), values={"lr": many}, target=1e-6)
    pieces = [whole.work.part(range(at, at + 1000)) for at in range(0, 10_000, 1000)]

    def kept():
        with stepbench.Study(path()) as study:
            study.outcomes([whole])

    def bare():
        for piece in pieces:
            perform(piece)

    add(table, "10,000 runs x 10,000 steps, each kept in a file", "the runs alone", Race(kept, bare, repeats), 1.05)


def networks(table, repeats):
    """A sweep of a network's learning rate in lock-step, against one run after the other."""
    if not importlib.util.find_spec("torch"):
        return
    rates = np.geomspace(1e-3, 1, 60)
    for method in ("gd", "adam", "rdbd"):

        def together(method=method):
            return stepbench.sweep("digits-mlp", method, {"lr": rates}, budget=267).ends.f[0]

        def sequential(method=method):
            runs = [stepbench.method(method, lr=lr) for lr in rates]
            return np.array([run_quietly("digits-mlp", one, budget=267, target=0.1, trace=False).f[-1] for one in runs])

        if (together() != sequential()).any():
            raise SystemExit(f"{method}: a run in lock-step has other bits than alone")
        what = f"digits-mlp, {method}: 60 lr x 3 epochs"
        add(table, what, "one run after the other", Race(together, sequential, repeats), 0.5)

    import torch

    problem = stepbench.problem("digits-mlp")

    def by_hand():
        """Each run as one writes it in torch, looking at all examples as often."""
        loss = torch.nn.functional.cross_entropy
        train, labels, tests, test_labels = problem.data
        ends = []
        for lr in rates:
            module = problem.trained(problem.start(0))
            optimizer = torch.optim.SGD(module.parameters(), lr=float(lr))
            for step in range(1, 268):
                sample = problem.draw(0, step, None)
                optimizer.zero_grad()
                loss(module(sample.inputs), sample.targets).backward()
                optimizer.step()
                if step % problem.every == 0 or step == 267:
                    optimizer.zero_grad()
                    value = loss(module(train), labels)
                    value.backward()
                    torch.cat([p.grad.reshape(-1) for p in module.parameters()]).norm()
                    with torch.no_grad():
                        (module(tests).argmax(1) == test_labels).float().mean()
            ends.append(float(value.detach()))
        return np.array(ends)

    def together():
        return stepbench.sweep("digits-mlp", "gd", {"lr": rates}, budget=267, target=0.0).ends.f[0]

    with problem.at_work():
        if not np.allclose(together()[:30], by_hand()[:30], rtol=1e-3):  # larger rates amplify what is rounded
            raise SystemExit("gd: a run in lock-step ends elsewhere than torch's own loop")
        add(
            table,
            "digits-mlp, gd: 60 lr x 3 epochs",
            "a loop of torch.optim.SGD each",
            Race(together, by_hand, repeats),
            0.5,
        )


def seeing(table, repeats):
    """A film, a page and a redraw of the explorer, against the runs that they show or one figure of them."""
    if not importlib.util.find_spec("panel"):
        print("panel is not installed: the rows of pages are left out")
        return
    from stepbench.web import state as states
    from stepbench.web.explore import Explorer
    from stepbench.web.html import page

    race = stepbench.compare("rosenbrock", ["gd", "csawg:K=2", "adam:lr=0.01"], budget=2000)
    with tempfile.TemporaryDirectory() as folder:

        def figure():
            race.figure().savefig(f"{folder}/race.png")

        film = Race(lambda: race.animate(f"{folder}/race.gif"), figure, repeats)
        add(table, "GIF of 3 runs x 2,000 steps", "one figure", film)
        add(table, "HTML page of the same", "one figure", Race(lambda: page(race.results, ""), figure, repeats))
    explorer, rates = Explorer(), iter(np.geomspace(1e-4, 1e-3, 10 * repeats + 10).tolist())

    def at(rate):
        return explorer.state.having(methods=tuple(stepbench.method(name, lr=rate) for name in ("gd", "csawg")))

    redraw = Race(lambda: explorer.show(at(next(rates))), lambda: states.run(at(next(rates))), repeats)
    add(table, "explorer, redraw of 2 runs x 1,000", "the runs alone", redraw)


def add(table, what, against, race, goal=None):
    """One row."""
    table.add_row(
        what,
        against,
        f"{race.ours:.3f}",
        f"{race.theirs:.3f}",
        f"{race.ratio:#.3g}",
        f"{race.least:#.3g}..{race.most:#.3g}",
        "" if goal is None else f"{goal:g}",
        "" if goal is None else "yes" if race.ratio <= goal else "no",
    )


def cpu():
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    """Run the races and print the table."""
    parts = {"startup": startup, "single": single, "batch": batches, "suites": suites, "studies": studies}
    parts |= {"networks": networks, "seeing": seeing}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7, help="pairs timed a row (start-up: three times as many)")
    parser.add_argument("--only", choices=parts, help="one part of the table")
    options = parser.parse_args()

    print(f"{date.today()}, {cpu()} ({os.cpu_count()} cores), {platform.system()}")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, stepbench {stepbench.__version__}")
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("stepbench", no_wrap=True)
    table.add_column("against", no_wrap=True)
    for heading in ("seconds", "theirs", "ratio", "range", "goal", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, part in parts.items():
        if options.only in (None, name):
            part(table, options.repeats * (3 if name == "startup" else 1))
    if options.only in (None, "batch", "studies", "networks"):
        for library in ("torch", "optax"):
            if not importlib.util.find_spec(library):
                print(f"{library} is not installed: its rows are left out")
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
