"""A recipe: every option once, with its default, its meaning and its bounds; TOML, overrides, all checks.

`Recipe` has a dataclass a section (`[data]`, `[tokenizer]`, `[model]`, `[train]`, `[search]`).
`load_recipe("data/toy.toml", ["train.epochs=3"])` reads a recipe and reports *all* mistakes at once.
"""

import dataclasses
import difflib
import json
import logging
import math
import os
import re
import tomllib
from pathlib import Path

from nmt.errors import UserError

log = logging.getLogger(__name__)

RUN_MAY_DIFFER = {  # a run may be resumed although these changed: they steer how long and where, not what
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
    "train.valid_sentences",
    "search.lm",
    "search.lm_weight",
}
OWN_IN_TUNING = {  # with train.from the other options of model and tokenizer are those of that run
    "model.architecture",
    "model.dropout",
    "model.variational",
    "model.recurrent_dropout",
    "tokenizer.sampling",
}
PATHS = {"data.train", "data.valid", "data.test", "train.from", "tokenizer.from", "search.lm"}
SIDES = ("source", "target")
# What options need to have an effect: a format that reads the files named by train, valid and test; one that gives
# pairs; a model of some kind.
OWN = "data.format=files|tsv|tmx|po|text"
PAIRS = "data.format=files|tsv|tmx|po|tfds|catalogues|grammar"
TRANSLATOR = "model.architecture=recurrent|transformer"
LANGUAGE_MODEL = "model.architecture=language_model"
ENCODER = "model.architecture=recurrent"
CELLS = "model.architecture=recurrent|language_model"
TRANSFORMER = "model.architecture=transformer"


def option(default, doc, choices=None, low=None, high=None, needs=None):
    """A field with its one-line meaning and bounds.

    needs: without effect otherwise: "model.cell=lstm|gru", "a=x & b>1", "a=x or b>1", "search.lm" (not empty).
    """
    metadata = {"doc": doc, "choices": choices, "low": low, "high": high, "needs": needs}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass
class DataOptions:
    """The parallel text; a language model reads its target side."""

    format: str = option(
        "files",
        "where the pairs come from; text: lines of the target language alone",
        ("files", "tsv", "tmx", "po", "tfds", "catalogues", "grammar", "text"),
    )
    source: str = option("en", "language code of the source", needs=PAIRS)
    target: str = option("de", "language code of the target")
    train: str = option(
        "", "path of the training pairs; {lang} stands for the language code", needs=OWN
    )
    valid: str = option("", "path of the validation pairs; empty: held out from train", needs=OWN)
    test: str = option("", "path of the test pairs; empty: held out from train", needs=OWN)
    held_out: float = option(
        0.02,
        "share of the pairs held out for validation, and for test, where not given",
        low=0.0,
        high=0.4,
        needs="data.format=files|tsv|tmx|po|tfds|text",
    )
    name: str = option(
        "",
        "TFDS name (ted_hrlr_translate/pt_to_en) or wheel (homeassistant==2026.11.0)",
        needs="data.format=tfds|catalogues",
    )
    folder: str = option(
        "",
        "sub-folder of NMT_DATA or data/downloads that holds the fetched files",
        needs="data.url or data.format=tfds|catalogues",
    )
    url: str = option("", "public address the files are fetched from", needs=OWN)
    size: int = option(
        20000, "number of training pairs to generate", low=1, needs="data.format=grammar"
    )
    sentences: int = option(
        1,
        "a generated pair has from one to so many sentences",
        low=1,
        high=20,
        needs="data.format=grammar",
    )
    pairs: int = option(0, "at most so many training pairs, the first by their hash; 0: all", low=0)
    max_chars: int = option(
        1000, "training pairs with a longer side are dropped, characters", low=1
    )
    max_ratio: float = option(
        4.0, "training pairs with a larger ratio of lengths are dropped", low=1.0, needs=PAIRS
    )
    max_pieces: int = option(120, "training pairs with a longer side are dropped, pieces", low=2)
    preprocess: str = option(
        "none",
        "tokens: the corpus is tokenised text (see nmt/text/tokens.py)",
        ("none", "tokens"),
    )
    checksums: dict = option({}, "file name = SHA-256 of its uncompressed content")

    @property
    def tokenised(self) -> bool:
        """Whether the corpus is tokenised text."""
        return self.preprocess == "tokens"


