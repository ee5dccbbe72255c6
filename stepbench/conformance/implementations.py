"""Where implementations of one rule part: they are run side by side, and the first step that differs is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem, Runnable, Vector, hyperparameters, values_of, with_values
from stepbench.engine.running import run_quietly
from stepbench.fields import InputError

PROBLEMS = ("quadratic:kappa=20,dim=3", "rosenbrock")
STEPS = 30
ROUNDING = 100
"""So many times the change that a last bit of the start makes: what rounding on the way may amount to."""

SAME = {
    "p": ("momentum",),
    "beta": ("alpha", "decay", "momentum", "beta1"),
    "psi": ("momentum_decay",),
    "momentum": ("p",),
    "eta": ("max_lr",),
}
"""Names that other implementations have for the same hyper-parameter."""

RULES = {
    "gd": ("torch:SGD", "optax:sgd", "pytorch-optimizer:SGDW"),
    "momentum": ("torch:SGD", "optax:sgd:momentum=0.9", "pytorch-optimizer:SGDW"),
    "nesterov:momentum=0.9": ("torch:SGD:momentum=0.9,nesterov=true", "optax:sgd:momentum=0.9,nesterov=true"),
    "adam": ("torch:Adam", "torch:AdamW:weight_decay=0", "optax:adam", "pytorch-optimizer:StableAdamW:weight_decay=0"),
    "amsgrad": ("torch:Adam:amsgrad=true", "optax:amsgrad:bias_correction_mu=false,bias_correction_nu=false"),
    "amsgrad:bias=true": ("torch:Adam:amsgrad=true", "optax:amsgrad"),
    "adamax": ("torch:Adamax", "optax:adamax", "pytorch-optimizer:AdaMax"),
    "nadam": ("torch:NAdam", "optax:adam:nesterov=true"),
    "nadam:variant=reference": ("torch:NAdam",),
    "adagrad": ("torch:Adagrad", "optax:adagrad"),
    "rmsprop": ("torch:RMSprop", "optax:rmsprop", "optax:rmsprop:eps_in_sqrt=false"),
    "polyak": ("optax:polyak_sgd", "optax:polyak_sgd:max_learning_rate=1e+9"),
    "sps-plus": ("optax:polyak_sgd:variant=sps+,max_learning_rate=1e+9",),
    "ali-g": ("pytorch-optimizer:AliG",),
    "ali-g:delta=1e-6": ("pytorch-optimizer:AliG",),
    "dog": ("optax:dog",),
    "dowg": ("optax:dowg", "optax:dowg:eps=0,init_estim_sq_dist=1e-4"),
    "adamw": ("torch:AdamW", "optax:adamw:weight_decay=0.01"),
    "lion": ("optax:lion:weight_decay=0", "pytorch-optimizer:Lion"),
    "adan": ("pytorch-optimizer:Adan", "optax:adan"),
    "prodigy": ("optax:prodigy:lr=1", "pytorch-optimizer:Prodigy"),
    "d-adaptation": ("pytorch-optimizer:DAdaptSGD",),
    "d-adapt-adam": ("optax:dadapt_adamw:lr=1", "pytorch-optimizer:DAdaptAdam"),
    "cocob": ("optax:cocob",),
    "momo": ("optax:momo",),
    "momo-adam": ("optax:momo_adam",),
    "schedule-free": ("optax:schedule_free_sgd", "pytorch-optimizer:ScheduleFreeSGD"),
    "schedule-free-adam": ("optax:schedule_free_adamw", "pytorch-optimizer:ScheduleFreeAdamW"),
    "torch:Adadelta": ("optax:adadelta", "pytorch-optimizer:AdaDelta"),
    "torch:Adafactor:eps1=1e-30": ("optax:adafactor", "pytorch-optimizer:AdaFactor"),
    "torch:RAdam": ("optax:radam",),
    "torch:Rprop": ("optax:rprop",),
    "optax:adabelief": ("pytorch-optimizer:AdaBelief",),
    "optax:ademamix": ("pytorch-optimizer:AdEMAMix",),
    "optax:adopt": ("pytorch-optimizer:ADOPT",),
    "optax:fromage": ("pytorch-optimizer:Fromage",),
    "optax:lamb": ("pytorch-optimizer:Lamb",),
    "optax:madgrad": ("pytorch-optimizer:MADGRAD",),
    "optax:novograd": ("pytorch-optimizer:NovoGrad",),
    "optax:sign_sgd": ("pytorch-optimizer:SignSGD:momentum=0",),
    "optax:signum": ("pytorch-optimizer:SignSGD",),
    "optax:sm3": ("pytorch-optimizer:SM3", "pytorch-optimizer:SM3:eps=1e-8"),
    "optax:yogi": ("pytorch-optimizer:Yogi",),
}
"""The bench's rules, and what other libraries have of them; then those that two other libraries have."""


