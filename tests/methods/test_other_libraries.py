"""Other libraries' optimizers as methods: the library's own loop, bit for bit, and the bench's contracts."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog
from stepbench.contracts import Method, Oracle
from stepbench.engine.running import run_quietly

torch = pytest.importorskip("torch")

PROBLEMS = ("rosenbrock", "quadratic:kappa=20,dim=3")
TORCH = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Adamax",
    "AdamW",
    "ASGD",
    "LBFGS",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "Adam:amsgrad=true",
    "SGD:momentum=0.9,nesterov=true",
    "LBFGS:line_search_fn=strong_wolfe",
]
STEPS = 30


def own_loop_in_torch(name, settings, problem, steps):
    """A loop as torch's documentation has it; the points, and how often f and its gradient were asked for."""
    w = torch.tensor(problem.x0, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **settings)
    path, asked = [w.detach().numpy().copy()], 0

    def closure():
        nonlocal asked
        asked += 1
        columns = np.repeat(w.detach().numpy()[:, None], 2, axis=1)
        w.grad = torch.tensor(problem.grad(columns)[:, 0].copy())
        return torch.tensor(problem.f(columns)[0])

    for _ in range(steps):
        with np.errstate(all="ignore"):
            optimizer.step(closure)
        path.append(w.detach().numpy().copy())
    return np.array(path), asked


def as_torch_has_them(spec):
    name, _, options = spec.partition(":")
    words = dict(option.split("=") for option in options.split(",") if option)
    return name, {key: json.loads(v) if v[0] in "tf0123456789" else v for key, v in words.items()}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("spec", TORCH)
def test_torch_through_us_is_torch_bit_for_bit(spec, problem):
    path, asked = own_loop_in_torch(*as_torch_has_them(spec), catalog.problem(problem), STEPS)
    r = run_quietly(problem, f"torch:{spec}", steps=STEPS)
    np.testing.assert_array_equal(r.x, path[: len(r.x)])
    if r.steps == STEPS:  # else it met the target, and the plain loop went on
        assert r.evals[-1] == asked
    assert r.fevals[-1] == (r.evals[-1] if spec.startswith("LBFGS") else 0)


def test_every_optimizer_of_torch_runs_or_says_why_not():
    ran = {spec.partition(":")[0] for spec in TORCH}
    for name in sorted({*catalog.library("torch").names()} - ran):
        with pytest.raises(InputError, match=f"torch:{name} cannot run here: .*(matrices|sparse)"):
            catalog.method(f"torch:{name}")


OF_EACH = ("torch:NAdam", "torch:LBFGS:max_iter=4", "optax:adam", "optax:polyak_sgd")
MORE = ("optax:lbfgs", "pytorch-optimizer:Prodigy", "pytorch-optimizer:Kron", "pytorch-optimizer:ScheduleFreeAdamW")


def parameters():
    return [*OF_EACH, *(pytest.param(spec, marks=pytest.mark.exhaustive) for spec in MORE)]


@pytest.mark.parametrize("spec", parameters())
def test_a_run_has_the_same_bits_alone_in_a_batch_and_through_a_checkpoint(spec, tmp_path):
    package = spec.partition(":")[0].replace("-", "_")
    pytest.importorskip(package)
    rates = np.array([0.003, 0.01, 0.03])
    key = "max_learning_rate" if "polyak" in spec else "lr"
    options = {"steps": 12, "seed": 3}
    problem = "linear-regression:n=12,dim=3,batch=4"
    batch = stepbench.run(problem, catalog.method(spec, **{key: rates}), **options)
    for r in (0, 2):
        alone = stepbench.run(problem, catalog.method(spec, **{key: rates[r]}), **options)
        n = len(alone.x)
        np.testing.assert_array_equal(batch.x[:n, :, r], alone.x)
    method = catalog.method(spec, **{key: rates[2]})
    kept = tmp_path / "run.npz"
    stepbench.run(problem, method, **options, checkpoint=kept, checkpoint_every=5)

    def stop(done, limit):
        if done >= 4:
            raise KeyboardInterrupt

    again = tmp_path / "again.npz"
    with pytest.raises(KeyboardInterrupt):
        stepbench.run(problem, method, **options, checkpoint=again, checkpoint_every=2, progress=stop)
    resumed = stepbench.run(problem, method, **options, checkpoint=again, checkpoint_every=2)
    np.testing.assert_array_equal(resumed.x, alone.x)
    np.testing.assert_array_equal(resumed.evals, alone.evals)


@pytest.mark.exhaustive
@pytest.mark.parametrize("spec", parameters())
def test_a_step_is_state_in_and_state_out(spec):
    pytest.importorskip(spec.partition(":")[0].replace("-", "_"))
    from stepbench.conformance import methods

    for check in methods.CHECKS:
        check(catalog.method(spec), catalog.problem("quadratic:kappa=30"))


