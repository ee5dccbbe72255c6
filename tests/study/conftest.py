"""Processes that are started and killed, and a Dask cluster of two workers."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from tests.waiting import PATIENCE, wait_until

MARK = "STEPBENCH_TEST_OF_STUDIES"


class Started:
    """Processes of one test, in groups of their own; they and their children bear a mark in their environment."""

    def __init__(self):
        self.mark = uuid.uuid4().hex
        self.processes = []

    def __call__(self, *args, **options):
        n = len(self.processes)
        env = {**os.environ, MARK: self.mark, "COLUMNS": "120"}
        with Path(f"{n}.out").open("wb") as out, Path(f"{n}.err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, *map(str, args)], stdout=out, stderr=err, env=env, start_new_session=True, **options
            )
        process.err = Path(f"{n}.err").absolute()
        self.processes.append(process)
        return process

    def alive(self):
        """Every process that bears the mark, whoever is its parent now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def all_end(self):
        """Return when none of them is left; raises AssertionError where one stays."""
        wait_until(lambda: not self.alive())


@pytest.fixture
def started():
    """Start Python with some arguments; whatever is left of it at the end of the test is killed."""
    own = Started()
    yield own
    for process in own.alive():
        process.kill()
    for process in own.processes:
        process.wait(PATIENCE)


@pytest.fixture
def cluster(started, tmp_path):
    """A Dask scheduler with two workers, which work in a folder of their own: its address and its process."""
    there, elsewhere = tmp_path / "scheduler.json", tmp_path / "elsewhere"
    elsewhere.mkdir()
    common = ("--dashboard-address", "127.0.0.1:0", "--scheduler-file", there)
    scheduler = started(
        "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common, cwd=elsewhere
    )
    workers = [
        started(
            "-m",
            "distributed.cli.dask_worker",
            "--nthreads",
            "1",
            "--no-nanny",
            "--local-directory",
            elsewhere,
            *common,
            cwd=elsewhere,
        )
        for _ in range(2)
    ]
    wait_until(lambda: there.exists() and there.read_text().strip())
    wait_until(lambda: all("Registered to" in worker.err.read_text() for worker in workers))
    return json.loads(there.read_text())["address"], scheduler