class Reason(NamedTuple):
    """What an implementation does otherwise than the paper: in words, and the line of its source that says so."""

    words: str
    file: str
    line: str


AHEAD = "its point is the one looked ahead to, where the next gradient is taken; ours is the one before looking ahead"
AVERAGE = "its point is y, where the next gradient is taken; ours is the average of all z"
AFTER_BIAS = f"{AVERAGE}; ε is added to the root after its bias is corrected, ours before, as in the paper"
SINGLE = "its sums over all steps are held in float32, also where everything else is float64"
CORRECTED = "it corrects the biases of Adam's means within the step, which the paper's algorithm, and ours, does not"
IN_MAXIMUM = "ε = 1e-8 is added to the size of g within the maximum; the paper, and ours, have none"

BIAS = "bc = ((1 - beta2**count_inc) ** 0.5) / (1 - beta1**count_inc)"
NUMERATOR = "group['numerator_weighted'] = torch.tensor([0.0], device=device)"
TO_Y = "lambda xi, zi: b1 * xi + (1.0 - b1) * zi,"
TOWARDS_Z = "p.lerp_(z, weight=checkpoint)"
"""Lines that stand in more than one optimizer."""

REASONS = {
    ("torch:SGD", "nesterov=true"): Reason(AHEAD, "torch/optim/sgd.py", "grad = grad.add(buf, alpha=momentum)"),
    ("optax:sgd", "nesterov=true"): Reason(
        AHEAD, "optax/transforms/_accumulation.py", "f = lambda g, t: g + decay * t"
    ),
    ("amsgrad", "bias=false"): Reason(
        "it corrects no bias, as the paper; bias=true does",
        "stepbench/directions/amsgrad.py",
        "if self.bias else (m, v_max)",
    ),
    ("optax:amsgrad", "bias_correction_nu=true"): Reason(
        "it takes the largest of the mean squares after their bias is corrected; torch, and ours, before",
        "optax/_src/transform.py",
        "nu_max = jax.tree.map(jnp.maximum, state.nu_max, nu_eff)",
    ),
    ("torch:Adamax", ""): Reason(
        IN_MAXIMUM,
        "torch/optim/adamax.py",
        "grad.abs().add_(eps)",
    ),
    ("optax:adamax", ""): Reason(
        IN_MAXIMUM,
        "optax/_src/transform.py",
        "nu = optax.tree.update_infinity_moment(updates, state.nu, b2, eps)",
    ),
    ("pytorch-optimizer:AdaMax", ""): Reason(
        IN_MAXIMUM,
        "pytorch_optimizer/optimizer/adamax.py",
        "grad.abs().add_(group['eps'])",
    ),
    ("torch:NAdam", ""): Reason(
        "the mean gradient is kept by β₁, and not by the μ of the step; and the product of the μ is held in float32, "
        "also where everything else is float64",
        "torch/optim/nadam.py",
        "exp_avg.lerp_(grad, 1 - beta1)",
    ),
    ("optax:adam", "nesterov=true"): Reason(
        "its momentum has no schedule: the μ of every step is β₁",
        "optax/_src/transform.py",
        "optax.tree.bias_correction(updates, b1, count_inc)",
    ),
    ("optax:adagrad", ""): Reason(
        "its sum begins at 0.1 and not at 0, and ε stands within the root",
        "optax/_src/transform.py",
        "jnp.where(t > 0, jax.lax.rsqrt(t + eps), 0.0), sum_of_squares",
    ),
    ("optax:rmsprop", "eps_in_sqrt=true"): Reason(
        "ε stands within the root",
        "optax/_src/transform.py",
        "scaling = jax.tree.map(lambda n: jax.lax.rsqrt(n + eps), nu_hat)",
    ),
    ("optax:polyak_sgd", "max_learning_rate=1.0"): Reason(
        "its step size is at most max_learning_rate = 1",
        "optax/_src/transform.py",
        "jnp.minimum(gap / (grad_sq_norm + eps), max_learning_rate)",
    ),
    ("pytorch-optimizer:AliG", ""): Reason(
        "δ is 1e-6, and the norm of the gradient is a float32, also where everything else is float64",
        "pytorch_optimizer/optimizer/alig.py",
        "global_grad_norm.add_(1e-6)",
    ),
    ("optax:dowg", "eps=0.0001"): Reason(
        "1e-4 is added to the root, as by the authors' code; the paper, and ours, have nothing there",
        "optax/contrib/_dog.py",
        "learning_rate = estim_sq_dist / (jnp.sqrt(weighted_sq_norm_grads) + eps)",
    ),
    ("optax:prodigy", ""): Reason(CORRECTED, "optax/contrib/_prodigy.py", BIAS),
    ("optax:dadapt_adamw", ""): Reason(CORRECTED, "optax/contrib/_dadapt_adamw.py", BIAS),
    ("optax:adan", ""): Reason(
        "it looks ahead by 1 − β₂, where β₂ is what the mean change keeps, and the authors' code, and ours, by β₂; "
        "and ε stands within the root as well",
        "optax/_src/transform.py",
        "u = optax.tree.add_scale(m_hat, 1 - b2, v_hat)",
    ),
    ("pytorch-optimizer:Prodigy", ""): Reason(
        SINGLE,
        "pytorch_optimizer/optimizer/prodigy.py",
        "group['d_numerator'] = torch.tensor([0.0], device=device)",
    ),
    ("pytorch-optimizer:DAdaptSGD", ""): Reason(SINGLE, "pytorch_optimizer/optimizer/dadapt.py", NUMERATOR),
    ("pytorch-optimizer:DAdaptAdam", ""): Reason(SINGLE, "pytorch_optimizer/optimizer/dadapt.py", NUMERATOR),
    ("optax:momo", ""): Reason(
        "its means begin with the first f and gradient, as those of the authors' code do by default; ours begin at 0, "
        "and their bias is corrected",
        "optax/contrib/_momo.py",
        "bt = jnp.where(count == 0, 0.0, beta)",
    ),
    ("optax:schedule_free_sgd", ""): Reason(AVERAGE, "optax/contrib/_schedule_free.py", TO_Y),
    ("optax:schedule_free_adamw", ""): Reason(AFTER_BIAS, "optax/contrib/_schedule_free.py", TO_Y),
    ("pytorch-optimizer:ScheduleFreeSGD", ""): Reason(
        AVERAGE, "pytorch_optimizer/optimizer/schedulefree.py", TOWARDS_Z
    ),
    ("pytorch-optimizer:ScheduleFreeAdamW", ""): Reason(
        AFTER_BIAS, "pytorch_optimizer/optimizer/schedulefree.py", TOWARDS_Z
    ),
    ("optax:rprop", ""): Reason(
        "it takes the step of the gradient before, so that its first step is none",
        "optax/_src/transform.py",
        "lambda s, g, prev_g: jnp.where(s < 0, jnp.zeros_like(prev_g), prev_g),",
    ),
    ("pytorch-optimizer:Lamb", ""): Reason(
        "it corrects no bias, as version 3 of the paper; optax does",
        "pytorch_optimizer/optimizer/lamb.py",
        "The default update follows version 3 of the paper without bias correction.",
    ),
    ("pytorch-optimizer:SM3", "eps=1e-30"): Reason(
        "ε within the root is 1e-30, and 1e-8 in optax",
        "pytorch_optimizer/optimizer/sm3.py",
        "update.add_(group['eps']).rsqrt_().mul_(grad)",
    ),
}
"""By the name of a method, and the value of a field where the reason holds with it only."""


