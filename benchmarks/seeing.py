"""Pictures and pages: a film, a page and a page of the explorer, against one figure of their runs, or the runs."""

from tempfile import TemporaryDirectory

import numpy as np

import stepbench
from benchmarks.races import Race, add


def seeing(table, repeats):
    film_and_page(table, repeats)
    explorer(table, repeats)


def film_and_page(table, repeats):
    from stepbench.web.live import page

    race = stepbench.compare("rosenbrock", ["gd", "csawg:K=2", "adam:lr=0.01"], budget=2000)
    with TemporaryDirectory() as folder:

        def figure():
            race.figure().savefig(f"{folder}/race.png")

        def film():
            race.animate(f"{folder}/race.gif")

        add(table, "GIF of 3 runs x 2,000 steps", "one figure", Race(film, figure, repeats))
        add(table, "HTML page of the same", "one figure", Race(lambda: page(race.results, ""), figure, repeats))


def explorer(table, repeats):
    from stepbench.web import explore, selection

    rates = iter(np.geomspace(1e-4, 1e-3, 10 * repeats + 10).tolist())

    def changed():
        """A link with a step size that was not asked for before."""
        rate = next(rates)
        return f"?problem=rosenbrock&method=gd:lr={rate}&method=csawg:lr={rate}&budget=1000"

    answer = Race(lambda: explore.page(changed()), lambda: selection.run(selection.parse(changed())[0]), repeats)
    add(table, "explorer, page of 2 runs x 1,000", "the runs alone", answer)
