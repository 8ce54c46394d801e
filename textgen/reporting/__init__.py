"""Pages about trained models: what was learned, and how models compare.

    history.py     losses and samples as training recorded them
    findings.py    what reading a text tells: surprise, confusions, the worth of context
    units.py       what single units of the network track
    charts.py      curves as pictures
    page.py        the page about one model, from all that (page.html, page.js)
    comparison.py  several models side by side (comparison.html)
    template.py    how pages are made from templates (base.html, page.css)

Nothing here imports a deep-learning framework or prints.
"""

from textgen.reporting.comparison import compare, comparison_page
from textgen.reporting.page import report

__all__ = ["compare", "comparison_page", "report"]
