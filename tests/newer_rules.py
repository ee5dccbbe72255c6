"""The newer rules' numbers: what papers and their authors' code say, beside ours. See docs/newer-rules.md.

``python -m tests.newer_rules`` prints the table of that page.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stepbench import Oracle, method, problem, run
from tests.methods.plain_floats import MILD, Sphere

RHO = 1 + math.sqrt(2)


class Printed(NamedTuple):
    """A point that the authors' own code printed, and to how much of it ours must agree."""

    code: str
    end: tuple[float, float]
    rtol: float = 1e-12


PRINTED = {
    "d-adaptation:d0=0.01": Printed(
        "facebookresearch/dadaptation c984980: DAdaptSGD", (0.8299406894104755, 0.5854025582239828)
    ),
    "d-adaptation:d0=0.01,momentum=0.6": Printed(
        "facebookresearch/dadaptation c984980: DAdaptSGD", (0.807657314834869, 0.5484209467592815)
    ),
    "d-adapt-adam:d0=0.01": Printed(
        "facebookresearch/dadaptation c984980: DAdaptAdam", (0.6960114491991979, 0.44933571224624747)
    ),
    "prodigy:d0=0.01": Printed(
        "konstmish/prodigy 3efb213: ProdigyReference", (1.2192653597205079, 1.019219540694453), 1e-4
    ),
    "prodigy:d0=0.01,eps=1e-13": Printed(
        "konstmish/prodigy 3efb213: ProdigyReference", (1.2192791769485363, 1.0191991044928554), 1e-9
    ),
    "momo:lr=0.3": Printed(
        "fabian-sp/MoMo 7be52f2: Momo, bias_correction=True", (0.8409464537097497, 0.5918706677133659)
    ),
    "momo-adam": Printed("fabian-sp/MoMo 7be52f2: MomoAdam", (0.527392130505248, -0.18106186640192495)),
    "momo-adam:lr=1": Printed("fabian-sp/MoMo 7be52f2: MomoAdam", (0.7927112462558338, 0.44979390068073183)),
    "schedule-free:lr=0.1": Printed(
        "facebookresearch/schedule_free 70785b5: SGDScheduleFreeReference", (0.622001191543813, 0.17743439775753383)
    ),
    "schedule-free:lr=0.1,warmup=5,decay=0.1": Printed(
        "facebookresearch/schedule_free 70785b5: SGDScheduleFreeReference", (0.5945638981526263, 0.1379478028032807)
    ),
    "schedule-free-adam:lr=0.1": Printed(
        "facebookresearch/schedule_free 70785b5: AdamWScheduleFreePaper", (0.7310152503059651, 0.3649856013577292)
    ),
    "schedule-free-adam:lr=0.1,warmup=5,decay=0.1": Printed(
        "facebookresearch/schedule_free 70785b5: AdamWScheduleFreePaper", (0.681659446513124, 0.24520482387458942)
    ),
    "dog:r_eps=0.01": Printed("formll/dog 8d45cf5: DoG", (0.6089879581463226, 0.14017349995031106)),
    "dowg": Printed(
        "rka97/dowg e4dbe02: DoWG, without the 1e-4 that it adds to the root", (0.794457100915574, -0.09797284292556618)
    ),
    "mechanic:s_init=0.01,decay=0": Printed(
        "optimizedlearning/mechanic 4a037bc: mechanize(SGD)", (0.8732476775984884, 0.723323082924066)
    ),
    "cocob": Printed("IssamLaradji/sls 1934653: CocobBackprop", (0.5307832481200598, -0.12478558924800526)),
    "adan:lr=0.1": Printed("sail-sg/Adan 2c65bea: Adan", (0.9080612329282286, 0.7895250313897276)),
    "adan:lr=0.1,wd=0.3": Printed("sail-sg/Adan 2c65bea: Adan, no_prox=True", (0.8663160156718626, 0.6893143598427456)),
    "metaoptimize:lr=0.3,eta=0.2,gamma=0.3": Printed(
        "sabersalehk/MetaOptimize 61a57f8: HF, SGD and Lion", (0.8182576086731949, 0.5826898237630351)
    ),
    "metaoptimize:lr=0.2,eta=0.3,gamma=0.7,decay=2": Printed(
        "sabersalehk/MetaOptimize 61a57f8: HF, SGD and Lion", (0.45338475753789576, 0.10279031160517273)
    ),
    "lion+metaoptimize:lr=0.1,eta=0.2,gamma=0.7,decay=0.1": Printed(
        "sabersalehk/MetaOptimize 61a57f8: HF, Lion and Lion", (1.002312438905854, 0.8004076634093629)
    ),
    "adam:beta1=0,eps=0+metaoptimize:lr=0.05,eta=0.2,decay=0.1": Printed(
        "sabersalehk/MetaOptimize 61a57f8: HF, RMSProp and Lion, ε = 0", (0.9706857618652369, 0.38596903178601394)
    ),
    "ali-g": Printed("oval-group/ali-g c40de14: AliG", (0.7180947634978516, 0.368118887020543)),
    "ali-g:eta=1": Printed("oval-group/ali-g c40de14: AliG", (0.916146745980943, 0.7729318614300958)),
}
"""By the spec. Each was run for 12 steps on f(p, q) = (1 − p)² + (q − p²)² from (0.5, −0.3), with torch 2.

For Schedule-Free the point is the average. In ALI-G's code two calls of ``add_`` were written as torch has them now.
MetaOptimize's code is HF.py of its experiments on CIFAR10, whose β was made a double.
Prodigy's has the new d before ε, and ours, as the paper, the old one; the less ε, the less they differ.
"""


