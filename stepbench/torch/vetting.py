"""What a network's file must give: its examples, a module that can be trained, and a loss and accuracy that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepbench.catalog import files
from stepbench.fields import InputError
from stepbench.torch.library import library


def vet_examples(name: str, parts: Any) -> None:
    """Raise InputError unless these are a data set as ``Network.examples`` must give it."""
    torch = library()
    if not isinstance(parts, tuple) or len(parts) != 4 or not all(isinstance(part, torch.Tensor) for part in parts):
        raise InputError(
            f"{name}: examples must give Examples of four tensors: inputs, targets, and those of the tests"
        )
    inputs, targets, test_inputs, test_targets = parts
    _vet_pair(f"{name}: training", inputs, targets)
    _vet_pair(f"{name}: test", test_inputs, test_targets)


def _vet_pair(which: str, inputs: Any, targets: Any) -> None:
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets) or not len(inputs):
        shapes = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
        raise InputError(f"{which} inputs and targets must have a row per example, and as many; got {shapes}")


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


def vet_fit(
    name: str,
    outputs: Callable[[Any], Any],
    measures: Mapping[str, Callable[[Any, Any], Any]],
    inputs: Any,
    targets: Any,
) -> None:
    """Raise InputError where the outputs of a network, or a measure of them, cannot be computed for the examples.

    The measures are the loss and the accuracy, by their names.
    """
    torch = library()
    apart = -(-len(inputs) // 64)  # a few from all over, since the first may be all of one class
    for what, measure in measures.items():
        try:
            with torch.no_grad():
                value = measure(outputs(inputs[::apart]), targets[::apart])
        except Exception as error:
            if isinstance(error, InputError) or files.users_lines(error):
                raise
            said = str(error).partition("\n")[0]
            raise InputError(f"{name}: module and {what} do not fit the examples: {said}") from None
        if not isinstance(value, torch.Tensor) or value.ndim:
            shape = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
            raise InputError(f"{name}: {what} must give one number, a tensor of shape (); it gave {shape}")
