"""The generated corpus: the same everywhere, a function in both directions, split, grammatical."""

import collections
import itertools
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from nmt.corpora.toy import PAIRS, SPLITS, derive, english, generate, german, japanese
from nmt.corpora.toy.clause import Clause
from nmt.corpora.toy.phrases import PRONOUNS, because, noun_phrase
from nmt.corpora.toy.sampler import COMBINATIONS, split_of
from nmt.corpora.toy.words import NOUNS, PLACES, REASONS, TIMES, VERBS, WHERE

ALL = {combination for allowed in COMBINATIONS.values() for combination in allowed}
TRAINED = {combination for combination in ALL if split_of(*combination) == "train"}
VOWELS = "aeiou"


def words(text: str) -> set[str]:
    return set(text.lower().replace(",", "").rstrip(".?").split())


@pytest.mark.parametrize("pair", PAIRS)
def test_fewer_are_a_prefix_of_more_and_splits_differ(pair):
    many = list(generate(pair, "train", 300))
    assert list(generate(pair, "train", 100)) == many[:100]
    assert list(generate(pair, "test", 100)) != many[:100]
    assert len(many) == 300 and list(generate(pair, "train", 0)) == []


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs_of_several_sentences_are_those_sentences_in_order(pair):
    singles = iter(generate(pair, "train", 600))
    count = collections.Counter()
    spaces = ["" if language == "ja" else " " for language in pair.split("-")]
    for joined in generate(pair, "train", 200, sentences=3):
        sentences = [next(singles)]
        while joined != tuple(map(str.join, spaces, zip(*sentences, strict=True))):
            sentences.append(next(singles))
        count[len(sentences)] += 1
    assert set(count) == {1, 2, 3} and min(count.values()) > 50


def test_the_stream_is_lazy():
    assert len(list(itertools.islice(generate("en-de", "train", 10**12), 3))) == 3


def test_another_process_with_other_hashes_generates_the_same():
    script = """
from nmt.corpora import toy
print(ascii(list(toy.generate("en-ja", "test", 200))))
"""
    expected = ascii(list(generate("en-ja", "test", 200)))
    for hash_seed in "12":
        printed = subprocess.check_output(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            text=True,
        )
        assert printed.strip() == expected


@pytest.mark.parametrize("pair, checksum", [("en-de", 3003044340), ("en-ja", 3654292662)])
def test_the_corpus_changes_only_on_purpose(pair, checksum):
    """A new corpus makes old scores incomparable: a change of the grammar changes these numbers."""
    text = "\n".join(f"{s}\t{t}" for split in SPLITS for s, t in generate(pair, split, 300))
    assert zlib.crc32(text.encode()) == checksum


@pytest.mark.parametrize("pair", ["en-de", "en-ja"])
def test_reversed_pairs_are_the_same_sentences(pair):
    back = "-".join(reversed(pair.split("-")))
    assert [(t, s) for s, t in generate(back, "valid", 200)] == list(generate(pair, "valid", 200))


@pytest.mark.parametrize("pair", ["en-de", "en-ja"])
def test_sentences_are_many_and_well_formed_and_translation_is_a_function(pair):
    """In both directions: reversed pairs are the same sentences."""
    pairs = list(generate(pair, "train", 15_000))
    assert len(set(pairs)) > 14_500
    for split in ("valid", "test"):
        pairs += generate(pair, split, 1_000)
    sources = collections.Counter(en for en, _ in pairs)
    assert sources.total() - len(sources) > 40, "too few come again to tell anything"
    target_of, source_of = {}, {}
    for en, other in pairs:
        assert target_of.setdefault(en, other) == other
        assert source_of.setdefault(other, en) == en
        assert 4 <= len(en.split()) <= 16
        assert en[0].isupper() and en[-1] in ".?" and "  " not in en
        if pair == "en-de":
            assert other[0].isupper() and other[-1] == en[-1] and "  " not in other
        else:
            assert " " not in other and other[-1] == "。" and (other[-2] == "か") == (en[-1] == "?")
        for article, noun in itertools.pairwise(en.lower().split()):
            if article in ("a", "an"):
                assert (article == "an") == (noun[0] in VOWELS)


@pytest.mark.parametrize("pair", ["en-de", "en-ja"])
@pytest.mark.parametrize("split", SPLITS)
def test_sentences_combine_only_what_their_split_owns(pair, split):
    for source, _, combined in derive(pair, split, 1_000):
        assert combined
        text = f" {source.lower()}"
        for verb, noun in combined:
            assert split_of(verb, noun) == split
            assert any(f" {form.split()[0]}" in text for form in VERBS[verb][:3] if form)
            assert any(form.lower() in text for form in NOUNS[noun][:2] if form)


