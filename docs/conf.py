"""How the site is built: `sphinx-build -W docs build/site`. The pages stand in `index.md`, in the order in which they are read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for from_code.py

project = "race-lab"
html_title = "race-lab"
html_theme = "furo"
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "from_code"]

myst_heading_anchors = 3  # links to headings, as GitHub has them
smartquotes = False  # `--timed` in a sentence is an option, no dash

# Docstrings are plain text with code between single backticks.
default_role = "code"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
