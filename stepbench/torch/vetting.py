"""What a network's file must give: its examples, a module that can be trained, and a loss and accuracy that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stepbench.catalog import files
from stepbench.fields import InputError
from stepbench.torch.examples import Examples
from stepbench.torch.flat import called
from stepbench.torch.library import library

if TYPE_CHECKING:
    from stepbench.torch.examples import Inputs


def vet_examples(name: str, parts: Any) -> None:
    """Raise InputError unless these are a data set as ``Network.examples`` must give it."""
    torch = library()

    def is_given(part: Any) -> bool:
        several = part if isinstance(part, tuple) and part else (part,)
        return all(isinstance(one, torch.Tensor) for one in several)

    given = isinstance(parts, Examples) and all(map(is_given, parts))
    if not given or any(isinstance(targets, tuple) for targets in parts[1::2]):
        raise InputError(
            f"{name}: examples must give Examples of four tensors: inputs, targets, and those of the tests (several "
            "inputs as a tuple), or two data sets of torch: to train on, and to test on"
        )
    _vet_half(f"{name}: training", parts.inputs, parts.targets)
    _vet_half(f"{name}: test", parts.test_inputs, parts.test_targets)


def _vet_half(which: str, inputs: Inputs, targets: Any) -> None:
    for part in inputs if isinstance(inputs, tuple) else (inputs,):
        if not part.ndim or not targets.ndim or len(part) != len(targets) or not len(part):
            shapes = f"{tuple(part.shape)} and {tuple(targets.shape)}"
            raise InputError(f"{which} inputs and targets must have a row per example, and as many; got {shapes}")
        if part.isnan().any():
            raise InputError(f"{which} inputs are not finite: leave out or fill in what is NaN")
    if not targets.isfinite().all():
        raise InputError(f"{which} targets are not finite: leave out what is NaN or infinite")


def vet_module(name: str, module: Any) -> None:
    """Raise InputError unless the module has weights that can be trained."""
    nn = library().nn
    if not isinstance(module, nn.Module):
        raise InputError(f"{name}: module must give a torch.nn.Module; it gave {type(module).__name__}")
    if any(nn.parameter.is_lazy(weight) for weight in module.parameters()):
        raise InputError(f"{name}: module has weights whose size is not known yet: give its layers all their sizes")
    if not any(weight.requires_grad for weight in module.parameters()):
        raise InputError(f"{name}: module has no weights to train")


def vet_fit(
    name: str,
    module: Any,
    measures: Mapping[str, Callable[[Any, Any], Any]],
    inputs: Inputs,
    targets: Any,
) -> None:
    """Raise InputError where the outputs of a network, or a measure of them, cannot be computed for some examples.

    The measures are the loss and the accuracy, by their names.
    """
    torch = library()
    for what, measure in measures.items():
        try:
            with torch.no_grad():
                value = measure(called(module, inputs), targets)
        except Exception as error:
            if isinstance(error, InputError) or files.users_lines(error):
                raise
            said = str(error).partition("\n")[0]
            raise InputError(f"{name}: module and {what} do not fit the examples: {said}") from None
        if not isinstance(value, torch.Tensor) or value.ndim:
            shape = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
            raise InputError(f"{name}: {what} must give one number, a tensor of shape (); it gave {shape}")
