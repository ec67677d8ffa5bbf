"""The site of these pages: `make docs` builds it, with a search that works from the files alone."""

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
    "myst.xref_missing",  # tests/unit/docs/test_pages.py checks every link
]