class Parting(NamedTuple):
    """Where a method's path leaves that of the first, on one problem.

    ``step`` is the first step at which they differ by more than rounding, None where none does; ``first`` is by how
    much then, and ``last`` by how much after all the steps, as parts of the largest component on the path.
    """

    spec: str
    problem: str
    step: int | None
    first: float
    last: float


def alike(methods: Sequence[str | Runnable]) -> list[Method]:
    """The methods, with the hyper-parameters of the first where a spec of the others does not set them."""
    made = [catalog.method(spec) for spec in methods]
    for spec, method in zip(methods, made, strict=True):
        if not isinstance(method, Method):
            raise InputError(f"{spec} owns its loop, so that its steps cannot be compared: leave it out")
    values, others = values_of(made[0]), []
    for spec, method in zip(methods[1:], made[1:], strict=True):
        known, defaults = hyperparameters(method), catalog.defaults(spec)
        given: dict[str, object] = {}
        for key, value in values.items():
            for name in (key, *SAME.get(key, ())):
                if name in known and values_of(method)[name] == defaults[name]:
                    given[name] = value
                    break
        others.append(with_values(method, given))
    return [made[0], *others]


def partings(specs: Sequence[str | Runnable], methods: Sequence[Method]) -> Iterator[Parting]:
    """Where each method's path leaves that of the first, on each problem."""
    for name in PROBLEMS:
        problem = catalog.problem(name)
        paths = [_path(problem, method, problem.x0) for method in methods]
        near = _path(
            problem, methods[0], problem.x0 * (1 + 4 * np.finfo(float).eps * (-1.0) ** np.arange(len(problem.x0)))
        )
        by_rounding = np.maximum.accumulate(_apart(paths[0], near))
        for spec, path in zip(specs[1:], paths[1:], strict=True):
            apart = _apart(paths[0], path)
            n = min(len(apart), len(by_rounding))
            off = np.flatnonzero(~(apart[:n] <= ROUNDING * by_rounding[:n]))
            step = int(off[0]) if off.size else None
            yield Parting(str(spec), name, step, 0.0 if step is None else float(apart[step]), float(apart[-1]))


