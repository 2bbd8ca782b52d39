"""A run folder as a translator or text generator: what is checked, and what is started for it."""

import logging
import os
from collections.abc import Sequence
from os import PathLike
from typing import Any

from nmt.errors import UserError
from nmt.inference.batching import ENGINE_HYPOTHESES, KERAS_HYPOTHESES
from nmt.inference.checks import check_numbers
from nmt.inference.confidence import Curve
from nmt.inference.directions import reverse_of
from nmt.inference.translator import Translator
from nmt.machine import cores, start_keras
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

ENGINES = ("auto", "onnx", "keras")
WRONG_KIND = {
    False: "is a language model: nmt generate writes with it; nmt score and nmt evaluate take it "
    "alone, without options of translators",
    True: "is a translator, no language model; use nmt translate",
}


def load(
    path: str | PathLike,
    engine: str = "auto",
    threads: int = 0,
    overrides: Sequence[str] = (),
    hypotheses_per_batch: int | None = None,
    to: str | None = None,
) -> Translator:
    """The translator of a run folder, or of the ensemble "RUN1,RUN2,...".

    An ensemble has the recipe of its first run; `search.lm` adds a language model to any of them,
    `search.reverse` a run of the reverse direction that ranks what is found.

    engine: "onnx" (the run's export under ONNX Runtime), "keras", or "auto": onnx where there is an
    export. threads: processor threads, 0 for all. overrides: `section.key=value`, in place of the
    recipe's options. hypotheses_per_batch: sentences times beam. to: the language to translate
    into, of a run that knows several (default: the first of its recipe).
    Raises UserError for what is no run, a language model, or does not fit together.
    """
    check_numbers(hypotheses_per_batch=hypotheses_per_batch)
    _check(engine, threads)
    # 1. Open the runs, and check that they belong together.
    runs = open_runs(path)
    recipe = runs[0].load_recipe(overrides) if overrides else runs[0].recipe
    lm = _lm_run(recipe.search)
    _check_combination(runs, lm, to)

    # 2. Choose an engine for each run; Keras is started only where it is needed.
    exports = [export_of(run, engine) for run in runs]
    threads = threads or cores()
    needs_keras = lm is not None or None in exports
    if needs_keras:
        # Two batches side by side, a core each, are faster than one batch on both.
        start_keras(threads, intra_op_threads=1)

    # 3. Load the models, as one. A language model needs the tokens that a shortlist leaves out.
    model, preparations = _model(runs, exports, whole=lm is not None)
    if lm:
        model = _fusion(model, lm, recipe.search.lm_weight)
    reverse = _reverse(recipe.search, engine, threads)
    # A curve is of one model by itself.
    alone = len(runs) == 1 and lm is None and reverse is None
    curve = Curve.of((exports[0] or runs[0]).info.confidence) if alone else None
    size = hypotheses_per_batch or (KERAS_HYPOTHESES if needs_keras else ENGINE_HYPOTHESES)
    translator = Translator(
        model, runs[0].tokenizers, recipe, threads, preparations[1:], size, runs[0].profile, curve
    )

    # 4. Remember how, for those that show, pickle or copy it; paths hold in any working directory.
    translator.description = _description(path, exports, threads, recipe.search)
    translator = translator.into(to) if to else translator
    place = ",".join(os.path.abspath(run.path) for run in runs)
    helping = [f"search.{name}={run}" for name, (run, _) in recipe.search.helping.items()]
    typed = (*overrides, *helping)
    translator.origin = (load, (place, engine, threads, typed, hypotheses_per_batch, to))
    if reverse:
        from nmt.inference.reranking import Reranker

        translator.reranker = Reranker(reverse, recipe.search, translator.recipe.data)
    return translator


def load_generator(
    path: str | PathLike,
    engine: str = "auto",
    threads: int = 0,
    overrides: Sequence[str] = (),
    to: str | None = None,
) -> Any:
    """The `TextGenerator` of a run folder with a language model; arguments as for `load`.

    Raises UserError for a translator, and for arguments that only translators have.
    """
    (run,) = open_runs(path, language_model=True)
    if overrides or to:
        raise UserError(
            f"{path}: is a language model; --lm, --reverse, their weights and --to are for "
            "translators"
        )
    _check(engine, threads)
    if engine == "onnx":
        raise UserError(f"{path}: is a language model, which has no export")
    start_keras(threads)
    # Imported here: it needs corpora, which translating does not.
    from nmt.inference.generator import TextGenerator

    generator = TextGenerator(run.load_model(), run.tokenizers, run.recipe)
    generator.origin = (load_generator, (os.path.abspath(path), engine, threads))
    generator.description = f"{path}, keras, {threads or cores()} threads"
    return generator


def load_directions(paths: Sequence[str], engine: str = "auto", threads: int = 0) -> list:
    """The translator of a run and, if a second run is named, that of the reverse direction."""
    if len(paths) > 2:
        raise UserError(
            "one run is needed, or two, the second of the reverse direction; more were given"
        )
    translator, *others = [load(path, engine, threads) for path in paths]
    reverse = [reverse_of(translator.recipe.data, other, paths[1]) for other in others]
    return [translator, *reverse]


