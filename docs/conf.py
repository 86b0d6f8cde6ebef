"""How the documentation site is built: `make docs`, or `sphinx-build -W docs build/docs`.

Nothing is downloaded while it is built, and nothing by the browser that reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import acinus

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "acinus"
author = "The acinus authors"
copyright = f"2026, {author}"
version = release = acinus.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "acinus_reference",
]
exclude_patterns = ["extensions"]

# Markdown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["epub.unknown_project_files"]

# Docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_use_type_comments = False
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False  # else each word of "ndarray of shape (N,)" is looked up as a name
napoleon_custom_sections = [("Attributes", "params_style")]  # a list, not the fields documented twice
default_role = "literal"  # docstrings name code in `single` ticks
toc_object_entries_show_parents = "hide"

# References into this package must resolve; those into others are not linked, for that needs the network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!acinus\.).*"),
    ("py:class", r"acinus\..*\.(_\w+|[A-Z]|Item|Result|Number)"),  # private classes and type variables
]

# Pages
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"acinus {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#7b2d6b", "color-brand-content": "#7b2d6b"},
    "dark_css_variables": {"color-brand-primary": "#d79bc9", "color-brand-content": "#d79bc9"},
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
