"""What a recipe must keep: types, bounds, options that need others, options that contradict."""

import dataclasses
import math
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from nmt.errors import did_you_mean
from nmt.recipe.options import Paths, all_options, value_of
from nmt.recipe.sections import LANGUAGE_MODEL, OWN_FILES, TABLES, TWO_FILES, ModelOptions, Recipe

# A run may be resumed although these changed: they steer how long and where, not what.
RUN_MAY_DIFFER = {
    "train.epochs",
    "train.steps",
    "train.patience",
    "train.threads",
    "train.save_minutes",
    "train.log_every",
    "data.train",
    "data.valid",
    "data.test",
    "train.from",
    "tokenizer.from",
    "search.lm",
    "search.lm_weight",
    "search.reverse",
    "search.reverse_weight",
}
# Of these the run that they name may have moved; with one a training begins otherwise than without.
STARTS = {"train.from", "tokenizer.from"}
# With train.from the other options of model and tokenizer are those of that run.
OWN_IN_TUNING = {
    "model.architecture",
    "model.dropout",
    "model.variational",
    "model.recurrent_dropout",
    "tokenizer.own",
}
# What all corpora of a recipe have alike.
WHOLE = ("preprocess", "max_pieces", "variation", "temperature")
# Names of pieces that every tokenizer has.
RESERVED = ("pad", "unk", "s")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
CHOICES = {name for name, field, _ in all_options(Recipe()) if field.metadata["choices"]}
EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Paths: "a path or a list of paths",
    dict: "a table of the recipe",
}


# One option.


def parsed(name: str, field: dataclasses.Field, value: Any, typed: bool) -> Any:
    """The value in the option's type and within its bounds; ValueError with a message otherwise.

    typed: the value is text of the command line, else it is a value of TOML.
    """
    # The type.
    kind: Any = field.type
    try:
        converted = _from_text(kind, value) if typed else _from_toml(kind, value)
        if kind is float and not math.isfinite(converted):
            raise ValueError
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{name}={value!r}: {EXPECTED[kind]} is needed") from None
    # The choices or the bounds.
    choices = field.metadata["choices"]
    low = field.metadata["low"]
    high = field.metadata["high"]
    if choices:
        return _choice(name, choices, converted)
    if low is not None and converted < low:
        raise ValueError(f"{name}={converted}: at least {low} is needed")
    if high is not None and converted > high:
        raise ValueError(f"{name}={converted}: at most {high} is possible")
    return converted


def _from_text(kind, text):
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind is dict:
        raise ValueError
    if kind is Paths:
        is_list = text.startswith("[")
        return _from_toml(kind, tomllib.loads(f"list = {text}")["list"]) if is_list else text
    return kind(text)


def _from_toml(kind, value):
    if kind is Paths:
        if isinstance(value, str | list) and all(isinstance(path, str) and path for path in value):
            return value
        raise ValueError
    # To Python true and false are whole numbers too; a whole number is also a number.
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError
    return kind(value)


def _choice(name, choices, value):
    if value.lower() in choices:
        return value.lower()
    hint = did_you_mean(value, choices)
    hint = f", {hint}" if hint else f"; choose from {', '.join(choices)}"
    raise ValueError(f"{name}={value}: no such choice{hint}")


# Options that need others.


def inherited(recipe: Recipe, names: Iterable[str]) -> Iterator[str]:
    """A mistake for each option that a run gives, which the recipe starts from."""
    for name in names:
        if origin := _origin(recipe, name):
            yield f"{name} has no effect here: it is that of the run which {origin} names"


def _origin(recipe, name):
    """The option that takes another one from a run, or None."""
    section = name.partition(".")[0]
    if name in OWN_IN_TUNING:
        return None
    own_tokenizer = recipe.tokenizer.own and section == "tokenizer"
    if recipe.train.from_ and section in ("model", "tokenizer") and not own_tokenizer:
        return "train.from"
    # model.tie is checked against tokenizer.joint.
    own = name in ("tokenizer.from", "tokenizer.joint")
    return (
        "tokenizer.from" if recipe.tokenizer.from_ and section == "tokenizer" and not own else None
    )


