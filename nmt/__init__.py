"""nmt: from parallel text to a working translator on an ordinary machine.

`nmt.train` makes a run from a recipe, `nmt.load` translates with it. ARCHITECTURE.md says
what the rooms hold, and in which order to read them.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.version import __version__ as __version__

# TensorFlow and Keras read these when they are imported, whoever imports them first.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow itself leaves oneDNN off on processors that have AVX2 only.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if TYPE_CHECKING:
    from nmt.inference.translator import Translator
    from nmt.recipe import Recipe
    from nmt.runs.folder import Run


def load(
    run: str | Path,
    engine: str = "auto",
    threads: int = 0,
    hypotheses_per_batch: int | None = None,
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
    max_ratio: float | None = None,
    max_extra: int | None = None,
    lm: str | Path | None = None,
    lm_weight: float | None = None,
    reverse: str | Path | None = None,
    reverse_weight: float | None = None,
    glossary: str | Path | None = None,
    memory: str | Path | None = None,
) -> "Translator":
    """The translator of a run folder: `nmt.load("runs/default").translate(["Turn it off."])`.

    run: a folder, or the ensemble "RUN1,RUN2,...". engine: "onnx" (the run's export under ONNX
    Runtime), "keras", or "auto": onnx where there is an export. threads: processor threads, 0 for
    all. hypotheses_per_batch: sentences times beam; speed and memory depend on it.

    The others replace options of the recipe's `[search]`. beam: hypotheses kept a sentence.
    length_penalty: score = log-probability / length ** penalty. max_ratio, max_extra: the longest
    output, in pieces for each source piece and on top of these. lm, lm_weight: run of a language
    model that helps to choose words, and the factor on its log-probability. reverse,
    reverse_weight: run of the reverse direction that ranks what is found, and the factor on its
    score.

    glossary: a file of terms with their translations (source TAB target [TAB exact], or TBX).
    memory: earlier translations: a TMX, PO, XLIFF or TSV file, a folder of them, or a run.

    Sentences that users have corrected (`nmt correct`) have their corrections.

    The translator can be pickled and copied: it is loaded again, by its path and these options.
    Raises UserError for what is no run, and for values that are not possible.
    """
    from nmt.inference.load import load as load_run

    search = {
        "beam": beam,
        "length_penalty": length_penalty,
        "max_ratio": max_ratio,
        "max_extra": max_extra,
        "lm": lm,
        "lm_weight": lm_weight,
        "reverse": reverse,
        "reverse_weight": reverse_weight,
    }
    overrides = [f"search.{name}={value}" for name, value in search.items() if value is not None]
    translator = load_run(run, engine, threads, overrides, hypotheses_per_batch)
    return translator.using(glossary, memory, run)


def train(
    recipe: "Recipe | str | Path", folder: str | Path, callbacks: Iterable[Any] = ()
) -> "Run":
    """Trains a recipe in a run folder, or goes on there: `nmt.train("toy", "runs/toy")`.

    recipe: a `nmt.recipe.Recipe`, the path of one, or the name of a built-in one. callbacks:
    Keras callbacks, called after those of nmt. Raises UserError for a mistake in the recipe and for
    a folder that holds anything else.
    """
    from nmt.recipe import Recipe, load_recipe
    from nmt.training.train import train as train_run

    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe)
    return train_run(recipe, folder, callbacks)
