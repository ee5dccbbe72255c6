"""A program for the processor: a function that lets many runs take many steps, and looks at each.

Sixteen runs go side by side as the lanes of a vector, so that a step of them costs little more than that of one. Runs
that have ended go along in their lanes until all sixteen have.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import reduce
from typing import Any

from stepbench.kernels.llvm import LANES, M, Text, V, compiled, constant, declarations
from stepbench.kernels.recording import Phase, Program
from stepbench.kernels.symbols import Node

_KINDS = (*[ctypes.c_void_p] * 6, *[ctypes.c_int64] * 8, *[ctypes.c_double] * 4, ctypes.c_bool)
"""Those of the arguments of ``advance``."""

_ARGUMENTS = (
    *(f"ptr noalias %{name}" for name in ("slots", "parameters", "seen", "out", "ends", "lanes")),
    *(f"i64 %{name}" for name in ("first", "last", "stride", "n", "begin", "step.begin", "every", "horizon")),
    *(f"double %{name}" for name in ("f_star", "target", "flat", "budget")),
    "i1 %whole",
)
"""The same in LLVM's language, with their names."""


class Kernel:
    """A program as it was compiled."""

    def __init__(self, program: Program) -> None:
        self.program, self.layout = program, Layout(program)
        self._function, self._engine = compiled(_Advance(program).module(), "advance", _KINDS)

    def advance(
        self, arrays: Sequence[Any], whole_numbers: Sequence[int], numbers: Sequence[float], whole: bool
    ) -> None:
        """Let chunks of sixteen runs take some steps.

        The arrays are slots (C, S, 16), parameters (C, P, 16), what each step sees (n, K), records (n, F, r), ends
        (E, r) and lanes (C, 16), in which runs that go on are 1; r is 16 C, and may be less where there is one chunk.
        The whole numbers are the first chunk and the one after the last, r, the steps to take, the phase to begin in,
        the steps taken before, the steps from one record to the next, and the last step. The numbers are f*, the
        target, that on ‖g‖², and the budget. ``whole`` says that every record is kept.
        """
        pointers = [array.ctypes.data for array in arrays]
        self._function(*pointers, *whole_numbers, *numbers, whole)


def seconds(program: Program) -> float:
    """About how long a program takes to compile, the compiler's import included where it is still due."""
    return 0.02 + 2e-4 * len(program.operations) + (0 if "llvmlite.binding" in sys.modules else 0.07)


