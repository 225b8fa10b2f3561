"""The report: observe.py (small tables, made by count.py and draw.py), figures.py (tables -> figures), page.py (figures -> one HTML file),
terminal.py (figures -> a table).

Rendering reads the small tables and run.json, never the crawl: a finished run is rendered again in seconds.
"""

from euro_curate.report.count import Counting
from euro_curate.report.draw import Drawing
from euro_curate.report.figures import Figures, read_figures
from euro_curate.report.observe import Seen, observe
from euro_curate.report.page import compare, render
from euro_curate.report.terminal import show

__all__ = [
    "Counting",
    "Drawing",
    "Figures",
    "Seen",
    "compare",
    "observe",
    "read_figures",
    "render",
    "show",
]
