"""The papers' claims, one file per paper: what to run, what to measure, and what the paper says."""

from importlib import import_module

from stepbench.fields import InputError, nearest
from stepbench.reproduce.claims import Claim, Paper

PAPERS = ("csawg", "rdbd", "tlr", "adaloss", "adam-exact", "reviewed")


def paper(name: str) -> Paper:
    """One paper with the claims of its file, in the order in which they stand there.

    Raises InputError where there is no paper of this name.
    """
    if name not in PAPERS:
        raise InputError(f"no paper {name}{nearest(name, PAPERS)}; there are {', '.join(PAPERS)}, or all")
    file = import_module(f"stepbench.reproduce.{name.replace('-', '_')}")
    claims = tuple(value for value in vars(file).values() if isinstance(value, Claim))
    return Paper(name, file.SOURCE, claims, getattr(file, "ERRATA", ()), getattr(file, "HEADLINES", ()))


def chosen(names: list[str]) -> list[tuple[Paper, list[Claim]]]:
    """The claims that are asked for: ``all`` of them, those of a paper such as ``csawg``, or one of them."""
    every = [f"{name}/" for name in PAPERS] if "all" in names else names
    asked: dict[str, list[Claim]] = {}
    for name in every:
        stem, _, one = name.partition("/")
        claims = {claim.name: claim for claim in paper(stem).claims}
        if one and one not in claims:
            raise InputError(f"{stem} has no claim {one}{nearest(one, claims)}; stepbench reproduce lists them")
        wanted = [claims[one]] if one else [*claims.values()]
        asked[stem] = [*asked.get(stem, []), *(claim for claim in wanted if claim not in asked.get(stem, []))]
    return [(paper(stem), claims) for stem, claims in asked.items()]
