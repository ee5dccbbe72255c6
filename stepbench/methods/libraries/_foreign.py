"""What the adapters share: how an optimizer's signature becomes the fields of a method."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from stepbench.arrays import Points
from stepbench.contracts import Method
from stepbench.fields import InputError, Parametric, Scalar, fields_of, param
from stepbench.methods.libraries import adapter

LR = 0.001
"""The step size where a library has no default: that of the bench's own constant step."""

OURS = {"learning_rate": "lr", "b1": "beta1", "b2": "beta2", "b3": "beta3"}
"""Parameters that the bench calls otherwise, so that one name sets, sweeps and compares them everywhere."""

KNOWN = {
    "lr": ("α", "step size", "[0, inf)", "1e-6:10:log"),
    "beta1": ("β₁", "how much of the mean gradient is kept per step", "[0, 1]", "0:0.99"),
    "beta2": ("β₂", "how much of the mean square is kept per step", "[0, 1]", ""),
    "beta3": ("β₃", "the third decay rate", "(-inf, inf)", ""),
    "eps": ("ε", "added so that nothing is divided by zero", "[0, inf)", ""),
    "momentum": ("p", "how much of the velocity is kept per step", "[0, 1]", "0:0.99"),
    "weight_decay": ("λ", "weight decay", "(-inf, inf)", ""),
}
"""Symbol, meaning, bounds and what ``tune`` tries, for the names that mean the same in every library."""

LEFT_OUT = [
    "params",
    "self",
    "kwargs",
    "foreach",
    "fused",
    "capturable",
    "differentiable",
    "maximize",
    "verbose",
    "mask",
    "weight_decay_mask",
    "trust_ratio_mask",
    "key",
    "print_win_rate_every_n_steps",
]
"""Parameters that change how a library computes and not what, or that would climb: they keep their defaults."""


MATRICES = "it treats matrices otherwise than vectors, and the parameters of a run are one vector"
HESSIAN = "it differentiates the gradient, and the bench gives gradients as numbers"
MEANT = {
    "Tensor.__contains__": MATRICES,  # groups of parameters that say whether they are matrices
    "only support": MATRICES,
    "does not require grad": HESSIAN,
    "obj_fn must be provided": HESSIAN,
    "PRNGKey dtype": "it draws from a key of its own, not from the seed of a run; the option noise adds noise",
    "does not support dense gradients": "it takes sparse gradients only, and the bench gives dense ones",
}
"""What some errors of libraries mean here."""


class Setting(NamedTuple):
    """A field of a method, and the parameter that it sets: the whole of it, or the entry at ``place`` of a tuple."""

    field: str
    parameter: str
    place: int | None


class ForeignParts(Parametric):
    """What an optimizer of another library is called, and how its fields give the parameters of its signature."""

    library: ClassVar[str]
    optimizer: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    written: ClassVar[Mapping[str, tuple[Any, ...]]]
    """The tuples among its parameters, as the library's defaults have them."""

    @property
    def _home(self) -> str:
        return f"{self.library}:{self.optimizer}"

    @property
    def libraries(self) -> dict[str, str]:
        """The library with its version, on which the bits of a run depend."""
        return {self.library: adapter(self.library).version()}

    def __reduce__(self) -> Any:
        """How a pickle, and a process that gets it, makes the class again."""
        return _rebuilt, (self.library, self.optimizer, {name: getattr(self, name) for name in fields_of(type(self))})

    @property
    def runs(self) -> int:
        """How many runs its hyper-parameters tell apart: R where one is an array, and else 1."""
        return max([1, *(np.size(getattr(self, setting.field)) for setting in self.settings)])

    def parameters(self, run: int) -> dict[str, Any]:
        """The parameters of the library's own signature, for one run of a batch."""
        given: dict[str, Any] = {name: [*entries] for name, entries in self.written.items()}
        for field, parameter, place in self.settings:
            value = getattr(self, field)
            value = float(value[run]) if isinstance(value, np.ndarray) else value
            if place is None:
                given[parameter] = value
            else:
                given[parameter][place] = value
        return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


class Foreign(ForeignParts, Method):
    """An optimizer of another library as a whole method: the engine keeps its loop."""

    def refuse_tensors(self, w: Points) -> None:
        """Raise InputError where the points are those of a network, and no NumPy array."""
        if not isinstance(w, np.ndarray):
            raise InputError(
                f"{self.name} takes a run's parameters as one vector, and a network's tensors have shapes: train it in "
                f"{self.library} itself, or choose a method of the bench"
            )

    def alike(self, w: Points, remember: Callable[[int, int], bool]) -> Iterator[slice]:
        """The runs at w, (d, R), those together that stand alike, as a lone run and its twin do.

        One step is taken for them all. ``remember`` says whether two of them remember the same.
        """
        first, R = 0, w.shape[1]
        for r in range(1, R + 1):
            together = r < R and self.runs == 1 and np.array_equal(w[:, r], w[:, first]) and remember(r, first)
            if not together:
                yield slice(first, r)
                first = r


def _rebuilt(library: str, optimizer: str, values: dict[str, Any]) -> Any:
    return adapter(library).load(optimizer)(**values)


