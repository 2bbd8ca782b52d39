"""A translation cut into the parts of its source, at words, by attention; lines of subtitles."""

import difflib
import itertools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from nmt.inference.translation import Translation

# What subtitles show at most: columns of a line, lines of a cue.
COLUMNS = 42
LINES = 2
TAG = r"</?[^\W_][^<>]*>|\{\\[^{}]*\}"
_STOPS = "、。，．！？…：；」』）〉》】"
# Words with the white space behind them; a tag belongs to the word that it stands at.
_WORDS = re.compile(rf"(?:{TAG}|\S)+\s*")
# Japanese: what is not hiragana, and the hiragana behind it.
_PHRASES = re.compile(rf"(?:{TAG}|[^ぁ-ん{_STOPS}\s])*(?:{TAG}|[ぁ-ん])*(?:{TAG}|[{_STOPS}])*\s*")
_CHARACTERS = re.compile(rf"(?:{TAG})*(?:[0-9A-Za-z]+|[^\s{_STOPS}])?(?:[{_STOPS}]|</[^<>]*>)*\s*")
_KANA = re.compile("[ぁ-ん]")
_HAN = re.compile("[\u3400-\u9fff]")
_UNSPACED = re.compile("[ぁ-んァ-ヿ\u3400-\u9fff、。！？「」『』]")

# What a cut costs, in words that attention gives to another part:
# one behind a word without punctuation, and more behind a short one (articles, prepositions);
_WITHIN = 0.5
_SHORT = 0.4
# a part that is a word longer or shorter than its source is (squared);
_UNEVEN = 0.04
# a column that no line has room for.
_OVERFLOW = 0.3
# The words between a cut and where the lengths alone would put it, at most.
_FARTHEST = 60


def joined(texts: Sequence[str]) -> str:
    """Texts that follow one another: with a space between them, or without one in Japanese."""
    whole = texts[0]
    for text in texts[1:]:
        edge = re.sub(TAG, "", whole)[-1:] + re.sub(TAG, "", text)[:1]
        whole += ("" if _UNSPACED.search(edge) else " ") + text
    return whole


def width(text: str) -> int:
    """The columns of a text without its tags; East Asian letters have two."""
    shown = re.sub(TAG, "", text).strip()
    return len(shown) + sum(unicodedata.east_asian_width(each) in "WF" for each in shown)


def lines(text: str) -> list[str]:
    """A text in at most two lines, as even as its words allow."""
    words = _words(text)
    if width(text) <= COLUMNS or len(words) < 2:
        return [text.strip()]

    ends = np.cumsum([width(word) + word[-1].isspace() for word in words])

    def cost(border: int) -> float:
        widths = ends[border - 1], ends[-1] - ends[border - 1]
        over = sum(max(0, each - COLUMNS) for each in widths)
        return 10 * over + abs(widths[0] - widths[1]) / 2 + 12 * _awkward(words[border - 1])

    border = min(range(1, len(words)), key=cost)
    return ["".join(words[:border]).strip(), "".join(words[border:]).strip()]


def cut(translation: Translation, sources: Sequence[str]) -> list[str]:
    """The text of a translation in as many parts as its source has, each at least a word.

    sources: the parts; joined they are what was translated. A cut goes where the words on each
    side attend to the same side of the source; without attention the lengths alone decide.
    A text with too few words shows its last one again.
    """
    words = _words(translation.text.strip())
    count = min(len(sources), len(words))
    if count == 0:
        return [""] * len(sources)
    evidence = _evidence(translation, words, sources)
    ends = [0, *_borders(words, evidence, sources, count)]
    parts = ["".join(words[start:end]).strip() for start, end in itertools.pairwise(ends)]
    return parts + parts[-1:] * (len(sources) - count)


def _words(text):
    pattern = _PHRASES if _KANA.search(text) else _CHARACTERS if _HAN.search(text) else _WORDS
    return [word for word in pattern.findall(text) if word]


