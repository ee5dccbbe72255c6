"""A program for the processor: LLVM's language, compiled by llvmlite.

Sixteen runs go side by side as the lanes of a vector, so that a step of them costs little more than that of one. The
arithmetic is IEEE's, operation by operation, as NumPy's is: nothing is reordered, fused or flushed.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from stepbench.kernels.recording import Phase, Program, Search, operations, ordered
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


def _constant(value: Any) -> str:
    if isinstance(value, bool):
        return f"<{', '.join([f'i1 {str(value).lower()}'] * LANES)}>"
    return f"<{', '.join([f'double {_number(value)}'] * LANES)}>"


class _Text:
    """Instructions as they are written, each value with a name of its own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.variables: list[str] = []
        self._names = 0

    def add(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def label(self, name: str) -> None:
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

    def isfinite(self, a: str) -> str:
        size = self.value(f"call {V} @llvm.fabs.v{LANES}f64({V} {a})")
        return self.value(f"fcmp olt {V} {size}, {_constant(float('inf'))}")

    def any(self, mask: str) -> str:
        return self.value(f"call i1 @llvm.vector.reduce.or.v{LANES}i1({M} {mask})")

    def compute(self, roots: Sequence[Number], inputs: dict[str, str]) -> dict[int, str]:
        """Write the operations that lead to some nodes; the names of their values by the nodes' ids."""
        return self._carry_out(ordered(roots), {}, inputs)

    def _search(self, node: Node, names: dict[int, str]) -> list[str]:
        """Write a search; returns where the last values of its outputs stand."""
        searched: Search = node.args[0]
        kinds = [V if k else M for k in range(len(searched.outputs))]
        places = [self.variable(kind) for kind in kinds]
        for first, kind, place in zip(node.args[1:], kinds, places[: len(searched.inputs)], strict=False):
            self.add(f"store {kind} {names[id(first)] if isinstance(first, Node) else _constant(first)}, ptr {place}")
        round_, done = places[0][1:], f"{places[0][1:]}.done"
        self.add(f"br label %{round_}.again")
        self.label(f"{round_}.again")
        own = dict(names)
        for each, kind, place in zip(searched.inputs, kinds, places, strict=False):
            own[id(each)] = self.value(f"load {kind}, ptr {place}")
        self._carry_out(searched.body, own, {})
        last = [own[id(a)] if isinstance(a, Node) else _constant(a) for a in searched.outputs]
        for value, kind, place in zip(last, kinds, places, strict=True):
            self.add(f"store {kind} {value}, ptr {place}")
        self.add(f"br i1 {self.any(last[0])}, label %{round_}.again, label %{done}")
        self.label(done)
        return places

    def _carry_out(self, nodes: Sequence[Node], names: dict[int, str], inputs: dict[str, str]) -> dict[int, str]:
        searches: dict[int, list[str]] = {}

        def of(a: Any) -> str:
            return names[id(a)] if isinstance(a, Node) else _constant(a)

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
                name = self.value(f"xor {M} {a[0]}, {_constant(True)}")
            else:
                name = self.value(f"call {V} @lanes_{node.op}({', '.join(f'{V} {x}' for x in a)})")
            names[id(node)] = name
        return names


def _library_functions(used: set[str]) -> list[str]:
    """Functions of the C library, lane by lane."""
    lines = []
    for op in sorted(used):
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


class Layout:
    """Where the kernel of a program finds each number: the rows of the arrays that it is called with.

    ``slots`` are rows of what a run carries; ``fields`` those of a record: the point, f, ‖g‖², the step sizes, and
    what was spent where that differs among runs. Of a record that ends a run, ``ends`` has the record before it
    (without step sizes), itself, the number of its step, and whether the run was refused.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        d = program.d
        self.counted = any(isinstance(c, Node) for phase in program.phases for c in (phase.evals, phase.fevals))
        counts = ["evals", "fevals"] if self.counted else []
        sizes = {len(phase.alpha or ()) for phase in program.phases}
        self.sizes = sizes.pop() if len(sizes) == 1 else 0
        before = [f"x.{i}" for i in range(d)] + ["f", "square", *counts]
        self.fields = before + [f"alpha.{k}" for k in range(self.sizes)]
        self.ends = [f"before.{name}" for name in before] + self.fields + ["step", "refused"]
        self.slots = [*program.slots, *counts]
        if not program.carried:
            self.slots += [f"record.{name}" for name in before]


def text(program: Program) -> str:
    """The program as a module with one function, ``advance``, whose arguments are those of ``Kernel.advance``."""
    layout, t, d = Layout(program), _Text(), program.d
    slots, P = layout.slots, len(program.parameters)

    def row(base: str, index: str | int, width: str | int = LANES) -> str:
        offset = (
            t.value(f"mul i64 {index}, {width}") if isinstance(index, str) or isinstance(width, str) else index * width
        )
        return t.value(f"getelementptr double, ptr {base}, i64 {offset}")

    def load(at: str) -> str:
        return t.value(f"load {V}, ptr {at}, align 8")

    def store(value: str, at: str) -> None:
        t.add(f"store {V} {value}, ptr {at}, align 8")

    t.label("entry")
    for k in range(len(slots)):
        t.add(f"%s{k} = alloca {V}, align 64")
    for k in range(layout.sizes):
        t.add(f"%alpha{k} = alloca {V}, align 64")
    t.add(f"%live = alloca {M}, align 64")
    t.add(f"%refused = alloca {M}, align 64")
    t.add("%phase = alloca i64")
    t.add("%kept = alloca i64")
    at = {name: f"%s{k}" for k, name in enumerate(slots)}
    splats = {name: t.splat(f"%{name}") for name in ("f_star", "target", "flat", "budget")}
    t.add("br label %chunks")

    t.label("chunks")
    t.add("%c = phi i64 [%first, %entry], [%c.next, %chunk.done]")
    t.add("%c.more = icmp slt i64 %c, %last")
    t.add("br i1 %c.more, label %chunk, label %done")
    t.label("chunk")
    own = row("%slots", t.value(f"mul i64 %c, {len(slots)}"))
    places = [row(own, k) for k in range(len(slots))]
    parameters = row("%parameters", t.value(f"mul i64 %c, {P}"))
    inputs = {name: load(row(parameters, k)) for k, name in enumerate(program.parameters)}
    lanes = row("%lanes", "%c")
    t.add(f"store {M} {t.value(f'fcmp une {V} {load(lanes)}, {_constant(0.0)}')}, ptr %live")
    t.add(f"br i1 {t.any(t.value(f'load {M}, ptr %live'))}, label %enter, label %chunk.done")
    t.label("enter")
    for k in range(len(slots)):
        store(load(places[k]), f"%s{k}")
    t.add("store i64 %begin, ptr %phase")
    t.add("store i64 0, ptr %kept")
    t.add("br label %steps")

    t.label("steps")
    t.add("%i = phi i64 [0, %enter], [%i.next, %next]")
    t.add("%i.more = icmp slt i64 %i, %n")
    t.add("br i1 %i.more, label %step, label %leave")
    t.label("step")
    before = {name: load(at[name]) for name in slots}
    seen = inputs | before
    if program.noise:
        mine = row("%noise", "%i", d)
        for k, name in enumerate(program.noise):
            seen[name] = t.splat(t.value(f"load double, ptr {row(mine, k, 1)}"))
    number = t.value("load i64, ptr %phase")
    following = t.value(f"getelementptr [{len(program.phases)} x i64], ptr @following, i64 0, i64 {number}")
    t.add(f"store i64 {t.value(f'load i64, ptr {following}')}, ptr %phase")
    kinds: dict[Any, int] = {}
    kind_of = [kinds.setdefault(_content(program, phase), k) for k, phase in enumerate(program.phases)]
    cases = " ".join(f"i64 {k}, label %phase{kind}" for k, kind in enumerate(kind_of))
    t.add(f"switch i64 {number}, label %phase0 [{cases}]")
    for kind in sorted(set(kind_of)):
        phase = program.phases[kind]
        t.label(f"phase{kind}")
        names = t.compute(program.roots(phase), seen)

        def of(a: Number, names: dict[int, str] = names) -> str:
            return names[id(a)] if isinstance(a, Node) else _constant(a)

        for name, value in phase.slots.items():
            store(of(value), at[name])
        for k in range(layout.sizes):
            store(of(phase.alpha[k]), f"%alpha{k}")  # type: ignore[index]
        if layout.counted:
            for name, due in (("evals", phase.evals), ("fevals", phase.fevals)):
                store(t.value(f"fadd {V} {before[name]}, {of(due)}"), at[name])
        t.add(f"store {M} {of(phase.refused)}, ptr %refused")
        t.add("br label %after")

    t.label("after")
    taken = t.value("add i64 %i, 1")
    step = t.value(f"add i64 %step.begin, {taken}")
    if program.carried:
        t.add("br label %look")
    else:
        regular = t.value(f"icmp eq i64 {t.value(f'urem i64 {step}, %every')}, 0")
        last_one = t.value(f"icmp sge i64 {step}, %horizon")
        t.add(f"br i1 {t.value(f'or i1 {regular}, {last_one}')}, label %look, label %next")

    t.label("look")
    w = {f"w.{i}": load(at[f"w.{i}"]) for i in range(d)}
    names = t.compute(program.look, w | inputs)

    def found(a: Number) -> str:
        return names[id(a)] if isinstance(a, Node) else _constant(a)

    f, square = found(program.f), found(program.square)
    record = {f"x.{i}": w[f"w.{i}"] for i in range(d)} | {"f": f, "square": square}
    if layout.counted:
        record |= {name: load(at[name]) for name in ("evals", "fevals")}
    refused = t.value(f"load {M}, ptr %refused")
    if program.carried:
        store(f, at["f"])
        for i in range(d):
            store(found(program.g[i]), at[f"g.{i}"])
    for k in range(layout.sizes):
        record[f"alpha.{k}"] = load(f"%alpha{k}")
    whole = t.isfinite(f)
    for name in ("square", *(f"x.{i}" for i in range(d))):
        whole = t.value(f"and {M} {whole}, {t.isfinite(record[name])}")
    ends = t.value(f"xor {M} {whole}, {_constant(True)}")
    error = t.value(f"fsub {V} {f}, {splats['f_star']}")
    conditions = [
        refused,
        t.value(f"fcmp ole {V} {error}, {splats['target']}"),
        t.value(f"fcmp ole {V} {square}, {splats['flat']}"),
    ]
    if layout.counted:
        some = t.value(f"fcmp ogt {V} {record['evals']}, {_constant(0.0)}")
        used = t.value(f"select {M} {some}, {V} {record['evals']}, {V} {record['fevals']}")
        conditions.append(t.value(f"fcmp oge {V} {used}, {splats['budget']}"))
    for condition in conditions:
        ends = t.value(f"or {M} {ends}, {condition}")
    ends = t.value(f"and {M} {ends}, {t.value(f'load {M}, ptr %live')}")
    t.add("br i1 %whole, label %keep, label %judge")

    t.label("keep")
    kept = t.value("load i64, ptr %kept")
    line = row("%out", t.value(f"mul i64 {kept}, {len(layout.fields)}"), "%stride")
    line = row(line, "%c")
    for k, name in enumerate(layout.fields):
        store(record[name], row(line, str(k), "%stride"))
    t.add(f"store i64 {t.value(f'add i64 {kept}, 1')}, ptr %kept")
    t.add("br label %judge")

    t.label("judge")
    if not program.carried:
        previous = {name: before[f"record.{name}"] for name in layout.fields if f"record.{name}" in before}
    t.add(f"br i1 {t.any(ends)}, label %ending, label %going")
    t.label("ending")
    if program.carried:
        previous = {f"x.{i}": before[f"w.{i}"] for i in range(d)} | {"f": before["f"]}
        total = t.compute([program.square], {f"w.{i}": before[f"w.{i}"] for i in range(d)} | inputs)
        previous["square"] = total[id(program.square)] if isinstance(program.square, Node) else square
        if layout.counted:
            previous |= {name: before[name] for name in ("evals", "fevals")}
    last = {f"before.{name}": value for name, value in previous.items()} | record
    last["step"] = t.splat(t.value(f"sitofp i64 {step} to double"))
    last["refused"] = t.value(f"uitofp {M} {refused} to {V}")
    line = row("%ends", "%c")
    for k, name in enumerate(layout.ends):
        place = row(line, str(k), "%stride")
        store(t.value(f"select {M} {ends}, {V} {last[name]}, {V} {load(place)}"), place)
    left = t.value(f"and {M} {t.value(f'load {M}, ptr %live')}, {t.value(f'xor {M} {ends}, {_constant(True)}')}")
    t.add(f"store {M} {left}, ptr %live")
    t.add(f"br i1 {t.any(left)}, label %going, label %leave")
    t.label("going")
    if not program.carried:
        for name in previous:
            store(record[name], at[f"record.{name}"])
    t.add("br label %next")
    t.label("next")
    t.add("%i.next = add i64 %i, 1")
    t.add("br label %steps")

    t.label("leave")
    for k in range(len(slots)):
        store(load(f"%s{k}"), places[k])
    left = t.value(f"load {M}, ptr %live")
    store(t.value(f"uitofp {M} {left} to {V}"), lanes)
    t.add("br label %chunk.done")
    t.label("chunk.done")
    t.add("%c.next = add i64 %c, 1")
    t.add("br label %chunks")
    t.label("done")
    t.add("ret void")

    used = {node.op for node in operations([r for p in program.phases for r in program.roots(p)] + program.look)}
    arguments = "ptr noalias %slots, ptr noalias %parameters, ptr noalias %noise, ptr noalias %out, ptr noalias %ends, "
    arguments += "ptr noalias %lanes, i64 %first, i64 %last, i64 %stride, i64 %n, i64 %begin, i64 %step.begin, "
    arguments += "i64 %every, i64 %horizon, double %f_star, double %target, double %flat, double %budget, i1 %whole"
    return "\n".join(
        [
            *[f"declare {V} @llvm.{op}.v{LANES}f64({', '.join([V] * n)})" for op, n in _INTRINSIC.items()],
            f"declare {V} @llvm.fabs.v{LANES}f64({V})",
            f"declare i1 @llvm.vector.reduce.or.v{LANES}i1({M})",
            *_library_functions(used & ROUNDED.keys()),
            f"@following = internal constant [{len(program.phases)} x i64] "
            f"[{', '.join(f'i64 {phase.next}' for phase in program.phases)}]",
            f'define void @advance({arguments}) "prefer-vector-width"="512" "min-legal-vector-width"="512" {{',
            t.lines[0],
            *t.variables,
            *t.lines[1:],
            "}",
        ]
    )


def _content(program: Program, phase: Phase) -> Any:
    """What a phase computes, so that two that compute the same share their code."""
    values = [id(v) if isinstance(v, Node) else repr(v) for v in program.roots(phase)]
    return (*phase.slots, *values)


class Kernel:
    """A program as it was compiled."""

    def __init__(self, program: Program) -> None:
        self.program, self.layout = program, Layout(program)
        self._function, self._engine = _compiled(text(program))  # the function lives as long as the engine does

    def advance(
        self, arrays: Sequence[Any], whole_numbers: Sequence[int], numbers: Sequence[float], whole: bool
    ) -> None:
        """Let chunks of sixteen runs take some steps.

        The arrays are slots (C, S, 16), parameters (C, P, 16), noise (n, d), records (n, F, 16 C), ends (E, 16 C) and
        lanes (C, 16), in which runs that go on are 1. The whole numbers are the first chunk and the one after the
        last, 16 C, the steps to take, the phase to begin in, the steps taken before, the steps from one record to the
        next, and the last step. The numbers are f*, the target, that on ‖g‖², and the budget. ``whole`` says that
        every record is kept.
        """
        pointers = [array.ctypes.data for array in arrays]
        self._function(*pointers, *whole_numbers, *numbers, whole)


_SIGNATURE: tuple[Any, ...] = (
    *[ctypes.c_void_p] * 6,
    *[ctypes.c_int64] * 8,
    *[ctypes.c_double] * 4,
    ctypes.c_bool,
)


@cache
def _machine() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=binding.get_host_cpu_name(), features=features, opt=1)


@lru_cache(maxsize=128)
def _compiled(source: str) -> tuple[Any, Any]:
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
    return ctypes.CFUNCTYPE(None, *_SIGNATURE)(engine.get_function_address("advance")), engine


def seconds(program: Program) -> float:
    """About how long a program takes to compile, the compiler's import included where it is still due."""
    operations = len(ordered([root for phase in program.phases for root in program.roots(phase)] + program.look))
    return 0.02 + 2e-4 * operations + (0 if "llvmlite.binding" in sys.modules else 0.07)