def _path(problem: Problem, method: Method, start: Vector) -> Vector:
    """The points of a run, (steps + 1, d)."""
    return np.asarray(run_quietly(problem, method, steps=STEPS, start=start, engine="numpy").x)


def _apart(w: Vector, v: Vector) -> Vector:
    """How far two paths are apart at each step that both take, as a part of the largest component of the first."""
    n = min(len(w), len(v))
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(w[:n] - v[:n]).max(axis=1) / np.abs(w).max())


def reasons(method: Method) -> list[Reason]:
    """What an implementation is known to do otherwise than others, with the fields that it has."""
    values = values_of(method)
    own = {"", *(f"{key}={str(value).lower()}" for key, value in values.items())}
    called = getattr(method, "short_name", method.name)
    return [reason for (name, field), reason in REASONS.items() if name == called and field in own]


def page() -> str:
    """The page of docs that says, for each of the bench's rules, where other libraries' implementations part."""
    versions = ", ".join(f"{name} {catalog.library(name).version()}" for name in LIBRARIES)
    lines = [
        "# Other implementations of the bench's rules",
        "",
        "`stepbench check --implementations docs/implementations.md` wrote this page. Each rule is run beside what",
        "other libraries have of it, from one start and with the same hyper-parameters, for "
        f"{STEPS} steps on `{PROBLEMS[0]}` and on `{PROBLEMS[1]}`.",
        "A difference is a part of the largest component on the path; what a last bit of the start would make as well",
        "counts as rounding. `stepbench check torch:Adam adam optax:adam` compares any others. The bench's own rules",
        "come first, and then those that two other libraries have; torch's LBFGS and optax's search otherwise.",
        "",
        f"Versions: {versions}.",
    ]
    for rule, others in RULES.items():
        specs = (rule, *others)
        methods = alike(specs)
        found = [*partings(specs, methods)]
        lines += [
            "",
            f"## {rule}",
            "",
            f"| implementation | {' | '.join(PROBLEMS)} | why |",
            "| --- | --- | --- | --- |",
        ]
        first = reasons(methods[0])
        for spec, method in zip(others, methods[1:], strict=True):
            told = [parting for parting in found if parting.spec == spec]
            parts = any(parting.step is not None for parting in told)
            why = "; ".join(f"{r.words} (`{r.file}`: `{r.line}`)" for r in (first + reasons(method) if parts else []))
            lines.append(f"| `{spec}` | {' | '.join(in_words(parting) for parting in told)} | {why} |")
    return "\n".join([*lines, ""])


LIBRARIES = ("torch", "optax", "pytorch-optimizer")
"""Those whose implementations are on the page."""


def in_words(parting: Parting) -> str:
    """A parting as a table tells it."""
    if parting.step is None:
        return "the same, to rounding"
    return f"from step {parting.step} on: by {parting.first:.0e}, at the end {parting.last:.0e}"
