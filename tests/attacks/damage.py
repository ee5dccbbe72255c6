"""Damaged files: flipped bits, changed bytes, runs of zeros and truncations never give another number in silence.

``python -m tests.attacks.damage`` damages a study, a checkpoint and a saved result in many ways, and counts what came
of it: the same numbers, a refusal in one line, or, where something was refused, all numbers again after a repair. Other
numbers and tracebacks are failures. Two numbers may follow: how often each file is damaged in each way, and a seed.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from contextlib import chdir
from pathlib import Path

import stepbench
from stepbench.fields import InputError
from stepbench.report.records import stored_runs
from stepbench.study.repair import damage_of, repair
from stepbench.study.store import Store

BAD = ("other numbers", "traceback")


def flipped(data, rng):
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def changed(data, rng):
    at = rng.randrange(len(data))
    data[at] = (data[at] + rng.randrange(1, 256)) % 256


def zeroed(data, rng):
    at = rng.choice([k for k in range(0, len(data) - 16, 16) if any(data[k : k + 16])])
    data[at : at + 16] = bytes(16)


def truncated(data, rng):
    del data[rng.randrange(1, len(data)) :]


KINDS = {"bit flipped": flipped, "byte changed": changed, "16 zeros": zeroed, "truncated": truncated}


class Study:
    """A study of three settings, one of which has traces."""

    name = "study.db"

    def truth(self):
        return self.swept(self.name), self.told(self.name), self.merged(self.name)

    def judge(self, damaged, truth):
        refused = False
        for read, right in zip((self.swept, self.told, self.merged), truth, strict=True):
            shutil.copyfile(damaged, "d.db")
            try:
                if read("d.db") != right:
                    return "other numbers"
            except InputError as error:
                check_line(error)
                refused = True
        return self.judge_repair(damaged, truth) if refused else "the same numbers"

    def judge_repair(self, damaged, truth):
        before = damaged.read_bytes()
        Path("new.db").unlink(missing_ok=True)
        try:
            if not damage_of(damaged):
                return "other numbers"  # something was refused, and yet all is said to be well
            repair(damaged, Path("new.db"))
        except InputError as error:
            check_line(error)
            return "refused in one line"
        finally:
            assert damaged.read_bytes() == before
        missing = RUNS - self.complete("new.db")
        again = self.swept("new.db"), self.told("new.db"), self.merged("new.db")
        return "repaired" if again == truth and self.made == missing else "other numbers"

    def swept(self, path):
        """What the commands that make the runs have to say."""
        grids = {"lr": [1e-3, 1e-2], "w1": [1.0, -2.0]}, {"lr": [1e-4, 1e-3, 1e9], "seed": range(8)}
        with stepbench.Study(path, traces=True) as study:
            traced = stepbench.sweep("quadratic", "adam", grids[0], budget=9, study=study)
            self.made = study.made
        with stepbench.Study(path) as study:
            plain = stepbench.sweep("rosenbrock", ["gd", "momentum"], grids[1], budget=20, study=study)
            self.made += study.made
        ends = [found.ends for found in (traced, plain)]
        return [[array.tobytes() for array in (of.status, of.point, *of.numbers.values())] for of in ends]

    def told(self, path):
        """What show and export tell."""
        with Store(path, new=False) as store:
            return sorted(store.statuses()), repr([*stored_runs(store)]), dict(store.traces())

    def complete(self, path):
        """How many runs are there, with the traces that they had."""
        with Store(path) as store:
            return sum(row["method"] != "adam" for row in stored_runs(store)) + len([*store.traces()])

    def merged(self, path):
        """What is told of a study into which this one was merged."""
        Path("merged.db").unlink(missing_ok=True)
        with Store(path, new=False) as source, Store("merged.db") as store:
            store.merge(source)
        return self.told("merged.db")


RUNS = 4 + 48


class Archive:
    """A file that is there as a whole or not at all."""

    def judge(self, damaged, truth):
        shutil.copyfile(damaged, "d.npz")
        try:
            return "the same numbers" if self.read("d.npz") == truth else "other numbers"
        except InputError as error:
            check_line(error)
            return "refused in one line"


class Checkpoint(Archive):
    """A run that goes on from the file in which it was kept."""

    name = "run.npz"

    def truth(self):
        return self.read(self.name)

    def read(self, path):
        result = stepbench.run("rosenbrock", "adam+rdbd", budget=30, checkpoint=path)
        return [getattr(result, name).tobytes() for name in ("x", "f", "gradient_norm", "evals", "step_size")]


class Saved(Archive):
    """A result that was saved, read again."""

    name = "saved.npz"

    def truth(self):
        stepbench.run("rosenbrock", "adam+rdbd", budget=30).save(self.name)
        return self.read(self.name)

    def read(self, path):
        facts = vars(stepbench.load(path))
        return repr({key: value.tolist() if hasattr(value, "tolist") else value for key, value in facts.items()})


def check_line(error):
    """Raise AssertionError where an error is not one line."""
    assert len(str(error).splitlines()) == 1, str(error)


def attack(number, seed=0, files=(Study, Checkpoint, Saved), told=lambda *_: None):
    """Damage each file so many times in each way; the counts of what came of it, by file and kind of damage."""
    counts = {}
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for make in files:
            file = make()
            truth = file.truth()
            whole = Path(file.name).read_bytes()
            for kind, damage in KINDS.items():
                rng = random.Random(f"{seed} {file.name} {kind}")
                found = counts[file.name, kind] = Counter()
                for k in range(number):
                    data = bytearray(whole)
                    damage(data, rng)
                    damaged = Path(f"damaged-{file.name}")
                    damaged.write_bytes(data)
                    try:
                        outcome = file.judge(damaged, truth)
                    except Exception:
                        outcome = "traceback"
                        told(file.name, kind, k, traceback.format_exc(limit=-3))
                    else:
                        if outcome in BAD:
                            told(file.name, kind, k, outcome)
                    found[outcome] += 1
    return counts


if __name__ == "__main__":
    counts = attack(
        int(sys.argv[1]) if len(sys.argv) > 1 else 250,
        int(sys.argv[2]) if len(sys.argv) > 2 else 0,
        told=lambda *what: print(*what, sep=", ", file=sys.stderr),
    )
    for (name, kind), found in counts.items():
        print(f"{name:10} {kind:13}", ", ".join(f"{n} {outcome}" for outcome, n in sorted(found.items())))
    sys.exit(any(found[bad] for found in counts.values() for bad in BAD))
