"""One HTML file of results, which opens anywhere and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.embed import file_html
from bokeh.resources import INLINE, Resources

from stepbench.catalog import summary
from stepbench.engine.result import Result
from stepbench.report.ending import ending
from stepbench.report.landscape import drawable, window
from stepbench.report.paths import out_of_sight
from stepbench.report.styles import COLOURS
from stepbench.report.tables import derivations, unequal
from stepbench.web import live
from stepbench.web.assets import asset
from stepbench.web.figures import MOST, Scene, framed


def page(results: Sequence[Result], command: str, steps: int | None = None) -> str:
    """An HTML page of runs of one problem, each a single run, with the command that made them.

    Its runs are made in the page where a method of them can be recorded. ``steps`` is the number of steps that they
    were allowed, where one was given.
    """
    return live.page(results, command, steps) or still(results, command)


def still(results: Sequence[Result], command: str) -> str:
    """A page of runs as they were made, to be played."""
    problem = results[0].problem
    step_sizes = [np.size(r.step_size[0]) for r in results if r.step_size is not None]
    scene = Scene(len(results), max(step_sizes, default=1))
    scene.show(problem, results)
    roots = {"play": scene.play, "slider": scene.slider, "errors": scene.errors}
    outside: list[str] = []
    if traced := [r for r in results if drawable(r)]:
        roots["contour"] = scene.contour
        outside = out_of_sight(framed(window(traced)), traced)
    if step_sizes:
        roots["sizes"] = scene.sizes
    thinned = [f"{r.label}: {MOST:,} of {len(r.f):,} records are drawn" for r in results if len(r.f) > MOST]
    notes = [*unequal([r.label for r in results], [r.told for r in results]), *derivations(results)]
    variables = {
        "problem": str(problem),
        "summary": summary(type(problem.unchanged)),
        "methods": [(r.label, COLOURS[i % len(COLOURS)], ending(r), r.status) for i, r in enumerate(results)],
        "notes": [*notes, *thinned, *outside],
        "plans": any(r.plans for r in results),
        "diverged": any(r.status == "diverged" for r in results),
        "command": command,
        "version": results[0].version,
        "style": asset("page.css"),
        "keys": asset("keys.js"),
        "names": asset("names.js"),
        "drawn": sorted(roots),
        # By default Bokeh would name files on a server where Panel, too, has been imported.
        "scripts": Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw,
    }
    title = f"{', '.join(r.label for r in results)} on {problem}"
    text = file_html(
        list(roots.values()), resources=INLINE, title=title, template=asset("page.html"), template_variables=variables
    )
    return str(text)
