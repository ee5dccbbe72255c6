"""Whole studies: from the shell to the table, maps, profiles, workers, and what keeping every run costs."""

import importlib.util
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import stepbench
from benchmarks.races import Race, add, add_alone, python
from stepbench import catalog
from stepbench.options import RunOptions
from stepbench.study.batch import batch, perform


def studies(table, repeats):
    with TemporaryDirectory() as folder:
        files = Files(folder)
        if importlib.util.find_spec("optax"):
            sweep_against_optax(table, repeats, files)
        maps_and_profiles(table, repeats, files)
        two_workers(table, repeats, files)
        keeping(table, repeats, files)


class Files:
    """The files of the studies. Each study begins with a new file: in an old one its runs would be made already."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = count()

    def new(self):
        return f"{self.folder}/{next(self.numbers)}.db"

    def command(self, text):
        """Work for a command of stepbench, from the shell."""
        return lambda: python("-m", "stepbench", *text.split(), "--study", self.new(), cwd=self.folder)()


def sweep_against_optax(table, repeats, files):
    lrs = "lr=1e-5:1:1000:log"
    script = str(Path(__file__).with_name("optax_sweep.py"))
    from_shell = files.command(f"sweep rosenbrock --method adam --over {lrs} --budget 1000")
    cold = python(script, cwd=files.folder)
    what = "sweep: 1,000 lr x 1,000 steps, from the shell"
    add(table, what, "optax vmap script, cold", Race(from_shell, cold, repeats), 1.0)

    cached = python(
        script,
        cwd=files.folder,
        JAX_COMPILATION_CACHE_DIR=f"{files.folder}/jax",
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
    )
    cached()  # the first start compiles
    add(table, "the same", "optax vmap script, compiled before", Race(from_shell, cached, repeats), 3.0)

    from benchmarks import optax_sweep

    def ours():
        stepbench.sweep("rosenbrock", "adam", [lrs], budget=1000, study=files.new())

    optax_sweep.table()  # compiles
    ours()
    add(table, "the same, without starting", "optax, compiled", Race(ours, optax_sweep.table, repeats), 3.0)


def maps_and_profiles(table, repeats, files):
    """What a command takes from the shell, in seconds: there is no rival to race against."""
    starts = "map rosenbrock --method gd --points 300 --budget 500"
    what = "map of 300 x 300 starts x 500 steps, from the shell, 2 workers"
    add_alone(table, what, files.command(f"{starts} --workers 2"), repeats, 5)
    add_alone(table, "the same in one process", files.command(starts), repeats, 5)

    problems = [*catalog.suite("mgh"), *catalog.suite("gallery")[:19]]
    profile = " ".join(["profile gd adam", *(f"--problem {name}" for name in problems)])
    what = f"profile of {len(problems)} problems x 2 methods, from the shell, 2 workers"
    add_alone(table, what, files.command(f"{profile} --workers 2"), repeats, 5)
    add_alone(table, "the same in one process", files.command(profile), repeats, 5)


def two_workers(table, repeats, files):
    over = ["lr=1e-5:1:400:log", "seed=0:40"]

    def work(workers):
        with stepbench.Study(files.new(), workers=workers) as study:
            stepbench.sweep("linear-regression:batch=10", "adam", over, budget=2000, study=study)

    race = Race(lambda: work(2), lambda: work(1), repeats)
    add(table, "sweep: 16,000 runs x 2,000 steps, 2 workers", "1 worker", race, 1 / 1.8)


def keeping(table, repeats, files):
    """Runs that are kept in a file, against the same runs made in the same pieces and thrown away."""
    rates = np.geomspace(1e-5, 1, 10_000)
    problem, method = stepbench.problem("rosenbrock"), stepbench.method("adam")
    whole = batch(problem, method, RunOptions(target=1e-6), values={"lr": rates})
    pieces = [whole.work.part(range(at, at + 1000)) for at in range(0, 10_000, 1000)]

    def kept():
        with stepbench.Study(files.new()) as study:
            study.outcomes([whole])

    def bare():
        for piece in pieces:
            perform(piece)

    what = "10,000 runs x 10,000 steps, each kept in a file"
    add(table, what, "the runs alone", Race(kept, bare, repeats), 1.05)
