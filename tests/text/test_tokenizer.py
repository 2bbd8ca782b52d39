"""Text to ids and back: no text is lost, symbols stay whole."""

import functools
import random

import pytest

from nmt.corpora import toy as grammar
from nmt.errors import Failure, UserError
from nmt.recipe import TokenizerOptions
from nmt.text.symbols import SYMBOLS
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


@functools.cache
def shared(kind="unigram", **options):
    """`trained`, once for all tests."""
    return trained(kind, **options)


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return shared(request.param)


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
        pieces = shared(kind, byte_fallback=False).processor
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
    assert tokenizer.encode([]) == [] and tokenizer.encode([""]) == [[]]


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
    with_bytes, without = shared(kind), shared(kind, byte_fallback=False)
    (ids,) = with_bytes.encode([line])
    assert UNK not in ids and with_bytes.decode(ids) == line
    (ids,) = without.encode([line])
    assert ids.count(UNK) == 3 - ("1" in "".join(LINES))


# What SentencePiece alone, or NFKC, would change.
LOSSLESS = [
    "two  spaces,   three",
    "  at the ends  ",
    "a\ttab",
    "no\u00a0break, thin\u202f, wide\u3000全角（１）：？",
    "می\u200cخواهم వెబ్\u200cసైట్",
    "ㅋㅋ 한글 \u1112\u1161\u11ab",
    "e\u0301 и\u0306 ü",
    "² ₂ ½ µ № ™ ℃ ﬁ … ’ “ ” « »",
    "so\u00adft \ufeff\u200b\u2060\u200e",
    "▁ the block▁▁of \ufdd0 SentencePiece ▅",
    "😀👩\u200d🚒",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coverage", [0.98, 1.0])
def test_any_text_of_the_characters_of_training_text_comes_back(kind, coverage):
    trained_lines = LINES + LOSSLESS * 3
    tokenizer = trained(kind, trained_lines, character_coverage=coverage)
    characters = sorted({*"".join(LINES + LOSSLESS), *SYMBOLS, " ", "▁"})
    rng = random.Random(3)
    drawn = ["".join(rng.choices(characters, k=rng.randrange(30))) for _ in range(300)]
    for line in [*LOSSLESS, *drawn, *(line + " " + line for line in SYMBOLS)]:
        assert tokenizer.decode(tokenizer.encode([line])[0]) == line


def test_a_character_comes_back_unless_it_is_a_control_character(tokenizer):
    dropped = set()
    # Of ideographs and Hangul, and of what is outside of the first plane, some.
    codes = [*range(0x3400), *range(0x3400, 0xD800, 31), *range(0xE000, 0x11000)]
    codes += range(0x11000, 0x110000, 197)
    encoded = tokenizer.encode([f"a{chr(code)}b" for code in codes])
    for code, ids in zip(codes, encoded, strict=True):
        text = tokenizer.decode(ids)
        if text != f"a{chr(code)}b":
            assert text == ("a b" if chr(code) in "\r\n" else "ab")
            dropped.add(code)
    control = {*range(0x20), *range(0x7F, 0xA0)} - {0x09}
    private = {*range(0xE020, 0xF900), *range(0xF0000, 0x110000)}  # behind the symbols
    assert dropped - private == control | {0xFFFD}


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_of_normalisation_is_part_of_the_tokenizer(kind):
    line = "ｘ²  ½"
    ways = {rule: shared(kind, normalization=rule) for rule in ("source", "none", "nfkc")}
    texts = {rule: way.decode(way.encode([line])[0]) for rule, way in ways.items()}
    assert texts == {"source": line, "none": line, "nfkc": "x2 1⁄2"}
    assert ways["source"] == ways["none"] != ways["nfkc"]
    # It keeps the rule, and takes the character of SentencePiece for a space as ever.
    same = Tokenizer(ways["nfkc"].proto)
    assert same.decode(same.encode(["  a▁b ½ "])[0]) == "a b 1⁄2"


@pytest.mark.parametrize("rule", ["source", "nfkc"])
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_written_as_sentencepiece_writes_them(kind, rule):
    tokenizer = shared(kind, normalization=rule)
    rng = random.Random(4)
    whole = [i for i in range(tokenizer.size) if not tokenizer.processor.is_byte(i)]
    space = tokenizer.processor.piece_to_id("▁")
    bytes_of_dog = [tokenizer.processor.piece_to_id(f"<0x{byte:02X}>") for byte in "犬".encode()]
    for _ in range(500):
        ids = [rng.choice([space, *rng.choices(whole, k=2)]) for _ in range(rng.randrange(8))]
        ids += rng.choice([[], bytes_of_dog])
        ids += rng.choices(whole, k=2)
        assert tokenizer.decode(ids) == tokenizer.processor.decode(ids)


def test_broken_bytes_write_nothing(tokenizer):
    (dog,) = tokenizer.encode(["dog"])
    byte = {value: id for id, value in tokenizer.bytes_of_ids.items()}
    assert len(byte) == 256
    broken = ["80", "c3", "e2 82", "f0 9f 98", "c0 80", "e0 80 80", "ed a0 80", "f4 90 80 80"]
    broken += ["ff", "f8 88 80 80 80", "ef bf bd", "00", "1b", "7f", "c2 85", "82 e2"]
    for text in broken:
        ids = [byte[value] for value in bytes.fromhex(text)]
        assert tokenizer.decode([*dog, *ids, *dog]) == tokenizer.decode([*dog, *dog])
        # What is whole beside it stays.
        euro = [byte[value] for value in "€".encode()]
        assert tokenizer.decode([*dog, *ids, *euro]) == "dog€"


def test_characters_of_ids_and_ids_of_characters(tokenizer):
    text = f"the dog☃  {SYMBOLS[0]}sees😀 ▁犬"
    ids, offsets = tokenizer.offsets(text)
    assert [ids] == tokenizer.encode([text])
    written, ranges = tokenizer.decoded(ids)
    assert written == text
    # The space in front that SentencePiece adds is no character.
    assert ranges == offsets
    spelt = [text[start:end] for start, end in offsets]
    assert spelt.count("☃") == 3 and spelt.count("😀") == 4 and spelt.count("▁") == 3
    for id, part in zip(ids, spelt, strict=True):
        assert tokenizer.piece(id).startswith("<0x") or part in tokenizer.piece(id).replace(
            "▁", " "
        )
    # Of spaces in a row one may be written.
    written, ranges = tokenizer.decoded(ids, single_spaces=True)
    assert written == text.replace("  ", " ") and len(ranges) == len(ids)
    assert {n for start, end in ranges for n in range(start, end)} == set(range(len(written)))
    # Each character belongs to a piece.
    assert {n for start, end in offsets for n in range(start, end)} == set(range(len(text)))
    # What writes nothing has an empty range where it stands.
    snowman = next(id for id, part in zip(ids, spelt, strict=True) if part == "☃")
    (dog,) = tokenizer.encode(["dog"])
    written, ranges = tokenizer.decoded([BOS, *dog, snowman, EOS])
    assert written == "dog" and ranges[0] == (0, 0) and ranges[-2:] == [(3, 3), (3, 3)]


def test_offsets_are_those_of_the_text_as_it_was():
    tokenizer = shared(normalization="nfkc")
    ids, offsets = tokenizer.offsets("  ½ the")
    assert [ids] == tokenizer.encode(["  ½ the"])
    assert offsets[-1] == (3, 7)


def test_what_a_tokenizer_has_pieces_for(tokenizer):
    characters = set("".join(LINES))
    assert tokenizer.alphabet == characters | {" "}
    assert tokenizer.symbols == len(SYMBOLS)
    assert "☃" not in tokenizer.alphabet


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
        assert trained(kind, iter(LINES)).proto == shared(kind).proto
    assert shared("bpe").digest != shared("unigram").digest


def test_decoded_text_is_one_line(tokenizer):
    breaks = [i for i in range(tokenizer.size) if tokenizer.piece(i) in ("<0x0A>", "<0x0D>")]
    assert len(breaks) == 2
    (dog,) = tokenizer.encode(["dog"])
    for i in breaks:
        assert tokenizer.decode([*dog, i, *dog]).split() == ["dog", "dog"]
    rng = random.Random(4)
    for _ in range(500):
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
