import shutil
from pathlib import Path

from videxplain import __version__

DOCS = Path(__file__).parent
project = "videxplain"
author = "The videxplain developers"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "videxplain"
exclude_patterns = ["_build", "jupyter_execute"]
# The notebook is kept without outputs, so the build runs it (about 20 seconds, CPU only).
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autoclass_content = "both"
myst_heading_anchors = 3


def setup(app):
    """Take the notebook of ``examples`` into the site; Sphinx reads files of its own folder only."""
    shutil.copyfile(DOCS.parent / "examples" / "notebook.ipynb", DOCS / "tour.ipynb")
