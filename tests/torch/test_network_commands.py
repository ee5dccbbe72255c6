"""Networks on the command line, in tables and in files."""

import json
from pathlib import Path

import numpy as np
import pytest

import stepbench
from tests.engine.stopping import assert_same

pytest.importorskip("torch")

from tests.torch.small_networks import TINY


@pytest.mark.slow
def test_the_commands_of_the_readme(stepbench_cli):
    code, out, err = stepbench_cli(
        "run", "digits-mlp", "--method", "rdbd", "--lr", "0.005", "--eta", "0.01", "--batch", "16", "--epochs", "1",
        "--plot", "digits.png", "--csv", "digits.csv",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "training loss" in out
    assert "test accuracy" in out
    assert "ms per step" in out
    rows = Path("digits.csv").read_text().splitlines()
    assert rows[0].startswith("method,iteration,gradient_evaluations,function_evaluations,f,error")
    assert "accuracy" in rows[0]
    assert rows[0].endswith("step_size_6")
    assert rows[-1].split(",")[1] == "89"
    code, out, err = stepbench_cli(
        "compare", "digits-mlp", "sgd", "rdbd", "adam+rdbd", "--epochs", "1", "--plot", "c.png"
    )
    assert (code, err) == (0, "")
    assert "looked at after every 18 steps" in out
    assert {path.name for path in Path().glob("*.png")} == {"digits.png", "c.png"}


def test_json_tells_of_networks(stepbench_cli):
    code, out, _ = stepbench_cli("run", TINY, "--steps", "20", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["problem"].startswith("networks/digits-mlp:batch=16,weight_decay=0,device=cpu,threads=1,looks=5,")
    assert told["accuracy"] > 0
    assert told["seconds_per_step"] > 0
    assert told["w"] is None
    assert told["iterations"] == 20


def test_a_sweep_of_the_command_line(stepbench_cli):
    command = ("sweep", TINY, "--method", "adam", "--over", "lr=1e-3:1:4:log", "--epochs", "1", "--batch", "32")
    code, out, err = stepbench_cli(*command)
    assert (code, err) == (0, "")
    assert "error ≤ 0.1 · 44 evaluations" in out
    assert "4 runs made" in out
    assert "4 were there" in stepbench_cli(*command)[1]
    assert stepbench_cli("study", "export", "study.db", "--csv", "runs.csv")[0] == 0
    assert "accuracy" in Path("runs.csv").read_text().splitlines()[0]


def test_a_batch_option_needs_a_problem_that_has_one(stepbench_cli):
    code, _, err = stepbench_cli("run", "rosenbrock", "--batch", "3")
    assert (code, err) == (2, "stepbench: --batch: rosenbrock has none: leave it out\n")
    code, _, err = stepbench_cli("run", "digits-mlp", "--data", "nowhere")
    assert (code, err) == (2, "stepbench: --data nowhere is no folder: make it, or give --download too\n")


def test_results_of_networks_are_kept_in_files():
    r = stepbench.run(TINY, "rdbd", steps=20)
    r.save("r.npz")
    again = stepbench.load("r.npz")
    assert_same(again, r)
    np.testing.assert_array_equal(again.elapsed, r.elapsed)
    again.figure()


@pytest.mark.parametrize("every", [1, 5])
def test_the_seconds_of_training_are_told_and_looking_is_not_among_them(every):
    r = stepbench.run(TINY, "gd", steps=20, every=every)
    assert (np.diff(r.elapsed) > 0).all()
    assert r.elapsed[-1] < r.seconds


@pytest.mark.slow
def test_new_writes_a_network_that_runs(stepbench_cli):
    code, out, err = stepbench_cli("new", "network", "my-net")
    assert (code, err) == (0, "")
    assert "stepbench run ./my_net.py --method adam --epochs 20 --plot my_net.png" in out
    assert stepbench_cli("check", "./my_net.py")[0] == 0
    code, out, err = stepbench_cli("run", "./my_net.py", "--method", "adam", "--lr", "0.01", "--epochs", "20")
    assert (code, err) == (0, "")
    assert stepbench.run("./my_net.py", "adam:lr=0.01", epochs=20).accuracy[-1] > 0.97


def test_epochs_mean_the_same_for_every_setting_or_are_refused(stepbench_cli):
    command = (
        "sweep",
        TINY,
        "--method",
        "adam",
        "--over",
        "lr=1e-3,1e-2",
        "--over",
        "problem.batch=8,16",
        "--epochs",
        "1",
    )
    code, _, err = stepbench_cli(*command)
    assert (code, err) == (2, "stepbench: --epochs: problem.batch changes the steps of an epoch: give --budget\n")
    code, _, err = stepbench_cli(*command[:-2], "--batch", "4", "--budget", "9")
    assert (code, err) == (2, "stepbench: --batch: it is varied by --over problem.batch: leave one of them out\n")
    assert stepbench_cli(*command[:-2], "--budget", "9")[0] == 0