def test_optax_through_us_is_its_own_loop_to_rounding():
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    problem = catalog.problem("rosenbrock")
    with jax.enable_x64(True):
        for name in ("adam", "lion", "adabelief", "yogi"):
            optimizer = getattr(optax, name)(0.01)
            w = jax.numpy.asarray(problem.x0)
            state, path = optimizer.init(w), [problem.x0]
            for _ in range(STEPS):
                g = problem.grad(np.repeat(np.asarray(w)[:, None], 2, axis=1))[:, 0]
                updates, state = optimizer.update(jax.numpy.asarray(g), state, w)
                w = optax.apply_updates(w, updates)
                path.append(np.asarray(w))
            ours = stepbench.run(problem, f"optax:{name}:lr=0.01", steps=STEPS).x
            np.testing.assert_allclose(ours, path, rtol=1e-11, err_msg=name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("search", ["scale_by_backtracking_linesearch", "lbfgs"])
def test_what_optax_asks_in_a_line_search_is_counted(search):
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    calls = {"f": 0, "grad": 0}
    problem = catalog.problem("quadratic:kappa=20,dim=3")

    def column(w):
        return np.repeat(np.asarray(w)[:, None], 2, axis=1)

    def counted(name, w):
        calls[name] += 1
        return np.asarray(getattr(problem, name)(column(w))[..., 0])

    @jax.custom_vjp
    def f(w):
        return jax.numpy.asarray(counted("f", w))

    f.defvjp(lambda w: (f(w), jax.numpy.asarray(counted("grad", w))), lambda g, scale: (scale * g,))
    with jax.enable_x64(True), jax.disable_jit():
        optimizer = optax.lbfgs() if search == "lbfgs" else optax.chain(optax.sgd(1.0), getattr(optax, search)(15))
        w = jax.numpy.asarray(problem.x0)
        state = optimizer.init(w)
        for _ in range(5):
            told = {"value": counted("f", w), "grad": jax.numpy.asarray(counted("grad", w))}
            updates, state = optimizer.update(told["grad"], state, w, value_fn=f, **told)
            w = optax.apply_updates(w, updates)
    r = run_quietly(problem, f"optax:{search}", steps=5)
    np.testing.assert_allclose(r.x[-1], w, rtol=1e-12)
    assert {"f": r.fevals[-1], "grad": r.evals[-1]} == calls


@pytest.mark.exhaustive
@pytest.mark.parametrize("library", ["optax", "pytorch-optimizer"])
def test_every_optimizer_runs_in_mini_batches_or_says_in_one_line_why_not(library):
    pytest.importorskip(library.replace("-", "_"))
    from stepbench.methods.libraries import _tensors

    refused = []
    for name in catalog.library(library).names():
        try:
            method = catalog.method(f"{library}:{name}")
        except InputError as error:
            refused.append(str(error))
            continue
        assert isinstance(method, Method)
        assert catalog.method(method.spec()).spec() == method.spec()
        r = stepbench.run("linear-regression:n=12,dim=3,batch=4", method, steps=5, seed=1)
        assert r.steps == 5, name
        if library == "pytorch-optimizer":
            problem = catalog.problem("rosenbrock")
            oracle, w = Oracle(problem), np.repeat(problem.x0[:, None], 2, axis=1)
            s, path = method.init(w), [w[:, 0]]
            with np.errstate(all="ignore"):
                while len(path) <= STEPS and not oracle.why:
                    oracle.advance()
                    w, s = method.step(w, oracle, s)
                    path.append(w[:, 0])
            if oracle.why:  # its own loop breaks off there, too
                with pytest.raises(Exception, match=oracle.why.rpartition(": ")[2]):
                    _tensors.plain_loop(method, problem, STEPS)
            else:
                np.testing.assert_array_equal(path, _tensors.plain_loop(method, problem, STEPS), err_msg=name)
    assert all(" cannot run here: " in line and "\n" not in line for line in refused)
    assert len(refused) < 30


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("torch:Adm", "torch has no optimizer Adm (did you mean Adam"),
        ("torch", "torch is a library: name one of its optimizers; see stepbench list --peers"),
        ("torch:lr=1", "torch is a library: name one of its optimizers"),
        ("torhc:Adam", "no method torhc (did you mean torch"),
        ("torch:Adam:rl=1", "torch:Adam has no hyper-parameter rl (did you mean lr?)"),
        ("torch:Adam:lr=-1", "torch:Adam: lr=-1.0 must be a number in [0, inf)"),
        ("torch:SGD:nesterov=true", "torch:SGD: Nesterov momentum requires a momentum and zero dampening"),
        ("torch:Adam+rdbd", "torch:Adam is a whole method"),
    ],
)
def test_what_cannot_be_meant_is_refused(spec, says):
    with pytest.raises(InputError) as refused:
        catalog.method(spec)
    assert says in str(refused.value)


