"""The functions of S2MPJ's problems, at many points at once.

S2MPJ has a function as ½ wᵀ H w + Σ φ_g(u_g) / s_g with u = A w − c + W ψ(w): groups φ, each of a linear term and of
weighted elements ψ, each of a few of the parameters. It evaluates one element after the other, at one point. Here its
own texts of elements and groups are given all of one kind, at all points, as arrays (E, R).
"""

import builtins
import importlib.util
from collections import defaultdict
from functools import cached_property
from itertools import count

import numpy as np
from scipy.sparse import csr_array


class _Numpy:
    """NumPy as the texts of elements see it: what they fill entry by entry may hold arrays."""

    @staticmethod
    def zeros(shape):
        return np.zeros(shape, dtype=object)

    def __getattr__(self, name):
        return getattr(np, name)


def _to_scalar(value):
    """The one entry of a product of small matrices, which may be an array (E, R)."""
    return np.asarray(value).reshape(-1)[0]


def native(path, name, library, argument):
    """S2MPJ's own object of one problem, of the class ``name`` in a file; ``library`` is its module s2mpjlib."""
    numpy = np

    def importing(name, *how):
        return {"s2mpjlib": library, "numpy": numpy}.get(name) or builtins.__import__(name, *how)

    spec = importlib.util.spec_from_file_location(f"{__name__}.{name}", path)
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": importing}
    spec.loader.exec_module(module)
    made = getattr(module, name)(*argument)
    numpy, module.to_scalar = _Numpy(), _to_scalar  # from now on its texts are asked for many elements at once
    made.getglobs()
    return made


class _Kind:
    """All elements, or all groups, of one kind, in S2MPJ's own text: ``numbers`` are those that they have there."""

    def __init__(self, problem, text, numbers, table):
        self._problem, self._name, self.numbers, self._table = problem, text, numbers, table
        self._text = getattr(problem, text)
        rows = [_at(table, k, ()) for k in numbers]
        self._parameters = {0: [np.array(column, dtype=float)[:, None] for column in zip(*rows, strict=True)]}

    def __getattr__(self, name):
        """What the text reads of the problem: the parameters of elements and groups, and others that are common."""
        return self._parameters if name in ("elpar", "grpar") else getattr(self._problem, name)

    def f(self, inputs):
        """Their values, (E, R)."""
        return self._answers(1, inputs)

    def grad(self, inputs):
        """Their derivatives, (E, R) or numbers: of groups by u, and of elements by each input."""
        return self._answers(2, inputs)

    def _answers(self, number, inputs):
        """The first answers of the text, or the second where two are asked for."""
        try:
            answers = self._text(self, number, inputs, 0)
        except ValueError:  # it branches on its values, and so is asked of one of them at one point at a time
            return self._one_by_one(number, inputs)
        return answers if number == 1 else answers[1]

    def _one_by_one(self, number, inputs):
        of_elements = inputs.dtype == object
        rows = [*inputs[:, 0]] if of_elements else [inputs]
        found = []
        for e, lone in enumerate(self._lone):
            for r in range(rows[0].shape[1]):
                blocks = [row[e : e + 1, r : r + 1] for row in rows]
                answer = lone._text(lone, number, _column(blocks) if of_elements else blocks[0], 0)
                answer = answer if number == 1 else answer[1]
                each = answer if number == 2 and of_elements else [answer]
                found.append([float(np.ravel(value)[0]) for value in each])
        values = np.array(found).T.reshape(-1, *rows[0].shape)
        return values if number == 2 and of_elements else values[0]

    @cached_property
    def _lone(self):
        """Each of them as a kind of its own."""
        return [_Kind(self._problem, self._name, [k], self._table) for k in self.numbers]


