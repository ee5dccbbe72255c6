"""Pictures and pages: a film, a page and a redraw of the explorer, against one figure of their runs, or the runs."""

import importlib.util
from tempfile import TemporaryDirectory

import numpy as np

import stepbench
from benchmarks.races import Race, add


def seeing(table, repeats):
    if not importlib.util.find_spec("panel"):
        print("panel is not installed: the rows of pages are left out")
        return
    film_and_page(table, repeats)
    explorer(table, repeats)


def film_and_page(table, repeats):
    from stepbench.web.html import page

    race = stepbench.compare("rosenbrock", ["gd", "csawg:K=2", "adam:lr=0.01"], budget=2000)
    with TemporaryDirectory() as folder:

        def figure():
            race.figure().savefig(f"{folder}/race.png")

        def film():
            race.animate(f"{folder}/race.gif")

        add(table, "GIF of 3 runs x 2,000 steps", "one figure", Race(film, figure, repeats))
        add(table, "HTML page of the same", "one figure", Race(lambda: page(race.results, ""), figure, repeats))


def explorer(table, repeats):
    from stepbench.web import selection as selections
    from stepbench.web.explore import Explorer

    shown = Explorer()
    rates = iter(np.geomspace(1e-4, 1e-3, 10 * repeats + 10).tolist())

    def changed():
        """A selection with a step size that was not shown before."""
        rate = next(rates)
        return shown.selection.having(methods=tuple(stepbench.method(name, lr=rate) for name in ("gd", "csawg")))

    redraw = Race(lambda: shown.show(changed()), lambda: selections.run(changed()), repeats)
    add(table, "explorer, redraw of 2 runs x 1,000", "the runs alone", redraw)
