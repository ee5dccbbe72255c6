"""One HTML file of results, which opens anywhere and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.embed import file_html
from bokeh.resources import INLINE, Resources

from stepbench.catalog import summary
from stepbench.engine.result import Result
from stepbench.report.plots import COLOURS, drawable
from stepbench.report.tables import derivations, unequal
from stepbench.web import words
from stepbench.web.figures import HERE, MOST, Scene


def page(results: Sequence[Result], command: str) -> str:
    """An HTML page of runs of one problem, each a single run, with the command that made them."""
    problem = results[0].problem
    sized = [np.size(r.step_size[0]) for r in results if r.step_size is not None]
    scene = Scene(len(results), max(sized, default=1))
    scene.show(problem, results)
    roots = {"play": scene.play, "slider": scene.slider, "errors": scene.errors}
    roots |= {"contour": scene.contour} if any(drawable(r) for r in results) else {}
    roots |= {"sizes": scene.sizes} if sized else {}
    long = [f"{r.label}: {MOST:,} of {len(r.f):,} records are drawn" for r in results if len(r.f) > MOST]
    variables = {
        "problem": str(problem),
        "summary": summary(type(problem)),
        "methods": [(r.label, COLOURS[i % len(COLOURS)], words.ending(r), r.status) for i, r in enumerate(results)],
        "notes": unequal([r.label for r in results], [r.told for r in results]) + derivations(results) + long,
        "plans": any(r.plans for r in results),
        "diverged": any(r.status == "diverged" for r in results),
        "command": command,
        "version": results[0].version,
        "style": (HERE / "page.css").read_text(encoding="utf-8"),
        "keys": (HERE / "keys.js").read_text(encoding="utf-8"),
        "drawn": sorted(roots),
        # Bokeh's own choice would name files on a server where Panel has been imported, too.
        "scripts": Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw,
    }
    template = (HERE / "page.html").read_text(encoding="utf-8")
    title = f"{', '.join(r.label for r in results)} on {problem}"
    return str(
        file_html(list(roots.values()), resources=INLINE, title=title, template=template, template_variables=variables)
    )
