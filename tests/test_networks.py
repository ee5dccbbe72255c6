"""Networks as problems of the bench: the same loop, tables, studies and checkpoints as functions have."""

import json
import pickle
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import DIRECTIONS, RULES, WHOLE
from test_checkpoints import assert_same, stopped_after

import stepbench
from stepbench import catalog
from stepbench.conformance import judge
from stepbench.conformance.networks import CHECKS
from stepbench.engine import run_quietly
from stepbench.fields import InputError

torch = pytest.importorskip("torch")

TINY = "digits-mlp:hidden=1,width=5"
SMALL = (TINY, "digits-mlp:hidden=1,width=5,batch=none", "digits-cnn", "text-lstm:width=4")
SMALL += ("reverse-transformer:length=3,width=4", "pendulum:width=4,reuse=3")

# A setting a rule for those that need f* or whose defaults leave a network at once.
SETTINGS = {"exact": "N=1,iterations=2", "rdbd": "eta=1e-3", "dbd": "eta=1e-3"}


def every_rule():
    for rule in RULES:
        yield f"{rule}:{SETTINGS[rule]}" if rule in SETTINGS else rule
    yield from DIRECTIONS
    yield from (name for name in WHOLE if name != "idbd")
    yield from ("adam+rdbd", "adamloss", "momentum+tlr", "rdbd:per=component,eta=1e-3", "tlr:variant=reference")


EVERY_RULE = [*every_rule()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("problem", SMALL)
def test_every_network_conforms(problem, check):
    check(stepbench.problem(problem))


def test_a_wrong_gradient_is_found():
    class Wrong(catalog.load("problems", "networks/digits-mlp")):
        def grad(self, x):
            return 1.001 * super().grad(x)

    found = {finding.check: finding.passed for finding in judge(Wrong(hidden=0))}
    assert found["∇f is the derivative of f along random directions, in float64"] is False


# The numbers, by other ways


def test_gradient_descent_is_torchs_own_loop():
    """The trajectory of gd is that of torch.optim.SGD with autograd, on the same mini-batches."""
    problem = stepbench.problem(TINY)
    module = problem.trained(problem.start(5))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for step in range(1, 101):
        sample = problem.draw(5, step, None)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(sample.inputs), sample.targets).backward()
        optimizer.step()
    r = stepbench.run(problem, "gd:lr=0.1", steps=100, seed=5)
    with torch.no_grad():
        data = problem.data
        loss = torch.nn.functional.cross_entropy(module(data.inputs), data.targets)
        right = (module(data.test_inputs).argmax(1) == data.test_targets).float().mean()
    assert r.f[-1] == pytest.approx(float(loss), rel=1e-5)
    assert r.accuracy[-1] == pytest.approx(float(right), abs=2 / 360)
    assert r.evals.tolist() == r.iteration.tolist()
    assert not r.fevals.any()


def test_rdbd_has_a_step_size_a_tensor():
    """Algorithm 1, each tensor for itself, by a loop over the module's own parameters."""
    problem = stepbench.problem(TINY)
    lr, eta = 0.05, 0.01
    weights = [w.detach().clone() for w in problem.trained(problem.start(0)).parameters()]
    state = [(lr, torch.zeros_like(w), 0.0) for w in weights]
    for step in range(1, 31):
        sample = problem.draw(0, step, None)
        own = [w.clone().requires_grad_() for w in weights]
        hidden = torch.relu(sample.inputs @ own[0].T + own[1])
        loss = torch.nn.functional.cross_entropy(hidden @ own[2].T + own[3], sample.targets)
        for i, u in enumerate(torch.autograd.grad(loss, own)):
            alpha, last, h_last = state[i]
            h = float((u * last).sum())
            if h * h_last < 0:
                weights[i] = weights[i] + eta * h_last * last
                alpha -= eta * h_last
            alpha += eta * h
            weights[i] = weights[i] - alpha * u
            state[i] = alpha, u, h
    r = stepbench.run(problem, f"rdbd:lr={lr},eta={eta}", steps=30)
    np.testing.assert_allclose(r.step_size[-1], [alpha for alpha, _, _ in state], rtol=1e-4)
    w = torch.cat([w.reshape(-1) for w in weights]).double().numpy()
    assert r.f[-1] == pytest.approx(float(problem.f(w[:, None])[0]), rel=1e-5)
    assert stepbench.run(problem, f"rdbd:lr={lr},eta={eta},per=run", steps=30).step_size.ndim == 1


