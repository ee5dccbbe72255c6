"""A method from which a line is missing is found out."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from stepbench.reproduce.verdicts import NOT
from tests import ROOT
from tests.every_method import sampled
from tests.reproduce.claims import recorded

MUTATIONS = {
    "csawg/figure-7-zero": ("methods/csawg.py", "g_s * (w_s - w_sK)", "g_s * (w_s - w_s)"),
    "rdbd/regret-in-mini-batches": ("stepsizes/rdbd.py", "where(h * s.h < 0, self.eta * s.h, 0.0)", "0.0 * h"),
    "tlr/newton-step": (
        "stepsizes/tlr.py",
        "minimum(1 + self.gamma * ratio(c, maximum(curvature, 0.0)), 100.0)",
        "1.0",
    ),
    "adaloss/corollary-1-linear-from-any-b0": ("stepsizes/adaloss.py", "b = s.b + self.a * abs(f - self.c)", "b = s.b"),
    "adam-exact/heuristic-step": ("stepsizes/exact.py", "K = maximum(K, sqrt(dot(v, v)))", "K = K"),
}


@pytest.mark.parametrize("name", sampled(MUTATIONS, 5))
def test_without_its_key_line_a_method_is_not_reproduced(name, tmp_path):
    file, line, without = MUTATIONS[name]
    for folder in ("stepbench", "problems"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    source = (tmp_path / "stepbench" / file).read_text("utf-8")
    assert source.count(line) == 1
    (tmp_path / "stepbench" / file).write_text(source.replace(line, without), "utf-8")
    command = [sys.executable, "-m", "stepbench", "reproduce", name, "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    assert found["verdict"] == NOT
    assert recorded()[name] != NOT