@dataclasses.dataclass
class TokenizerOptions:
    """SentencePiece."""

    kind: str = option("unigram", "model of SentencePiece", ("unigram", "bpe"))
    vocab_size: int = option(8000, "pieces, special ones included", low=16, high=64000)
    joint: bool = option(True, "one vocabulary for both languages", needs=TRANSLATOR)
    byte_fallback: bool = option(True, "characters without a piece become bytes, not <unk>")
    character_coverage: float = option(
        0.9995, "share of the characters that get a piece", low=0.9, high=1.0
    )
    sampling: float = option(
        0.0,
        "segmentation drawn anew each epoch: alpha (unigram) or dropout (bpe); 0: off",
        low=0.0,
        high=1.0,
        needs=TRANSLATOR,
    )
    from_: str = option("", "run folder whose tokenizer is used instead of training one")


@dataclasses.dataclass
class ModelOptions:
    """Encoder and decoder, or a decoder alone."""

    architecture: str = option(
        "recurrent",
        "recurrent encoder and decoder, a Transformer, or a recurrent language model",
        ("recurrent", "transformer", "language_model"),
    )
    cell: str = option("lstm", "recurrent cell", ("lstm", "gru", "rnn"), needs=CELLS)
    activation: str = option(
        "tanh", "of the simple RNN", ("tanh", "relu"), needs=f"{CELLS} & model.cell=rnn"
    )
    reset_after: bool = option(
        True,
        "GRU: reset gate after the recurrent product, or before it",
        needs=f"{CELLS} & model.cell=gru",
    )
    embedding: int = option(
        256, "units of the word embeddings; in a Transformer of all layers", low=1
    )
    encoder_layers: int = option(1, "stacked encoder layers", low=1, high=8, needs=TRANSLATOR)
    encoder_units: int = option(256, "units a direction", low=1, needs=ENCODER)
    bidirectional: bool = option(True, "read the source both ways", needs=ENCODER)
    reverse_source: bool = option(
        False,
        "read the source from its end (Sutskever et al. 2014)",
        needs=f"{ENCODER} & model.bidirectional=false",
    )
    decoder_layers: int = option(1, "stacked decoder layers", low=1, high=8)
    decoder_units: int = option(512, "units of the decoder", low=1, needs=CELLS)
    residual: bool = option(
        False,
        "layers from the second on add their input to their output",
        needs=f"{ENCODER} & model.encoder_layers>1 or {CELLS} & model.decoder_layers>1",
    )
    attention: str = option(
        "additive",
        "how source positions are scored; none: one fixed vector",
        ("additive", "general", "dot", "none"),
        needs=ENCODER,
    )
    attention_units: int = option(
        512, "units of the additive attention", low=1, needs=f"{ENCODER} & model.attention=additive"
    )
    heads: int = option(
        4, "parts of a layer's units that attend by themselves", low=1, needs=TRANSFORMER
    )
    feed_forward: int = option(
        512, "inner units of the feed-forward networks", low=1, needs=TRANSFORMER
    )
    tie: str = option(
        "none",
        "weights shared: target embedding with softmax, or source embedding too",
        ("none", "target", "all"),
    )
    dropout: float = option(
        0.3,
        "rate on embeddings, between layers and on the readout; in a Transformer on "
        "embeddings, on what its layers add, and on attention",
        low=0.0,
        high=0.9,
    )
    variational: bool = option(
        False, "one dropout mask a sequence instead of one a token", needs="model.dropout>0"
    )
    recurrent_dropout: float = option(
        0.0, "rate on the recurrent state, one mask a sequence", low=0.0, high=0.9, needs=CELLS
    )
    layer_norm: bool = option(False, "layer normalisation inside the cells", needs=CELLS)
    across_sentences: bool = option(
        False,
        "the state runs on from a sentence to the next one, for text in order; "
        "else it starts anew with each",
        needs=LANGUAGE_MODEL,
    )


