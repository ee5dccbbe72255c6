"""Verdicts as plain data: for other programs, and as the record beside a report, by which it is made piece by piece."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from stepbench.fields import InputError
from stepbench.reproduce.claims import Claim, Paper
from stepbench.reproduce.verdicts import NOT_HERE, WORDS, Verdict

Judged: TypeAlias = tuple[Paper, list[Verdict]]

FILE = "verdicts.json"
"""The record of a report, in the report's folder."""


def as_json(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every claim with what was measured and the commands of its runs, as plain data; what is not finite is null."""
    return [
        _entry(paper, verdict, lambda _: None) | {"commands": verdict.claim.commands(verdict.seed)}
        for paper, verdicts in judged
        for verdict in verdicts
    ]


def _entry(paper: Paper, verdict: Verdict, infinite: Callable[[float], Any]) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "claim": f"{paper.name}/{claim.name}",
        "where": claim.where,
        "says": claim.says,
        "setting": "stand-in" if claim.is_stand_in else "the paper's own",
        "verdict": verdict.word,
        "detail": verdict.detail,
        "lost": verdict.lost,
        "seeds": list(verdict.seeds),
        "numbers": {
            name: {
                "paper": claim.numbers[name].paper.says,
                "measured": [x if math.isfinite(x) else infinite(x) for x in values],
                "agrees": verdict.agrees(name),
            }
            for name, values in verdict.measured.items()
        },
        "settings": [{"what": row.what, "paper": row.paper, "here": row.here or row.paper} for row in claim.settings],
        "why": claim.why,
        "note": claim.note,
        "seconds": verdict.seconds,
        "made": verdict.made,
    }


def declaration(claim: Claim) -> str:
    """A short name of all that a verdict rests on: the runs, and the band of each number."""
    bands = [f"{name}: {number.paper}" for name, number in claim.numbers.items()]
    return hashlib.sha256("\n".join([*claim.commands(0), *bands]).encode()).hexdigest()[:12]


def write(folder: Path, judged: Sequence[Judged]) -> None:
    """Write the record of a report; what is not finite is one of the words inf, -inf and nan."""
    entries = [
        _entry(paper, verdict, str) | {"declared": declaration(verdict.claim)}
        for paper, verdicts in judged
        for verdict in verdicts
    ]
    (folder / FILE).write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The record of a report, by the claims' names, papers' included; empty where there is none.

    Raises InputError where the file is no such record.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        entries = {entry["claim"]: entry for entry in json.loads(path.read_text("utf-8"))}
        if all({"declared", *_KEPT} <= entry.keys() and entry["verdict"] in WORDS for entry in entries.values()):
            return entries
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise InputError(f"{path} is not a report's record: remove it, and the report is made anew")


_KEPT = ("verdict", "detail", "lost", "seeds", "numbers", "seconds", "made")


def completed(judged: Iterable[Judged], papers: Iterable[Paper], entries: dict[str, dict[str, Any]]) -> list[Judged]:
    """What was judged, and from the record what was judged before; every paper's claims in its own order.

    A verdict of the record stands where its claim was not judged now, or could not be, and is declared as it was.
    """
    now = {(paper.name, verdict.claim.name): verdict for paper, verdicts in judged for verdict in verdicts}
    whole = []
    for paper in papers:
        verdicts = []
        for claim in paper.claims:
            found = now.get((paper.name, claim.name))
            entry = entries.get(f"{paper.name}/{claim.name}")
            if (found is None or found.word == NOT_HERE) and entry is not None:
                before = _verdict(claim, entry)
                found = before if found is None or before.word != NOT_HERE else found
            if found is not None:
                verdicts.append(found)
        if verdicts:
            whole.append((paper, verdicts))
    return whole


def _verdict(claim: Claim, entry: dict[str, Any]) -> Verdict:
    """A verdict of the record, where it is of the claim as it is now."""
    if entry["declared"] != declaration(claim):
        return Verdict(claim, NOT_HERE, claim.missing or "It was changed after it was judged")
    if entry["verdict"] == NOT_HERE:
        return Verdict(claim, NOT_HERE, entry["detail"])
    measured = {name: [float(x) for x in number["measured"]] for name, number in entry["numbers"].items()}
    return replace(
        Verdict(claim, entry["verdict"], entry["detail"], measured, tuple(entry["seeds"])),
        lost=entry["lost"],
        seconds=entry["seconds"],
        made=entry["made"],
    )
