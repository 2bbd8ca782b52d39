"""The generated corpus: a small grammar that speaks English, German and Japanese at once.

A synchronous grammar (Aho & Ullman 1969) rewrites one derivation in two languages side by side, so
that every sentence has an exact translation. Here a derivation is a `Clause`: verb, subject,
objects, tense, negation, place, time. `english`, `german` and `japanese` write it down, each with
its own word order and inflection:

    en-de  Yesterday the young woman did not read a book because she was tired.
           Gestern hat die junge Frau kein Buch gelesen, weil sie müde war.
    en-ja  Anna says that two students bought this expensive camera at the market.
           アンナさんは二人の学生が市場でこの高いカメラを買ったと言っています。

Nothing is ambiguous, in either direction: a source has one translation, and BLEU 100 is within
reach. Where Japanese marks neither article nor number, a bare subject is "the", a bare object "a";
several are counted. Validation and test hold out combinations of verb and object whose words
training knows from other partners (compositional generalisation; Lake & Baroni 2018): memorising
sentences does not help.
"""

import itertools
import random
from collections.abc import Iterator

from nmt.corpora.toy.sampler import Combination, Sampler

PAIRS = ("en-de", "de-en", "en-ja", "ja-en")
SPLITS = ("train", "valid", "test")
# Of the English sentence.
MIN_WORDS = 4
MAX_WORDS = 16


def generate(pair: str, split: str, count: int, sentences: int = 1) -> Iterator[tuple[str, str]]:
    """`count` pairs of source and target, always the same; fewer are a prefix of more.

    sentences: a side has from one to this many sentences, evenly distributed.
    Raises ValueError for a language pair or split that does not exist.
    """
    if pair not in PAIRS:
        raise ValueError(f"no generated corpus {pair!r}; choose from {', '.join(PAIRS)}")
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; choose from {', '.join(SPLITS)}")
    derived = derive(pair, split, count * sentences)
    singles = ((source, target) for source, target, _ in derived)
    return itertools.islice(_joined(singles, pair, sentences, f"{pair} {split} 0"), count)


def derive(pair: str, split: str, count: int) -> Iterator[tuple[str, str, list[Combination]]]:
    """Pairs of single sentences, and the (verb, object noun) combinations in each."""
    sampler = Sampler(pair.replace("en", "").strip("-"), split)
    while count > 0:
        # Very short and long sentences are drawn anew.
        english, other, combinations = sampler.sentence()
        if not MIN_WORDS <= english.count(" ") + 1 <= MAX_WORDS:
            continue
        english, other = (text[0].upper() + text[1:] for text in (english, other))
        source, target = (english, other) if pair.startswith("en") else (other, english)
        yield source, target, combinations
        count -= 1


def _joined(singles, pair, most, seed):
    """Pairs of one to `most` sentences on each side."""
    draw = random.Random(f"{seed} {most}").random
    source_space, target_space = ("" if code == "ja" else " " for code in pair.split("-"))
    while chosen := list(itertools.islice(singles, 1 + int(draw() * most))):
        sources, targets = zip(*chosen, strict=True)
        yield source_space.join(sources), target_space.join(targets)