@dataclasses.dataclass
class TrainOptions:
    """How the weights are found. Weights depend on step counts only, never on the clock."""

    epochs: int = option(12, "passes over the training pairs", low=1, needs="train.steps=0")
    steps: int = option(0, "updates in all; 0: as many as the epochs have", low=0)
    wait: int = option(
        0,
        "wait-k: words of the source read before the first is written; 0: all (nmt/simultaneous/policy.py)",
        low=0,
        needs=TRANSLATOR,
    )
    wait_to: int = option(
        0,
        "wait drawn anew for each sentence, from train.wait to this; 0: always train.wait",
        low=0,
        needs="train.wait>0",
    )
    batch_tokens: int = option(
        2048, "target tokens a batch, padding included", low=16, needs=TRANSLATOR
    )
    streams: int = option(
        32, "parts of the text that are read side by side", low=1, needs=LANGUAGE_MODEL
    )
    bptt: int = option(
        64,
        "tokens of each part a step: as far as gradients flow back (truncated backpropagation "
        "through time)",
        low=1,
        needs=LANGUAGE_MODEL,
    )
    optimizer: str = option("adam", "optimizer", ("adam", "adamw"))
    learning_rate: float = option(2e-3, "peak of the schedule", low=1e-8, high=1.0)
    warmup_steps: int = option(200, "steps of linear rise to the peak", low=0)
    decay: str = option(
        "linear",
        "after the warm-up: to zero at the last step, with 1/sqrt(step), or not",
        ("linear", "inverse_sqrt", "none"),
    )
    weight_decay: float = option(
        0.01, "decoupled weight decay", low=0.0, needs="train.optimizer=adamw"
    )
    clip_norm: float = option(
        1.0, "gradients are scaled to at most this global norm; 0: off", low=0.0
    )
    label_smoothing: float = option(0.1, "probability spread over all words", low=0.0, high=0.9)
    precision: str = option(
        "auto",
        "matrix products in bfloat16 where the processor has them, or float32",
        ("auto", "float32", "bfloat16"),
    )
    seed: int = option(1, "of weights, order, dropout and sampling", low=0, high=2**32 - 1)
    valid_every: int = option(0, "steps between validations; 0: once an epoch", low=0)
    valid_sentences: int = option(
        300, "validation sentences translated at each validation", low=1, needs=TRANSLATOR
    )
    metric: str = option(
        "bleu",
        "validation metric that selects the best weights",
        ("bleu", "chrf"),
        needs=TRANSLATOR,
    )
    patience: int = option(
        0, "validations without a better metric before stopping; 0: never", low=0
    )
    average: int = option(
        4,
        "checkpoints averaged at the end, kept where validation is better; 0: off",
        low=0,
        high=20,
    )
    save_minutes: float = option(2.0, "minutes between saves of the state to resume from", low=0.0)
    log_every: int = option(50, "steps between progress lines in a log", low=1)
    threads: int = option(0, "processor threads; 0: all", low=0)
    from_: str = option("", "run folder whose weights training starts from (fine-tuning)")


@dataclasses.dataclass
class SearchOptions:
    """Beam search."""

    beam: int = option(
        5, "hypotheses kept a sentence; 1: greedy", low=1, high=100, needs=TRANSLATOR
    )
    length_penalty: float = option(
        1.0, "score = log-probability / length**penalty", low=0.0, high=3.0
    )
    max_ratio: float = option(
        2.0, "longest output, in pieces a source piece", low=0.1, needs=TRANSLATOR
    )
    max_extra: int = option(10, "pieces allowed on top of max_ratio", low=1, needs=TRANSLATOR)
    lm: str = option(
        "",
        "run folder of a language model that helps to choose words (shallow fusion)",
        needs=TRANSLATOR,
    )
    lm_weight: float = option(
        0.2,
        "what its log-probability is multiplied by before it is added",
        low=0.0,
        needs="search.lm",
    )


@dataclasses.dataclass
class Recipe:
    """The whole recipe."""

    data: DataOptions = dataclasses.field(default_factory=DataOptions)
    tokenizer: TokenizerOptions = dataclasses.field(default_factory=TokenizerOptions)
    model: ModelOptions = dataclasses.field(default_factory=ModelOptions)
    train: TrainOptions = dataclasses.field(default_factory=TrainOptions)
    search: SearchOptions = dataclasses.field(default_factory=SearchOptions)

    @property
    def language_model(self):
        """Whether the model reads no source."""
        return self.model.architecture == "language_model"

    @property
    def sides(self):
        """The sides of a pair that the model is trained on."""
        return SIDES[1:] if self.language_model else SIDES


def all_options(config):
    """Yields (name, field, section object) of every option, `name` as typed: "train.epochs"."""
    for section in dataclasses.fields(config):
        part = getattr(config, section.name)
        for field in dataclasses.fields(part):
            yield f"{section.name}.{field.name.removesuffix('_')}", field, part


