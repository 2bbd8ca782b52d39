"""What stands in for something larger in tests."""

import contextlib
import functools
import io
import itertools
import logging
import sys
import types

import numpy as np

from nmt.__main__ import main
from nmt.decoding.contract import FromDistribution
from nmt.inference.translation import Translation
from nmt.recipe import Recipe
from nmt.text.spans import Span, find_spans
from nmt.text.symbols import SYMBOLS
from nmt.text.vocabulary import BOS, EOS


@contextlib.contextmanager
def messages():
    """A list of what the package logs in the block."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("nmt")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def random_line(rng):
    """Any Unicode but surrogates and line breaks; many fragments of placeholders and symbols."""
    parts = [
        "{",
        "}",
        "{a}",
        "{{b}}",
        "${c}",
        "%",
        "%s",
        "%d",
        "<",
        ">",
        "<i>",
        "</i>",
        "http://",
        "https://e.x/",
        "@",
        "a@b.c",
        ".",
        " ",
        "$",
        *SYMBOLS,
        "\ue00c",
        "\uf8ff",
        "犬",
        "ß",
        "e\u0301",
        "😀",
        "\u200b",
        "\0",
        "\u2028",
        "\x85",
        "\r",
        "\t",
    ]
    parts += [f"{{{n}}}" for n in range(20)]

    def fragment():
        if rng.random() < 0.8:
            return rng.choice(parts)
        code = rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0x110000)])
        return chr(code) if code != 10 and not 0xD800 <= code < 0xE000 else "x"

    return "".join(fragment() for _ in range(rng.randrange(60)))


class World(FromDistribution):
    """A fake model: a seeded table gives the next token from the sentence and all tokens so far.

    `state` is the history of a row as a number, so wrong reordering shows.
    """

    def __init__(self, seed, words=3):
        self.seed, self.vocab = seed, [EOS, *range(4, 4 + words)]

    def table(self, sentence, history):
        return random_log_probs(len(self.vocab), self.seed, int(sentence), int(history))

    def encode(self, source):
        return {"sentence": source[:, 0]}, {"history": np.ones(len(source), np.int64)}

    def take(self, memory, sentences):
        return {"sentence": memory["sentence"][sentences]}

    def distribution(self, memory, state, origin, tokens):
        history = state["history"][origin] * 11 + tokens
        per = len(origin) // len(memory["sentence"])
        log_probs = np.full((len(origin), self.vocab[-1] + 1), -np.inf)
        for row, h in enumerate(history):
            log_probs[row, self.vocab] = self.table(memory["sentence"][row // per], h)
        return log_probs, np.ones((len(origin), 2)) / 2, {"history": history}

    def exhaustive(self, sentence, limit, penalty):
        found = []
        for length in range(limit):
            for words in itertools.product(self.vocab[1:], repeat=length):
                history, total, token = 1, 0.0, BOS
                for word in [*words, EOS]:
                    history = history * 11 + token
                    total += self.table(sentence, history)[self.vocab.index(word)]
                    token = word
                found.append((total / (length + 1) ** penalty, total, list(words)))
        return sorted(found, reverse=True)


@functools.cache
def random_log_probs(count, *seed):
    """Log-probabilities of so many tokens, a function of the seed; not to be changed."""
    logits = np.random.default_rng(seed).normal(size=count) * 2
    log_probs = logits - np.log(np.exp(logits).sum())
    log_probs.flags.writeable = False
    return log_probs


def shouted(line):
    """A line with its words in capitals, what is not translated as it is."""
    parts = []
    at = 0
    for span in [*find_spans(line), Span(len(line), len(line), None)]:
        parts += [line[at : span.start].upper(), line[span.start : span.end]]
        at = span.end
    return "".join(parts)


class UpperCase:
    """A fake translator: capitals; what is not translated stays, each word attends to its own."""

    curve = None

    def __init__(self, source="en", target="de", text=None, sure=None):
        """text: what makes a translation of a line; sure: confidence by translation."""
        self.sure = sure or {}
        self.recipe = Recipe()
        self.recipe.data.source, self.recipe.data.target = source, target
        self.text = text or shouted
        self.lines = []  # all that were to translate
        self.attended = []  # of these, those with attention

    def using(self, *_):
        return self

    def candidates(self, lines, nbest=1, beam=None, attention=False):
        lines = list(lines)
        self.lines += lines
        self.attended += lines if attention else []
        return [
            [self._translation(line, rank, attention) for rank in range(nbest)] for line in lines
        ]

    def _translation(self, line, rank, attention):
        text = self.text(line) + f" ({rank})" * bool(rank)
        translation = Translation(text, log_prob=-rank - 1.0, score=-rank - 1.0)
        translation.confidence = self.sure.get(text)
        if attention:
            translation.source_pieces = [*(f"▁{word}" for word in line.split()), "</s>"]
            translation.target_pieces = [*(f"▁{word}" for word in text.split()), "</s>"]
            shape = len(translation.target_pieces), len(translation.source_pieces)
            translation.attention = np.eye(*shape)
        return translation


def nmt_command(*arguments, stdin=b""):
    """Runs a command in this process, with streams of a locale that knows ASCII only."""
    out, err = io.BytesIO(), io.BytesIO()
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    stdin = io.BufferedReader(io.BytesIO(stdin))
    streams = [io.TextIOWrapper(stream, encoding="ascii") for stream in (stdin, out, err)]
    former = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:  # argparse
        status = end.code
    finally:
        sys.stdin, sys.stdout, sys.stderr = former
        for stream in streams[1:]:
            stream.flush()
    return types.SimpleNamespace(
        status=status, out=out.getvalue().decode(), err=err.getvalue().decode()
    )


def tree(folder):
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def turned(recipe, source):
    """A recipe of English to German as one that reads another language and writes English."""
    recipe = recipe.replace('source = "en"', f'source = "{source}"')
    return recipe.replace('target = "de"', 'target = "en"')
