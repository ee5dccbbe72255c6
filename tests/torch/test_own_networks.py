"""Networks of the user's own."""

from pathlib import Path

import pytest

import stepbench
from stepbench.conformance.networks import CHECKS
from stepbench.fields import InputError

pytest.importorskip("torch")

import torch


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

{before}

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


def mine(module="nn.Linear(3, 2)", examples="Examples(x[::2], y[::2], x[1::2], y[1::2])", more="", before=""):
    Path("mine.py").write_text(MINE.format(module=module, examples=examples, more=more, before=before))
    return "./mine.py"


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"examples": "(x.numpy(), y.numpy(), x.numpy(), y.numpy())"}, "examples must give Examples of four tensors"),
        ({"examples": "(x, y, x)"}, "examples must give Examples of four tensors"),
        ({"examples": "None"}, "examples must give Examples of four tensors"),
        (
            {"examples": "Examples(x, y, x[:0], y[:0])"},
            "test inputs and targets must have a row per example",
        ),
        ({"examples": "Examples(x, y[:5], x, y)"}, r"as many; got \(80, 3\) and \(5,\)"),
        ({"module": "None"}, "module must give a torch.nn.Module; it gave NoneType"),
        ({"module": "nn.ReLU()"}, "module has no weights to train"),
        ({"module": "nn.LazyLinear(2)"}, "weights whose size is not known yet"),
        ({"module": "nn.Linear(4, 2)"}, "module and loss do not fit the examples: mat1 and mat2"),
        ({"module": "nn.Linear(3, 1)"}, "module and loss do not fit the examples: Target 1 is out of bounds"),
        ({"examples": "Examples(x, y.double(), x, y.double())"}, "module and loss do not fit the examples"),
        (
            {"more": "def accuracy(self, o, t): return o[:, 0]"},
            r"accuracy must give one number.*shape \(40,\)",
        ),
        ({"more": "looks = 0"}, "looks=0.*must be"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_in_one_line(wrong, words):
    with pytest.raises(InputError, match=rf"^\./mine\.py: .*{words}") as refusal:
        stepbench.run(mine(**wrong), "gd", epochs=1)
    assert "\n" not in str(refusal.value)


def test_what_a_module_freezes_stays_as_it_is():
    frozen = "nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.Tanh(), nn.Linear(4, 2))"
    problem = stepbench.problem(mine(frozen, more="lockstep = 'tried'"))
    assert problem.tensor_names == ("2.weight", "2.bias")
    for check in CHECKS:
        check(problem)
    trained = problem.trained(problem.start(3))
    assert torch.equal(trained[0].weight, problem.trained(problem.start(0))[0].weight)
    assert not torch.equal(trained[2].weight, problem.trained(problem.start(0))[2].weight)


def test_examples_that_are_drawn_are_the_same_in_every_run():
    drawn = "Examples(torch.randn(80, 3), y, x, y)"
    first = stepbench.problem(mine(examples=drawn)).dataset.inputs.clone()
    torch.rand(5)
    path = Path(mine(examples=drawn))
    path.write_text(path.read_text() + "\n")  # another module of the same file
    assert torch.equal(stepbench.problem("./mine.py").dataset.inputs, first)


def test_real_numbers_become_float32():
    problem = stepbench.problem(mine(examples="Examples(x.double(), y, x.half(), y)"))
    assert {part.dtype for part in problem.dataset} == {torch.float32, torch.int64}
    assert stepbench.run(problem, "gd:lr=0.1", epochs=1).status == "budget"
