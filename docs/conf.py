"""The site of these pages: `make docs` builds it, with a search that works from the files alone."""

import re

import sphinx.application

project = "vllm-operator"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "vllm-operator"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
exclude_patterns = ["conf.py", "*.json"]
myst_heading_anchors = 4
suppress_warnings = [
    "misc.highlighting_failure",  # answers in JSON are cut short by dots
    "image.not_readable",  # performance.svg and .json are there once they are measured
]


def setup(app: sphinx.application.Sphinx) -> None:
    """Have pages that are not of the site, such as the changelog, handed out as files; a link that leads nowhere is a warning."""
    app.connect("source-read", _hand_out)


def _hand_out(_: sphinx.application.Sphinx, _page: str, source: list[str]) -> None:
    source[0] = re.sub(r"\]\((\.\./[^)#]+\.md)\)", r"](path:\1)", source[0])
