"""Programs written for a page, run in Node, against the engine in NumPy: the same records, to the last bit."""

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pytest

from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.kernels.javascript import RUN, literal, module, recorded
from stepbench.kernels.symbols import Unrecordable
from tests.every_method import EVERY_METHOD, QUICK_JOINS, WHOLE

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")

STEPS = 300
PROBLEMS = ("quadratic:kappa=30", "rosenbrock", "gallery/himmelblau", "gallery/crease", "quadratic:dim=5,kappa=10")
COLUMNS = {"x": "x", "f": "f", "norm": "gradient_norm", "evals": "evals", "fevals": "fevals", "alpha": "step_size"}

SCRIPT = """
const hex = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex")
console.log(JSON.stringify(tasks.map(([program, start, parameters, limits]) => {
  const r = run(program, start, parameters, limits)
  const cut = { x: r.d, f: 1, norm: 1, evals: 1, fevals: 1, alpha: r.sizes }
  const columns = Object.entries(cut).map(([name, width]) => [name, hex(r[name].slice(0, r.n * width))])
  return { ...Object.fromEntries(columns), status: r.status, detail: r.detail, bad: r.diverging }
})))
"""


def in_node(tasks):
    """What Node makes of programs: records by name, and how each run ended."""
    text = f"{RUN}\nconst tasks = [{', '.join(tasks)}]\n{SCRIPT}"
    done = subprocess.run([NODE, "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    for one in told:
        one |= {name: np.frombuffer(bytes.fromhex(one[name])) for name in COLUMNS}
    return told


def task(problem, method, free=()):
    """A program with its settings as a list of JavaScript; raises Unrecordable."""
    problem, method = catalog.problem(problem), catalog.method(method)
    program, recording = recorded(problem, method, STEPS, free)
    limits = {"budget": 10_000, "steps": STEPS, "target": 0.0, "gradTarget": None, "fStar": problem.f_star}
    start = ", ".join(map(literal, problem.x0))
    values = ", ".join(literal(float(recording.values[name])) for name in program.parameters)
    return program, f"[{module(program)}, [{start}], [{values}], {json.dumps(limits)}]"


def differs(told, r, exact):
    """In what a run in Node differs from NumPy's, "" where in nothing."""
    if (told["status"], told["x"].size) != (r.status, r.x.size):
        return f"{told['status']} after {told['x'].size} numbers, and not {r.status} after {r.x.size}"
    for name, column in COLUMNS.items():
        ours = getattr(r, column)
        ours = np.empty(0) if ours is None else np.ravel(ours)
        if exact and not np.array_equal(told[name], ours, equal_nan=True):
            k = int(np.flatnonzero(~((told[name] == ours) | (np.isnan(ours) & np.isnan(told[name]))))[0])
            return f"{name} number {k}: {told[name][k]} and not {ours[k]}"
    return ""


def compared(pairs, free=()):
    """How many of the pairs were exact, and of all what differs and what could not be recorded."""
    tasks, made, wrong, left = [], [], [], []
    for problem, method in pairs:
        try:
            program, one = task(problem, method, free)
        except Unrecordable as why:
            left.append(f"{method} on {problem}: {why}")
            continue
        tasks.append(one)
        made.append((problem, method, program.exact))
    for (problem, method, exact), told in zip(made, in_node(tasks), strict=True):
        r = run_quietly(problem, method, budget=10_000, steps=STEPS, engine="numpy")
        if exact and (why := differs(told, r, exact)):
            wrong.append(f"{method} on {problem}: {why}")
    return sum(exact for *_, exact in made), wrong, left


def needs_met(problem, method):
    return set(catalog.method(method).needs) <= set(catalog.problem(problem).supplies)


def every_pair(methods):
    return [(p, m) for m in methods for p in PROBLEMS if needs_met(p, m)]


@pytest.mark.slow
def test_a_page_has_the_bits_of_the_engine():
    """A sixth of the pairs of a problem with each rule and each direction."""
    pairs = every_pair((*WHOLE, *sorted(QUICK_JOINS)))[::6]
    exact, wrong, left = compared(pairs)
    assert wrong == []
    assert exact > 2 * len(pairs) / 3, left


@pytest.mark.exhaustive
def test_every_method_has_the_bits_of_the_engine_in_a_page():
    pairs = every_pair(EVERY_METHOD)
    exact, wrong, left = compared(pairs)
    assert wrong == []
    assert exact > 2 * len(pairs) / 3, left


def test_fields_of_the_problem_are_inputs_and_change_no_bit():
    program, _ = task("rosenbrock", "adam", free=("a", "b"))
    assert {"q.a", "q.b"} < set(program.parameters)
    exact, wrong, _ = compared([("rosenbrock", m) for m in ("gd", "csawg", "rdbd:per=component", "bb")], ("a", "b"))
    assert (exact, wrong) == (4, [])


HELPERS = {"rint": np.rint, "copysign": np.copysign, "power": np.power}


@pytest.mark.parametrize("name", HELPERS)
def test_what_javascript_lacks_is_as_in_numpy(name):
    values = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.0, -1.0, 1e300, np.inf, -np.inf, np.nan, 4503599627370497.0]
    pairs = (
        [(a,) for a in values]
        if name == "rint"
        else [(a, b) for a in values for b in (0.0, -0.0, 2.0, np.inf, -np.inf)]
    )
    calls = ", ".join(f"{name}({', '.join(map(literal, pair))})" for pair in pairs)
    text = f"{RUN}\nconsole.log(Buffer.from(new Float64Array([{calls}]).buffer).toString('hex'))"
    done = subprocess.run([NODE, "-"], input=text, capture_output=True, text=True, check=True)
    with np.errstate(all="ignore"):
        right = np.array([HELPERS[name](*pair) for pair in pairs])
    told = np.frombuffer(bytes.fromhex(done.stdout.strip()))
    np.testing.assert_array_equal(told, right)
    finite = ~np.isnan(right)
    np.testing.assert_array_equal(np.signbit(told[finite]), np.signbit(right[finite]))


def test_why_a_step_is_refused_cannot_end_the_script_of_a_page():
    program, _ = recorded(catalog.problem("rosenbrock"), catalog.method("gd"), 10)
    phase = dataclasses.replace(program.phases[0], why="</script><b>")
    text = module(dataclasses.replace(program, phases=(phase,)))
    assert "</script>" not in text
    assert "\\u003c/script>\\u003cb>" in text
