"""Pictures of what was measured, by matplotlib (the extra `plots`), which is imported only to draw one."""

import contextlib
import importlib.util

from nmt import files
from nmt.errors import Failure


def ready():
    """Failure if there is no matplotlib: to be called before the work that is to be drawn."""
    if not importlib.util.find_spec("matplotlib"):
        raise Failure("the package matplotlib is needed for the picture: pip install matplotlib")


@contextlib.contextmanager
def picture(path, width, height):
    """Axes to draw on, of so many inches; saved to `path` as PNG when the block ends well."""
    ready()
    from matplotlib.figure import Figure  # needs no screen, and leaves pyplot's state alone

    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure.subplots()
    with files.atomic(path, "wb") as file:
        figure.savefig(file, format="png", dpi=100)


def precision_recall(curves, chance, path):
    """Curves {label: (precision, recall)} of finding wrong pairs; `chance`: their share, what guessing reaches."""
    with picture(path, 6, 5) as axes:
        for label, (precision, recall) in curves.items():
            all_found = recall.argmax() + 1  # from there on precision only falls
            precision, recall = precision[:all_found], recall[:all_found]
            axes.step([0, *recall], [precision[0], *precision], where="pre", label=label)
        axes.axhline(chance, linestyle=":", color="grey", label="chance")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall: share of the wrong pairs that are flagged",
                 ylabel="precision: share of the flagged pairs that are wrong")  # fmt: skip
        axes.legend(loc="lower left", fontsize=8)
        axes.grid(alpha=0.3)
