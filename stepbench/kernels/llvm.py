"""LLVM's language: nodes as instructions on vectors of sixteen runs, and the compiler, which is llvmlite's.

The arithmetic is IEEE's, operation by operation, as NumPy's is: nothing is reordered, fused or flushed.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from stepbench.kernels.recording import Search, ordered
from stepbench.kernels.symbols import ROUNDED, Node, Number

LANES = 16

V, M = f"<{LANES} x double>", f"<{LANES} x i1>"

_ARITHMETIC = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_COMPARISON = {
    "less": "olt",
    "less_equal": "ole",
    "greater": "ogt",
    "greater_equal": "oge",
    "equal": "oeq",
    "not_equal": "une",
}
_INTRINSIC = {"sqrt": 1, "floor": 1, "ceil": 1, "trunc": 1, "rint": 1, "copysign": 2}
"""Operations that LLVM has of its own, and how many arguments they have."""

_LIBRARY = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "power": "pow"}
"""The names in the C library of the functions that it calls otherwise than NumPy."""


def _number(value: float) -> str:
    """A number to the last bit."""
    return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"


def constant(value: Any) -> str:
    """A number or a truth in every lane."""
    if isinstance(value, bool):
        return f"<{', '.join([f'i1 {str(value).lower()}'] * LANES)}>"
    return f"<{', '.join([f'double {_number(value)}'] * LANES)}>"


class Text:
    """Instructions as they are written, each value with a name of its own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.variables: list[str] = []
        self._names = 0

    def add(self, line: str) -> None:
        """Write an instruction that gives nothing."""
        self.lines.append(f"  {line}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def variable(self, kind: str) -> str:
        """The address of a new variable."""
        self._names += 1
        self.variables.append(f"  %v{self._names} = alloca {kind}, align 64")
        return f"%v{self._names}"

    def value(self, instruction: str) -> str:
        """The name of what an instruction gives."""
        self._names += 1
        self.add(f"%v{self._names} = {instruction}")
        return f"%v{self._names}"

    def splat(self, scalar: str) -> str:
        """A number in every lane."""
        one = self.value(f"insertelement {V} undef, double {scalar}, i32 0")
        return self.value(f"shufflevector {V} {one}, {V} undef, <{LANES} x i32> zeroinitializer")

    def row(self, base: str, index: str | int, width: str | int = LANES) -> str:
        """The address of a row of numbers."""
        known = isinstance(index, int) and isinstance(width, int)
        offset = index * width if known else self.value(f"mul i64 {index}, {width}")  # type: ignore[operator]
        return self.value(f"getelementptr double, ptr {base}, i64 {offset}")

    def load(self, at: str, kind: str = V) -> str:
        """The value that stands there."""
        return self.value(f"load {kind}, ptr {at}, align 8")

    def store(self, value: str, at: str, kind: str = V) -> None:
        """Put a value there."""
        self.add(f"store {kind} {value}, ptr {at}, align 8")

    def isfinite(self, a: str) -> str:
        """In which lanes a number is finite."""
        size = self.value(f"call {V} @llvm.fabs.v{LANES}f64({V} {a})")
        return self.value(f"fcmp olt {V} {size}, {constant(float('inf'))}")

    def any(self, mask: str) -> str:
        """Whether a truth holds in any lane."""
        return self.value(f"call i1 @llvm.vector.reduce.or.v{LANES}i1({M} {mask})")

    def compute(self, roots: Sequence[Number], inputs: dict[str, str]) -> Callable[[Number], str]:
        """Write the operations that lead to some nodes; returns what gives the name of such a node's value."""
        names = self._carry_out(ordered(roots), {}, inputs)
        return lambda a: names[id(a)] if isinstance(a, Node) else constant(a)

    def _search(self, node: Node, names: dict[int, str]) -> list[str]:
        """Write a search; returns where the last values of its outputs stand."""
        searched: Search = node.args[0]
        kinds = [V if k else M for k in range(len(searched.outputs))]
        places = [self.variable(kind) for kind in kinds]
        for first, kind, place in zip(node.args[1:], kinds, places[: len(searched.inputs)], strict=False):
            self.add(f"store {kind} {names[id(first)] if isinstance(first, Node) else constant(first)}, ptr {place}")
        round_, done = places[0][1:], f"{places[0][1:]}.done"
        self.add(f"br label %{round_}.again")
        self.label(f"{round_}.again")
        own = dict(names)
        for each, kind, place in zip(searched.inputs, kinds, places, strict=False):
            own[id(each)] = self.value(f"load {kind}, ptr {place}")
        self._carry_out(searched.body, own, {})
        last = [own[id(a)] if isinstance(a, Node) else constant(a) for a in searched.outputs]
        for value, kind, place in zip(last, kinds, places, strict=True):
            self.add(f"store {kind} {value}, ptr {place}")
        self.add(f"br i1 {self.any(last[0])}, label %{round_}.again, label %{done}")
        self.label(done)
        return places

    def _carry_out(self, nodes: Sequence[Node], names: dict[int, str], inputs: dict[str, str]) -> dict[int, str]:
        searches: dict[int, list[str]] = {}

        def of(a: Any) -> str:
            return names[id(a)] if isinstance(a, Node) else constant(a)

        for node in nodes:
            a = [of(x) for x in node.args] if node.op not in ("input", "search", "found") else []
            if node.op == "input":
                name = inputs[node.args[0]]
            elif node.op == "search":
                searches[id(node)], name = self._search(node, names), ""
            elif node.op == "found":
                whole, k = node.args
                name = self.value(f"load {V if k else M}, ptr {searches[id(whole)][k]}")
            elif node.op in _ARITHMETIC:
                name = self.value(f"{_ARITHMETIC[node.op]} {V} {a[0]}, {a[1]}")
            elif node.op in _COMPARISON:
                name = self.value(f"fcmp {_COMPARISON[node.op]} {V} {a[0]}, {a[1]}")
            elif node.op in ("maximum", "minimum"):
                holds = self.value(f"fcmp {'oge' if node.op == 'maximum' else 'ole'} {V} {a[0]}, {a[1]}")
                lost = self.value(f"fcmp uno {V} {a[0]}, {a[0]}")
                first = self.value(f"or {M} {holds}, {lost}")
                name = self.value(f"select {M} {first}, {V} {a[0]}, {V} {a[1]}")
            elif node.op == "select":
                name = self.value(f"select {M} {a[0]}, {V} {a[1]}, {V} {a[2]}")
            elif node.op == "negative":
                name = self.value(f"fneg {V} {a[0]}")
            elif node.op == "absolute":
                name = self.value(f"call {V} @llvm.fabs.v{LANES}f64({V} {a[0]})")
            elif node.op in _INTRINSIC:
                name = self.value(f"call {V} @llvm.{node.op}.v{LANES}f64({', '.join(f'{V} {x}' for x in a)})")
            elif node.op == "fmod":
                name = self.value(f"frem {V} {a[0]}, {a[1]}")
            elif node.op == "isfinite":
                name = self.isfinite(a[0])
            elif node.op == "isnan":
                name = self.value(f"fcmp uno {V} {a[0]}, {a[0]}")
            elif node.op in ("logical_and", "logical_or"):
                name = self.value(f"{node.op[8:]} {M} {a[0]}, {a[1]}")
            elif node.op == "logical_not":
                name = self.value(f"xor {M} {a[0]}, {constant(True)}")
            else:
                name = self.value(f"call {V} @lanes_{node.op}({', '.join(f'{V} {x}' for x in a)})")
            names[id(node)] = name
        return names


def declarations(used: set[str]) -> list[str]:
    """What a module declares that uses these operations; functions of the C library are called lane by lane."""
    lines = [f"declare {V} @llvm.{op}.v{LANES}f64({', '.join([V] * n)})" for op, n in _INTRINSIC.items()]
    lines += [f"declare {V} @llvm.fabs.v{LANES}f64({V})", f"declare i1 @llvm.vector.reduce.or.v{LANES}i1({M})"]
    for op in sorted(used & ROUNDED.keys()):
        n = 2 if op in ("power", "arctan2") else 1
        called = _LIBRARY.get(op, op)
        lines.append(f"declare double @{called}({', '.join(['double'] * n)})")
        lines.append(f"define internal {V} @lanes_{op}({', '.join(f'{V} %a{k}' for k in range(n))}) {{")
        last = "undef"
        for lane in range(LANES):
            for k in range(n):
                lines.append(f"  %x{k}.{lane} = extractelement {V} %a{k}, i32 {lane}")
            lines.append(f"  %y{lane} = call double @{called}({', '.join(f'double %x{k}.{lane}' for k in range(n))})")
            lines.append(f"  %r{lane} = insertelement {V} {last}, double %y{lane}, i32 {lane}")
            last = f"%r{lane}"
        lines += [f"  ret {V} {last}", "}"]
    return lines


def _machine() -> Any:
    """A machine of this processor's kind; each engine owns one, and ends it with itself."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=binding.get_host_cpu_name(), features=features, opt=1)


@lru_cache(maxsize=128)
def compiled(source: str, name: str, kinds: tuple[Any, ...]) -> tuple[Any, Any]:
    """A function of a module whose arguments are of these kinds, and the engine that it lives in."""
    from llvmlite import binding

    machine = _machine()
    module = binding.parse_assembly(source)
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=1)  # 2 takes longer, and is no faster
    options.loop_vectorization = options.slp_vectorization = False
    passes = binding.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address(name)), engine