def test_held_out_words_are_trained_with_other_partners():
    for verb, noun in ALL:
        assert sum(v == verb for v, _ in TRAINED) >= 3, verb
        assert sum(n == noun for _, n in TRAINED) >= 2, noun
    held_out = ALL - TRAINED
    assert 0.17 < len(held_out) / len(ALL) < 0.23
    for split in ("valid", "test"):
        assert 0.08 < sum(split_of(*c) == split for c in ALL) / len(ALL) < 0.12
    assert set(NOUNS) == {noun for _, noun in ALL}
    assert set(VERBS) == {verb for verb, _ in ALL}


def test_every_word_of_test_occurs_in_training():
    for pair, *units in (("en-de", words, words), ("en-ja", words, set)):
        trained = list(generate(pair, "train", 10_000))
        others = [*generate(pair, "valid", 1_000), *generate(pair, "test", 1_000)]
        for side, units_of in enumerate(units):
            known, needed = (
                {unit for sentences in text for unit in units_of(sentences[side])}
                for text in (trained, others)
            )
            assert needed <= known


@pytest.mark.parametrize("unknown", [("en-fr", "train"), ("en-de", "dev")])
def test_unknown_names_are_refused_at_once_with_the_choices(unknown):
    with pytest.raises(ValueError) as error:
        generate(*unknown, 1)
    message = str(error.value)
    assert "\n" not in message
    assert all(name in message for name in (PAIRS if unknown[0] == "en-fr" else SPLITS))


@pytest.mark.parametrize(
    "noun, case, expected",
    [
        (("hat", "a", "old"), "nom", "ein alter Hut"),
        (("hat", "a", "old"), "acc", "einen alten Hut"),
        (("hat", "the", "old"), "nom", "der alte Hut"),
        (("hat", "this", "new"), "dat", "diesem neuen Hut"),
        (("bag", "a", "red"), "acc", "eine rote Tasche"),
        (("bag", "my", "red"), "dat", "meiner roten Tasche"),
        (("book", "a", "new"), "acc", "ein neues Buch"),
        (("book", "the", "new"), "acc", "das neue Buch"),
        (("woman", "the+", "young"), "nom", "die jungen Frauen"),
        (("book", "these", "new"), "acc", "diese neuen Bücher"),
        (("book", "two", "new"), "acc", "zwei neue Bücher"),
        (("child", "three", "small"), "dat", "drei kleinen Kindern"),
        (("girl", "the+", ""), "dat", "den Mädchen"),
        (("student", "the", ""), "nom", "der Student"),
        (("student", "the", "young"), "acc", "den jungen Studenten"),
        (("milk", "", "cold"), "acc", "kalte Milch"),
        (("coffee", "", "hot"), "acc", "heißen Kaffee"),
        (("milk", "", "cold"), "no acc", "keine kalte Milch"),
        (("apple", "+", "fresh"), "no acc", "keine frischen Äpfel"),
        (("car", "a", "expensive"), "acc", "ein teures Auto"),
        (("email", "the+", ""), "dat", "den E-Mails"),
    ],
)
def test_german_articles_and_adjectives_agree(noun, case, expected):
    assert noun_phrase(*noun).de[case] == expected


@pytest.mark.parametrize(
    "noun, in_english, in_japanese",
    [
        (("egg", "a", ""), "an egg", "卵"),
        (("email", "a", "interesting"), "an interesting email", "面白いメール"),
        (("dog", "three", ""), "three dogs", "三匹の犬"),
        (("book", "two", "old"), "two old books", "二冊の古い本"),
        (("student", "five", ""), "five students", "五人の学生"),
        (("child", "the+", ""), "the children", "子どもたち"),
        (("woman", "these", "young"), "these young women", "この若い女の人たち"),
        (("photo", "these", ""), "these photos", "これらの写真"),
        (("mother", "my", ""), "my mother", "母"),
        (("watch", "my", "expensive"), "my expensive watch", "私の高い時計"),
        (("Ken", "", ""), "Ken", "ケンさん"),
    ],
)
def test_numbers_and_counters(noun, in_english, in_japanese):
    phrase = noun_phrase(*noun)
    assert (phrase.en, phrase.ja) == (in_english, in_japanese)