def load_any(
    path: str | PathLike,
    engine: str = "auto",
    threads: int = 0,
    overrides: Sequence[str] = (),
    to: str | None = None,
) -> Any:
    """The `Translator` or the `TextGenerator` of a run; options as for `load`."""
    is_language_model = Run.open_all(path)[0].recipe.language_model
    return (load_generator if is_language_model else load)(path, engine, threads, overrides, to=to)


def open_runs(path: str | PathLike, language_model: bool = False) -> list[Run]:
    """The runs of "RUN1,RUN2,...": translators, or one language model; UserError for others."""
    runs = [Run.open(path)] if language_model else Run.open_all(path)
    for run in runs:
        if run.recipe.language_model != language_model:
            raise UserError(f"{run.path}: {WRONG_KIND[language_model]}")
    return runs


def export_of(run: Run, engine: str) -> Run | None:
    """The run's export if `load` takes it, None if it takes the Keras weights.

    UserError for "onnx" where there is none.
    """
    exported = run.exported() if engine != "keras" else None
    if engine == "onnx" and not exported:
        raise UserError(
            f"{run.path}: has no export of its weights; make one with: nmt export {run.path}"
        )
    return exported


def _check(engine, threads):
    """UserError for what is no engine, or no number of threads."""
    check_numbers(threads=threads)
    if engine not in ENGINES:
        raise UserError(f"engine={engine!r}: choose from {', '.join(ENGINES)}")


def _check_combination(runs, lm, to):
    """UserError where runs have other target tokens, which have other probabilities, or languages.

    to: the language that all must translate into; None: the first one of each.
    """
    for run in runs if to else ():
        run.recipe.into(to)
    first, *others = runs
    for other in [*others, lm] if lm else others:
        if first.tokenizers[1] != other.tokenizers[1]:
            raise UserError(
                f"{first.path} and {other.path} have different target tokenizers and cannot be "
                "combined; train one of them with tokenizer.from naming the other"
            )
    directions = [f"{run.recipe.data.source}-{run.recipe.data.target}" for run in runs]
    if len(set(directions)) > 1:
        log.warning(f"the members translate {', '.join(directions)}")


def _model(runs, exports, whole):
    """The models of the runs as one, and the distinct preparations of their sources.

    Those of the exports where there are some. whole: of the whole vocabulary, without a shortlist.
    """
    preparations = [run.preparation() for run in runs]
    shortlist = not whole and _have_shortlists(runs, exports, preparations)
    models = [
        export.load_engine(shortlist) if export else run.load_model().compiled_model()
        for run, export in zip(runs, exports, strict=True)
    ]
    # Members that prepare a source in the same way share its ids.
    distinct = list(dict.fromkeys(preparations))
    if len(models) == 1:
        return models[0], distinct
    # Imported here and elsewhere, as every start of a program would pay for it.
    from nmt.decoding.ensemble import Ensemble

    if shortlist:
        from nmt.engine.runtime import share_shortlist

        share_shortlist(models)
    return Ensemble(models, [distinct.index(each) for each in preparations], shortlist), distinct


def _have_shortlists(runs, exports, preparations):
    """Whether all have a shortlist, of the same source tokens in the same languages."""
    languages = {tuple(run.recipe.data.targets()) for run in runs}
    alike = len(languages) == 1 and all(each == preparations[0] for each in preparations)
    return alike and all(export and export.has_shortlist for export in exports)


def _fusion(model, lm, weight):
    """The model with the language model of a run beside it."""
    from nmt.decoding.ensemble import Fusion

    return Fusion(model, lm.load_model().compiled_model(), weight)


def _description(path, exports, threads, search):
    """What is loaded, in words."""
    engines = " and ".join(dict.fromkeys("onnx" if export else "keras" for export in exports))
    lm = f", with {search.lm}" if search.has_lm else ""
    reverse = f", ranked by {search.reverse}" if search.has_reverse else ""
    return f"{path}, {engines}, {threads} threads{lm}{reverse}"


def _reverse(options, engine, threads):
    """The translator of the reverse direction that ranks candidates, or None."""
    if not options.has_reverse:
        return None
    try:
        Run.open(options.reverse)  # one run, no ensemble
        return load(options.reverse, engine, threads, ["search.reverse="])
    except UserError as error:
        raise UserError(f"search.reverse: {error}; --reverse-weight 0 does without") from None


def _lm_run(options):
    """The run of the language model that takes part in the search, or None."""
    if not options.has_lm:
        return None
    try:
        run = Run.open(options.lm)
        if not run.recipe.language_model:
            raise UserError(f"{run.path}: is no language model")
        return run
    except UserError as error:
        raise UserError(f"search.lm: {error}; --lm-weight 0 does without") from None
