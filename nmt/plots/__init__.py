"""Pictures of what was measured: figures of matplotlib, and attention as SVG.

`from nmt import plots`. matplotlib (the extra `plots`) is imported when a figure is drawn.
"""

# ruff: noqa: F401 - imported for `plots.<name>`.
from nmt.plots.attention import Drawing, attention
from nmt.plots.curves import (
    by_length,
    by_pairs,
    check_ready,
    gradients,
    growth,
    history,
    precision_recall,
    save,
    scores,
    speed,
    subplots,
)
