from videxplain import __version__

project = "videxplain"
author = "The videxplain developers"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "videxplain"
exclude_patterns = ["_build"]
nb_execution_mode = "off"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autoclass_content = "both"
myst_heading_anchors = 3