def test_exact_estimates_the_largest_curvature_and_is_charged():
    """K̂ is the largest |eigenvalue| of Hessians that torch.autograd.functional forms whole, at the same points."""
    problem = stepbench.problem("digits-mlp:hidden=0,batch=none")
    method = stepbench.method("exact:N=2,iterations=60,T=50")
    r = stepbench.run(problem, method, steps=1)
    assert r.evals[-1] == 2 * 60 + 1
    assert r.fevals[-1] == 1
    largest = 0.0
    for draw in (0, 2):
        seed = np.random.SeedSequence((0, 0, draw)).generate_state(1, np.uint64)[0] >> np.uint64(1)
        w = torch.as_tensor(problem.start(int(seed)), dtype=torch.float32)
        H = torch.autograd.functional.hessian(
            lambda w: problem.mean_loss(w, problem.data.inputs, problem.data.targets), w, vectorize=True
        )
        largest = max(largest, float(torch.linalg.eigvalsh(H.double()).abs().max()))
    K = 2 * r.f[0] / (r.step_size[-1] ** 2 * 50)
    assert pytest.approx(largest, rel=1e-2) == K
    assert largest * (1 + 1e-4) >= K, "power iteration comes from below"


def test_exact_sees_the_mini_batch_where_there_is_one():
    whole, batch = (
        stepbench.run(f"digits-mlp:hidden=0,batch={b}", "exact:N=1,iterations=5,T=50", steps=6) for b in ("none", "16")
    )
    assert whole.step_size[-1] != batch.step_size[-1]
    assert batch.evals[-1] == 5 + 6


def test_numpy_is_answered_in_numpy_and_float64():
    problem = stepbench.problem(TINY)
    x = np.stack([problem.start(0), problem.start(1)], axis=1)
    f, g = problem.f(x), problem.grad(x)
    assert f.dtype == g.dtype == np.float64
    look = problem.look(problem.points(x))
    np.testing.assert_allclose(look["f"], f, rtol=1e-5)
    np.testing.assert_allclose(look["gradient_norm"], np.linalg.norm(g, axis=0), rtol=1e-4)
    with pytest.raises(InputError, match="Hessian is too large to form"):
        problem.hessian(x)


# One seed, the same bits


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("spec", ["gd", "adam", "momentum+rdbd:eta=1e-3", "tlr:K=2", "adaloss", "sls:alpha_max=0.5"])
@pytest.mark.parametrize("problem", [TINY, "digits-cnn"])
def test_a_run_has_the_same_bits_alone_and_in_lock_step(problem, spec):
    key = "beta1" if spec == "adam" else "alpha_max" if "sls" in spec else "eta" if "adaloss" in spec else "lr"
    values = np.array([0.03, 0.1, 0.5, 0.7]) if key != "beta1" else np.array([0.0, 0.5, 0.9, 0.97])
    batch = stepbench.run(problem, stepbench.method(spec, **{key: values}), steps=25)
    for r in range(4):
        assert_same(stepbench.run(problem, stepbench.method(spec, **{key: values[r]}), steps=25), batch[r])