class Fact(NamedTuple):
    """What a paper says of a rule, the number in it, and ours."""

    spec: str
    says: str
    paper: float
    ours: float
    relation: str = "="

    @property
    def holds(self) -> bool:
        """Whether ours is as the paper says, but for rounding, and for what the paper rounds down."""
        if self.relation == "=":
            return math.isclose(self.ours, self.paper, rel_tol=5e-6)
        if self.relation == "≈":
            return math.isclose(self.ours, self.paper, rel_tol=0.05)
        return (self.ours - self.paper) * (1 if self.relation == "≥" else -1) >= -1e-9 * abs(self.paper)


def facts() -> list[Fact]:
    """All of them, computed."""
    unit, huber = Sphere(1.0), run("huber-bowl", "silver", steps=127)
    silver = run(Sphere(4.0), "silver", steps=15).step_size[1:] * 4
    way = float(np.sum((huber.x[0] - huber.problem.x_star) ** 2))
    capped = run("rosenbrock:b=5", "bb:lr=0.01,cap=0.1", start=[-1.5, 2.0], steps=60).x
    lion = run("rosenbrock", "lion:lr=0.01", steps=30).x
    learning = run("quadratic:kappa=30", "autostep:lr=0.5,mu=0.5", steps=100).step_size[1:]
    gains = run("quadratic:kappa=30", "k1:lr=0.5,mu=0.5", steps=100).step_size[1:]
    hdm = run("quadratic:kappa=30", "hdm", steps=500).step_size
    meta = run(MILD.spec, "metaoptimize:lr=0.3,eta=0.2", start=MILD.start, steps=12).step_size[1:]
    return [
        Fact(
            "adgd",
            "the least α from the second step on is 1/(2L), here with L = 100 (2020)",
            1 / 200,
            float(run("quadratic:kappa=100", "adgd", steps=200).step_size[2:].min()),
            "≥",
        ),
        Fact(
            "bb:cap=0.1",
            "no step is longer than Δ (2019)",
            0.1,
            float(np.linalg.norm(np.diff(capped, axis=0), axis=1).max()),
            "≤",
        ),
        Fact(
            "hdm",
            "the first component of the best diagonal, 1/κ, here with κ = 30; the last α that was taken",
            1 / 30,
            float(hdm[hdm.any(axis=1)][-1, 0]),
            "≈",
        ),
        Fact(
            "d-adaptation",
            "d stays below ‖w₀ − w*‖, here √5",
            math.sqrt(5),
            estimate("d-adaptation"),
            "≤",
        ),
        Fact("prodigy:form=sgd", "the same", math.sqrt(5), estimate("prodigy:form=sgd"), "≤"),
        Fact("cocob", "the first move of a component is 1/α (Algorithm 2)", 0.01, first_move("cocob")),
        Fact(
            "dog", "the first move is r_ε (1 + ‖w₀‖), here with ‖w₀‖ = √0.34", 1e-6 * (1 + 0.34**0.5), first_way("dog")
        ),
        Fact("dowg", "the first move is r_ε", 0.01, first_way("dowg")),
        Fact(
            "sps-plus", "α = 1/(2L) on ½L‖w‖², here with L = 1", 0.5, float(run(unit, "sps-plus", steps=1).step_size[1])
        ),
        Fact(
            "dec-sps",
            "α_k = 1/(2 c_k L) there, the least that the paper proves; k = 3",
            0.25,
            float(run(unit, "dec-sps", steps=4).step_size[4]),
        ),
        Fact(
            "ngn",
            "α = σ/(1 + σL) there, the least that the paper proves; σ = 1",
            0.5,
            float(run(unit, "ngn", steps=1).step_size[1]),
        ),
        Fact("silver", "the fourth step in units of 1/L, 2 + √2", 2 + math.sqrt(2), float(silver[3])),
        Fact("silver", "the first 15 of them sum to ρ⁴ − 1", RHO**4 - 1, float(silver.sum())),
        Fact(
            "silver",
            "f − f* after 127 steps, here on huber-bowl (Theorem 1.1)",
            huber.problem.L * way / (1 + math.sqrt(4 * RHO**14 - 3)),
            float(huber.error[-1]),
            "≤",
        ),
        *(
            Fact(
                f"long-steps:t={t}",
                "the coefficient of Table 1, the mean of the pattern",
                number,
                float(np.mean(pattern(t))),
            )
            for t, number in LONG_STEPS.items()
        ),
        Fact(
            "autostep:lr=0.5,mu=0.5",
            "Σ α c, the part of an error that one update takes away, here with c = (30, 1)",
            1.0,
            float((learning @ np.array([30.0, 1.0])).max()),
            "≤",
        ),
        Fact("k1:lr=0.5,mu=0.5", "the same", 1.0, float((gains @ np.array([30.0, 1.0])).max()), "≤"),
        Fact(
            "metaoptimize:lr=0.3,eta=0.2",
            "log α changes by η, the sign's only step",
            0.2,
            float(abs(np.diff(np.log(meta))).max()),
        ),
        Fact("lion:lr=0.01", "every component moves by lr", 0.01, float(abs(np.diff(lion, axis=0)).max())),
    ]