def load_recipe(path=None, overrides=(), notes=False):
    """Reads a recipe and applies `section.key=value` overrides; raises UserError listing every mistake.

    Relative paths in a recipe count from the recipe's folder, typed ones from the working directory.
    notes: log a line for each option of the recipe that has no effect under the others.
    """
    config = Recipe()
    mistakes = []
    given = {}
    typed = {}
    if path is not None:
        given = _flatten(read_toml(path), mistakes)
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            mistakes.append(f"{override!r}: an option is written section.key=value")
        else:
            typed[name] = text
    known = {name: (field, part) for name, field, part in all_options(config)}
    for origin, values in (("recipe", given), ("typed", typed)):
        for name, value in values.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1, 0.5)
                mistakes.append(
                    f"unknown option {name}" + (f", did you mean {close[0]}?" if close else "")
                )
                continue
            field, part = known[name]
            value = _parse(name, field, value, origin == "typed", mistakes)
            if value is not None:
                if (
                    name in PATHS
                    and value
                    and not (name.startswith("data.") and _fetched(given, typed))
                ):
                    base = Path(path).parent if origin == "recipe" else Path.cwd()
                    value = str(Path(os.path.abspath(base / value)))
                setattr(part, field.name, value)
    mistakes += [
        f"{name} has no effect here: it is that of the run which {origin} names"
        for name in typed
        if (origin := _inherited(config, name))
    ]
    for name in {**given, **typed}:
        if (
            name in known
            and (needs := known[name][0].metadata["needs"])
            and not _holds(config, needs)
        ):
            if name in typed:
                mistakes.append(f"{name} has no effect here: it needs {_spoken(needs)}")
            elif notes:
                log.info(f"note: {name} has no effect here: it needs {_spoken(needs)}")
    _check(config, mistakes)
    if mistakes:
        where = f"{path}: " if path else ""
        raise UserError(
            where.rstrip() + "\n  " + "\n  ".join(mistakes) if mistakes[1:] else where + mistakes[0]
        )
    return config


def _inherited(config, name):
    """The option that takes another one from a run, or None."""
    if name in OWN_IN_TUNING:
        return None
    section = name.partition(".")[0]
    if config.train.from_ and section in ("model", "tokenizer"):
        return "train.from"
    if name in (
        "tokenizer.from",
        "tokenizer.joint",
    ):  # the second one is what model.tie is checked against
        return None
    return "tokenizer.from" if config.tokenizer.from_ and section == "tokenizer" else None


def read_toml(path):
    """The tables of a TOML file; UserError where it is missing or not TOML."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such recipe") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder, a recipe (.toml) is needed") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None


def dump_recipe(config) -> str:
    """The effective recipe as TOML, every option with its meaning."""
    out = []
    section = None
    for name, field, part in all_options(config):
        head, key = name.split(".")
        if head != section:
            out += ["", f"[{head}]"] if out else [f"[{head}]"]
            section = head
        value = getattr(part, field.name)
        if isinstance(value, dict):
            pairs = ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())
            out.append(f"{key} = {{{pairs}}}")
        else:
            out.append(f"{key} = {_toml(value)}  # {field.metadata['doc']}")
    return "\n".join(out) + "\n"


def differences(old, new):
    """Lines "name: old, new" for the options in which two recipes make different runs."""
    values = {name: getattr(part, field.name) for name, field, part in all_options(old)}
    return [
        f"{name}: {values[name]!r} there, {getattr(part, field.name)!r} here"
        for name, field, part in all_options(new)
        if name not in RUN_MAY_DIFFER and values[name] != getattr(part, field.name)
    ]


def reason_against_waiting(model):
    """Why a model (ModelOptions) cannot translate a source that is still arriving, or None."""
    reasons = {
        "only a recurrent encoder can go on with a source that is still arriving: model.architecture=recurrent is "
        "needed": model.architecture != "recurrent",
        "a source that is still arriving can only be read forwards: model.bidirectional=false is needed": model.bidirectional,
        "a source that is still arriving cannot be read from its end: model.reverse_source=false is needed": model.reverse_source,
        "a fixed vector knows the first words only: attention is needed (model.attention)": model.attention
        == "none",
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # JSON's escapes are TOML's too
    return repr(value)


def _fetched(given, typed):
    return bool(typed.get("data.url", given.get("data.url", "")))


def _flatten(tables, mistakes):
    flat = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            mistakes.append(f"{section} stands outside a section such as [train]")
            continue
        flat.update({f"{section}.{key}": value for key, value in table.items()})
    return flat


def _parse(name, field, value, typed, mistakes):
    """The value as the field's type and inside its bounds, or None and a line in `mistakes`."""
    kind = field.type
    meta = field.metadata
    shown = value
    try:
        if kind is bool and typed:
            value = {"true": True, "false": False}[value.lower()]
        elif kind is float or (typed and kind is int):
            if isinstance(value, bool) or (isinstance(value, str) and not typed):
                raise ValueError
            value = kind(value)
        elif kind is dict and typed:
            raise ValueError
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError
        if kind is float and not math.isfinite(value):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        expected = {
            bool: "true or false",
            int: "a whole number",
            float: "a number",
            str: "a string",
            dict: "a table of the recipe",
        }
        return mistakes.append(f"{name}={shown!r}: {expected[kind]} is needed")
    if meta["choices"] and value not in meta["choices"]:
        close = difflib.get_close_matches(str(value), meta["choices"], 1)
        hint = (
            f", did you mean {close[0]}?"
            if close
            else f"; choose from {', '.join(meta['choices'])}"
        )
        return mistakes.append(f"{name}={value}: no such choice{hint}")
    if meta["low"] is not None and value < meta["low"]:
        return mistakes.append(f"{name}={value}: at least {meta['low']} is needed")
    if meta["high"] is not None and value > meta["high"]:
        return mistakes.append(f"{name}={value}: at most {meta['high']} is possible")
    return value


