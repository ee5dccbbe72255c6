"""Networks as problems of the bench."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from stepbench.arrays import Array, as_numpy
from stepbench.contracts import Problem, Vector
from stepbench.fields import InputError, param
from stepbench.torch.flat import Flat, Loss
from stepbench.torch.library import library
from stepbench.torch.vetting import vet_examples, vet_fit, vet_module

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

LANES = 64
"""The most runs that are trained at once."""

PART = 1 << 18
"""The numbers in the examples that are computed at once, where all examples count: fast, and small in memory."""


class Examples(NamedTuple):
    """A data set: what to train on and what to test on, tensors with a row per example."""

    inputs: Tensor
    targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor


class Sample:
    """The mean loss over some examples, as a function of the weights (d, R): what a step sees.

    The loss that comes with a gradient is kept, so that asking for both costs one pass.
    """

    def __init__(self, network: Network, inputs: Tensor, targets: Tensor) -> None:
        self._network, self.inputs, self.targets = network, inputs, targets
        self._point: Any = None
        self._loss: Any = None

    def f(self, w: Array) -> Array:
        """The mean loss, (R,)."""
        if w is not self._point:
            self._point, self._loss = w, self._network.losses(w, self.inputs, self.targets)
        return self._loss

    def grad(self, w: Array) -> Array:
        """Its gradient, (d, R)."""
        g, loss = self._network.gradients(w, self.inputs, self.targets)
        self._point, self._loss = w, loss
        return g

    def hvp(self, w: Array, v: Array) -> Array:
        """Its Hessian times v, (d, R)."""
        return self._network.curvatures(w, v, self.inputs, self.targets)


@dataclass(frozen=True)
class Network(Problem):
    """A network and the data it is trained on; f(w) is the mean loss over the training examples.

    A subclass gives ``module``, which builds the network with its initial weights, and ``examples``. Where the network
    is no classifier, the subclass gives ``loss`` and ``accuracy`` too. A step sees a mini-batch. Every epoch goes once
    through the training examples in an order of its own, and leaves out what does not fill a last batch. Weights that
    the module freezes stay what they are for seed 0.

    Weights are float32. Where f, ∇f and H v are asked with NumPy arrays, they are computed in float64 and answered in
    NumPy.
    """

    batch: int | None = param(16, "|B|", "examples drawn per step; none for all", "[1, inf)")
    device: Literal["cpu", "cuda"] = param("cpu", "", "where it is trained")
    threads: int = param(1, "", "processor threads; sums round differently with another number of them", "[1, 1024]")

    lockstep: ClassVar[bool] = False
    """Whether the runs of a batch are trained at once (torch.func.vmap), which pays where the network is small."""

    looks: ClassVar[int] = 1
    """Records per epoch. Each looks at all training examples and all test examples."""

    f_means = "training loss"
    accuracy_means = "test accuracy"
    in_numpy = False
    checks = "networks"
    samples_give = ("f", "grad", "hvp")

    f_star = 0.0
    goal = 0.1
    random_start = True
    smoothness = "C⁰"

    @abstractmethod
    def module(self) -> torch.nn.Module:
        """The network, with initial weights drawn from torch's own random numbers."""

    @abstractmethod
    def examples(self) -> Examples:
        """The data, on the CPU."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of some outputs: the cross-entropy of classes."""
        return library().nn.functional.cross_entropy(outputs, targets)  # type: ignore[no-any-return]

    def accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The part of some outputs that is right."""
        return (outputs.argmax(1) == targets).float().mean()

    # What follows is the same for every network.

    # The data and the module ------------------------------------------------------------------------------------------

    @cached_property
    def place(self) -> torch.device:
        """The device; raises InputError where this machine has none."""
        torch = library()
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError(f"{self.name}: no CUDA device is here: leave out --device cuda")
        return torch.device(self.device)  # type: ignore[no-any-return]

    @cached_property
    def data(self) -> Examples:
        """The examples, on the device, real numbers as float32; raises InputError where they do not fit the network."""
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # examples that are drawn at random are the same for every run
            parts = self.examples()
        vet_examples(self.name, parts)
        data = Examples(*((part.float() if part.is_floating_point() else part).to(self.place) for part in parts))
        if self.batch is not None and self.batch > len(data.inputs):
            raise InputError(f"{self.name}: batch={self.batch} is more than the {len(data.inputs)} training examples")
        w = self.tensor(self.x0.astype(np.float32))
        measures = {"loss": self.loss, "accuracy": self.accuracy}
        vet_fit(self.name, lambda inputs: self.outputs(w, inputs), measures, data.inputs, data.targets)
        return data

    @cached_property
    def _data_in_double(self) -> Examples:
        """The examples in float64, for questions asked in NumPy."""
        return Examples(*(part.double() if part.is_floating_point() else part for part in self.data))

    def _drawn_module(self, seed: int) -> torch.nn.Module:
        """The module with the initial weights of this seed, on the CPU, so that they are the same on every device."""
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.module()

    @cached_property
    def _modules(self) -> dict[torch.dtype, Flat]:
        """The modules that have been built, by the dtype in which they compute."""
        return {}

    def _module(self, dtype: torch.dtype) -> Flat:
        """The module that computes in a dtype, float32 or float64; raises InputError where it cannot be trained.

        It is built once. Of its own numbers only the buffers and the frozen weights are used.
        """
        if dtype not in self._modules:
            module = self._drawn_module(0)
            vet_module(self.name, module)
            self._modules[dtype] = Flat(module.to(self.place, dtype))
        return self._modules[dtype]

    @cached_property
    def _shapes(self) -> dict[str, torch.Size]:
        """The shapes of the weights and biases that are trained, by their names."""
        return {name: weight.shape for name, weight in self._module(library().float32).weights.items()}

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """The names of its weights and biases, as the module has them."""
        return tuple(self._shapes)

    def step_size_names(self, n: int) -> Sequence[str]:
        """The names of its tensors, where each has a step size of its own."""
        return self.tensor_names if n > 1 else super().step_size_names(n)

    @cached_property
    def tensors(self) -> tuple[int, ...]:
        """The sizes of its weights and biases, in the module's order."""
        return tuple(shape.numel() for shape in self._shapes.values())

    # Points -----------------------------------------------------------------------------------------------------------

    def start(self, seed: int) -> Vector:
        """The initial weights of this seed, (d,); raises InputError where the module cannot be trained."""
        self._module(library().float32)
        module = self._drawn_module(seed)
        weights = [weight.detach().reshape(-1) for weight in module.parameters() if weight.requires_grad]
        return library().cat(weights).double().numpy()  # type: ignore[no-any-return]

    @cached_property
    def x0(self) -> Vector:
        """The initial weights of seed 0, (d,)."""
        return self.start(0)

    def as_points(self, w: Vector) -> Tensor:
        """Weights, (d, R), as a tensor that is trained, on the device where the data are.

        Raises InputError where there are no data or no device.
        """
        where = self.data.inputs.device
        return self.tensor(w.astype(np.float32)).to(where)

    def as_array(self, values: Vector) -> Tensor:
        """An array that a checkpoint kept, as a tensor on the device."""
        return self.tensor(values)

    def tensor(self, a: Vector) -> Tensor:
        """An array as a tensor on the device; of weights, (d, R), those of one run lie side by side in memory."""
        made = library().as_tensor(np.ascontiguousarray(a.T), device=self.place)
        return made.T if a.ndim == 2 else made  # type: ignore[no-any-return]

    def trained(self, w: Vector) -> torch.nn.Module:
        """The network with the weights w, (d,)."""
        torch = library()
        module = self._drawn_module(0)
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        torch.nn.utils.vector_to_parameters(torch.as_tensor(w, dtype=torch.float32), weights)
        return module

    # What the network computes ----------------------------------------------------------------------------------------

    def outputs(self, w: Tensor, inputs: Tensor) -> Tensor:
        """The outputs of the network with the weights w, (d,), for some inputs."""
        torch = library()
        pieces = torch.split(w, self.tensors)
        weights = {name: piece.view(shape) for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)}
        module = self._module(w.dtype).module
        return torch.func.functional_call(module, weights, (inputs,))  # type: ignore[no-any-return]

    def mean_loss(self, w: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of the network with the weights w, (d,), over some examples."""
        return self.loss(self.outputs(w, inputs), targets)

    def losses(self, w: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss over some examples with the weights of every run, (d, R) -> (R,).

        A run has the same bits alone and beside others; so it is with its gradient.
        """
        if w.shape[1] > 1 and self._in_lockstep:
            return self._at_once(self.mean_loss, w, inputs, targets)  # type: ignore[no-any-return]
        return self._losses_in_a_row(w, inputs, targets)

    def gradients(self, w: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of ``losses``, (d, R), and the losses, (R,)."""
        if w.shape[1] > 1 and self._in_lockstep:
            g, loss = self._at_once(library().func.grad_and_value(self.mean_loss), w, inputs, targets)
            return g.T, loss
        return self._gradients_in_a_row(w, inputs, targets)

    def curvatures(self, w: Tensor, v: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The Hessians of ``losses`` times v, (d, R)."""
        module, loss = self._module(w.dtype), self._loss_of(inputs, targets)
        return library().stack([module.curvature(loss, *of_run) for of_run in zip(w.T, v.T, strict=True)]).T  # type: ignore[no-any-return]

    def _loss_of(self, inputs: Tensor, targets: Tensor) -> Loss:
        """The mean loss over some examples, as a function of the module."""
        return lambda module: self.loss(module(inputs), targets)

    def _losses_in_a_row(self, w: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """``losses``, of one run after the other."""
        module, loss = self._module(w.dtype), self._loss_of(inputs, targets)
        return library().stack([module.value(loss, of_run) for of_run in w.T])  # type: ignore[no-any-return]

    def _gradients_in_a_row(self, w: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """``gradients``, of one run after the other."""
        module, loss = self._module(w.dtype), self._loss_of(inputs, targets)
        g = library().empty_like(w.T, memory_format=library().contiguous_format)
        return g.T, library().stack([module.gradient(loss, *of_run) for of_run in zip(w.T, g, strict=True)])

    def _at_once(self, function: Callable[..., Any], w: Tensor, *examples: Tensor) -> Any:
        """The values of a function of the weights, (d,), and some examples, for all runs in lock-step, on axis 0."""
        return library().func.vmap(function, in_dims=(0, None, None))(w.T, *examples)

    @cached_property
    def _in_lockstep(self) -> bool:
        """Whether runs are trained at once: where ``lockstep`` says so, and this processor rounds them as if alone.

        Some processors multiply a small matrix in another order beside others, or where it lies elsewhere in memory.
        That is tried here, with the examples of a step.
        """
        if not self.lockstep:
            return False
        torch = library()
        rows = self.batch or min(len(self.data.inputs), _rows(self.data.inputs))
        examples = self.data.inputs[:rows], self.data.targets[:rows]
        spread = np.random.default_rng(0).standard_normal((sum(self.tensors), LANES))
        w = self.tensor((self.x0[:, None] + 0.1 * spread).astype(np.float32))
        f = self._losses_in_a_row(w, *examples)
        g, loss = self._gradients_in_a_row(w, *examples)
        ask = torch.func.grad_and_value(self.mean_loss)
        for runs in ([*range(LANES)], [1, 2], [3, 4, 5], [*range(7)], [*range(9, 25)]):
            some_g, some_loss = self._at_once(ask, w[:, runs], *examples)
            some_f = self._at_once(self.mean_loss, w[:, runs], *examples)
            pairs = (some_g.T, g[:, runs]), (some_loss, loss[runs]), (some_f, f[runs])
            if not all(torch.equal(beside, alone) for beside, alone in pairs):
                return False
        return True

    # As a problem -----------------------------------------------------------------------------------------------------

    def f(self, w: Array) -> Array:
        """The mean loss over all training examples, (R,)."""
        return self._over_all(lambda part, w: part.f(w), w)

    def grad(self, w: Array) -> Array:
        """Its gradient, (d, R)."""
        return self._over_all(lambda part, w: part.grad(w), w)

    def hessian(self, w: Array) -> Array:
        """Refused: its size is the square of the number of weights."""
        raise InputError(f"{self.name}: the Hessian is too large to form; ask for hvp, Hessian-vector products")

    def hvp(self, sample: Any, w: Array, v: Array) -> Array:
        """The Hessian of what a step sees, times v, (d, R)."""
        if sample is not self:
            return sample.hvp(w, v)
        return self._over_all(lambda part, w: part.hvp(w, self._as_tensor(v)), w)

    def _over_all(self, ask: Callable[[Sample, Tensor], Tensor], w: Array) -> Array:
        """The mean over all training examples of what is asked of each part of them; in NumPy where w is."""
        if isinstance(w, library().Tensor):
            return sum(share * ask(Sample(self, *part), w) for part, share in _parts(*self.data[:2]))
        if np.iscomplexobj(w):
            raise TypeError("weights are real numbers")
        w = self._as_tensor(w)
        total: Any = sum(share * ask(Sample(self, *part), w) for part, share in _parts(*self._data_in_double[:2]))
        return as_numpy(total)

    def _as_tensor(self, a: Array) -> Any:
        """A tensor as it is, and an array, (d, R), as a tensor of float64."""
        torch = library()
        if isinstance(a, torch.Tensor):
            return a
        return torch.as_tensor(np.ascontiguousarray(a.T), dtype=torch.float64, device=self.place).T

    @property
    def derived(self) -> tuple[str, ...]:
        """Nothing: torch differentiates."""
        return ()

    @property
    def supplies(self) -> frozenset[str]:
        """Hessian-vector products but no diagonal of the Hessian, random starts, and the minimum where it is known."""
        return frozenset({"hvp", "random_start"} | ({"f_star"} if self.f_star is not None else set()))

    # Mini-batches -----------------------------------------------------------------------------------------------------

    @property
    def stochastic(self) -> bool:
        """Whether steps see mini-batches."""
        return self.batch is not None

    @property
    def steps_per_epoch(self) -> int:
        """The number of mini-batches in an epoch."""
        return len(self.data.inputs) // self.batch if self.batch else 1

    @property
    def fraction(self) -> float:
        """The part of an epoch that one step is."""
        return 1 / self.steps_per_epoch

    @property
    def sampling(self) -> Literal["none", "batches", "stream"]:
        """Mini-batches, where they are drawn."""
        return "batches" if self.batch is not None else super().sampling

    @property
    def libraries(self) -> dict[str, str]:
        """The version of torch."""
        return {"torch": str(library().__version__)}

    @cached_property
    def _order(self) -> dict[tuple[int, int], Tensor]:
        """The order of the training examples in the epoch drawn last, by seed and epoch."""
        return {}

    def draw(self, seed: int, step: int, w: Array | None) -> Any:
        """The mini-batch of a step: the next examples in the order of its epoch."""
        assert self.batch is not None
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        if (seed, epoch) not in self._order:
            self._order.clear()
            order = np.random.default_rng((seed, epoch)).permutation(len(self.data.inputs))
            self._order[seed, epoch] = library().as_tensor(order, device=self.place)
        chosen = self._order[seed, epoch][place * self.batch : (place + 1) * self.batch]
        return Sample(self, self.data.inputs[chosen], self.data.targets[chosen])

    # What is recorded -------------------------------------------------------------------------------------------------

    @property
    def lanes(self) -> int:
        """How many runs of a study go in lock-step: as many as fit into a small memory, or one."""
        return LANES if self._in_lockstep else 1

    @property
    def every(self) -> int:
        """The number of steps between two records."""
        if self.looks <= 0:
            raise InputError(f"{self.name}: looks must be above 0, the records per epoch")
        return max(1, round(self.steps_per_epoch / self.looks))

    def look(self, w: Tensor) -> dict[str, Vector]:
        """What is recorded of weights (d, R): the training loss, the norm of its gradient, the test accuracy, (R,)."""
        torch = library()
        seen: dict[str, list[float]] = {"f": [], "gradient_norm": [], "accuracy": []}
        for run in separate(w):  # one by one, in lock-step or not: so many examples keep a processor busy
            looks = [(self._gradients_in_a_row(run[:, None], *part), share) for part, share in _parts(*self.data[:2])]
            seen["f"].append(sum(share * float(loss) for (_, loss), share in looks))
            seen["gradient_norm"].append(float(torch.linalg.vector_norm(sum(share * g for (g, _), share in looks))))
            with torch.no_grad():
                tested = [
                    share * float(self.accuracy(self.outputs(run, inputs), targets))
                    for (inputs, targets), share in _parts(*self.data[2:])
                ]
            seen["accuracy"].append(sum(tested))
        return {name: np.array(values) for name, values in seen.items()}

    def look_at(self, points: Sequence[Tensor], steps: Sequence[int]) -> dict[str, Vector]:
        """What ``look`` sees at several points, each (d, R): an array (n, R) of n points for each name."""
        looks = [self.look(w) for w in points]
        return {name: np.stack([look[name] for look in looks]) for name in looks[0]}

    def recorded_step_sizes(self, alpha: Array) -> Any:
        """Step sizes as they are recorded: (R,), or (t, R), the mean over each of the t tensors."""
        torch = library()
        if not isinstance(alpha, torch.Tensor):
            return alpha
        if alpha.ndim == 2:
            alpha = torch.stack([part.double().mean(0) for part in alpha.split(self.tensors)])
        return as_numpy(alpha).astype(float)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Within it, torch has the processor threads of this problem."""
        torch = library()
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def separate(w: Tensor) -> list[Tensor]:
    """The weights of each run, (d,), of those of all runs, (d, R).

    They are copies: on some processors it depends on where in memory a matrix begins how its products are rounded.
    """
    return [run.clone() for run in w.T]


def _rows(inputs: Tensor) -> int:
    """How many examples are computed at once where all count."""
    return max(1, PART // inputs[0].numel())


def _parts(inputs: Tensor, targets: Tensor) -> Iterator[tuple[tuple[Tensor, Tensor], float]]:
    """Some examples at a time, each time with their share of all examples."""
    n = len(inputs)
    rows = _rows(inputs)
    for first in range(0, n, rows):
        part = inputs[first : first + rows], targets[first : first + rows]
        yield part, len(part[0]) / n