def version(package: str, extra: str) -> str:
    """The version of an installed package; raises InputError where it is missing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f'{package} is not installed: pip install "stepbench[{extra}]"') from None


def require(package: str, module: str, extra: str, least: str) -> Any:
    """The module of another library; raises InputError where it is missing, or older than the bench needs."""
    has = version(package, extra)
    if _numbers(has) < _numbers(least):
        raise InputError(f'{package} {has} is too old, {least} is needed: pip install -U "stepbench[{extra}]"')
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f'{package} {has} cannot be imported ({error}): pip install "stepbench[{extra}]"') from None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".")[:3] if part.isdigit())


def refused(library: str, name: str, why: str) -> InputError:
    """The one line by which an optimizer is refused that needs what the bench does not have."""
    words = next((meant for said, meant in MEANT.items() if said in why), " ".join(why.split()))
    return InputError(f"{library}:{name} cannot run here: {words if len(words) <= 200 else words[:200] + '…'}")


def made(
    base: type,
    library: str,
    name: str,
    signature: Callable[..., Any],
    *,
    source: str,
    algorithm: str,
    choices: Mapping[str, Sequence[str]] = {},
    missing: Mapping[str, Any] = {},
    **constants: Any,
) -> type:
    """The class of an optimizer, with a field for each number, truth or choice in its signature.

    ``choices`` are the words that a parameter takes where its annotation does not list them; ``missing`` are defaults
    for parameters that have none. Raises InputError where it needs what is none of these.
    """
    annotated: list[tuple[str, Any, Any]] = []
    settings: list[Setting] = []
    written: dict[str, tuple[Any, ...]] = {}
    for parameter in [*inspect.signature(signature, eval_str=False).parameters.values()]:
        if parameter.name in LEFT_OUT or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        default = parameter.default
        if default is parameter.empty:
            if parameter.name not in missing:
                raise refused(library, name, f"it needs {parameter.name}, for which there is no default")
            default = missing[parameter.name]
        hint, own = str(parameter.annotation), OURS.get(parameter.name, parameter.name)
        if isinstance(default, tuple):
            if not default or not all(entry is None or isinstance(entry, int | float) for entry in default):
                continue
            written[parameter.name] = default
            stem = own[:-1] if own.endswith("s") and own != "eps" else own
            for k, entry in enumerate(default):
                annotated.append(_field(f"{stem}{k + 1}", f"{parameter.name}[{k}]", "float", entry, ()))
                settings.append(Setting(f"{stem}{k + 1}", parameter.name, k))
            continue
        words = tuple(choices.get(parameter.name, _words(parameter.annotation)))
        field = _field(own, parameter.name, hint, default, words)
        if field is not None:
            annotated.append(field)
            settings.append(Setting(own, parameter.name, None))
    if twice := [one for one, *_ in annotated if [other for other, *_ in annotated].count(one) > 1]:
        raise refused(library, name, f"two of its parameters are called {twice[0]} here")
    namespace = {
        "__module__": base.__module__,
        "__doc__": _docstring(library, name, algorithm, source, {s.field: s for s in settings}),
        "library": library,
        "optimizer": name,
        "settings": tuple(settings),
        "written": written,
        **constants,
    }
    return dataclasses.make_dataclass(name, annotated, bases=(base,), namespace=namespace, frozen=True)


def _words(annotation: Any) -> tuple[str, ...]:
    """The words of a Literal in an annotation."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if getattr(part, "__origin__", None) is Literal:
            return tuple(part.__args__)
    return ()


def _field(own: str, theirs: str, hint: str, default: Any, words: tuple[str, ...]) -> Any:
    """A dataclass field for a parameter; None where it is no number, no truth and no choice."""
    optional = default is None
    if words:
        kind: Any = Literal[words]
    elif isinstance(default, bool):
        kind = bool
    elif isinstance(default, float) or (isinstance(default, int | None) and "float" in hint):
        kind, default = Scalar, None if default is None else float(default)
    elif isinstance(default, int) or (optional and "int" in hint):
        kind = int
    else:
        return None
    symbol, meaning, bounds, search = KNOWN.get(own, ("", own.replace("_", " "), "[-inf, inf]", ""))
    if kind is not Scalar:
        symbol, meaning, bounds, search = "", own.replace("_", " "), "(-inf, inf)", ""
    if theirs != own:
        meaning += f" ({theirs})"
    return own, kind | None if optional else kind, param(default, symbol, meaning, bounds, search)


def _docstring(library: str, name: str, algorithm: str, source: str, settings: dict[str, Setting]) -> str:
    """A docstring in the form of the bench's own methods."""
    renamed = [
        f"{s.field} is its {s.parameter}{'' if s.place is None else f'[{s.place}]'}"
        for s in settings.values()
        if s.field != s.parameter
    ]
    return (
        f"{name} of {library}, as it stands there.\n\n"
        f"Algorithm\n    {algorithm}\n\nSource\n    {source}\n\n"
        f"Deviations\n    None: the library's own code takes the step, in float64, and its defaults stand"
        f"{'; ' + ', '.join(renamed) if renamed else ''}."
    )