class Layout:
    """Where the kernel of a program finds each number: the rows of the arrays that it is called with.

    ``slots`` are rows of what a run carries; ``fields`` those of a record: the point, f, ‖g‖² (‖g‖, where all records
    are kept), the step sizes, and what was spent where that differs among runs. Of a record that ends a run, ``ends``
    has the record before it (without step sizes), itself, the number of its step, and that of the first step that was
    refused, 0 for none.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        d = program.d
        self.counted = any(isinstance(c, Node) for phase in program.phases for c in (phase.evals, phase.fevals))
        counts = ["evals", "fevals"] if self.counted else []
        self.sizes = len(program.phases[0].alpha or ())
        self.before = [f"x.{i}" for i in range(d)] + ["f", "square", *counts]
        self.fields = self.before + [f"alpha.{k}" for k in range(self.sizes)]
        self.ends = [f"before.{name}" for name in self.before] + self.fields + ["step", "refused"]
        self.refuses = any(phase.refused is not False for phase in program.phases)
        self.slots = [*program.slots, *counts, *(["refused"] if self.refuses else [])]
        if not program.carried:
            self.slots += [f"record.{name}" for name in self.before]


class _Advance:
    """A program as it is written in LLVM's language: the function ``advance``, block by block.

    A chunk of sixteen runs is loaded, takes its steps, each with a look where one is due, and is stored. ``at`` are the
    addresses of the variables that hold the slots meanwhile, and ``before`` what they held before the step.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.layout, self.t = program, Layout(program), Text()

    def module(self) -> str:
        """All of it."""
        program, phases = self.program, self.program.phases
        self._enter()
        self._step()
        self._look()
        self._leave()
        first, *lines = self.t.lines
        following = ", ".join(f"i64 {phase.next}" for phase in phases)
        wide = '"prefer-vector-width"="512" "min-legal-vector-width"="512"'
        return "\n".join(
            [
                *declarations({node.op for node in program.operations}),
                f"@following = internal constant [{len(phases)} x i64] [{following}]",
                f"define void @advance({', '.join(_ARGUMENTS)}) {wide} {{",
                *(first, *self.t.variables, *lines),
                "}",
            ]
        )

    def _enter(self) -> None:
        """Go from chunk to chunk, and load the one whose turn it is, unless all of its runs have ended."""
        t, slots = self.t, self.layout.slots
        t.label("entry")
        self.at = {name: t.variable(V) for name in slots}
        self.alpha = [t.variable(V) for _ in range(self.layout.sizes)]
        self.live, self.refused = t.variable(M), t.variable(M)  # which go on, and which a step has refused
        self.phase, self.kept = t.variable("i64"), t.variable("i64")
        self.limits = {name: t.splat(f"%{name}") for name in ("f_star", "target", "flat", "budget")}
        t.add("br label %chunks")
        t.label("chunks")
        t.add("%c = phi i64 [%first, %entry], [%c.next, %chunk.done]")
        t.add(f"br i1 {t.value('icmp slt i64 %c, %last')}, label %chunk, label %done")
        t.label("chunk")
        own = t.row("%slots", t.value(f"mul i64 %c, {len(slots)}"))
        self.places = {name: t.row(own, k) for k, name in enumerate(slots)}
        own = t.row("%parameters", t.value(f"mul i64 %c, {len(self.program.parameters)}"))
        self.inputs = {name: t.load(t.row(own, k)) for k, name in enumerate(self.program.parameters)}
        self.lanes = t.row("%lanes", "%c")
        live = t.value(f"fcmp une {V} {t.load(self.lanes)}, {constant(0.0)}")
        t.store(live, self.live, M)
        t.add(f"br i1 {t.any(live)}, label %enter, label %chunk.done")
        t.label("enter")
        for name in slots:
            t.store(t.load(self.places[name]), self.at[name])
        t.store("%begin", self.phase, "i64")
        t.store("0", self.kept, "i64")
        t.add("br label %steps")

    def _step(self) -> None:
        """Take a step of the phase that is due."""
        t, program = self.t, self.program
        t.label("steps")
        t.add("%i = phi i64 [0, %enter], [%i.next, %next]")
        t.add(f"br i1 {t.value('icmp slt i64 %i, %n')}, label %step, label %leave")
        t.label("step")
        self.before = {name: t.load(at) for name, at in self.at.items()}
        seen = self.inputs | self.before
        if program.seen:
            own = t.row("%seen", "%i", len(program.seen))
            seen |= {name: t.splat(t.load(t.row(own, k, 1), "double")) for k, name in enumerate(program.seen)}
        self.seen = seen
        number = t.load(self.phase, "i64")
        following = t.value(f"getelementptr [{len(program.phases)} x i64], ptr @following, i64 0, i64 {number}")
        t.store(t.load(following, "i64"), self.phase, "i64")
        kinds: dict[Any, int] = {}  # phases that compute the same share their block
        kind_of = [kinds.setdefault(_content(program, phase), k) for k, phase in enumerate(program.phases)]
        cases = " ".join(f"i64 {k}, label %phase{kind}" for k, kind in enumerate(kind_of))
        t.add(f"switch i64 {number}, label %phase0 [{cases}]")
        for kind in sorted(set(kind_of)):
            t.label(f"phase{kind}")
            self._phase(program.phases[kind], seen)
            t.add("br label %after")

    def _phase(self, phase: Phase, seen: dict[str, str]) -> None:
        t = self.t
        of = t.compute(self.program.roots(phase), seen)
        for name, value in phase.slots.items():
            t.store(of(value), self.at[name])
        for at, size in zip(self.alpha, phase.alpha or (), strict=False):
            t.store(of(size), at)
        if self.layout.counted:
            for name, due in (("evals", phase.evals), ("fevals", phase.fevals)):
                t.store(t.value(f"fadd {V} {self.before[name]}, {of(due)}"), self.at[name])
        t.store(of(phase.refused), self.refused, M)

    def _look(self) -> None:
        """Look at where the step has led, where a record is due, and judge whether runs end there."""
        t, program, d = self.t, self.program, self.program.d
        t.label("after")
        self.number = t.value(f"add i64 %step.begin, {t.value('add i64 %i, 1')}")
        if self.layout.refuses:
            none = t.value(f"fcmp oeq {V} {self.before['refused']}, {constant(0.0)}")
            first = t.value(f"and {M} {none}, {t.load(self.refused, M)}")
            step = t.splat(t.value(f"sitofp i64 {self.number} to double"))
            t.store(t.value(f"select {M} {first}, {V} {step}, {V} {self.before['refused']}"), self.at["refused"])
        if program.carried:
            t.add("br label %look")
        else:
            regular = t.value(f"icmp eq i64 {t.value(f'urem i64 {self.number}, %every')}, 0")
            last = t.value(f"icmp sge i64 {self.number}, %horizon")
            t.add(f"br i1 {t.value(f'or i1 {regular}, {last}')}, label %look, label %next")
        t.label("look")
        w = {f"w.{i}": t.load(self.at[f"w.{i}"]) for i in range(d)}
        of = t.compute(program.look, self.seen | w)
        record = {f"x.{i}": w[f"w.{i}"] for i in range(d)} | {"f": of(program.f), "square": of(program.square)}
        if self.layout.counted:
            record |= {name: t.load(self.at[name]) for name in ("evals", "fevals")}
        record |= {f"alpha.{k}": t.load(at) for k, at in enumerate(self.alpha)}
        if program.carried:
            for name, value in {"f": program.f, **{f"g.{i}": program.g[i] for i in range(d)}}.items():
                t.store(of(value), self.at[name])
        ends = self._ends(record)
        t.add("br i1 %whole, label %keep, label %judge")
        t.label("keep")
        kept = t.load(self.kept, "i64")
        line = t.row(t.row("%out", t.value(f"mul i64 {kept}, {len(self.layout.fields)}"), "%stride"), "%c")
        norm = t.value(f"call {V} @llvm.sqrt.v{LANES}f64({V} {record['square']})")
        for k, name in enumerate(self.layout.fields):
            t.store(norm if name == "square" else record[name], t.row(line, k, "%stride"))
        t.store(t.value(f"add i64 {kept}, 1"), self.kept, "i64")
        t.add("br label %judge")
        t.label("judge")
        t.add(f"br i1 {t.any(ends)}, label %ending, label %going")
        self._end(ends, record)
        t.label("going")
        if not program.carried:
            for name in self.layout.before:
                t.store(record[name], self.at[f"record.{name}"])
        t.add("br label %next")
        t.label("next")
        t.add("%i.next = add i64 %i, 1")
        t.add("br label %steps")

    def _ends(self, record: dict[str, str]) -> str:
        """In which lanes a run that goes on may end with this record: as ``engine/records.py`` judges it, or wider."""
        t = self.t
        finite = [t.isfinite(record[name]) for name in ("f", "square", *(f"x.{i}" for i in range(self.program.d)))]
        ends = [t.value(f"xor {M} {each}, {constant(True)}") for each in finite]
        error = t.value(f"fsub {V} {record['f']}, {self.limits['f_star']}")
        if self.layout.refuses:
            ends.append(t.value(f"fcmp une {V} {t.load(self.at['refused'])}, {constant(0.0)}"))
        ends.append(t.value(f"fcmp ole {V} {error}, {self.limits['target']}"))
        ends.append(t.value(f"fcmp ole {V} {record['square']}, {self.limits['flat']}"))
        if self.layout.counted:
            some = t.value(f"fcmp ogt {V} {record['evals']}, {constant(0.0)}")
            used = t.value(f"select {M} {some}, {V} {record['evals']}, {V} {record['fevals']}")
            ends.append(t.value(f"fcmp oge {V} {used}, {self.limits['budget']}"))
        any_ = ends[0]
        for each in ends[1:]:
            any_ = t.value(f"or {M} {any_}, {each}")
        return t.value(f"and {M} {any_}, {t.load(self.live, M)}")

    def _end(self, ends: str, record: dict[str, str]) -> None:
        """Keep the last two records of the runs that end, and leave the chunk where none goes on."""
        t, program, d = self.t, self.program, self.program.d
        t.label("ending")
        if program.carried:
            squares = [t.value(f"fmul {V} {self.before[f'g.{i}']}, {self.before[f'g.{i}']}") for i in range(d)]
            square = reduce(lambda total, one: t.value(f"fadd {V} {total}, {one}"), squares)
            before = self.before | {f"x.{i}": self.before[f"w.{i}"] for i in range(d)} | {"square": square}
        else:
            before = {name: self.before[f"record.{name}"] for name in self.layout.before}
        last = {f"before.{name}": before[name] for name in self.layout.before} | record
        last["step"] = t.splat(t.value(f"sitofp i64 {self.number} to double"))
        last["refused"] = t.load(self.at["refused"]) if self.layout.refuses else constant(0.0)
        line = t.row("%ends", "%c")
        for k, name in enumerate(self.layout.ends):
            place = t.row(line, k, "%stride")
            t.store(t.value(f"select {M} {ends}, {V} {last[name]}, {V} {t.load(place)}"), place)
        others = t.value(f"xor {M} {ends}, {constant(True)}")
        left = t.value(f"and {M} {t.load(self.live, M)}, {others}")
        t.store(left, self.live, M)
        t.add(f"br i1 {t.any(left)}, label %going, label %leave")

    def _leave(self) -> None:
        """Store the chunk, and go to the next."""
        t = self.t
        t.label("leave")
        for name, place in self.places.items():
            t.store(t.load(self.at[name]), place)
        t.store(t.value(f"uitofp {M} {t.load(self.live, M)} to {V}"), self.lanes)
        t.add("br label %chunk.done")
        t.label("chunk.done")
        t.add("%c.next = add i64 %c, 1")
        t.add("br label %chunks")
        t.label("done")
        t.add("ret void")


def _content(program: Program, phase: Phase) -> Any:
    """What a phase computes, so that two that compute the same share their code."""
    values = [id(v) if isinstance(v, Node) else repr(v) for v in program.roots(phase)]
    return (*phase.slots, *values)
