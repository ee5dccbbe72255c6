"""A run has the same bits wherever it is made: in this process, in workers, or on Dask."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy

import stepbench
from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.options import RunOptions
from stepbench.study import executors
from stepbench.study.batch import batch, perform
from stepbench.study.runs import PLACES
from tests.study.kept import SWEEP, bits, content, wait_for_runs
from tests.study.own_files import RULE
from tests.waiting import PATIENCE, wait_until


def alike(one, other):
    """Whether outcomes are the same to the last bit."""
    return all(
        a.tobytes() == b.tobytes() if a.dtype == float else a.tolist() == b.tolist()
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.slow
def test_one_worker_two_workers_and_dask_give_the_same_bits(cluster):
    """The runs are planned with the rule's file, which is then changed and removed: what travels is its content."""
    address, _ = cluster
    mine = Path("mine.py")
    mine.write_text(RULE.replace("FACTOR", "0.99"))
    plan = []
    for name in ("gd", "adam", "adam+./mine.py", "./mine.py:keep=0.9", "csawg:K=2", "scipy:bfgs"):
        for problem in ("rosenbrock", "linear-regression:batch=10", "easom"):
            if name == "scipy:bfgs":
                values, start = None, None
                if "batch" in problem:
                    continue
            else:
                values, start = {"lr": np.geomspace(1e-4, 10, 6)}, None
            if problem == "easom":
                start = np.linspace(-9, 9, 12).reshape(2, 6) if values else [9.0, -9.0]
            noise = 0.0 if name == "scipy:bfgs" else 0.01
            options = RunOptions(budget=150, target=0.01, start=start, seed=3, noise=noise)
            plan.append(batch(catalog.problem(problem), catalog.method(name), options, values=values))
    with stepbench.Study("one.db") as study:
        expected = study.outcomes(plan)
    kinds = {status for own in expected for status in own.status}
    assert {"converged", "budget", "diverged"} <= kinds
    assert sum(len(own.status) for own in expected) == 92

    where = {"two": {"workers": 2}, "dask": {"scheduler": address}}
    for name, how in where.items():
        if name == "two":
            mine.write_text("raise RuntimeError('this is another file')")
        else:
            mine.unlink()
        with stepbench.Study(f"{name}.db", **how) as study:
            assert all(map(alike, study.outcomes(plan), expected)), name
            assert (study.made, study.reused) == (92, 0)
        assert content(f"{name}.db") == content("one.db")


def test_a_file_that_is_on_no_disk_is_run_from_what_was_sent():
    Path("mine.py").write_text(RULE.replace("FACTOR", "0.5"))
    problem, method = catalog.problem("rosenbrock"), catalog.method("adam+./mine.py")
    made = batch(problem, method, RunOptions(budget=40), values={"lr": [1e-3, 1e-2]})
    here, nowhere = str(Path("mine.py").absolute()), "/nowhere/at all/my+rule.py"
    assert [*made.work.files] == [here]
    sent = replace(
        made.work,
        method=made.work.method.replace(here, nowhere),
        files={nowhere: made.work.files[here].replace(b"0.5", b"0.25")},
    )
    sent = replace(sent, method=sent.method.replace("keep=0.5", "keep=0.25"))
    ends = perform(sent)
    alone = [run_quietly("rosenbrock", f"adam+./mine.py:lr={lr},keep=0.25", budget=40) for lr in (1e-3, 1e-2)]
    for r, result in enumerate(alone):
        steps, f = ends.numbers[r, [PLACES["steps"], PLACES["f"]]]
        assert (ends.status[r], steps, f) == (result.status, result.steps, result.f[-1])
        assert bits(ends.point[r]) == bits(result.x[-1])
    with pytest.raises(stepbench.InputError):
        stepbench.method(f"adam+{nowhere}")


def test_a_run_that_fails_says_the_same_wherever_its_worker_stands(monkeypatch):
    Path("nowhere.py").write_text(
        "from stepbench import Problem\n\n\nclass Nowhere(Problem):\n    x0 = (1.0, 2.0)\n\n"
        "    def f(self, x):\n        return (x**0.5).sum(0)\n\n    def grad(self, x):\n        return 0.5 / x**0.5\n"
    )
    options = RunOptions(budget=3, start=[[1.0, -1.0], [1.0, 1.0]])
    made = batch(catalog.problem("./nowhere.py"), catalog.method("gd"), options)
    here = perform(made.work)
    assert here.status.tolist() == ["budget", "failed"]
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert alike(perform(made.work), here)