def _spoken(needs):
    return needs.replace("|", " or ").replace(" & ", " and ")


def _holds(config, needs):
    """Whether conditions joined by " & " and " or " are met: "section.key=a|b", "…>n", "…" (not empty)."""

    def one(condition):
        section, key, sign, values = re.match(r"(\w+)\.(\w+)([=>]?)(.*)", condition).groups()
        value = getattr(getattr(config, section), key)
        if sign == "=":
            return str(value).lower() in values.split("|")
        return value > int(values) if sign else bool(value)

    return any(all(map(one, part.split(" & "))) for part in needs.split(" or "))


def _check(config, mistakes):
    """What one field alone cannot tell."""
    data = config.data
    model = config.model
    if _holds(config, OWN) and not data.train:
        mistakes.append("data.train is needed: the path of the training text")
    if data.format in ("tfds", "catalogues") and not data.name:
        mistakes.append(f"data.name is needed with data.format={data.format}")
    if data.format == "files":
        for name in ("train", "valid", "test"):
            if getattr(data, name) and "{lang}" not in getattr(data, name):
                mistakes.append(f"data.{name}: {{lang}} must stand where the language code differs")
    if config.train.average == 1:
        mistakes.append("train.average=1 is no average: 0 is none, 2 the least")
    if data.source == data.target and data.format != "text":
        mistakes.append(f"data.source and data.target are both {data.source!r}")
    if config.language_model:
        return _check_language_model(config, mistakes)
    if data.format == "text":
        mistakes.append(f"data.format=text has no translations: it needs {LANGUAGE_MODEL}")
    seen = model.encoder_units * (2 if model.bidirectional else 1)
    if (
        model.architecture == "recurrent"
        and model.attention == "dot"
        and model.decoder_units != seen
    ):
        mistakes.append(
            f"model.attention=dot needs model.decoder_units={seen}, the size of the encoder's outputs; "
            "general has no such need"
        )
    if config.train.wait and not config.train.from_ and (reason := reason_against_waiting(model)):
        mistakes.append(f"train.wait: {reason}")
    if 0 < config.train.wait_to < config.train.wait:
        mistakes.append(
            f"train.wait_to={config.train.wait_to} is below train.wait={config.train.wait}"
        )
    if model.tie == "all" and not config.tokenizer.joint:
        mistakes.append("model.tie=all needs tokenizer.joint=true: one vocabulary")
    if model.architecture == "transformer" and model.embedding % model.heads:
        mistakes.append(
            f"model.embedding={model.embedding} must be a multiple of model.heads={model.heads}"
        )


def _check_language_model(config, mistakes):
    data = config.data
    model = config.model
    if model.tie == "all":
        mistakes.append(
            "model.tie=all needs a source embedding, which a language model has not; use target"
        )
    if model.across_sentences and data.pairs:
        mistakes.append(
            "model.across_sentences=true needs data.pairs=0: the pairs it would take are no text"
        )
    if model.across_sentences and _holds(config, OWN) and not (data.valid and data.test):
        mistakes.append(
            "model.across_sentences=true needs data.valid and data.test: "
            "single sentences held out are no text"
        )
