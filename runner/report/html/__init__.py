"""The report as one HTML file that opens from disk and asks nothing of anyone.

The charts are drawn by Observable Plot on d3, whose published files lie unchanged in
``assets/vendor`` (``sources.json`` has their versions and hashes) and travel within the page, half
a megabyte. Of the kept libraries it is the one that draws SVG (text, arrow keys, the style sheet's
colours) under the page's Content-Security-Policy, which names the hashes of the scripts and of the
one style sheet so that nothing else runs and nothing can be requested: plotly.js (4.8 MB) needs
styles that this refuses, Vega needs ``eval``, and uPlot draws lines on a canvas alone.

Tables that need no script are rendered by Jinja, the rest from data embedded as JSON, so that 5,000
jobs stay a few megabytes.

What a job said (its log, its reason, a device's name) is hostile until shown as text: control and
invisible characters are made visible, Jinja escapes, and the script writes text nodes only.
"""
