"""Damaged files: flipped bits, changed bytes, runs of zeros and truncations never give another number in silence.

``python -m tests.attacks.damage`` damages a study, a checkpoint and a saved result in many ways, and counts what came of
it: the same numbers, a refusal in one line, or, where something was refused, all numbers again after a repair. Other
numbers and tracebacks are failures.
"""

from __future__ import annotations

import os
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

BAD = ("other numbers", "traceback", "not one line")


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

    def make(self):
        self.use(self.name)
        return self.told(self.name)

    def use(self, path):
        """What the commands that make the runs have to say, and how many they made."""
        with stepbench.Study(path, traces=True) as study:
            traced = stepbench.sweep(
                "quadratic", "adam", {"lr": [1e-3, 1e-2], "w1": [1.0, -2.0]}, budget=9, study=study
            )
        with stepbench.Study(path) as study:
            plain = stepbench.sweep(
                "rosenbrock", ["gd", "momentum"], {"lr": [1e-4, 1e-3, 1e9], "seed": range(8)}, budget=20, study=study
            )
            made = study.made
        numbers = [
            [values.tobytes() for values in (of.ends.status, of.ends.point, *of.ends.numbers.values())]
            for of in (traced, plain)
        ]
        return numbers, made

    def told(self, path):
        """What show and export tell."""
        with Store(path, new=False) as store:
            return sorted(store.statuses()), repr([*stored_runs(store)]), dict(store.traces())

    def judge(self, damaged, truth):
        """What came of a damaged study, in words."""
        used, refused = [], False
        for read in (lambda path: self.use(path)[0], self.told, self.merged):
            shutil.copyfile(damaged, "d.db")
            try:
                used.append(read("d.db"))
            except InputError as error:
                refused |= one_line(error)
                used.append(None)
        if any(found not in (None, right) for found, right in zip(used, truth["read"], strict=True)):
            return "other numbers"
        if not refused:
            return "the same numbers"
        before = damaged.read_bytes()
        Path("new.db").unlink(missing_ok=True)
        try:
            if not damage_of(damaged):
                return "other numbers"  # something was refused, and yet all is said to be well
            repair(damaged, Path("new.db"))
        except InputError as error:
            one_line(error)
            return "refused in one line"
        finally:
            assert damaged.read_bytes() == before
        if self.use("new.db")[0] != truth["read"][0] or self.told("new.db") != truth["read"][1]:
            return "other numbers"
        return "repaired"

    def merged(self, path):
        """What is told of a study into which this one was merged."""
        Path("merged.db").unlink(missing_ok=True)
        with Store(path, new=False) as source, Store("merged.db") as store:
            store.merge(source)
        return self.told("merged.db")

    def truth(self):
        numbers, _ = self.use(self.name)
        return {"read": [numbers, self.told(self.name), self.merged(self.name)]}


class Checkpoint:
    """A run that goes on from the file in which it was kept."""

    name = "run.npz"

    def run(self, path):
        result = stepbench.run("rosenbrock", "adam+rdbd", budget=30, checkpoint=path)
        return [getattr(result, name).tobytes() for name in ("x", "f", "gradient_norm", "evals", "step_size")]

    def truth(self):
        Path(self.name).unlink(missing_ok=True)
        return self.run(self.name)

    def judge(self, damaged, truth):
        shutil.copyfile(damaged, "d.npz")
        try:
            found = self.run("d.npz")
        except InputError as error:
            one_line(error)
            return "refused in one line"
        return "the same numbers" if found == truth else "other numbers"


class Saved:
    """A result that was saved, read again."""

    name = "saved.npz"

    def read(self, path):
        result = stepbench.load(path)
        return repr({key: getattr(value, "tolist", lambda v=value: v)() for key, value in vars(result).items()})

    def truth(self):
        stepbench.run("rosenbrock", "adam+rdbd", budget=30).save(self.name)
        return self.read(self.name)

    judge = Checkpoint.judge
    run = read


def one_line(error):
    """Whether an error is one line, with the file's name; raises AssertionError otherwise."""
    assert "\n" not in str(error).strip(), str(error)
    assert str(error)
    return True


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
