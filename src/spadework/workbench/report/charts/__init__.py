"""Seven chart types as pure functions: data in, one SVG string out; the same data give the same
bytes.

Colours are CSS variables with a fallback (`--ink`, `--quiet`, `--line`, `--accent`, `--heat`), so
one picture serves light and dark pages. Every mark has the class `mark` and a `<title>` that
browsers show on hover. Values that are not finite are left out, and a picture that would be empty
holds a sentence instead.
"""

from __future__ import annotations

from spadework.workbench.report.charts.curve_charts import bars, line_with_band, rank_curve
from spadework.workbench.report.charts.field_charts import Point, heat_map, scatter
from spadework.workbench.report.charts.interval_dots import Dot, dots_with_interval
from spadework.workbench.report.charts.line_chart import Line, lines

__all__ = [
    "Dot",
    "Line",
    "Point",
    "bars",
    "dots_with_interval",
    "heat_map",
    "line_with_band",
    "lines",
    "rank_curve",
    "scatter",
]