@pytest.mark.parametrize(
    "dictionary, polite, past, negative, progressive",
    [
        ("読む", "読みます", "読んだ", "読まない", "読んでいます"),
        ("書く", "書きます", "書いた", "書かない", "書いています"),
        ("買う", "買います", "買った", "買わない", "買っています"),
        ("探す", "探します", "探した", "探さない", "探しています"),
        ("売る", "売ります", "売った", "売らない", "売っています"),
        ("遊ぶ", "遊びます", "遊んだ", "遊ばない", "遊んでいます"),
        ("食べ・る", "食べます", "食べた", "食べない", "食べています"),
        ("招待する", "招待します", "招待した", "招待しない", "招待しています"),
    ],
)
def test_japanese_verbs(dictionary, polite, past, negative, progressive):
    verb = japanese.verb_form
    assert verb(dictionary, "future", False, False) == polite
    assert verb(dictionary, "past", False, True) == past
    assert verb(dictionary, "habit", True, True) == negative
    assert verb(dictionary, "now", False, False) == progressive
    assert verb(dictionary, "past", True, False) == polite[:-1] + "せんでした"
    assert verb(dictionary, "past", True, True) == negative[:-1] + "かった"
    assert verb(dictionary, "future", False, True) == dictionary.replace("・", "")


TIME = {time.en: time for of_tense in TIMES.values() for time in of_tense}
READ = VERBS["read"]
CALL = VERBS["call"]
HELP = VERBS["help"]
PLAY = VERBS["play with"]
GIVE = VERBS["give"]
KEN = noun_phrase("Ken", "", "")
WE = PRONOUNS["we"]
WHO = PRONOUNS["who"]
BOOK = noun_phrase("book", "a", "")
THIS_BOOK = noun_phrase("book", "this", "")
MOTHER = noun_phrase("mother", "my", "")
TIRED = because(REASONS["!"][0], "he", "past")


@pytest.mark.parametrize(
    "clause, in_english, in_german, in_japanese",
    [
        (
            Clause(READ, "now", False, KEN, BOOK),
            "Ken is reading a book",
            "Ken liest ein Buch",
            "ケンさんは本を読んでいます",
        ),
        (
            Clause(READ, "habit", False, KEN, BOOK, time=TIME["every day"]),
            "Ken reads a book every day",
            "Ken liest jeden Tag ein Buch",
            "ケンさんは毎日、本を読みます",
        ),
        (
            Clause(READ, "past", True, KEN, BOOK, reason=TIRED),
            "Ken did not read a book because he was tired",
            "Ken hat kein Buch gelesen, weil er müde war",
            "ケンさんは疲れていたので、本を読みませんでした",
        ),
        (
            Clause(READ, "past", True, WE, THIS_BOOK, front=TIME["yesterday"]),
            "yesterday we did not read this book",
            "gestern haben wir dieses Buch nicht gelesen",
            "きのう、私たちはこの本を読みませんでした",
        ),
        (
            Clause(CALL, "now", True, KEN, MOTHER, time=TIME["now"]),
            "Ken is not calling my mother now",
            "Ken ruft meine Mutter jetzt nicht an",
            "ケンさんは今、母に電話していません",
        ),
        (
            Clause(CALL, "future", False, WHO, MOTHER, asks=True),
            "who will call my mother",
            "wer wird meine Mutter anrufen",
            "だれが母に電話しますか",
        ),
        (
            Clause(HELP, "past", False, KEN, MOTHER, front=WHERE, asks=True),
            "where did Ken help my mother",
            "wo hat Ken meiner Mutter geholfen",
            "ケンさんはどこで母を手伝いましたか",
        ),
        (
            Clause(PLAY, "future", True, KEN, noun_phrase("dog", "the", "")),
            "Ken will not play with the dog",
            "Ken wird nicht mit dem Hund spielen",
            "ケンさんは犬と遊びません",
        ),
        (
            Clause(GIVE, "past", False, WE, BOOK, noun_phrase("boy", "the", ""), PLACES["park"]),
            "we gave the boy a book in the park",
            "wir haben dem Jungen im Park ein Buch gegeben",
            "私たちは公園で男の子に本をあげました",
        ),
    ],
)
def test_clauses(clause, in_english, in_german, in_japanese):
    assert english.write(clause) == in_english
    assert german.write(clause) == in_german
    assert japanese.write(clause) == in_japanese


def test_subordinate_clauses_are_verb_final_and_plain():
    clause = Clause(CALL, "now", False, KEN, MOTHER)
    assert german.write(clause, subordinate=True) == "Ken meine Mutter anruft"
    assert japanese.write(clause, subordinate=True) == "ケンさんが母に電話している"
    clause = clause._replace(tense="past", negative=True)
    assert german.write(clause, subordinate=True) == "Ken meine Mutter nicht angerufen hat"
    assert japanese.write(clause, subordinate=True) == "ケンさんが母に電話しなかった"