@pytest.mark.parametrize("batch", [3, 16, 17])
@pytest.mark.parametrize("width", [1, 2, 5, 20, 64])
def test_small_matrices_round_alike_alone_and_in_lock_step(width, batch):
    """Where torch would otherwise multiply a single one in another way."""
    problem = stepbench.problem(f"digits-mlp:hidden=1,width={width},batch={batch}")
    x = problem.points(np.stack([problem.start(seed) for seed in range(7)], axis=1))
    together = problem.draw(0, 1, x)
    f, g = together.f(x), together.grad(x)
    for runs in (slice(0, 1), slice(3, 4), slice(2, 4), slice(4, 7)):
        alone = problem.draw(0, 1, x[:, runs])
        assert torch.equal(alone.f(x[:, runs]), f[runs])
        assert torch.equal(alone.grad(x[:, runs]), g[:, runs])


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("method", EVERY_RULE)
def test_every_rule_goes_on_bit_for_bit(method, monkeypatch):
    options = {"steps": 12, "every": 4, "seed": 1}
    whole = stepbench.run(TINY, method, **options)
    for after in (3, 4):  # between two records, and at one
        stopped_after(monkeypatch, after, TINY, method, **options, checkpoint="run.npz")
    assert_same(stepbench.run(TINY, method, **options, checkpoint="run.npz"), whole)


@pytest.mark.parametrize("method", ["adam:lr=0.003", "adamloss", "csawg", "lossgrad"])
def test_the_pendulum_goes_on_in_the_middle_of_its_episodes(method, monkeypatch):
    problem, options = "pendulum:width=4,reuse=4", {"steps": 12, "every": 3}
    whole = stepbench.run(problem, method, **options)
    stopped_after(monkeypatch, 6, problem, method, **options, checkpoint="run.npz")
    assert_same(stepbench.run(problem, method, **options, checkpoint="run.npz"), whole)


def test_studies_keep_networks_and_share_them_out():
    over = {"lr": np.geomspace(0.01, 1, 5), "seed": range(2)}
    here = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study="here.db")
    with stepbench.Study("two.db", workers=2) as study:
        there = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study=study)
    with stepbench.Study("here.db") as study:
        again = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study=study)
        assert (study.made, study.reused) == (0, 20)
    for other in (there, again):
        for name in ("status", "evals", "f", "error", "accuracy"):
            np.testing.assert_array_equal(getattr(here.ends, name), getattr(other.ends, name))
    alone = stepbench.run(TINY, stepbench.method("adam", lr=here.axes[0].values[3]), budget=40, target=1.0, seed=1)
    assert here.ends.f[1, 3, 1] == alone.f[-1]
    assert here.ends.accuracy[1, 3, 1] == alone.accuracy[-1]
    assert here.ends.f[1, 3, 0] != here.ends.f[1, 3, 1], "seeds have weights and mini-batches of their own"
    assert "accuracy" in [column.header for column in here.table().columns]


def test_networks_are_tuned_and_profiled():
    """Cases are seeds, since weights and mini-batches come from one; a setting that is drawn twice is one run."""
    tuning = stepbench.tune(TINY, ["adam", "csawg"], trials=3, cases=2, over=["K=2,3"], budget=30, target=2.0)
    assert [len(tuned.cost) for tuned in tuning.ranked] == [2, 2]
    assert {tuned.setting.get("K") for tuned in tuning.ranked} <= {None, 2, 3}
    found = stepbench.profile(["gd:lr=0.5", "adam:lr=0.01"], [TINY], seeds=2, budget=40, tolerances=[0.5])
    assert found.problems == (f"networks/{TINY} seed 0", f"networks/{TINY} seed 1")


def test_the_number_of_threads_is_part_of_what_a_run_is():
    made = [stepbench.sweep(f"{TINY},threads={n}", "gd", {"lr": [0.1]}, budget=9, study="s.db") for n in (1, 2)]
    assert len(made) == 2
    with stepbench.Study("s.db") as study:
        assert len(study.store.settings()) == 2
    before = torch.get_num_threads()
    stepbench.run(f"{TINY},threads=2", "gd", steps=2)
    assert torch.get_num_threads() == before


# What each network is