def _awkward(word):
    """How unwelcome a border behind a word is: 0 behind punctuation."""
    shown = re.sub(TAG, "", word).strip()
    if not shown[-1:].isalnum():
        return 0.0
    return _WITHIN + _SHORT * (len(shown) <= 3)


def _borders(words, evidence, sources, count):
    """Where each part ends, in words: the cheapest way (dynamic programming)."""
    # 1. The cost of words i to j as part n.
    spoken = np.array([max(1, width(source)) for source in sources], float)
    shares = spoken / spoken.sum() * len(words)
    widths = np.cumsum([0] + [width(word) + 1 for word in words])
    attended = np.vstack([np.zeros(len(sources)), np.cumsum(evidence, axis=0)])
    scale = len(words) / max(1, widths[-1])

    def cost(n: int, i: int, j: int) -> float:
        size = widths[j] - widths[i] - 1
        elsewhere = (attended[j] - attended[i]).sum() - (attended[j] - attended[i])[n]
        border = _awkward(words[j - 1]) if j < len(words) else 0
        over = max(0, size - LINES * COLUMNS)
        return elsewhere + border + _UNEVEN * (size * scale - shares[n]) ** 2 + _OVERFLOW * over

    # 2. The best way to each word with so many parts.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for n in range(count):
        last = n == count - 1
        reached = shares[: n + 1].sum()
        first = max(n + 1, int(reached) - _FARTHEST)
        after = min(len(words) - (count - n - 1), int(reached) + _FARTHEST) + 1
        ends = [len(words)] if last else range(first, after)
        ways = (
            [(total + cost(n, i, j), [*way, j]) for i, (total, way) in best.items() if i < j]
            for j in ends
        )
        best = {way[0][1][-1]: min(way) for way in ways if way}
    return best[len(words)][1]


def _evidence(translation, words, sources):
    """[words, parts] How much of each word's attention is on each part of the source."""
    if translation.attention is None:
        return np.zeros((len(words), len(sources)))
    # 1. The part that each source piece is of, the word that each target piece is of.
    source = joined(sources)
    starts = [0]
    for before, part in itertools.pairwise(sources):
        starts.append(source.index(part, starts[-1] + len(before)))
    part_of = _units(translation.source_pieces, source, starts)
    word_starts = np.cumsum([0] + [len(word) for word in words])[:-1]
    word_of = _units(translation.target_pieces, "".join(words), word_starts)
    # 2. The sum over the pieces of each; what attends to EOS says nothing.
    weights = translation.attention[: len(word_of), : len(part_of)]
    evidence = (word_of[:, None] == range(len(words))).T @ weights
    evidence = evidence @ (part_of[:, None] == range(len(sources)))
    return evidence / np.maximum(evidence.sum(axis=1, keepdims=True), 1e-9)


def _units(pieces, text, starts):
    """The number of the unit of a text in which each piece stands, -1 for EOS and the like.

    Pieces are of the text as a model sees it: normalised, without tags, with symbols.
    """
    # A piece of a byte is part of a letter, other names in angles are none.
    shown = [re.sub("^<0x..>$", "\0", piece) for piece in pieces]
    shown = [re.sub("^<[^<>]+>$", "", piece).replace("▁", " ") for piece in shown]
    matcher = difflib.SequenceMatcher(None, _lower("".join(shown)), _lower(text), autojunk=False)
    blocks = matcher.get_matching_blocks()
    place_of = {block.a + n: block.b + n for block in blocks for n in range(block.size)}
    units = []
    at = 0
    reached = 0
    for piece in shown:
        # A space belongs to what stands before it.
        matched = [
            place_of[n]
            for n, character in enumerate(piece, at)
            if n in place_of and not character.isspace()
        ]
        at += len(piece)
        place = matched[0] if matched else reached
        reached = matched[-1] + 1 if matched else reached
        while place < len(text) - 1 and text[place].isspace():
            place += 1
        unit = int(np.searchsorted(starts, place, side="right")) - 1
        units.append(unit if piece.strip() else -1)
    return np.array(units)


def _lower(text):
    """In lower case, letter by letter."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text
