"""Networks as problems: what trains one, and what its file must say."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from stepbench.arrays import Array, as_numpy
from stepbench.catalog import files
from stepbench.contracts import Problem, Vector
from stepbench.fields import InputError, param

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

TOGETHER = 1 << 18
"""Numbers in the examples that are looked at together, where all are: enough for speed, few enough for memory."""


class Examples(NamedTuple):
    """A data set: what to train on and what to test on, tensors with one example a row."""

    inputs: Tensor
    targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor


def library() -> Any:
    """The module torch, imported when it is first used; raises InputError where it is not installed."""
    try:
        import torch
    except ImportError:
        raise InputError('networks need torch: pip install "stepbench[torch]"') from None
    return torch


class Sample:
    """The mean loss over some examples, as a function of the weights (d, R): what a step sees.

    The value that comes with a gradient is kept, so that asking for both costs one pass.
    """

    def __init__(self, network: Network, inputs: Tensor, targets: Tensor) -> None:
        self._network, self.inputs, self.targets = network, inputs, targets
        self._at: Any = None
        self._value: Any = None

    def f(self, x: Array) -> Array:
        """The mean loss, (R,)."""
        if x is not self._at:
            with library().no_grad():
                self._at, self._value = x, self._network.each_run(self._network.mean_loss, x, self.inputs, self.targets)
        return self._value

    def grad(self, x: Array) -> Array:
        """Its gradient, (d, R)."""
        gradient = library().func.grad_and_value(self._network.mean_loss)
        g, value = self._network.each_run(gradient, x, self.inputs, self.targets)
        self._at, self._value = x, value.detach()
        return g.detach().T

    def hvp(self, x: Array, v: Array) -> Array:
        """Its Hessian times v, (d, R): the derivative of the gradient along v."""
        func = library().func

        def along(w: Tensor, v: Tensor, *examples: Tensor) -> Tensor:
            _, product = func.vjp(func.grad(lambda w: self._network.mean_loss(w, *examples)), w)
            return product(v)[0]  # type: ignore[no-any-return]

        return self._network.each_run(along, x, self.inputs, self.targets, v=v).detach().T


@dataclass(frozen=True)
class Network(Problem):
    """A network and the data it is trained on, f(w) the mean loss over the training examples.

    A subclass gives ``module``, which builds the network with its initial weights, and ``examples``; where it is no
    classifier, ``loss`` and ``accuracy`` too. A step sees a mini-batch: every epoch goes once through the training
    examples in an order of its own, and leaves out what does not fill a last batch. Weights that the module freezes
    stay what they are for seed 0.

    Weights are float32. Asked with NumPy arrays, f, ∇f and H v are computed in float64 and answered in NumPy.
    """

    batch: int | None = param(16, "|B|", "examples drawn a step; none for all", "[1, inf)")
    device: Literal["cpu", "cuda"] = param("cpu", "", "where it is trained")
    threads: int = param(1, "", "processor threads; sums round otherwise in another number of them", "[1, 1024]")

    lockstep: ClassVar[bool] = False
    """Whether the runs of a batch are trained at once (torch.func.vmap), which pays where the network is small."""

    looks: ClassVar[int] = 1
    """Records an epoch. Each looks at all training examples and all test examples."""

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
        """The mean loss of some outputs: cross-entropy, of classes."""
        return library().nn.functional.cross_entropy(outputs, targets)  # type: ignore[no-any-return]

    def accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The part of some outputs that is right."""
        return (outputs.argmax(1) == targets).float().mean()

    # What follows is the same for every network.

    @cached_property
    def place(self) -> torch.device:
        """The device; raises InputError where it is not here."""
        torch = library()
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError(f"{self.name}: no CUDA device is here: leave out --device cuda")
        return torch.device(self.device)  # type: ignore[no-any-return]

    @cached_property
    def data(self) -> Examples:
        """The examples, on the device, real numbers as float32; raises InputError where they do not fit the network."""
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # examples that are drawn are the same for every run
            parts = self.examples()
        vet_examples(self.name, parts)
        found = Examples(*((part.float() if part.is_floating_point() else part).to(self.place) for part in parts))
        if self.batch is not None and self.batch > len(found.inputs):
            raise InputError(f"{self.name}: batch={self.batch} is more than the {len(found.inputs)} training examples")
        vet_fit(self, found)
        return found

    @cached_property
    def _double(self) -> Examples:
        """The examples in float64, for questions asked in NumPy."""
        return Examples(*(part.double() if part.is_floating_point() else part for part in self.data))

    @cached_property
    def _module(self) -> torch.nn.Module:
        """The module that computes, of whose own numbers only buffers and frozen weights are used."""
        module = self._drawn(0)
        vet_module(self.name, module)
        return module.to(self.place)

    @cached_property
    def _module_in_double(self) -> torch.nn.Module:
        return copy.deepcopy(self._module).double()

    def _drawn(self, seed: int) -> torch.nn.Module:
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.module()  # on the CPU, so that every device begins with the same weights

    @cached_property
    def _shapes(self) -> dict[str, torch.Size]:
        return {name: weight.shape for name, weight in self._module.named_parameters() if weight.requires_grad}

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Their names, as the module has them."""
        return tuple(self._shapes)

    def step_size_names(self, n: int) -> Sequence[str]:
        """Those of its tensors, where each has a step size."""
        return self.tensor_names if n > 1 else super().step_size_names(n)

    @cached_property
    def tensors(self) -> tuple[int, ...]:
        """The sizes of its weights and biases, in the module's order."""
        return tuple(shape.numel() for shape in self._shapes.values())

    def start(self, seed: int) -> Vector:
        """The initial weights of this seed, (d,)."""
        self._shapes  # noqa: B018 - a module that cannot be trained is refused
        weights = [weight.detach().reshape(-1) for weight in self._drawn(seed).parameters() if weight.requires_grad]
        return library().cat(weights).double().numpy()  # type: ignore[no-any-return]

    @cached_property
    def x0(self) -> Vector:
        """The initial weights of seed 0, (d,)."""
        return self.start(0)

    def as_points(self, x: Vector) -> Tensor:
        """Weights, (d, R), as the tensor that is trained; raises InputError where there are no data or no device."""
        self.data  # noqa: B018 - it raises
        return self.tensor(x.astype(np.float32))

    def as_array(self, values: Vector) -> Tensor:
        """An array that a checkpoint kept, as a tensor on the device."""
        return self.tensor(values)

    def tensor(self, a: Vector) -> Tensor:
        """An array as a tensor on the device; of weights, (d, R), those of a run lie side by side."""
        made = library().as_tensor(np.ascontiguousarray(a.T), device=self.place)
        return made.T if a.ndim == 2 else made  # type: ignore[no-any-return]

    def trained(self, x: Vector) -> torch.nn.Module:
        """The network with the weights x, (d,)."""
        module, w = self._drawn(0), library().as_tensor(x, dtype=library().float32)
        library().nn.utils.vector_to_parameters(w, [weight for weight in module.parameters() if weight.requires_grad])
        return module

    def outputs(self, w: Tensor, inputs: Tensor) -> Tensor:
        """What the network with the weights w, (d,), makes of some inputs."""
        pieces = library().split(w, self.tensors)
        weights = {name: piece.view(shape) for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)}
        module = self._module if w.dtype == library().float32 else self._module_in_double
        return library().func.functional_call(module, weights, (inputs,))  # type: ignore[no-any-return]

    def mean_loss(self, w: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of the network with the weights w, (d,), over some examples."""
        return self.loss(self.outputs(w, inputs), targets)

    def each_run(self, function: Callable[..., Any], x: Tensor, *shared: Tensor, v: Tensor | None = None) -> Any:
        """function(w, *shared), or function(w, v, *shared), of every run's weights; the answers stacked on axis 0.

        A run in lock-step has the same bits alone: it travels with a twin, since torch multiplies a single matrix
        otherwise than several.
        """
        torch = library()
        self.tensors  # noqa: B018 - within vmap no random numbers may be drawn, so the module is built before
        own = [x.T] if v is None else [x.T, v.T]
        if self.lockstep:
            lone = x.shape[1] == 1
            own = [part.repeat(2, 1) for part in own] if lone else own
            made = torch.func.vmap(function, in_dims=(*[0] * len(own), *[None] * len(shared)))(*own, *shared)
            if not lone:
                return made
            return tuple(part[:1] for part in made) if isinstance(made, tuple) else made[:1]
        answers = [function(*(part[r] for part in own), *shared) for r in range(x.shape[1])]
        if isinstance(answers[0], tuple):
            return tuple(torch.stack(part) for part in zip(*answers, strict=True))
        return torch.stack(answers)

    def hessian(self, x: Array) -> Array:
        """It has the square of the number of weights in entries; raises InputError."""
        raise InputError(f"{self.name}: the Hessian is too large to form; ask for hvp, Hessian-vector products")

    @property
    def derived(self) -> tuple[str, ...]:
        """Nothing: torch differentiates."""
        return ()

    @property
    def supplies(self) -> frozenset[str]:
        """The minimum, where it is known, and Hessian-vector products; not the Hessian's diagonal."""
        return frozenset({"hvp"} | ({"f_star"} if self.f_star is not None else set()))

    @property
    def steps_per_epoch(self) -> int:
        """The mini-batches of an epoch."""
        return len(self.data.inputs) // self.batch if self.batch else 1

    @property
    def fraction(self) -> float:
        """The part of an epoch that a step is."""
        return 1 / self.steps_per_epoch

    @property
    def lanes(self) -> int:
        """How many runs of a study go in lock-step: as many as keep memory small, or one where they do not."""
        return 64 if self.lockstep else 1

    @property
    def every(self) -> int:
        """Steps between two records."""
        if self.looks <= 0:
            raise InputError(f"{self.name}: looks must be above 0, the records an epoch")
        return max(1, round(self.steps_per_epoch / self.looks))

    @property
    def stochastic(self) -> bool:
        """Whether steps see mini-batches."""
        return self.batch is not None

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
        return {}

    def draw(self, seed: int, step: int, x: Array | None) -> Any:
        """The mini-batch of a step: the next examples in the order of its epoch."""
        assert self.batch is not None
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        if (seed, epoch) not in self._order:
            self._order.clear()
            order = np.random.default_rng((seed, epoch)).permutation(len(self.data.inputs))
            self._order[seed, epoch] = library().as_tensor(order, device=self.place)
        chosen = self._order[seed, epoch][place * self.batch : (place + 1) * self.batch]
        return Sample(self, self.data.inputs[chosen], self.data.targets[chosen])

    def hvp(self, sample: Any, x: Array, v: Array) -> Array:
        """The Hessian of what a step sees, times v, (d, R)."""
        if sample is not self:
            return sample.hvp(x, v)
        return self._over_all(lambda part, w: part.hvp(w, self._as_asked(v)), x)

    def f(self, x: Array) -> Array:
        """The mean loss over all training examples, (R,)."""
        return self._over_all(lambda part, w: part.f(w), x)

    def grad(self, x: Array) -> Array:
        """Its gradient, (d, R)."""
        return self._over_all(lambda part, w: part.grad(w), x)

    def _over_all(self, ask: Callable[[Sample, Tensor], Tensor], x: Array) -> Array:
        """The mean over all training examples of what is asked of a part of them; in NumPy where x is."""
        torch = library()
        if isinstance(x, torch.Tensor):
            return sum(share * ask(Sample(self, *part), x) for part, share in _parts(*self.data[:2]))
        if np.iscomplexobj(x):
            raise TypeError("weights are real numbers")
        w = self._as_asked(x)
        total: Any = sum(share * ask(Sample(self, *part), w) for part, share in _parts(*self._double[:2]))
        return as_numpy(total)

    def _as_asked(self, x: Array) -> Any:
        """A tensor as it is, and an array as one of float64."""
        torch = library()
        if isinstance(x, torch.Tensor):
            return x
        self._module_in_double  # noqa: B018 - within a derivative it would be taken for a part of it
        return torch.as_tensor(np.ascontiguousarray(x.T), dtype=torch.float64, device=self.place).T

    def look(self, x: Tensor) -> dict[str, Vector]:
        """What is recorded of weights (d, R): the training loss, the norm of its gradient, the test accuracy, (R,)."""
        torch = library()
        ask = torch.func.grad_and_value(self.mean_loss)
        seen: dict[str, list[float]] = {"f": [], "gradient_norm": [], "accuracy": []}
        for w in x.T:  # one by one, in lock-step or not: so many examples keep a processor busy
            looks = [(ask(w, *part), share) for part, share in _parts(*self.data[:2])]
            seen["f"].append(sum(share * float(value) for (_, value), share in looks))
            seen["gradient_norm"].append(float(torch.linalg.vector_norm(sum(share * g for (g, _), share in looks))))
            with torch.no_grad():
                tested = [
                    share * float(self.accuracy(self.outputs(w, inputs), targets))
                    for (inputs, targets), share in _parts(*self.data[2:])
                ]
            seen["accuracy"].append(sum(tested))
        return {name: np.array(values) for name, values in seen.items()}

    def look_at(self, points: Sequence[Tensor], steps: Sequence[int]) -> dict[str, Vector]:
        """What ``look`` sees of n points, each (n, R)."""
        looks = [self.look(w) for w in points]
        return {name: np.stack([look[name] for look in looks]) for name in looks[0]}

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

    def recorded_step_sizes(self, alpha: Array) -> Any:
        """Step sizes as they are recorded: (R,), or (t, R), the mean over each of the t tensors."""
        torch = library()
        if not isinstance(alpha, torch.Tensor):
            return alpha
        if alpha.ndim == 2:
            alpha = torch.stack([part.double().mean(0) for part in alpha.split(self.tensors)])
        return as_numpy(alpha).astype(float)


def vet_examples(name: str, parts: Any) -> None:
    """Raise InputError unless these are a data set as ``Network.examples`` must give it."""
    torch = library()
    if not isinstance(parts, tuple) or len(parts) != 4 or not all(isinstance(part, torch.Tensor) for part in parts):
        raise InputError(
            f"{name}: examples must give Examples of four tensors: inputs, targets, and those of the tests"
        )
    for inputs, targets, which in ((parts[0], parts[1], "training"), (parts[2], parts[3], "test")):
        if not inputs.ndim or not targets.ndim or len(inputs) != len(targets) or not len(inputs):
            shapes = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
            raise InputError(
                f"{name}: {which} inputs and targets must have a row an example, and as many; got {shapes}"
            )


def vet_module(name: str, module: Any) -> None:
    """Raise InputError unless the module's outputs are a function of its weights and its inputs alone."""
    nn = library().nn
    if not isinstance(module, nn.Module):
        raise InputError(f"{name}: module must give a torch.nn.Module; it gave {type(module).__name__}")
    if any(nn.parameter.is_lazy(weight) for weight in module.parameters()):
        raise InputError(f"{name}: module has weights whose size is not known yet: give its layers all their sizes")
    if not any(weight.requires_grad for weight in module.parameters()):
        raise InputError(f"{name}: module has no weights to train")
    for place, part in module.named_modules():
        dropped = part.p if isinstance(part, nn.modules.dropout._DropoutNd) else getattr(part, "dropout", 0.0)
        if isinstance(dropped, float) and dropped > 0:
            raise InputError(f"{name}: {place or 'module'} drops out at random, which no seed repeats: set it to 0")
        if getattr(part, "track_running_stats", False):
            raise InputError(f"{name}: {place or 'module'} remembers what it saw: give it track_running_stats=False")


def vet_fit(network: Network, data: Examples) -> None:
    """Raise InputError where the network, its loss or its accuracy cannot take the examples."""
    torch = library()
    apart = -(-len(data.inputs) // 64)  # some from all over, since the first may be all of one class
    w = network.tensor(network.x0.astype(np.float32))
    for what, ask in (("loss", network.loss), ("accuracy", network.accuracy)):
        try:
            with torch.no_grad():
                value = ask(network.outputs(w, data.inputs[::apart]), data.targets[::apart])
        except Exception as error:
            if isinstance(error, InputError) or files.users_lines(error):
                raise
            said = str(error).partition("\n")[0]
            raise InputError(f"{network.name}: module and {what} do not fit the examples: {said}") from None
        if not isinstance(value, torch.Tensor) or value.ndim:
            shape = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
            raise InputError(f"{network.name}: {what} must give one number, a tensor of shape (); it gave {shape}")


def _parts(inputs: Tensor, targets: Tensor) -> Iterator[tuple[tuple[Tensor, Tensor], float]]:
    """Examples some at a time, each time with the share that they have of all."""
    n = len(inputs)
    rows = max(1, TOGETHER // inputs[0].numel())
    for first in range(0, n, rows):
        part = inputs[first : first + rows], targets[first : first + rows]
        yield part, len(part[0]) / n