LONG_STEPS = {
    "2": 2.2,
    "3": 2.6333333,
    "7": 3.1999999,
    "15": 3.8599999,
    "31": 4.6032258,
    "63": 5.2253968,
    "127": 5.8346303,
}
"""Grimmer's Table 1, which rounds down."""


def pattern(t: str) -> list[float]:
    """The steps of a period of ``long-steps``, in units of 1/L, as a run takes them."""
    sizes = run(Sphere(4.0), f"long-steps:t={t}", steps=int(t)).step_size[1:]
    return [float(alpha) * 4.0 for alpha in sizes]


def estimate(spec: str) -> float:
    """The estimate d after 300 steps on ½(30 w₁² + w₂²) from (−1, 2)."""
    made, on = method(spec), problem("quadratic:kappa=30")
    oracle, w = Oracle(on, horizon=300), np.repeat(on.x0[:, None], 2, axis=1)
    s = made.init(w)
    for _ in range(300):
        oracle.advance()
        w, s = made.step(w, oracle, s)
    return float(s.d[0])


def first_way(spec: str) -> float:
    """The length of the first move on the valley that all these run on."""
    x = run(MILD.spec, spec, start=MILD.start, steps=1).x
    return float(np.linalg.norm(x[1] - x[0]))


def first_move(spec: str) -> float:
    """How far its first component goes in the first move."""
    x = run(MILD.spec, spec, start=MILD.start, steps=1).x
    return float(abs(x[1] - x[0])[0])


def end_of(spec: str) -> tuple[float, float]:
    """The point after 12 steps on the valley on which the authors' code was run."""
    x = run(MILD.spec, spec, start=MILD.start, steps=12).x[-1]
    return float(x[0]), float(x[1])


def table() -> list[str]:
    """The lines of the page's table."""

    def point(w: tuple[float, float]) -> str:
        return f"({w[0]:.6f}, {w[1]:.6f})"

    relation = {"=": "", "≥": "at least ", "≤": "at most ", "≈": "near "}
    rows = [(f.spec, f.says, f"{relation[f.relation]}{f.paper:.6g}", f"{f.ours:.6g}") for f in facts()]
    rows += [(spec, f"w after 12 steps; {of.code}", point(of.end), point(end_of(spec))) for spec, of in PRINTED.items()]
    return [
        "| rule | what the paper or its code says | paper | ours |",
        "|---|---|---|---|",
        *(f"| `{spec}` | {says} | {paper} | {ours} |" for spec, says, paper, ours in rows),
    ]


if __name__ == "__main__":
    print("\n".join(table()))
