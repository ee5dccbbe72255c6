"""Every claim that is declared, and the verdict of one that a test makes up."""

import re

from stepbench.reproduce import PAPERS, paper
from stepbench.reproduce.bands import exactly
from stepbench.reproduce.claims import Claim, Number, Run
from stepbench.reproduce.verdicts import judge
from stepbench.study import Study
from tests import ROOT

CLAIMS = [(name, claim) for name in PAPERS for claim in paper(name).claims]
NAMES = [f"{name}/{claim.name}" for name, claim in CLAIMS]

GD = {"gd": Run("quadratic", "gd", 10)}
IS_ONE = Number(exactly(1), lambda runs: 1)


def judged(claim, seeds=(0, 1, 2), **options):
    with Study() as study:
        return judge(claim, study, seeds, **options)


def claim(runs, **numbers):
    return Claim("any", "Fig. 0", "something", runs, numbers)


def recorded():
    """The verdicts of REPRODUCTION.md, and None where the seeds disagree, since elsewhere they may agree."""
    text = (ROOT / "REPRODUCTION.md").read_text("utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    found = (re.match(r"(\S+): (.*)", section).groups() for section in sections)
    return {
        name: None if "seeds disagree" in section else word
        for (name, word), section in zip(found, sections, strict=True)
    }
