"""Networks as problems of the bench."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stepbench.arrays import Array, as_numpy, dot
from stepbench.contracts import Problem, Vector
from stepbench.fields import InputError, param
from stepbench.torch.examples import Examples, parts_of, read, rows_at_once, rows_of
from stepbench.torch.flat import Flat, buffers_of, called
from stepbench.torch.habits import Habits, habits_of
from stepbench.torch.initial import Init, draw_weights
from stepbench.torch.library import library
from stepbench.torch.sample import LANES, Moment, Sample
from stepbench.torch.seeding import seed_of, seeded
from stepbench.torch.vetting import vet_examples, vet_fit, vet_module

if TYPE_CHECKING:
    import torch

    from stepbench.torch.examples import Inputs

    Tensor = torch.Tensor


@dataclass(frozen=True)
class Network(Problem):
    """A network and the data it is trained on; f(w) is the mean loss over the training examples.

    A subclass gives ``module``, which builds the network with its initial weights, and ``examples``. Where the network
    is no classifier, the subclass gives ``loss`` and ``accuracy`` too. A step sees a mini-batch. Every epoch goes once
    through the training examples in an order of its own, and leaves out what does not fill a last batch. Weights that
    the module freezes stay what they are for seed 0. ``weight_decay`` adds λ/2 ‖w‖² to every loss that is told, over
    all weights that are trained, biases and those of normalisations included.

    A network with dropout, batch norm, augmentation or noise is two functions. A step sees its parts as the module was
    built, in training mode mostly, with random numbers drawn from the seed and the step: all that is asked within a
    step sees the same masks and the same augmented inputs. Buffers that training changes, such as running means, belong
    to each run. What is asked within a step begins with them as the step before left them, and the first question of
    the step leaves them changed, so that trial points do not count. What is recorded, f(w), its gradient and the
    accuracy, is of the network in eval(), with the buffers of the run as they were then, over examples that are not
    augmented. A part that ``module`` returns in eval() stays so.

    Weights are float32. Where f, ∇f and H v are asked with NumPy arrays, they are computed in float64 and answered in
    NumPy.
    """

    batch: int | None = param(16, "|B|", "examples drawn per step; none for all", "[1, inf)")
    weight_decay: float = param(0.0, "λ", "λ/2 ‖w‖² is added to the loss, over all trained weights", "[0, inf)")
    device: Literal["cpu", "cuda"] = param("cpu", "", "where it is trained")
    threads: int = param(1, "", "processor threads; sums round differently with another number of them", "[1, 1024]")
    looks: float = param(1.0, "", "records per epoch; each looks at all examples", "(0, inf)")
    init: Init = param("torch", "", "how weight matrices are drawn; torch for the layers' own way, biases 0 elsewhere")
    lockstep: Literal["no", "tried", "always"] = param(
        "no", "", "train runs at once: where the processor rounds them as if alone, or always, 64 at a time, on a GPU"
    )

    f_means = "training loss"
    accuracy_means = "test accuracy"
    in_numpy = False
    checks = "networks"
    samples_give = ("f", "grad", "hvp")

    goal = 0.1
    random_start = True
    smoothness = "C⁰"

    @abstractmethod
    def module(self) -> torch.nn.Module:
        """The network, with initial weights drawn from torch's own random numbers."""

    @abstractmethod
    def examples(self) -> Any:
        """The data, on the CPU: ``Examples``, or two data sets or loaders of torch, to train on and to test on.

        A data set is read once, item by item, as the items are then; random changes of them belong into ``augment``.
        """

    def augment(self, inputs: Inputs, generator: torch.Generator) -> Inputs:
        """The inputs of a step, changed at random with numbers drawn from the generator; here they stay as they are."""
        return inputs

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of some outputs: the cross-entropy of classes."""
        return library().nn.functional.cross_entropy(outputs, targets)  # type: ignore[no-any-return]

    def accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The part of some outputs that is right. Real targets have none, unless a subclass says what is right."""
        return (outputs.argmax(1) == targets).float().mean()

    @property
    def f_star(self) -> float | None:
        """0, the least that a loss can be; unknown where weights decay."""
        return None if self.weight_decay else 0.0

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
    def dataset(self) -> Examples:
        """The examples, on the device, real numbers as float32; raises InputError where they do not fit the network."""
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # examples that are drawn at random are the same for every run
            parts = read(self.name, self.examples())
        vet_examples(self.name, parts)
        dataset: Examples = parts.to(self.place, torch.float32)
        if self.batch is not None and self.batch > len(dataset.targets):
            have = f"the {len(dataset.targets)} training examples"
            raise InputError(f"{self.name}: batch={self.batch} is more than {have}")
        return dataset

    @cached_property
    def _data_in_double(self) -> Examples:
        """The examples in float64, for questions asked in NumPy."""
        return self.dataset.to(self.place, library().float64)

    @property
    def _of_a_step(self) -> tuple[Inputs, Tensor]:
        """As many examples as a step sees, or as are computed at once where it sees all."""
        inputs, targets, *_ = self.dataset
        chosen = slice(self.batch or rows_at_once(inputs))
        return rows_of(inputs, chosen), targets[chosen]

    @cached_property
    def _habits(self) -> Habits:
        """What the network does beside computing its outputs, as it is found by trying it with the examples of a step.

        Raises InputError where module, loss and accuracy do not fit the examples, or no seed repeats what they give.
        """
        flat, loss = self.flat(library().float32), self.loss
        inputs, targets, *_ = self.dataset
        few = slice(None, None, -(-len(targets) // 64))  # some from all over, since the first may be all of one class
        measures = {"loss": loss} | ({"accuracy": self.accuracy} if self.has_accuracy else {})
        with flat.looking(), seeded(0, self.place):
            vet_fit(self.name, flat.module, measures, rows_of(inputs, few), targets[few])
        step_inputs, step_targets = self._of_a_step
        begun = flat.buffers
        with seeded(0, self.place):
            vet_fit(self.name, flat.module, {"loss": loss}, step_inputs, step_targets)
        flat.buffers = begun
        return habits_of(self.name, flat, lambda module: loss(called(module, step_inputs), step_targets), self.place)

    def _drawn_module(self, seed: int) -> torch.nn.Module:
        """The module with the initial weights of this seed, on the CPU, so that they are the same on every device."""
        torch = library()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.module()
            draw_weights(module, self.init)
            return module

    @cached_property
    def _modules(self) -> dict[torch.dtype, Flat]:
        """The modules that have been built, by the dtype in which they compute."""
        return {}

    def flat(self, dtype: torch.dtype) -> Flat:
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
        return {name: weight.shape for name, weight in self.flat(library().float32).weights.items()}

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
        self.flat(library().float32)
        module = self._drawn_module(seed)
        weights = [weight.detach().reshape(-1) for weight in module.parameters() if weight.requires_grad]
        return library().cat(weights).double().numpy()  # type: ignore[no-any-return]

    @cached_property
    def x0(self) -> Vector:
        """The initial weights of seed 0, (d,)."""
        return self.start(0)

    def as_points(self, w: Vector) -> Tensor:
        """Weights, (d, R), as a tensor that is trained, on the device where the data are.

        Raises InputError where there are no data or no device, or the network does not fit the data.
        """
        assert self._habits
        return self.tensor(w.astype(np.float32))

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

    def outputs(self, w: Tensor, inputs: Inputs) -> Tensor:
        """The outputs of the network with the weights w, (d,), for some inputs."""
        torch = library()
        pieces = torch.split(w, self.tensors)
        weights = {name: piece.view(shape) for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)}
        module = self.flat(w.dtype).module
        return torch.func.functional_call(module, weights, inputs if isinstance(inputs, tuple) else (inputs,))  # type: ignore[no-any-return]

    def mean_loss(self, w: Tensor, inputs: Inputs, targets: Tensor) -> Tensor:
        """The mean loss of the network with the weights w, (d,), over some examples, without the penalty."""
        return self.loss(self.outputs(w, inputs), targets)

    def penalty(self, w: Tensor) -> Tensor | float:
        """What the weight decay adds to the loss, λ/2 ‖w‖² over all trained weights, (R,)."""
        return 0.5 * self.weight_decay * dot(w, w) if self.weight_decay else 0.0

    def trains_at_once(self, runs: int) -> bool:
        """Whether so many runs are trained at once (torch.func.vmap), which pays where the network is small.

        With lockstep=always they are, and a lone run too: always 64 of them, filled up with copies, so that a run has
        the same bits beside any others. These are other bits than those of the plain form.
        """
        return self.in_lockstep and (runs > 1 or self.lockstep == "always")

    @cached_property
    def in_lockstep(self) -> bool:
        """Whether the runs of a batch are trained at once; with lockstep=tried where they are rounded as if alone.

        Some processors multiply a small matrix in another order beside others, or where it lies elsewhere in memory.
        That is tried here, with the examples of a step. A network that is no function of weights and inputs alone is
        trained one run after the other; with lockstep=always that raises InputError.
        """
        if self.lockstep == "always" and not self._habits.steady:
            raise InputError(
                f"{self.name}: lockstep=always needs a network without dropout, buffers that change or augmentation"
            )
        if self.lockstep == "always":
            return True
        if self.lockstep == "no" or not self._habits.steady:
            return False
        torch = library()
        spread = np.random.default_rng(0).standard_normal((sum(self.tensors), LANES))
        w = self.tensor((self.x0[:, None] + 0.1 * spread).astype(np.float32))
        sample = Sample(self, *self._of_a_step)
        f, (g, loss) = sample.measured(self.loss, w), sample.gradients(w)
        for runs in ([*range(LANES)], [1, 2], [3, 4, 5], [*range(7)], [*range(9, 25)]):
            some = w[:, runs]
            some_g, some_loss = sample.gradients_at_once(some)
            pairs = (some_g, g[:, runs]), (some_loss, loss[runs]), (sample.losses_at_once(some), f[runs])
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
        if np.iscomplexobj(w) and not isinstance(w, library().Tensor):
            raise TypeError("weights are real numbers")
        points = self._as_tensor(w)
        data = self._data_in_double if points is not w else self.dataset
        total: Any = sum(share * ask(part, points) for part, share in self._whole(*data[:2], self.carry(0, w.shape[1])))
        return total if points is w else as_numpy(total)

    def _whole(self, inputs: Inputs, targets: Tensor, carried: Tensor | None) -> Iterator[tuple[Sample, float]]:
        """All of some examples, a few at a time, as they are looked at, each time with their share."""
        for k, (part, share) in enumerate(parts_of(inputs, targets)):
            yield Sample(self, *part, self._moment(k, carried, training=False)), share

    def _moment(self, seed: int, carried: Tensor | None, *, training: bool) -> Moment | None:
        return None if self._habits.steady else Moment(training, seed, carried)

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
        """Whether steps see mini-batches, or a function that is another in each step."""
        return self.batch is not None or self._augments or not self._habits.steady

    @property
    def steps_per_epoch(self) -> int:
        """The number of mini-batches in an epoch."""
        return len(self.dataset.targets) // self.batch if self.batch else 1

    @property
    def fraction(self) -> float:
        """The part of an epoch that one step is."""
        return 1 / self.steps_per_epoch

    @property
    def sampling(self) -> Literal["none", "batches", "stream"]:
        """Mini-batches, where they are drawn."""
        return "none" if self.batch is None else "batches"

    @property
    def libraries(self) -> dict[str, str]:
        """The version of torch."""
        return {"torch": str(library().__version__)}

    @cached_property
    def _order(self) -> dict[tuple[int, int], Tensor]:
        """The order of the training examples in the epoch drawn last, by seed and epoch."""
        return {}

    def mini_batch(self, seed: int, step: int) -> tuple[Inputs, Tensor]:
        """The mini-batch of a step: the next examples in the order of its epoch; all, where there are no batches."""
        inputs, targets, *_ = self.dataset
        if self.batch is None:
            return inputs, targets
        epoch, place = divmod(step - 1, self.steps_per_epoch)
        if (seed, epoch) not in self._order:
            self._order.clear()
            order = np.random.default_rng((seed, epoch)).permutation(len(targets))
            self._order[seed, epoch] = library().as_tensor(order, device=self.place)
        chosen = self._order[seed, epoch][place * self.batch : (place + 1) * self.batch]
        return rows_of(inputs, chosen), targets[chosen]

    def draw(self, seed: int, step: int, w: Array | None, carried: Array | None = None) -> Any:
        """What a step sees: its mini-batch, augmented, by the network as it trains in this step."""
        inputs, targets = self.mini_batch(seed, step)
        if self._augments:
            generator = library().Generator(self.place).manual_seed(seed_of(seed, step, 2))
            inputs = self.augment(inputs, generator)
        if self._habits.steady:
            return Sample(self, inputs, targets)
        carried = self.carry(seed, 1 if w is None else w.shape[1]) if carried is None else carried
        return Sample(self, inputs, targets, self._moment(seed_of(seed, step, 3), carried, training=True))

    @property
    def _augments(self) -> bool:
        return type(self).augment is not Network.augment

    def carry(self, seed: int, runs: int) -> Tensor | None:
        """The buffers of the module of this seed, for every run, (b, R), where training changes them."""
        if not self._habits.carries:
            return None
        return buffers_of(self._drawn_module(seed)).to(self.place)[:, None].repeat(1, runs)

    # What is recorded -------------------------------------------------------------------------------------------------

    @property
    def lanes(self) -> int:
        """How many runs of a study go in lock-step: as many as fit into a small memory, or one."""
        return LANES if self.in_lockstep else 1

    @property
    def every(self) -> int:
        """The number of steps between two records."""
        return max(1, round(self.steps_per_epoch / self.looks))

    @property
    def has_accuracy(self) -> bool:
        """Whether there is an accuracy: not where the targets are real numbers and the subclass says nothing else."""
        own = self.accuracy is not None and type(self).accuracy is not Network.accuracy
        return own or (self.accuracy is not None and not self.dataset.targets.is_floating_point())

    def look(self, w: Tensor, carried: Tensor | None = None) -> dict[str, Vector]:
        """What is recorded of weights (d, R): the training loss, the norm of its gradient, the test accuracy, (R,)."""
        runs = range(w.shape[1])  # one by one, in lock-step or not: so many examples keep a processor busy
        looks = [self._look(w[:, r : r + 1], None if carried is None else carried[:, r : r + 1]) for r in runs]
        return {name: np.array([look[name] for look in looks]) for name in looks[0]}

    def _look(self, w: Tensor, carried: Tensor | None) -> dict[str, float]:
        """What is recorded of one run, (d, 1)."""
        inputs, targets, test_inputs, test_targets = self.dataset
        looks = [(*part.gradients(w), share) for part, share in self._whole(inputs, targets, carried)]
        g: Any = sum(share * g for g, _, share in looks)
        f = sum(share * float(loss) for _, loss, share in looks)
        seen = {
            "f": f + float(self.penalty(w)),
            "gradient_norm": float(library().linalg.vector_norm(g + self.weight_decay * w)),
        }
        if self.has_accuracy:
            tests = self._whole(test_inputs, test_targets, carried)
            seen["accuracy"] = sum(share * float(part.measured(self.accuracy, w)) for part, share in tests)
        return seen

    def look_at(self, points: Sequence[Tensor], steps: Sequence[int], carried: Sequence[Any]) -> dict[str, Vector]:
        """What ``look`` sees at several points, each (d, R): an array (n, R) of n points for each name."""
        looks = [self.look(*place) for place in zip(points, carried, strict=True)]
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