class Sum:
    """The function of one problem of S2MPJ, of its own object."""

    def __init__(self, native):
        self.n = native.n
        groups = [int(g) for g in getattr(native, "objgrps", ())]
        texts = {g: str(_at(getattr(native, "grftype", ()), g, "TRIVIAL")) for g in groups}
        kinds = _by_kind(groups, texts.get)
        # Rows stand in the order of the kinds: all groups of the first kind, then all of the second.
        groups = [g for numbers in kinds.values() for g in numbers]
        self.groups = [
            (_Kind(native, text, numbers, getattr(native, "grpar", ())) if text != "TRIVIAL" else None, len(numbers))
            for text, numbers in kinds.items()
        ]
        scales = [float(_at(getattr(native, "gscale", ()), g, 1.0)) for g in groups]
        self.scales = np.array([s if abs(s) > 1e-15 else 1.0 for s in scales])[:, None]
        self.constants = np.array([float(np.sum(_at(getattr(native, "gconst", ()), g, 0.0))) for g in groups])[:, None]
        self.H = csr_array(native.H) if hasattr(native, "H") else None
        A = getattr(native, "A", np.zeros((0, self.n)))
        self.A = csr_array((len(groups), self.n))
        if has := [k for k, g in enumerate(groups) if g < A.shape[0]]:
            chosen = csr_array((np.ones(len(has)), (has, [groups[k] for k in has])), (len(groups), A.shape[0]))
            self.A = chosen @ csr_array(A, shape=(A.shape[0], A.shape[1]))
        uses = [
            (row, int(e), float(_at(_at(getattr(native, "grelw", ()), g, ()), k, 1.0)))
            for row, g in enumerate(groups)
            for k, e in enumerate(_at(getattr(native, "grelt", ()), g, ()))
        ]
        used = sorted({e for _, e, _ in uses})
        kinds = _by_kind(used, lambda e: (str(native.elftype[e]), len(native.elvar[e])))
        self.elements = [
            (
                _Kind(native, text, numbers, getattr(native, "elpar", ())),
                np.array([native.elvar[e] for e in numbers], dtype=int).T,
            )
            for (text, _), numbers in kinds.items()
        ]
        row = dict(zip((e for numbers in kinds.values() for e in numbers), count()))
        places = [row_of_group for row_of_group, *_ in uses], [row[e] for _, e, _ in uses]
        self.W = csr_array(([weight for *_, weight in uses], places), (len(groups), len(used)))
        inputs = np.concatenate([np.ravel(variables) for _, variables in self.elements] or [np.zeros(0, int)])
        self.scatter = csr_array((np.ones(len(inputs)), (inputs, np.arange(len(inputs)))), (self.n, len(inputs)))
        self.AT, self.WT = csr_array(self.A.T), csr_array(self.W.T)

    def f(self, w):
        """Its values at the points, (d, R) -> (R,)."""
        u = self._arguments(w)
        parts, first = [], 0
        for kind, number in self.groups:
            part = u[first : first + number]
            parts.append(part if kind is None else _rows(kind.f(part), part.shape))
            first += number
        f = (np.concatenate(parts) / self.scales).sum(0) if parts else np.zeros(w.shape[1])
        return f if self.H is None else f + 0.5 * (w * (self.H @ w)).sum(0)

    def grad(self, w):
        """Its gradient, (d, R) -> (d, R)."""
        u = self._arguments(w)
        parts, first = [], 0
        for kind, number in self.groups:
            part = u[first : first + number]
            parts.append(_rows(1.0 if kind is None else kind.grad(part), part.shape))
            first += number
        g = np.zeros_like(w) if self.H is None else self.H @ w
        if not parts:
            return g
        along = np.concatenate(parts) / self.scales  # the derivative of f by u
        g = g + self.AT @ along
        if not self.elements:
            return g
        by_element, first, slopes = self.WT @ along, 0, []
        for kind, variables in self.elements:
            weights = by_element[first : first + variables.shape[1]]
            slopes += [_rows(slope, weights.shape) * weights for slope in kind.grad(_held(w, variables))]
            first += variables.shape[1]
        return g + self.scatter @ np.concatenate(slopes)

    def _arguments(self, w):
        """What the groups are functions of, (G, R)."""
        u = self.A @ w - self.constants
        if not self.elements:
            return u
        values = [
            _rows(kind.f(_held(w, variables)), (variables.shape[1], w.shape[1])) for kind, variables in self.elements
        ]
        return u + self.W @ np.concatenate(values)


def _at(table, k, otherwise):
    """An entry of one of S2MPJ's tables, which may end before it or have None there."""
    return otherwise if table is None or k >= len(table) or table[k] is None else table[k]


def _by_kind(numbers, kind):
    kinds = defaultdict(list)
    for number in numbers:
        kinds[kind(number)].append(number)
    return kinds


def _held(w, variables):
    """The inputs of elements, (k, 1), each entry (E, R): the rows of w that ``variables`` (k, E) names."""
    return _column([w[rows] for rows in variables])


def _column(arrays):
    """Some arrays as the entries of one, (k, 1)."""
    column = np.empty((len(arrays), 1), dtype=object)
    for k, array in enumerate(arrays):
        column[k, 0] = array
    return column


def _rows(value, shape):
    """Numbers as an array (E, R): a text may give one for all."""
    rows = np.asarray(value, dtype=float)
    return rows if rows.shape == shape else np.broadcast_to(rows, shape)
