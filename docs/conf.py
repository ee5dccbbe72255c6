"""How Sphinx builds the site: scripts/docs calls it."""

import sys
from pathlib import Path

from stepbench import __version__

here = Path(__file__).parent
sys.path.insert(0, str(here / "_ext"))
(here / "extra").mkdir(exist_ok=True)  # Sphinx looks for it before the pages that run are written there

project = "stepbench"
author = "the authors of stepbench"
version = release = __version__
extensions = ["sphinx.ext.autodoc", "myst_nb", "catalogue", "links"]
exclude_patterns = ["_build", "_ext", "extra"]
suppress_warnings = ["myst.xref_missing"]  # which knows only headings as places; links.py looks at what was built

html_theme = "furo"
html_title = "stepbench"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_copyright = False

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80

myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_merge_streams = True
