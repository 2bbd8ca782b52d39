"""Every option once: a dataclass a section, with default, meaning, bounds and what it needs."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from nmt.bounds import BOUNDS
from nmt.errors import UserError
from nmt.recipe.options import Paths, is_above, is_one_of, is_set, option

SIDES = ("source", "target")

# Formats of users' own files of pairs: two files, or one.
TWO_FILES = ("files", "json", "android", "fluent", "properties")
ONE_FILE = ("tsv", "csv", "tmx", "po", "mo", "xliff")
OWN_PAIRS = (*TWO_FILES, *ONE_FILE)

# What options need to have an effect.
OWN_FILES = is_one_of("data.format", *OWN_PAIRS, "text")
PAIRS = is_one_of("data.format", *OWN_PAIRS, "tfds", "catalogues", "grammar")
HELD_OUT = is_one_of("data.format", *OWN_PAIRS, "tfds", "text")
TABLES = is_one_of("data.format", "tsv", "csv")
FETCHED = is_one_of("data.format", "tfds", "catalogues")
GENERATED = is_one_of("data.format", "grammar")
TRANSLATOR = is_one_of("model.architecture", "recurrent", "transformer")
LANGUAGE_MODEL = is_one_of("model.architecture", "language_model")
RECURRENT_ENCODER = is_one_of("model.architecture", "recurrent")
RECURRENT_MODEL = is_one_of("model.architecture", "recurrent", "language_model")
TRANSFORMER = is_one_of("model.architecture", "transformer")


# Options that say where text lies: a further corpus that names one of FROM has none of [data]'s.
FROM = ("format", "train", "name", "url")
PLACE = (*FROM, "valid", "test", "columns", "folder", "size", "sentences", "checksums", "pairs")


@dataclass
class DataOptions:
    """The parallel text; a language model reads its target side.

    Tables [[data.more]] describe further corpora. What they leave out is as in [data].
    """

    # The text, and the paths of its splits.
    format: str = option(
        "files",
        "where the pairs come from; text: lines of the target language alone",
        (*OWN_PAIRS, "tfds", "catalogues", "grammar", "text"),
    )
    source: str = option("en", "language code of the source", needs=PAIRS)
    target: str = option("de", "language code of the target")
    train: Paths = option(
        "",
        "path of the training pairs; {lang} stands for the language code; a folder, a pattern "
        "(de/**/*.po) and a list of paths are several files",
        needs=OWN_FILES,
    )
    valid: Paths = option(
        "", "paths of the validation pairs; empty: held out from train", needs=OWN_FILES
    )
    test: Paths = option("", "paths of the test pairs; empty: held out from train", needs=OWN_FILES)
    columns: str = option(
        "",
        "columns of source and target, by number or by name in the first row: 1,3 or en,de; "
        "empty: those that the first row names, or the first two",
        needs=TABLES,
    )
    held_out: float = option(
        0.02,
        "share of the pairs held out for validation, and for test, where not given",
        high=0.4,
        needs=HELD_OUT,
    )
    # What is fetched or generated.
    name: str = option(
        "",
        "TFDS name (ted_hrlr_translate/pt_to_en) or wheel (homeassistant==2026.11.0)",
        needs=FETCHED,
    )
    folder: str = option(
        "",
        "sub-folder of NMT_DATA or data/downloads that holds the fetched files",
        needs=is_set("data.url") | FETCHED,
    )
    url: str = option("", "public address the files are fetched from", needs=OWN_FILES)
    size: int = option(20000, "number of training pairs to generate", low=1, needs=GENERATED)
    sentences: int = option(
        1,
        "a generated pair has from one to this many sentences",
        low=1,
        high=20,
        needs=GENERATED,
    )
    # Which training pairs are kept.
    pairs: int = option(0, "most training pairs, those with the smallest hashes; 0: all")
    max_chars: int = option(
        1000, "training pairs with a longer side are dropped, characters", low=1
    )
    max_ratio: float = option(
        4.0, "training pairs with a larger ratio of lengths are dropped", low=1.0, needs=PAIRS
    )
    max_pieces: int = option(120, "training pairs with a longer side are dropped, pieces", low=2)
    # The form of the text.
    preprocess: str = option(
        "none",
        "tokens: the corpus is tokenised text (see nmt/text/tokens.py)",
        ("none", "tokens"),
    )
    copied: str = option(
        "", "regular expression of what is copied, besides the kinds of docs/text.md"
    )
    symbol_share: float = option(
        0.1,
        "share of the words and numbers that both sides of a training pair have alike which "
        "become symbols, and of the lines that get one more, so that a model learns to copy",
        high=1.0,
        needs=PAIRS,
    )
    variation: float = option(
        0.0,
        "share of the training pairs that each epoch has as people write: without full stop, in "
        "lower case, with a typing error",
        high=1.0,
        needs=TRANSLATOR & PAIRS,
    )
    checksums: dict = option({}, "file name = SHA-256 of its uncompressed content")
    # One corpus among several.
    splits: str = option(
        "all",
        "all: validation and test text of the corpus count, too; train: only its training text, of "
        "files all of it",
        ("all", "train"),
    )
    weight: float = option(
        1.0,
        "how often an epoch has each pair of the corpus",
        low=0.01,
        high=100,
        needs=TRANSLATOR,
    )
    tag: str = option(
        "",
        "a word that a symbol before the sources shows, as bt for text that was translated back "
        "(Caswell et al. 2019)",
    )
    temperature: float = option(
        1.0,
        "T: an epoch has of two languages with n pairs n**(1/T), so that small ones are seen more",
        low=1.0,
        high=100.0,
        needs=is_set("data.more"),
    )
    more: list["DataOptions"] = field(default_factory=list)

    def paths(self, split: str) -> list[str]:
        """The paths of "train", "valid" or "test" as the recipe has them, or none."""
        paths = getattr(self, split)
        return paths if isinstance(paths, list) else [paths] if paths else []

    @property
    def tokenised(self) -> bool:
        """Whether the corpus is tokenised text."""
        return self.preprocess == "tokens"

    def another(self, written: Collection[str] = ()) -> "DataOptions":
        """A further corpus before its own options are set; written: the names of these."""
        inherited = replace(self, more=[], splits="all", weight=1.0, tag="", temperature=1.0)
        if not set(FROM).isdisjoint(written):
            fresh = DataOptions()
            for name in PLACE:
                setattr(inherited, name, getattr(fresh, name))
        return inherited

    def corpora(self) -> list["DataOptions"]:
        """This corpus, and those of [[data.more]]."""
        return [self, *self.more]

    def targets(self) -> list[str]:
        """The languages that are translated into, the usual one first."""
        return list(dict.fromkeys(corpus.target for corpus in self.corpora()))

    def first(self, number: int) -> "DataOptions":
        """The same corpora with this one, by its number, as the first."""
        corpora = self.corpora()
        corpus = corpora.pop(number)
        rest = [replace(each, more=[]) for each in corpora]
        return replace(corpus, temperature=self.temperature, more=rest)

    def controls(self) -> list[str]:
        """The control pieces before the sources of the first corpus: its target, and its tag.

        A tokenizer has that of the target where there are several (Johnson et al. 2017).
        """
        return [f"<2{self.target}>"] + ([f"<{self.tag}>"] if self.tag else [])

    def needed_controls(self) -> list[str]:
        """The control pieces that a tokenizer of all corpora must have."""
        targets = [f"<2{target}>" for target in self.targets()]
        tags = [f"<{corpus.tag}>" for corpus in self.corpora() if corpus.tag]
        return list(dict.fromkeys((targets if len(targets) > 1 else []) + tags))

    def label(self, number: int) -> str:
        """A corpus by its number, in messages and reports."""
        corpus = self.corpora()[number]
        languages = f"{corpus.source}-{corpus.target}"
        measured = [
            other
            for other in self.corpora()
            if (other.source, other.target, other.splits) == (corpus.source, corpus.target, "all")
        ]
        if len(measured) == 1 and measured[0] is corpus:
            return languages
        place = f"{languages} {corpus.place()}"
        places = [f"{other.source}-{other.target} {other.place()}" for other in self.corpora()]
        return place if places.count(place) == 1 else f"{place} ({number + 1})"

    def place(self) -> str:
        """Where the text comes from, in a word."""
        return self.name or Path((self.paths("train") or [self.format])[0]).name


@dataclass
class TokenizerOptions:
    """SentencePiece."""

    # The vocabulary.
    kind: str = option("unigram", "model of SentencePiece", ("unigram", "bpe"))
    vocab_size: int = option(8000, "pieces, special ones included", low=16, high=64000)
    joint: bool = option(True, "one vocabulary for both languages", needs=TRANSLATOR)
    byte_fallback: bool = option(True, "characters without a piece become bytes, not <unk>")
    character_coverage: float = option(
        0.9995, "share of the characters that get a piece", low=0.98, high=1.0
    )
    normalization: str = option(
        "source",
        "source: ways to write the same become one in sources, targets stay as they are; "
        "nfkc: NFKC on both sides; none",
        ("source", "nfkc", "none"),
    )
    # Its use.
    from_: str = option("", "run folder whose tokenizer is used instead of training one")
    own: bool = option(
        False,
        "with train.from, train a tokenizer all the same; pieces that both have keep their vectors",
        needs=is_set("train.from"),
    )


@dataclass
class ModelOptions:
    """Encoder and decoder, or a decoder alone."""

    architecture: str = option(
        "recurrent",
        "recurrent encoder and decoder, a Transformer, or a recurrent language model",
        ("recurrent", "transformer", "language_model"),
    )
    # The recurrent cell.
    cell: str = option("lstm", "recurrent cell", ("lstm", "gru", "rnn"), needs=RECURRENT_MODEL)
    activation: str = option(
        "tanh",
        "activation of the simple RNN",
        ("tanh", "relu"),
        needs=RECURRENT_MODEL & is_one_of("model.cell", "rnn"),
    )
    reset_after: bool = option(
        True,
        "GRU: reset gate after the recurrent product, or before it",
        needs=RECURRENT_MODEL & is_one_of("model.cell", "gru"),
    )
    embedding: int = option(
        256, "units of the token embeddings; in a Transformer of all layers", low=1
    )
    # Encoder and decoder.
    encoder_layers: int = option(1, "stacked encoder layers", low=1, high=8, needs=TRANSLATOR)
    encoder_units: int = option(256, "units of each direction", low=1, needs=RECURRENT_ENCODER)
    bidirectional: bool = option(True, "read the source both ways", needs=RECURRENT_ENCODER)
    reverse_source: bool = option(
        False,
        "read the source from its end (Sutskever et al. 2014)",
        needs=RECURRENT_ENCODER & is_one_of("model.bidirectional", False),
    )
    decoder_layers: int = option(1, "stacked decoder layers", low=1, high=8)
    decoder_units: int = option(512, "units of the decoder", low=1, needs=RECURRENT_MODEL)
    residual: bool = option(
        False,
        "layers from the second on add their input to their output",
        needs=RECURRENT_ENCODER & is_above("model.encoder_layers", 1)
        | RECURRENT_MODEL & is_above("model.decoder_layers", 1),
    )
    # Attention and inner layers.
    attention: str = option(
        "additive",
        "how source positions are scored; none: one fixed vector",
        ("additive", "general", "dot", "none"),
        needs=RECURRENT_ENCODER,
    )
    attention_units: int = option(
        512,
        "units of the additive attention",
        low=1,
        needs=RECURRENT_ENCODER & is_one_of("model.attention", "additive"),
    )
    heads: int = option(4, "attention heads of each layer", low=1, needs=TRANSFORMER)
    feed_forward: int = option(
        512, "inner units of the feed-forward networks", low=1, needs=TRANSFORMER
    )
    tie: str = option(
        "none",
        "embeddings that share weights: target with softmax, or source too",
        ("none", "target", "all"),
    )
    # Regularisation.
    dropout: float = option(
        0.3,
        "rate on embeddings, between layers and on the readout; in a Transformer on "
        "embeddings, on what its layers add, and on attention",
        high=0.9,
    )
    variational: bool = option(
        False,
        "one dropout mask a sequence instead of one a token",
        needs=is_above("model.dropout", 0),
    )
    recurrent_dropout: float = option(
        0.0,
        "rate on the recurrent state, one mask a sequence",
        high=0.9,
        needs=RECURRENT_MODEL,
    )
    layer_norm: bool = option(False, "layer normalisation inside the cells", needs=RECURRENT_MODEL)
    across_sentences: bool = option(
        False,
        "the state runs on from a sentence to the next one, for text in order; "
        "else it starts anew with each",
        needs=LANGUAGE_MODEL,
    )


@dataclass
class TrainOptions:
    """How the weights are found. Weights depend on step counts only, never on the clock."""

    # How long.
    epochs: int = option(
        12, "passes over the training pairs", low=1, needs=is_one_of("train.steps", 0)
    )
    steps: int = option(0, "updates in all; 0: as many as the epochs have")
    # Simultaneous translation.
    wait: int = option(
        0,
        "wait-k: words of the source read before the first is written; 0: all "
        "(nmt/simultaneous/policy.py)",
        needs=TRANSLATOR,
    )
    wait_to: int = option(
        0,
        "wait drawn anew for each sentence, from train.wait to this; 0: always train.wait",
        needs=is_above("train.wait", 0),
    )
    # Batches, of pairs or of running text.
    batch_tokens: int = option(
        2048, "target tokens a batch, padding included", low=16, needs=TRANSLATOR
    )
    streams: int = option(
        32, "parts of the text that are read in parallel", low=1, needs=LANGUAGE_MODEL
    )
    bptt: int = option(
        64,
        "tokens of each part a step; gradients flow back over them (truncated backpropagation "
        "through time)",
        low=1,
        needs=LANGUAGE_MODEL,
    )
    # The update.
    optimizer: str = option("adam", "optimizer", ("adam", "adamw"))
    learning_rate: float = option(2e-3, "peak of the schedule", low=1e-8, high=1.0)
    warmup_steps: int = option(200, "steps of linear rise to the peak")
    decay: str = option(
        "linear",
        "after the warm-up: to zero at the last step, with 1/sqrt(step), or not",
        ("linear", "inverse_sqrt", "none"),
    )
    weight_decay: float = option(
        0.01, "decoupled weight decay", needs=is_one_of("train.optimizer", "adamw")
    )
    clip_norm: float = option(1.0, "gradients are scaled to at most this global norm; 0: off")
    label_smoothing: float = option(0.1, "probability spread over all tokens", high=0.9)
    precision: str = option(
        "auto",
        "matrix products in bfloat16 where the processor has them, or float32",
        ("auto", "float32", "bfloat16"),
    )
    seed: int = option(1, "seed of weights, order, dropout and variation", high=BOUNDS["seed"][1])
    # Validation, and what is kept.
    valid_every: int = option(0, "steps between validations; 0: once an epoch")
    valid_sentences: int = option(
        300, "validation sentences translated at each validation", low=1, needs=TRANSLATOR
    )
    metric: str = option(
        "bleu",
        "validation metric that selects the best weights",
        ("bleu", "chrf"),
        needs=TRANSLATOR,
    )
    patience: int = option(0, "validations without a better metric before stopping; 0: never")
    average: int = option(
        4,
        "checkpoints averaged at the end, kept where validation is better; 0: off",
        high=20,
    )
    # The process.
    save_minutes: float = option(2.0, "minutes between saves of the state to resume from")
    log_every: int = option(50, "steps between progress lines in a log", low=1)
    threads: int = option(0, "processor threads; 0: all", high=BOUNDS["threads"][1])
    from_: str = option("", "run folder whose weights training starts from (fine-tuning)")
    corrections: int = option(
        20,
        "how often an epoch has each correction that users made of train.from; 0: it has none",
        high=100,
        needs=TRANSLATOR & is_set("train.from"),
    )


@dataclass
class SearchOptions:
    """Beam search."""

    beam: int = option(
        5, "hypotheses kept a sentence; 1: greedy", low=1, high=BOUNDS["beam"][1], needs=TRANSLATOR
    )
    length_penalty: float = option(1.0, "score = log-probability / length**penalty", high=3.0)
    max_ratio: float = option(
        2.0, "longest output, in pieces for each source piece", low=0.1, needs=TRANSLATOR
    )
    max_extra: int = option(10, "pieces allowed on top of max_ratio", low=1, needs=TRANSLATOR)
    # Shallow fusion.
    lm: str = option(
        "",
        "run folder of a language model that takes part in the search (shallow fusion)",
        needs=TRANSLATOR,
    )
    lm_weight: float = option(
        0.2,
        "factor on the log-probability of the language model",
        needs=is_set("search.lm"),
    )
    # Reranking.
    reverse: str = option(
        "",
        "run folder of the reverse direction that ranks the hypotheses of a sentence anew",
        needs=TRANSLATOR,
    )
    reverse_weight: float = option(
        0.3,
        "factor on the score of the run of the reverse direction",
        needs=is_set("search.reverse"),
    )

    @property
    def helping(self) -> dict[str, tuple[str, float]]:
        """The runs that take part, by option ("lm", "reverse"): path and weight of each."""
        runs = {"lm": (self.lm, self.lm_weight), "reverse": (self.reverse, self.reverse_weight)}
        return {option: run for option, run in runs.items() if all(run)}

    @property
    def has_lm(self) -> bool:
        """Whether a language model takes part."""
        return "lm" in self.helping

    @property
    def has_reverse(self) -> bool:
        """Whether a run of the reverse direction takes part."""
        return "reverse" in self.helping


@dataclass
class Recipe:
    """The whole recipe."""

    data: DataOptions = field(default_factory=DataOptions)
    tokenizer: TokenizerOptions = field(default_factory=TokenizerOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    train: TrainOptions = field(default_factory=TrainOptions)
    search: SearchOptions = field(default_factory=SearchOptions)

    @property
    def language_model(self) -> bool:
        """Whether the model reads no source."""
        return self.model.architecture == "language_model"

    def first(self, number: int) -> "Recipe":
        """The recipe with another corpus, by its number, as the first."""
        return replace(self, data=self.data.first(number))

    def number_into(self, target: str, source: str | None = None) -> int:
        """The number of the corpus whose form translations into a language have.

        One that is measured, if there is one. source: their source language, where it matters.
        UserError where there is none.
        """
        corpora = self.data.corpora()
        numbers = [
            number
            for number, corpus in enumerate(corpora)
            if corpus.target == target and source in (None, corpus.source)
        ]
        if not numbers:
            known = ", ".join(self.data.targets())
            raise UserError(f"into {target!r} it does not translate; languages: {known}")
        return min(numbers, key=lambda number: corpora[number].splits != "all")

    def into(self, target: str) -> "Recipe":
        """The recipe of a translator into a language; see `number_into`."""
        recipe = self.first(self.number_into(target))
        # What people write has no tag.
        return replace(recipe, data=replace(recipe.data, tag=""))

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of a pair that the model is trained on."""
        return SIDES[1:] if self.language_model else SIDES
