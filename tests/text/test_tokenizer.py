"""Text to ids and back: no text is lost, symbols stay whole, sampling depends on its seed only."""

import random

import pytest

from nmt.corpora import toy as grammar
from nmt.errors import Failure, UserError
from nmt.recipe import TokenizerOptions
from nmt.text.placeholders import SYMBOLS
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import BOS, EOS, PAD, UNK
from tests.fakes import messages

KINDS = ("unigram", "bpe")
LINES = [
    side
    for name in ("en-de", "en-ja")
    for pair in grammar.generate(name, "train", 300)
    for side in pair
]


def trained(kind="unigram", lines=LINES, **options):
    options = {"vocab_size": 900, "byte_fallback": True, "character_coverage": 1.0, **options}
    return Tokenizer.train(lines, TokenizerOptions(kind=kind, **options))


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return trained(request.param)


def test_normal_text_comes_back(tokenizer):
    ids = tokenizer.encode(LINES)
    assert len(ids) == len(LINES)
    assert [tokenizer.decode(line) for line in ids] == LINES
    assert all(UNK < i < tokenizer.size for line in ids for i in line)
    assert max(map(len, ids)) > 3 and sum(map(len, ids)) < sum(
        map(len, LINES)
    )  # pieces, not characters


def test_special_ids():
    for kind in KINDS:
        pieces = trained(kind, byte_fallback=False, vocab_size=300).processor
        assert (pieces.pad_id(), pieces.unk_id(), pieces.bos_id(), pieces.eos_id()) == (
            PAD,
            UNK,
            BOS,
            EOS,
        )
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)


def test_encode_adds_no_special_id(tokenizer):
    for line in tokenizer.encode([*LINES[:50], "", "</s> <s> <pad> <unk>", " \t "]):
        assert not {PAD, BOS, EOS} & set(line)
    assert tokenizer.encode([]) == [] and tokenizer.encode(["", "  "]) == [[], []]


def test_symbols_stay_whole(tokenizer):
    for n, symbol in enumerate(SYMBOLS):
        other = SYMBOLS[n - 1]
        line = f"a{symbol}b {symbol}{other} dog{symbol}."
        ids = tokenizer.encode([line])[0]
        assert [tokenizer.piece(i) for i in ids if tokenizer.piece(i) in SYMBOLS] == [
            symbol,
            symbol,
            other,
            symbol,
        ]
        assert tokenizer.decode(ids) == line


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_characters(kind):
    line = "the ☃ has 1 щ"
    with_bytes, without = trained(kind), trained(kind, byte_fallback=False)
    (ids,) = with_bytes.encode([line])
    assert UNK not in ids and with_bytes.decode(ids) == line
    (ids,) = without.encode([line])
    assert ids.count(UNK) == 3 - ("1" in "".join(LINES))


def test_any_text_survives_byte_fallback_but_for_normalisation(tokenizer):
    rng = random.Random(3)
    for _ in range(500):
        codes = [
            rng.choice([rng.randrange(0x21, 0xD800), rng.randrange(0xE000, 0x110000)])
            for _ in range(20)
        ]
        line = "".join(map(chr, codes))
        once = tokenizer.decode(tokenizer.encode([line])[0])
        assert tokenizer.decode(tokenizer.encode([once])[0]) == once
        assert "\ufffd" not in once.replace("\ufffd", "", line.count("\ufffd"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_corpus_shrinks_the_vocabulary_and_says_so(kind):
    with messages() as notes:
        small = trained(kind, ["a dog", "a cat", "the dog"], vocab_size=5000)
    assert small.size < 5000 and len(notes) == 1
    assert str(small.size) in notes[0] and "5000" in notes[0] and "\n" not in notes[0]
    with messages() as notes:
        assert trained(kind).size == 900 and notes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fallback", [True, False])
def test_too_small_a_vocabulary_is_one_line_of_advice(kind, fallback):
    with pytest.raises(UserError) as caught:
        trained(kind, byte_fallback=fallback, vocab_size=40)
    text = str(caught.value)
    assert "tokenizer.vocab_size=40" in text and "raise it" in text and "\n" not in text
    assert ("bytes" in text) == fallback


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lines", [[], [""], ["", "  ", "\t"]])
def test_an_empty_corpus(kind, lines):
    with pytest.raises(UserError) as caught:
        trained(kind, lines)
    assert "no text" in str(caught.value) and "\n" not in str(caught.value)


def test_training_is_repeatable_and_takes_an_iterator():
    for kind in KINDS:
        assert trained(kind, iter(LINES)).proto == trained(kind).proto
    assert trained("bpe").digest != trained("unigram").digest


def test_sampling_is_a_function_of_the_seed(tokenizer):
    lines = LINES[:40]
    first = tokenizer.sample(lines, 0.2, seed=5)
    tokenizer.sample(lines, 0.7, seed=6)  # what came between does not matter
    assert tokenizer.sample(lines, 0.2, seed=5) == first
    others = [tokenizer.sample(lines, 0.2, seed=seed) for seed in range(6, 10)]
    assert all(other != first for other in others) and others[0] != others[1]
    assert first != tokenizer.encode(lines)
    for drawn in (first, *others):
        assert [tokenizer.decode(ids) for ids in drawn] == lines


def test_sampling_keeps_symbols_whole(tokenizer):
    line = f"the {SYMBOLS[0]} sees{SYMBOLS[11]} a dog"
    for seed in range(20):
        pieces = [tokenizer.piece(i) for i in tokenizer.sample([line], 0.5, seed)[0]]
        assert SYMBOLS[0] in pieces and SYMBOLS[11] in pieces


def test_decoded_text_is_one_line(tokenizer):
    breaks = [i for i in range(tokenizer.size) if tokenizer.piece(i) in ("<0x0A>", "<0x0D>")]
    assert len(breaks) == 2
    (dog,) = tokenizer.encode(["dog"])
    for i in breaks:
        assert tokenizer.decode([*dog, i, *dog]).split() == ["dog", "dog"]
    rng = random.Random(4)
    for _ in range(2000):
        ids = [rng.choice([rng.choice(breaks), rng.randrange(tokenizer.size)]) for _ in range(8)]
        text = tokenizer.decode(ids)
        assert "\n" not in text and "\r" not in text
        text.encode()  # and it is Unicode that can be written
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([PAD, BOS, EOS]) == ""


def test_a_tokenizer_is_its_bytes(tokenizer):
    same = Tokenizer(tokenizer.proto)
    assert same.digest == tokenizer.digest and same.size == tokenizer.size
    assert same.encode(LINES[:20]) == tokenizer.encode(LINES[:20])


@pytest.mark.parametrize(
    "damage",
    [
        lambda proto: b"",
        lambda proto: b"not a model",
        lambda proto: proto[: len(proto) // 2],
        lambda proto: bytes(1000),
    ],
)
def test_damaged_bytes(tokenizer, damage):
    with pytest.raises(Failure) as caught:
        Tokenizer(damage(tokenizer.proto), "some/run/tokenizer.model")
    assert "some/run/tokenizer.model" in str(caught.value) and "\n" not in str(caught.value)