def test_made_up_reviews_say_what_their_label_says():
    """By another reading: the verdict of the clause that counts, turned by "not"."""
    module = sys.modules[type(stepbench.problem("text-lstm")).__module__]
    words = {number: word for word, number in module.WORDS.items()} | {0: ""}
    data = stepbench.problem("text-lstm").data
    rows = torch.cat([data.inputs, data.test_inputs]).tolist()
    labels = torch.cat([data.targets, data.test_targets]).tolist()
    assert len({tuple(row) for row in rows}) == len(rows) == 2500
    assert 0.45 < np.mean(labels) < 0.55
    for row, label in zip(rows, labels, strict=True):
        text = " ".join(words[n] for n in row).strip()
        if " though " in f" {text} ":
            counts = text.split(" though ")[0]
        elif text.startswith("although"):
            counts = text[text.index(" the ", text.index(" the ") + 1) :]  # the second of two clauses
        else:
            counts = text.split(" but ")[1]
        good = any(word in counts.split() for word in module.GOOD)
        assert int(good != ("not" in counts.split())) == label, text


def test_the_transformer_is_asked_for_the_reverse_and_sees_no_letter_ahead():
    problem = stepbench.problem("reverse-transformer:length=4,width=8")
    data = problem.data
    np.testing.assert_array_equal(data.targets, data.inputs[:, :4].flip(1))
    np.testing.assert_array_equal(data.inputs[:, 5:], data.targets[:, :-1])
    assert (data.inputs[:, 4] == 10).all()
    w = problem.points(problem.x0[:, None])[:, 0]
    one = data.inputs[:1].clone()
    other = one.clone()
    other[0, -1] = (other[0, -1] + 1) % 10  # the last letter that is shown to the decoder
    a, b = problem.outputs(w, one), problem.outputs(w, other)
    assert torch.equal(a[0, :3], b[0, :3])
    assert not torch.equal(a[0, 3], b[0, 3])


def test_the_actor_and_the_critic_are_trained_each_for_itself():
    """Polyak's step sizes and AdaLoss's are those of each one's own loss and gradient."""
    problem = stepbench.problem("pendulum:width=4")
    x = problem.points(problem.x0[:, None])
    sample = problem.draw(0, 1, x)
    f, g = sample.f(x), sample.grad(x)
    actor, critic = problem.learners
    assert actor + critic == len(x)
    losses = [float(loss) for loss in problem.losses(x[:, 0], sample.rollouts[0])]
    assert f[:actor, 0].tolist() == [pytest.approx(losses[0], abs=1e-6)] * actor
    assert f[actor:, 0].tolist() == [pytest.approx(losses[1])] * critic
    moved = x.clone()
    moved[actor:] += 1.0  # another critic: the actor's loss and gradient on these episodes stay
    assert torch.equal(sample.f(moved)[:actor], f[:actor])
    assert torch.allclose(sample.grad(moved)[:actor], g[:actor], atol=1e-7)
    r = stepbench.run(problem, "adagrad-norm:b0=0.5,eta=1e-6", steps=1)
    expected = [1e-6 / np.sqrt(0.25 + float((part * part).sum())) for part in (g[:actor], g[actor:])]
    np.testing.assert_allclose(r.step_size[1, [0, -1]], expected, rtol=1e-5)