def test_options_follow_a_colon_or_a_comma_and_capitals_do_not_matter():
    method = catalog.method("torch:Adam:lr=0.1,beta1=0.5")
    for spec in ("torch:Adam,lr=0.1,beta1=0.5", "torch:adam:beta1=0.5,lr=1e-1", method.spec(), str(method)):
        assert catalog.method(spec) == method
    assert str(method) == "torch:Adam:lr=0.1,beta1=0.5"


def test_a_library_that_is_missing_or_too_old_says_what_to_install(monkeypatch):
    from importlib import metadata

    from stepbench.methods.libraries import _foreign

    def missing(package):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(InputError, match=r'optax is not installed: pip install "stepbench\[peers\]"'):
        _foreign.require("optax", "optax", "peers", "0.2")
    monkeypatch.setattr(metadata, "version", lambda package: "0.1.9")
    with pytest.raises(InputError, match=r"optax 0.1.9 is too old, 0.2 is needed: pip install -U"):
        _foreign.require("optax", "optax", "peers", "0.2")


def test_help_and_a_run_of_our_own_import_no_other_library():
    code = (
        "import sys; from stepbench import cli\n"
        "for args in (['--help'], ['run', 'rosenbrock', 'adam', '--steps', '3']):\n"
        "    try: cli.main(args)\n"
        "    except SystemExit: pass\n"
        "print(*sorted({'torch', 'jax', 'optax', 'pytorch_optimizer', 'nevergrad', 'optimagic'} & {*sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == ""


def test_the_engine_falls_back_to_numpy_and_a_network_is_refused():
    r = stepbench.run("rosenbrock", "torch:Adam", steps=300, engine="auto")
    assert r.engine.startswith("NumPy")
    with pytest.raises(InputError, match="a network's tensors have shapes"):
        catalog.method("torch:Adam").init(torch.zeros(3, 2))


@pytest.mark.exhaustive
def test_peers_are_counted_and_end_with_the_budget():
    pytest.importorskip("nevergrad")
    pytest.importorskip("optimagic")
    r = stepbench.run("rosenbrock", "nevergrad:OnePlusOne", budget=50, seed=1)
    assert (r.status, r.evals[-1], r.fevals[-1]) == ("budget", 0, 50)
    again = stepbench.run("rosenbrock", "nevergrad:OnePlusOne", budget=50, seed=1)
    np.testing.assert_array_equal(r.x, again.x)
    r = stepbench.run("quadratic:kappa=10", "optimagic:scipy_lbfgsb", target=1e-6)
    assert r.status == "converged"
    assert r.evals[-1] > 1


PARTING = r"from step (\d+) on: by (\S+), at the end (\S+)"


@pytest.mark.exhaustive
def test_the_page_of_implementations_is_what_the_program_finds_and_its_lines_are_in_the_sources():
    for package in ("optax", "pytorch_optimizer"):
        pytest.importorskip(package)
    from stepbench.catalog.files import PACKAGE
    from stepbench.conformance import implementations

    kept = (PACKAGE.parent / "docs/implementations.md").read_text(encoding="utf-8")
    page = implementations.page()
    versions = [[line for line in text.splitlines() if line.startswith("Versions: ")] for text in (kept, page)]
    if versions[0] != versions[1]:
        pytest.skip(f"the page was written for other versions: {versions[0]}")
    # How far apart float32 within an optimizer drives two paths hangs on the processor.
    assert re.sub(PARTING, "parts", kept) == re.sub(PARTING, "parts", page)
    for there, here in zip(re.findall(PARTING, kept), re.findall(PARTING, page), strict=True):
        for one, other in zip(map(float, there), map(float, here), strict=True):
            assert max(one, other) <= max(100 * min(one, other), 1e-12), (there, here)
    for reason in implementations.REASONS.values():
        package, _, file = reason.file.partition("/")
        folder = PACKAGE if package == "stepbench" else Path(__import__(package).__file__).parent
        assert reason.line in (folder / file).read_text(encoding="utf-8"), reason


def test_implementations_that_part_say_where_and_why(stepbench_cli):
    code, out, err = stepbench_cli("check", "adamax", "torch:Adamax")
    assert (code, err) == (0, "")
    assert "from step 1 on: by 5e-12" in out
    assert "ε = 1e-8 is added" in out
    code, out, _ = stepbench_cli("check", "adam", "torch:Adam")
    assert code == 0
    assert out.count("the same, to rounding") == 2
    code, _, err = stepbench_cli("check", "adam", "scipy:bfgs")
    assert code == 2
    assert "owns its loop" in err
