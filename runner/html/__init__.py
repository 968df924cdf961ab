"""The report as one HTML file that opens from disk and asks nothing of anyone.

The charts are bars, stacked bars and lines, drawn as SVG by a few functions in ``assets``. Under
the page's Content-Security-Policy, which names the hashes of the one script and the one style sheet
so that nothing else runs and nothing can be requested, libraries fared so (Chromium, 15 line
charts). plotly.js: 4.8 MB and 2 s before the first figure; d3 with Observable Plot: 0.5 MB; of both
the policy refuses styles. Vega: 0.8 MB, refused as a whole for its ``eval``. uPlot: 51 kB and
nothing refused, but lines on a canvas alone: no text in the page, no arrow keys, no colours from
the style sheet, no horizontal bars. What it would save is less than what it would need around it.

Tables that need no script are rendered by Jinja, the rest from data embedded as JSON, so that 5,000
jobs stay a few megabytes.

What a job said (its log, its reason, a device's name) is hostile until shown as text: control and
invisible characters are made visible, Jinja escapes, and the script writes text nodes only.
"""

from runner.html.page import write

__all__ = ["write"]