def test_the_pendulums_advantages_are_the_sums_they_stand_for():
    """Generalised advantages by their definition, a sum of discounted surprises, for one episode."""
    problem = stepbench.problem("pendulum:width=4")
    w = problem.points(problem.x0[:, None])[:, 0]
    rollout = problem._rollout(w, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    seeds = [int(s) for s in rng.integers(1 << 31, size=10)]
    seen, _, rewards = problem._play(w, seeds, rng.standard_normal((200, 10, 1)))
    with torch.no_grad():
        value = np.array([problem.outputs(w, torch.as_tensor(frame))[:, 2].numpy() for frame in seen], dtype=float)
    surprise = 0.1 * rewards + 0.95 * value[1:] - value[:-1]
    for k in (0, 150, 199):
        advantage = sum((0.95 * 0.95) ** j * surprise[k + j] for j in range(200 - k))
        gain = np.asarray(rollout.gain).reshape(200, 10)[k]
        np.testing.assert_allclose(gain, advantage + value[k], rtol=1e-3, atol=1e-3)
    assert (rewards <= 0).all()
    assert (rewards >= -16.3).all()


def test_the_pendulum_learns_from_the_same_episodes_for_a_while():
    problem = stepbench.problem("pendulum:width=4,reuse=3")
    from stepbench.oracle import Oracle

    oracle, x = Oracle(problem), problem.points(problem.x0[:, None])
    drawn = []
    for _ in range(7):
        oracle.advance(x)
        drawn.append(oracle._sample)
    assert [a is b for a, b in pairwise(drawn)] == [True, True, False, True, True, False]


@pytest.mark.parametrize(
    ("problem", "method"), [("text-lstm", "adam:lr=0.01"), ("reverse-transformer:length=4", "adam:lr=0.01")]
)
def test_the_stand_ins_can_be_learned(problem, method):
    r = stepbench.run(problem, method, epochs=2)
    assert r.accuracy[-1] > 0.9
    assert r.accuracy[0] < 0.7


# MNIST and CIFAR-10, from small files of the real format


@pytest.mark.parametrize(
    ("problem", "train", "test", "low"),
    [
        ("mnist-mlp:width=8", (60, 1, 28, 28), 20, 0.0),
        ("mnist-mlp:width=8,samples=30", (30, 1, 28, 28), 20, 0.0),
        ("mnist-lenet", (60, 1, 28, 28), 20, 0.0),
        ("cifar10-cnn", (60, 3, 32, 32), 12, -1.0),
        ("cifar10-vgg9", (60, 3, 32, 32), 12, -1.0),
    ],
)
def test_torchvisions_files_are_read_and_trained_on(data, problem, train, test, low):
    p = stepbench.problem(problem)
    assert p.data.inputs.shape == train
    assert len(p.data.test_inputs) == test
    assert float(p.data.inputs.min()) == low
    assert float(p.data.inputs.max()) == 1.0
    r = stepbench.run(p, "gd:lr=0.01", steps=2, every=1)
    assert r.f[0] == pytest.approx(np.log(10), abs=0.1)
    assert r.f[-1] != r.f[0]


def test_pixels_come_out_as_they_went_in(data):
    images = np.frombuffer((data / "MNIST/raw/train-images-idx3-ubyte").read_bytes()[16:], np.uint8).reshape(60, 28, 28)
    mnist = stepbench.problem("mnist-mlp").data
    np.testing.assert_array_equal(np.asarray(mnist.inputs[:, 0] * 255).round(), images)
    assert mnist.targets.tolist() == [k % 10 for k in range(60)]
    batch = pickle.loads((data / "cifar-10-batches-py/test_batch").read_bytes())
    cifar = stepbench.problem("cifar10-cnn").data
    pixels = np.asarray((cifar.test_inputs + 1) * 127.5).round().reshape(12, -1)
    np.testing.assert_array_equal(pixels, batch["data"])


@pytest.mark.parametrize("problem", ["mnist-mlp", "cifar10-cnn"])
def test_without_the_files_one_line_says_where_to_put_them(stepbench_cli, problem):
    pytest.importorskip("torchvision")
    code, out, err = stepbench_cli("run", problem, "--epochs", "1")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    name = "MNIST/raw/train-images-idx3-ubyte" if "mnist" in problem else "cifar-10-batches-py/data_batch_1"
    for words in ("read from ./data: ", name, "--data", "--download"):
        assert words in err


def test_a_file_that_is_cut_short_is_one_line(data, stepbench_cli):
    file = data / "MNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:500])
    code, _, err = stepbench_cli("run", "mnist-mlp", "--data", str(data))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "MNIST cannot be read" in err


# Refusals


@pytest.mark.parametrize(
    ("problem", "method", "options", "words"),
    [
        (TINY, "idbd", {}, "idbd needs the Hessian's diagonal"),
        (TINY, "scipy:bfgs", {}, "works in NumPy and cannot train a network"),
        ("pendulum", "exact", {}, "exact needs"),
        ("pendulum", "polyak", {}, "polyak needs the minimum"),
        ("pendulum", "gd", {"target": 1.0}, "does not know its minimum"),
        (f"{TINY},batch=2000", "gd", {}, "batch=2000 is more than the 1437 training examples"),
        ("pendulum:batch=3", "gd", {}, "leave out batch"),
        (TINY, "gd", {"start": [1.0, 2.0]}, "the start must have"),
        ("digits-mlp:device=tpu", "gd", {}, "must be cpu or cuda"),
    ],
)
def test_what_cannot_run_is_refused_in_one_line(problem, method, options, words):
    with pytest.raises(InputError, match=words) as refusal:
        stepbench.run(problem, method, **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("problem", ["digits-mlp", "pendulum"])
def test_cuda_is_refused_where_there_is_none(problem, stepbench_cli):
    code, out, err = stepbench_cli("run", problem, "--device", "cuda")
    assert (code, out) == (2, "")
    assert err == f"stepbench: networks/{problem}: no CUDA device is here: leave out --device cuda\n"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("method", ["gd:lr=0.1", "adam", "rdbd:eta=1e-3", "sls", "csawg"])
def test_cuda_gives_the_same_run_to_rounding(method):
    here, there = (stepbench.run(f"{TINY},device={device}", method, steps=20, every=1) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(here.f, there.f, rtol=1e-3)


def test_without_torch_one_line_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\nfrom stepbench.cli import main\n"
        "try: main(['list', 'problems'])\nexcept SystemExit as stop: assert not stop.code\n"
        "main(['run', 'digits-mlp'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "networks/digits-mlp" in done.stdout
    assert done.stderr == 'stepbench: networks need torch: pip install "stepbench[torch]"\n'


def test_nothing_imports_torch_but_a_network_that_runs():
    code = (
        "import sys, stepbench\nfrom stepbench import catalog\nfrom stepbench.cli import main\n"
        "stepbench.run('rosenbrock', 'adam', steps=3)\nstepbench.problem('digits-mlp')\n"
        "try: main(['list'])\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_a_network_that_diverges_says_so():
    r = run_quietly(TINY, "gd:lr=1e30", steps=20)
    assert r.status == "diverged"
    assert "by step" in r.detail
    assert np.isfinite(r.f).all()


# The command line, tables and files


def test_the_commands_of_the_readme(stepbench_cli):
    code, out, err = stepbench_cli(
        "run", "digits-mlp", "--method", "rdbd", "--lr", "0.005", "--eta", "0.01", "--batch", "16", "--epochs", "1",
        "--plot", "digits.png", "--csv", "digits.csv",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "training loss" in out
    assert "test accuracy" in out
    assert "ms a step" in out
    rows = Path("digits.csv").read_text().splitlines()
    assert rows[0].startswith("method,iteration,gradient_evaluations,function_evaluations,f,error")
    assert "accuracy" in rows[0]
    assert rows[0].endswith("step_size_6")
    assert rows[-1].split(",")[1] == "89"
    code, out, err = stepbench_cli(
        "compare", "digits-mlp", "sgd", "rdbd", "adam+rdbd", "--epochs", "1", "--plot", "c.png"
    )
    assert (code, err) == (0, "")
    assert "looked at after every 18 steps" in out
    assert {path.name for path in Path().glob("*.png")} == {"digits.png", "c.png"}


def test_json_tells_of_networks(stepbench_cli):
    code, out, _ = stepbench_cli("run", TINY, "--steps", "20", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["problem"].startswith("networks/digits-mlp:batch=16,device=cpu,threads=1,hidden=1")
    assert told["accuracy"] > 0
    assert told["seconds_per_step"] > 0
    assert told["w"] is None
    assert told["iterations"] == 20


def test_a_sweep_of_the_command_line(stepbench_cli):
    command = ("sweep", TINY, "--method", "adam", "--over", "lr=1e-3:1:4:log", "--epochs", "1", "--batch", "32")
    code, out, err = stepbench_cli(*command)
    assert (code, err) == (0, "")
    assert "error ≤ 0.1 · 44 evaluations" in out
    assert "4 runs made" in out
    assert "4 were there" in stepbench_cli(*command)[1]
    assert stepbench_cli("study", "export", "study.db", "--csv", "runs.csv")[0] == 0
    assert "accuracy" in Path("runs.csv").read_text().splitlines()[0]


def test_a_batch_option_needs_a_problem_that_has_one(stepbench_cli):
    code, _, err = stepbench_cli("run", "rosenbrock", "--batch", "3")
    assert (code, err) == (2, "stepbench: --batch: rosenbrock has none: leave it out\n")
    code, _, err = stepbench_cli("run", "digits-mlp", "--data", "nowhere")
    assert (code, err) == (2, "stepbench: --data nowhere is no folder: make it, or give --download too\n")


def test_results_of_networks_are_kept_in_files():
    r = stepbench.run(TINY, "rdbd", steps=20)
    r.save("r.npz")
    again = stepbench.load("r.npz")
    assert_same(again, r)
    np.testing.assert_array_equal(again.elapsed, r.elapsed)
    again.figure()


@pytest.mark.parametrize("every", [1, 5])
def test_the_seconds_of_training_are_told_and_looking_is_not_among_them(every):
    r = stepbench.run(TINY, "gd", steps=20, every=every)
    assert (np.diff(r.elapsed) > 0).all()
    assert r.elapsed[-1] < r.seconds


def test_the_readmes_training_loop_runs():
    text = (Path(__file__).parents[1] / "README.md").read_text()
    [code] = re.findall(r"```py\n(from stepbench.torch import Optimizer.*?)```", text, re.DOTALL)
    model = torch.nn.Linear(2, 1)
    loader = [(torch.randn(8, 2), torch.randn(8, 1)) for _ in range(3)]
    before = [w.detach().clone() for w in model.parameters()]
    names = {"model": model, "loader": loader, "loss_function": torch.nn.functional.mse_loss}
    exec(code, names)
    assert names["optimizer"].evals == 3
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_new_writes_a_network_that_runs(stepbench_cli):
    code, out, err = stepbench_cli("new", "network", "my-net")
    assert (code, err) == (0, "")
    assert "stepbench run ./my_net.py --method adam --epochs 20 --plot my_net.png" in out
    assert stepbench_cli("check", "./my_net.py")[0] == 0
    code, out, err = stepbench_cli("run", "./my_net.py", "--method", "adam", "--lr", "0.01", "--epochs", "20")
    assert (code, err) == (0, "")
    assert stepbench.run("./my_net.py", "adam:lr=0.01", epochs=20).accuracy[-1] > 0.97


def test_a_network_of_ones_own(stepbench_cli):
    Path("mine.py").write_text(
        "from dataclasses import dataclass\nimport torch\nfrom stepbench.torch import Examples, Network\n\n"
        '@dataclass(frozen=True)\nclass Mine(Network):\n    """A line through noise."""\n\n'
        "    def module(self):\n        return torch.nn.Linear(3, 1)\n\n"
        "    def examples(self):\n        x = torch.linspace(-1, 1, 240).reshape(80, 3)\n"
        "        y = x.sum(1, keepdim=True)\n        return Examples(x[:64], y[:64], x[64:], y[64:])\n\n"
        "    def loss(self, outputs, targets):\n        return ((outputs - targets) ** 2).mean()\n\n"
        "    def accuracy(self, outputs, targets):\n        return ((outputs - targets).abs() < 0.1).float().mean()\n"
    )
    code, out, err = stepbench_cli("check", "./mine.py")
    assert (code, err) == (0, ""), out
    code, out, err = stepbench_cli("run", "./mine.py", "--method", "adam", "--lr", "0.1", "--epochs", "50")
    assert (code, err) == (0, "")
    assert "test accuracy 100" in out


MINE = """
from dataclasses import dataclass
import torch
from torch import nn
from stepbench.torch import Examples, Network


@dataclass(frozen=True)
class Mine(Network):
    \"\"\"A line through noise.\"\"\"

    def module(self):
        return {module}

    def examples(self):
        x = torch.linspace(-1, 1, 240).reshape(80, 3)
        y = (x.sum(1) > 0).long()
        return {examples}

    {more}
"""


def mine(module="nn.Linear(3, 2)", examples="Examples(x[::2], y[::2], x[1::2], y[1::2])", more=""):
    Path("mine.py").write_text(MINE.format(module=module, examples=examples, more=more))
    return "./mine.py"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"examples": "(x.numpy(), y.numpy(), x.numpy(), y.numpy())"}, "examples must give Examples of four tensors"),
        ({"examples": "(x, y, x)"}, "examples must give Examples of four tensors"),
        ({"examples": "None"}, "examples must give Examples of four tensors"),
        (
            {"examples": "Examples(x, y, x[:0], y[:0])"},
            "test inputs and targets must have a row an example",
        ),
        ({"examples": "Examples(x, y[:5], x, y)"}, r"as many; got \(80, 3\) and \(5,\)"),
        ({"module": "None"}, "module must give a torch.nn.Module; it gave NoneType"),
        ({"module": "nn.ReLU()"}, "module has no weights to train"),
        ({"module": "nn.LazyLinear(2)"}, "weights whose size is not known yet"),
        ({"module": "nn.Linear(4, 2)"}, "module and loss do not fit the examples: mat1 and mat2"),
        ({"module": "nn.Linear(3, 1)"}, "module and loss do not fit the examples: Target 1 is out of bounds"),
        ({"examples": "Examples(x, y.double(), x, y.double())"}, "module and loss do not fit the examples"),
        ({"module": "nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))"}, "1 remembers what it saw"),
        ({"module": "nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.2))"}, "1 drops out at random"),
        (
            {"more": "def accuracy(self, o, t): return o[:, 0]"},
            r"accuracy must give one number.*shape \(40,\)",
        ),
        ({"more": "looks = 0"}, "looks must be above 0"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_in_one_line(wrong, words):
    with pytest.raises(InputError, match=rf"^\./mine\.py: .*{words}") as refusal:
        stepbench.run(mine(**wrong), "gd", epochs=1)
    assert "\n" not in str(refusal.value)


def test_what_a_module_freezes_stays_as_it_is():
    frozen = "nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.Tanh(), nn.Linear(4, 2))"
    problem = stepbench.problem(mine(frozen, more="lockstep = True"))
    assert problem.tensor_names == ("2.weight", "2.bias")
    for check in CHECKS:
        check(problem)
    trained = problem.trained(problem.start(3))
    assert torch.equal(trained[0].weight, problem.trained(problem.start(0))[0].weight)
    assert not torch.equal(trained[2].weight, problem.trained(problem.start(0))[2].weight)


def test_examples_that_are_drawn_are_the_same_in_every_run():
    drawn = "Examples(torch.randn(80, 3), y, x, y)"
    first = stepbench.problem(mine(examples=drawn)).data.inputs.clone()
    torch.rand(5)
    path = Path(mine(examples=drawn))
    path.write_text(path.read_text() + "\n")  # another module of the same file
    assert torch.equal(stepbench.problem("./mine.py").data.inputs, first)


def test_real_numbers_become_float32():
    problem = stepbench.problem(mine(examples="Examples(x.double(), y, x.half(), y)"))
    assert {part.dtype for part in problem.data} == {torch.float32, torch.int64}
    assert stepbench.run(problem, "gd:lr=0.1", epochs=1).status == "budget"


def test_epochs_mean_the_same_for_every_setting_or_are_refused(stepbench_cli):
    command = (
        "sweep",
        TINY,
        "--method",
        "adam",
        "--over",
        "lr=1e-3,1e-2",
        "--over",
        "problem.batch=8,16",
        "--epochs",
        "1",
    )
    code, _, err = stepbench_cli(*command)
    assert (code, err) == (2, "stepbench: --epochs: problem.batch changes the steps of an epoch: give --budget\n")
    code, _, err = stepbench_cli(*command[:-2], "--batch", "4", "--budget", "9")
    assert (code, err) == (2, "stepbench: --batch: it is varied by --over problem.batch: leave one of them out\n")
    assert stepbench_cli(*command[:-2], "--budget", "9")[0] == 0
