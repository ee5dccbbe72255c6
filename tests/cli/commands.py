"""Commands whose runs are kept in a study, and what several tests read off their output."""

import csv
import io
import json
import math
from pathlib import Path

INF = math.inf
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF"}
RATES = "lr=0.02,0.05,0.075,0.15,0.19,0.25,0.3"
SWEEP = ("sweep", "quadratic:kappa=10", "-m", "gd", "-m", "momentum:p=0.5", "--over", RATES, "--budget", "1000")
TUNE = ("tune", "quadratic:kappa=30", "gd", "momentum", "polyak", "--trials", "6", "--cases", "3", "--budget", "200")
PROFILE = ("profile", "gd:lr=0.01", "adam:lr=0.1", "scipy:nelder-mead", "--budget", "200")
PROFILE += ("--problem", "quadratic:kappa=10", "--problem", "rosenbrock", "--problem", "mccormick")
MAP = ("map", "himmelblau", "-m", "gd:lr=0.01", "-m", "adam:lr=0.1", "--points", "7", "--budget", "120")


def strict(text):
    """JSON without NaN or Infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def row_of(out, label):
    """The cells of a table's row."""
    [line] = [line for line in out.splitlines() if line.startswith(f" {label} ")]
    return line.split()


def exported(cli, study="study.db"):
    assert cli("study", "export", study, "--csv", "rows.csv")[0] == 0
    return list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))


def finite(costs):
    return [None if cost == INF else cost for cost in costs]