def without_effect(recipe: Recipe, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name, message) of those options that have no effect under the others."""
    needs = {name: field.metadata["needs"] for name, field, _ in all_options(recipe)}
    for name in names:
        condition = needs.get(name)
        if condition and not condition.holds(recipe):
            yield name, f"{name} has no effect here: it needs {condition}"


def idle_in_tuning(recipe: Recipe) -> Iterator[str]:
    """A line for each option that a run with train.from has of its own, set to no effect."""
    defaults = Recipe()
    names = [each for each in OWN_IN_TUNING if value_of(recipe, each) != value_of(defaults, each)]
    yield from (message for _, message in without_effect(recipe, sorted(names)))


# Options that contradict each other.


def contradictions(recipe: Recipe) -> Iterator[str]:
    """What one option alone cannot tell: a line for each mistake."""
    yield from _place_mistakes(recipe)
    yield from _data_mistakes(recipe)
    for name, default in (("splits", "all"), ("tag", "")):
        if getattr(recipe.data, name) != default:
            yield f"data.{name} is for further corpora ([[data.more]]), not for the first one"
    if recipe.data.more and recipe.model.across_sentences:
        yield "model.across_sentences=true needs one corpus: several are no running text"
    if len(recipe.data.targets()) > 1 and recipe.language_model:
        yield "a language model has one language; the corpora have several as data.target"
    if recipe.train.wait and len(recipe.data.targets()) > 1:
        yield "train.wait needs one target language; the corpora have several as data.target"
    if recipe.tokenizer.own and recipe.tokenizer.from_:
        yield "tokenizer.own=true trains a tokenizer: it excludes tokenizer.from"
    if recipe.train.average == 1:
        yield "train.average=1 is no average: 0 is none, 2 the least"
    if recipe.language_model:
        yield from _language_model_mistakes(recipe)
    else:
        yield from _translator_mistakes(recipe)
        yield from _waiting_mistakes(recipe)


def corpus_mistakes(corpus: Recipe, whole: Recipe) -> Iterator[str]:
    """What a further corpus must keep; its options are [data] of the recipe `corpus`."""
    data = corpus.data
    yield from _place_mistakes(corpus)
    yield from _data_mistakes(corpus)
    if data.tag and data.splits != "train":
        yield "data.tag needs data.splits=train: translations of tagged text measure nothing"
    if data.tag and (not TAG.fullmatch(data.tag) or data.tag in RESERVED):
        yield f"data.tag={data.tag!r}: letters, digits and hyphens are possible"
    if whole.language_model and (data.tag or data.weight != 1.0):
        yield "data.weight and data.tag are for translators: a language model reads all text alike"
    for name in WHOLE:
        if getattr(data, name) != getattr(whole.data.another(), name):
            yield f"data.{name} is that of [data], for all corpora"
    if (data.format == "text") != (whole.data.format == "text"):
        yield f"data.format={data.format} does not go with that of [data]"


def _place_mistakes(recipe):
    """Where the text comes from."""
    data = recipe.data
    if OWN_FILES.holds(recipe) and not data.train:
        yield "data.train is needed: the path of the training text"
    if data.format in ("tfds", "catalogues") and not data.name:
        yield f"data.name is needed with data.format={data.format}"
    columns = {column.strip() for column in data.columns.split(",")}
    two = len(columns) == 2 and columns.isdisjoint(("", "0"))
    if TABLES.holds(recipe) and data.columns and not two:
        yield f"data.columns={data.columns!r}: two columns are needed, as 1,2 or en,de"


def _data_mistakes(recipe):
    data = recipe.data
    if data.format in TWO_FILES:
        for split in ("train", "valid", "test"):
            if any("{lang}" not in path for path in data.paths(split)):
                yield (
                    f"data.{split}: {{lang}} must stand where the language code differs, "
                    "as in corpus/**/*.{lang}"
                )
    try:
        re.compile(data.copied)
    except re.error as error:
        yield f"data.copied={data.copied!r}: no regular expression ({error})"
    if data.splits == "train" and (data.valid or data.test):
        yield "data.splits=train goes without data.valid and data.test"
    if data.source == data.target and data.format != "text":
        yield f"data.source and data.target are both {data.source!r}"


def _translator_mistakes(recipe):
    model = recipe.model
    if recipe.data.format == "text":
        yield f"data.format=text has no translations: it needs {LANGUAGE_MODEL}"
    # Sizes that must fit each other.
    encoded = model.encoder_units * (2 if model.bidirectional else 1)
    dot = model.architecture == "recurrent" and model.attention == "dot"
    if dot and model.decoder_units != encoded:
        yield (
            f"model.attention=dot needs model.decoder_units={encoded}, the size of the encoder's "
            "outputs; general has no such need"
        )
    if model.tie == "all" and not recipe.tokenizer.joint:
        yield "model.tie=all needs tokenizer.joint=true: one vocabulary"
    if model.architecture == "transformer" and model.embedding % model.heads:
        yield f"model.embedding={model.embedding} must be a multiple of model.heads={model.heads}"


def _waiting_mistakes(recipe):
    train = recipe.train
    if train.wait and not train.from_ and (reason := reason_against_waiting(recipe.model)):
        yield f"train.wait: {reason}"
    if 0 < train.wait_to < train.wait:
        yield f"train.wait_to={train.wait_to} is below train.wait={train.wait}"


def _language_model_mistakes(recipe):
    data = recipe.data
    model = recipe.model
    if model.tie == "all":
        yield "model.tie=all needs a source embedding, which a language model has not; use target"
    if model.across_sentences and data.pairs:
        yield "model.across_sentences=true needs data.pairs=0: the pairs it would take are no text"
    if model.across_sentences and OWN_FILES.holds(recipe) and not (data.valid and data.test):
        yield (
            "model.across_sentences=true needs data.valid and data.test: "
            "single sentences held out are no text"
        )


def reason_against_waiting(model: ModelOptions) -> str | None:
    """Why a model cannot translate a source that is still arriving, or None."""
    if model.architecture != "recurrent":
        return (
            "only a recurrent encoder can go on with a source that is still arriving: "
            "model.architecture=recurrent is needed"
        )
    if model.bidirectional:
        return (
            "a source that is still arriving can only be read forwards: "
            "model.bidirectional=false is needed"
        )
    if model.reverse_source:
        return (
            "a source that is still arriving cannot be read from its end: "
            "model.reverse_source=false is needed"
        )
    if model.attention == "none":
        return "a fixed vector knows the first words only: attention is needed (model.attention)"
    return None


# Two recipes.


def differences(old: Recipe, new: Recipe, resumed: bool = True) -> list[str]:
    """Lines "name: old, new" for the options in which two recipes make different runs.

    resumed: a run that is gone on with, whose length and place may differ; else they may not.
    """
    names = [name for name, _, _ in all_options(new)]
    ignored = RUN_MAY_DIFFER if resumed else _idle(old, names) & _idle(new, names)
    lines = []
    for name in names:
        before = value_of(old, name)
        after = value_of(new, name)
        may_differ = name in ignored and (name not in STARTS or bool(before) == bool(after))
        if not may_differ and before != after:
            lines.append(f"{name}: {before!r} there, {after!r} here")
    if _corpora(old, resumed) != _corpora(new, resumed):
        lines.append("the corpora of [[data.more]]")
    return lines


def _idle(recipe, names):
    """The options that have no effect under the others."""
    return {name for name, _ in without_effect(recipe, names)}


def _corpora(recipe, resumed):
    """The further corpora; of a run that is gone on with, wherever they lie."""
    paths = {"train": "", "valid": "", "test": ""} if resumed else {}
    return [dataclasses.replace(each, **paths) for each in recipe.data.more]