def test_a_worker_of_another_version_refuses_the_work():
    made = batch(catalog.problem("quadratic"), catalog.method("gd"), RunOptions(budget=5))
    with pytest.raises(stepbench.InputError, match=r"a worker has stepbench .* and this study 9\.9: install the same"):
        perform(replace(made.work, version="9.9"))


@pytest.mark.slow
def test_a_scheduler_that_dies_ends_the_sweep_with_a_line_and_not_never(started, cluster):
    address, scheduler = cluster
    options = ("--noise", "0.1", "--budget", "5000", "--target", "0", "--study", "s.db", "--scheduler", address)
    process = started(*SWEEP, "--over", "seed=0:60", *options)
    wait_for_runs(process, "s.db")
    kept = len(content("s.db")["runs"])
    assert 0 < kept < 1200
    scheduler.kill()
    assert process.wait(PATIENCE) == 2
    assert process.err.read_text().splitlines()[-1].startswith("stepbench: ")  # after what Dask logs
    assert len(content("s.db")["runs"]) >= kept


OTHER_WORKERS = (
    ("scipy", "__version__ = '1.0'", f"has scipy 1.0, and this study {scipy.__version__}: install the same"),
    ("stepbench", "raise ModuleNotFoundError(name='stepbench')", "cannot import stepbench: install stepbench "),
    ("stepbench", "raise RuntimeError('it is\\nbroken')", "RuntimeError: it is broken): install stepbench "),
)
"""A module that stands in the worker's folder, where it is found first, and what is told of such a worker."""


@pytest.fixture
def another_worker(started, cluster):
    """Join a worker to the cluster, in whose folder such a module lies."""
    address, _ = cluster

    def join(module, text):
        folder = Path(f"{module} of {len(started.processes)}").absolute()
        folder.mkdir()
        (folder / f"{module}.py").write_text(text)
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", ".", address)
        worker = started("-m", "distributed.cli.dask_worker", *options, cwd=folder)
        wait_until(lambda: "Registered to" in worker.err.read_text())
        return worker

    return join


@pytest.mark.slow
def test_a_worker_without_stepbench_or_with_another_version_is_named_before_work_is_sent(cluster, another_worker):
    address, _ = cluster
    for module, text, told in OTHER_WORKERS:
        worker = another_worker(module, text)
        with stepbench.Study("s.db", scheduler=address) as study:
            with pytest.raises(stepbench.InputError, match=r"^the worker tcp://") as refused:
                stepbench.sweep("quadratic", "gd", ["lr=1e-3,1e-2"], budget=20, study=study)
            assert told in str(refused.value)
        assert content("s.db")["runs"] == []
        worker.terminate()
        worker.wait(PATIENCE)


@pytest.mark.slow
@pytest.mark.parametrize(("module", "text", "told"), OTHER_WORKERS)
def test_such_a_worker_that_joins_later_ends_the_study_with_a_line_and_its_runs_have_not_failed(
    started, cluster, another_worker, module, text, told
):
    address, _ = cluster
    workers = started.processes[1:]

    def replace_workers(*_):
        if not workers:
            return
        another_worker(module, text)
        while workers:
            workers.pop().kill()

    with stepbench.Study("s.db", scheduler=address, progress=replace_workers) as study:
        with pytest.raises(stepbench.InputError, match=r"^a worker .* \d+ of 30 runs are kept$") as refused:
            stepbench.sweep("quadratic", "gd", ["seed=0:30"], budget=20, noise=0.1, study=study)
        assert told in str(refused.value)
    kept = stepbench.Study("s.db").store.statuses()
    assert {status for _, status, _ in kept} == {"budget"}


@pytest.mark.slow
def test_a_cluster_that_has_lost_all_its_workers_is_given_up(started, cluster, monkeypatch):
    address, _ = cluster
    monkeypatch.setattr(executors, "RETURN", 1)
    with executors.opened(1, address) as workplace:
        assert not workplace.gone()
        for worker in started.processes[1:]:
            worker.kill()
        wait_until(workplace.gone)
