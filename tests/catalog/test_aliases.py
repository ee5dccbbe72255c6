"""Aliases: each name for a setting is the method that it stands for."""

import pytest

import stepbench
from stepbench import catalog
from stepbench.contracts import Joined


def part(kind, name, **fields):
    return catalog.load(kind, name)(**fields)


ALIASES = {
    "gd": (part("directions", "gradient"), part("stepsizes", "constant")),
    "sgd": (part("directions", "gradient"), part("stepsizes", "constant")),
    "adam": (part("directions", "adam"), part("stepsizes", "constant")),
    "l4": (part("directions", "gradient"), part("stepsizes", "l4")),
    "l4-mom": (part("directions", "ema", beta=0.9), part("stepsizes", "l4", a=0.15, gamma=0.9, tau=1000.0, eps=1e-12)),
    "l4-adam": (part("directions", "adam", eps=1e-4), part("stepsizes", "l4", a=0.15)),
    "adam+rdbd": (part("directions", "adam", beta1=0.05, beta2=0.99), part("stepsizes", "rdbd", lr=0.005, eta=5e-7)),
    "adamw": (part("directions", "adam"), part("stepsizes", "constant"), {"wd": 0.01}),
    "adam-hd": (part("directions", "adam"), part("stepsizes", "dbd", eta=1e-8)),
    "sgd-mstep": (part("directions", "gradient"), part("stepsizes", "multistep", lr=0.1, first=0.5, second=0.75)),
    "adam-sqrt": (part("directions", "adam", beta2=0.99), part("stepsizes", "decay-sqrt", eta=1.0, form="root")),
    "adam-exact": (part("directions", "adam", bias=False), part("stepsizes", "exact", N=10, law="normal")),
    "adamloss": (part("directions", "adam", beta1=0.9, beta2=0.99), part("stepsizes", "adaloss", form="adam")),
}


@pytest.mark.parametrize("alias", ALIASES)
def test_a_name_is_its_expansion(alias):
    direction, rule, *join = ALIASES[alias]
    assert stepbench.method(alias) == Joined(direction, rule, **(join[0] if join else {}))


WHOLE = {
    "csawg-p5": part("methods", "csawg", P=5, M=10),
    "schedule-free-adam": part("methods", "schedule-free", form="adam"),
    "d-adapt-adam": part("methods", "d-adaptation", form="adam"),
    "momo-adam": part("methods", "momo", form="adam", lr=0.01),
}


@pytest.mark.parametrize("alias", WHOLE)
def test_a_name_of_a_whole_method_is_its_expansion(alias):
    assert stepbench.method(alias) == WHOLE[alias]


def test_every_alias_is_checked():
    assert {*catalog.ALIASES} <= {*ALIASES, *WHOLE}
