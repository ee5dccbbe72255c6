"""The files of the built-in problems and methods: their texts, their length, and their pickles."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import stepbench
from stepbench import catalog
from stepbench.catalog import files
from stepbench.fields import fields_of


@pytest.mark.parametrize("kind", ["problems", "directions", "stepsizes", "methods"])
def test_every_file_explains_itself(kind):
    """A first line for the list, for a method its algorithm and its source, and for every field its meaning."""
    for name in catalog.names(kind):
        cls = catalog.load(kind, name)
        doc = cls.__doc__
        assert 20 < len(catalog.summary(cls)) <= 58, name  # a line of stepbench list, at 80 columns
        if kind != "problems":
            assert "Algorithm" in doc, name
            assert "Source" in doc, name
        assert ("Needs" in doc) == bool(getattr(cls(), "needs", ()) or name in ("l4", "ngn")), name
        for field in fields_of(cls).values():
            assert field.meaning, (name, field.name)


def test_a_method_file_is_short():
    """A method reads like its paper's pseudocode: half of the files are under 60 lines."""
    sizes = []
    for kind in catalog.KINDS:
        for name in catalog.names(kind):
            sizes.append(len((files.PACKAGE / kind / f"{name.replace('-', '_')}.py").read_text().splitlines()))
    assert np.median(sizes) < 60


def test_a_problem_of_the_catalogue_unpickles_in_a_new_process(tmp_path):
    things = (stepbench.problem("rosenbrock:b=7"), stepbench.Oracle(stepbench.problem("linear-regression:n=9,batch=3")))
    (tmp_path / "things").write_bytes(pickle.dumps(things))
    code = "import pickle; p, o = pickle.load(open('things', 'rb')); print(p, o.problem)"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["rosenbrock:b=7", "linear-regression:n=9,batch=3"]
