"""The report as one HTML file that opens from disk and asks nothing of anyone.

The charts are bars, stacked bars and lines, drawn as SVG by a few functions in ``assets``. A
plotting library would not earn its size here: plotly.js alone is about 4 MB of script to parse
before the first figure shows, and it and Vega want inline styles or ``eval``, which the page's
Content-Security-Policy forbids. That policy names the hashes of the one script and the one style
sheet; nothing else runs, and nothing can be requested. Tables that need no script are
rendered by Jinja, the rest from data embedded as JSON, so that 5,000 jobs stay a few megabytes.

What a job said (its log, its reason, a device's name) is hostile until shown as text: control and
invisible characters are made visible, Jinja escapes, and the script writes text nodes only.
"""

from runner.html.page import write

__all__ = ["write"]
