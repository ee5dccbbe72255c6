"""Every claim that is declared, and the verdict of one that a test makes up."""

from stepbench.reproduce import PAPERS, paper, record
from stepbench.reproduce.bands import exactly
from stepbench.reproduce.claims import Claim, Number, Run
from stepbench.reproduce.verdicts import judge
from stepbench.study import Study
from tests import ROOT

CLAIMS = [(name, claim) for name in PAPERS for claim in paper(name).claims]
NAMES = [f"{name}/{claim.name}" for name, claim in CLAIMS]

REPORT = ROOT / "docs" / "reproduction"

GD = {"gd": Run("quadratic", "gd", 10)}
IS_ONE = Number(exactly(1), lambda runs: 1)


def judged(claim, seeds=(0, 1, 2), **options):
    with Study() as study:
        return judge(claim, study, seeds, **options)


def claim(runs, **numbers):
    return Claim("any", "Fig. 0", "something", runs, numbers)


def recorded():
    """The verdicts of the report in docs/reproduction, and None where the seeds disagree, as they may not elsewhere."""
    return {
        name: None if entry["detail"].startswith("seeds disagree") else entry["verdict"]
        for name, entry in record.read(REPORT).items()
    }
