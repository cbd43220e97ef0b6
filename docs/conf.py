"""How Sphinx builds the documentation; `make docs` calls it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The inventory of LEADTOOLS' members is a test's data, and the porting guide's as well.
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "tests")]

import leaddicom  # noqa: E402

project = "leaddicom"
author = "The leaddicom developers"
project_copyright = author
version = release = leaddicom.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "leaddicom_docs",
    "security_docs",
    "ups_docs",
]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"cryptography\.hazmat\..*")]  # has no pages under these names

# -- Markdown: the pages are read on the repository's site as well
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# -- what docstrings become
default_role = "known"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False

# -- other projects.  Their inventories are cut down to the names that we refer to and lie beside
# this file, so that a build needs no network and is the same everywhere.
intersphinx_mapping = {
    name: (url, f"inventories/{name}.txt")
    for name, url in {
        "python": "https://docs.python.org/3",
        "pydicom": "https://pydicom.github.io/pydicom/stable",
        "pynetdicom": "https://pydicom.github.io/pynetdicom/stable",
        "pyopenssl": "https://www.pyopenssl.org/en/latest",
        "cryptography": "https://cryptography.io/en/latest",
    }.items()
}

# -- the look
html_theme = "furo"
html_title = f"leaddicom {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False
