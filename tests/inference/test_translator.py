"""Lines to translations: scores agree with searches, company changes nothing, errors are clear."""

import re
import types

import numpy as np
import pytest

from nmt.corpora import toy as grammar
from nmt.decoding.beam import beam_search
from nmt.engine.runtime import Engine
from nmt.engine.writer import write
from nmt.errors import UserError
from nmt.inference.load import load
from nmt.inference.scoring import score_ids
from nmt.inference.translator import Translator
from nmt.models.compiled import CompiledModel
from nmt.models.translation import TranslationModel
from nmt.recipe import ModelOptions, Recipe, TokenizerOptions
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import EOS, PAD
from tests.small_models import SMALL, VOCAB, made, sentences

pytestmark = pytest.mark.usefixtures("load_once")


@pytest.mark.parametrize("name", ["lstm", "deep rnn", "transformer"])
def test_scoring_reproduces_what_the_search_found(name):
    """For every finished hypothesis of an n-best list, from the search's reordered states."""
    model = made(name)
    model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, 3.5, 0.0))
    source, _ = sentences(6, seed=2, longest=6)
    found = beam_search(model, source, beam=4, penalty=0.7, nbest=3)
    checked = 0
    for ids, hypotheses in zip(source, found, strict=True):
        finished = [h for h in hypotheses if h.finished]
        checked += len(finished)
        words = [w for w in ids.tolist() if w not in (PAD, EOS)]
        scores = score_ids(model, [[words]] * len(finished), [h.ids for h in finished], 0.7)
        for h, (log_prob, score) in zip(finished, scores, strict=True):
            assert log_prob == pytest.approx(h.log_prob, abs=1e-4)
            assert score == pytest.approx(h.score, abs=1e-4)
    assert checked >= 6, "the search finished too few hypotheses to tell anything"


def test_searches_side_by_side_are_searches_in_turn():
    """Threads share a model's graphs, and trace them: the same translations in the same order."""
    graphs, rng = CompiledModel(made("one-way", cell="rnn")), np.random.default_rng(2)
    lines = [rng.integers(4, VOCAB, n).tolist() for n in rng.integers(1, 9, 16)]
    found = {}
    no_bytes = types.SimpleNamespace(bytes_of_ids={})
    for threads in (3, 1):
        translator = Translator(
            graphs, (no_bytes, no_bytes), Recipe(), threads=threads, hypotheses_per_batch=8
        )
        hypotheses = translator.searcher.search_ids([[ids] for ids in lines], 2, 4, True)
        found[threads] = [
            [(h.ids, round(h.log_prob, 4), h.attention.shape) for h in ranked]
            for ranked in hypotheses
        ]
    assert found[3] == found[1] and len({str(ranked) for ranked in found[1]}) > 10


def test_scores_do_not_depend_on_batches():
    """However many sentences share a batch; threads keep the order."""
    model, rng = made("lstm"), np.random.default_rng(1)
    source, target = (
        [rng.integers(4, VOCAB, n).tolist() for n in rng.integers(0, 8, 14)] for _ in range(2)
    )
    source = [[ids] for ids in source]  # of one preparation
    expected = score_ids(model, source, target, 1.0)
    sizes = []

    def log_probs(source, target):
        sizes.append(len(target))
        return model.log_probs(source, target)

    spy = types.SimpleNamespace(log_probs=log_probs)
    scores = score_ids(spy, source, target, 1.0, threads=2, hypotheses_per_batch=4)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert sum(sizes) == 14 and max(sizes) == 4


def test_company_padding_and_order_change_no_text(tiny_run):
    """Translations and scores of lines alone, together, reversed, and beside much longer ones."""
    translator = load(tiny_run, engine="keras")
    lines = [
        "The boy reads a book.",
        "Anna",
        "Where did the students buy the old camera yesterday?",
        "",
        "Maria says that two cats will drink the milk in the park next week.",
        "He is not calling my mother.",
        "We found a fresh egg.",
        "Peter sold my father the bicycle.",
    ]
    assert len(set(translator.translate(lines))) > 5, (
        "the run translates all alike; the test tells nothing"
    )
    options = {"nbest": 3, "beam": 4}
    together = translator.candidates(lines, **options)
    alone = [translator.candidates([line], **options)[0] for line in lines]
    backwards = translator.candidates(lines[::-1], **options)[::-1]
    among = translator.candidates([" ".join(lines * 2), *lines, *lines], **options)
    for found in (alone, backwards, among[1 : len(lines) + 1]):
        for own, other in zip(together, found, strict=True):
            assert [c.text for c in own] == [c.text for c in other]
            np.testing.assert_allclose(
                [c.log_prob for c in own], [c.log_prob for c in other], atol=1e-4
            )


def test_score_repeats_what_translate_said(tiny_run):
    """Through text and back, where the output has the pieces that the tokenizer would choose."""
    translator = load(tiny_run, engine="keras")
    lines = ["The boy reads a book.", "He is not calling my mother.", "Where are {count} cats?"]
    checked = 0
    for line, (best,) in zip(
        lines, translator.candidates(lines, nbest=1, attention=True), strict=True
    ):
        again = translator.tokenizers[1].encode([best.text])[0]
        if [translator.tokenizers[1].piece(i) for i in again] == best.target_pieces[:-1]:
            checked += 1
            assert translator.score([line], [best.text])[0] == pytest.approx(
                (best.log_prob, best.score), abs=1e-4
            )
    assert checked, "no output can be checked"


def test_white_space_around_a_text_and_capitals_change_no_score(translator):
    lines = ["The boy reads a book.", "Where are {count} cats?"]
    texts = translator.translate(lines)
    expected = translator.score(lines, texts)
    spaced = translator.score([f"  {line}\t" for line in lines], [f"{text} " for text in texts])
    assert spaced == expected
    capitals = [line.upper().replace("{COUNT}", "{count}") for line in lines]
    in_capitals = translator.translate(capitals)
    assert in_capitals == [text.upper().replace("{COUNT}", "{count}") for text in texts]
    found = translator.score(capitals, in_capitals)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    # What the model cannot write is scored as it stands.
    for strange in ("DER \N{SNOWMAN}", "x\ue0b0", "x\x01", "\ufffd"):
        assert np.isfinite(translator.score(capitals[:1], [strange])).all()


# ---- input that is no list of texts


@pytest.fixture(scope="module")
def translator(tiny_run, load_once):
    return load(tiny_run, engine="keras")


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ("a text", TypeError, "list of texts"),
        (b"bytes", TypeError, "list of texts"),
        (["a text", b"bytes"], TypeError, "text 2: a str is needed, not bytes"),
        (["a text", float("nan")], TypeError, "text 2: a str is needed, not float"),
        ([None], TypeError, "text 1"),
        ([1, 2], TypeError, "text 1: a str is needed, not int"),
        (None, TypeError, "list of texts is needed, not NoneType"),
        (5, TypeError, "list of texts is needed, not int"),
        (float("nan"), TypeError, "list of texts is needed, not float"),
        (["a text", "half \ud83d"], UserError, "text 2: its character 6"),
    ],
)
def test_what_is_no_list_of_texts_is_told_in_one_line(translator, lines, error, words):
    calls = (
        lambda: translator.translate(lines),
        lambda: translator.candidates(lines, nbest=2),
        lambda: translator.score(lines, ["x"] * 2),
        lambda: translator.score(["x"] * 2, lines),
    )
    for call in calls:
        with pytest.raises(error, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [0, -1, 101, 10**9, True, 1.5, float("nan"), "5"])
@pytest.mark.parametrize("name", ["beam", "nbest"])
def test_numbers_out_of_bounds_are_told(translator, name, number):
    with pytest.raises(UserError, match=rf"^{name}=.*: a whole number from 1 to 100 is needed$"):
        translator.candidates(["a text"], **{name: number})


def test_numbers_of_numpy_are_numbers(translator):
    expected = translator.translate(["a text"], beam=2)
    assert translator.translate(["a text"], beam=np.int64(2)) == expected


def test_sources_and_targets_pair_up(translator):
    with pytest.raises(UserError, match="2 sources, but 1 targets"):
        translator.score(["a", "b"], ["a"])


def test_any_iterable_of_texts_will_do(translator):
    lines = ["The boy reads a book.", "  ", "Anna"]
    expected = translator.translate(lines)
    assert translator.translate(tuple(lines)) == translator.translate(iter(lines)) == expected
    assert expected[1] == "  " and translator.translate([]) == []


# ---- long lines


def test_a_long_line_is_split_and_says_so(translator):
    sentences = ["The boy reads a book.", "Maria buys two cats."] * 20
    short, (best, *_) = translator.candidates([sentences[0], " ".join(sentences)], beam=1)
    assert short[0].warnings == []
    assert best.warnings == ["long, translated in parts"]
    assert best.attention is None and best.log_prob < short[0].log_prob


def test_output_is_whole_characters_whatever_the_model_says(tmp_path):
    """Models with random weights that love bytes, under Keras and ONNX Runtime."""
    lines = [side for pair in grammar.generate("en-de", "train", 40) for side in pair]
    tokenizer = Tokenizer.train(lines, TokenizerOptions(vocab_size=360))
    rng = np.random.default_rng(5)
    options = ModelOptions(**SMALL, tie="all", cell="rnn", bidirectional=False)  # traced fast
    model = TranslationModel(options, *[tokenizer.size] * 2, seed=3)
    for variable in model.trainable_variables:
        variable.assign(variable.value * 6)
    bytes_alone = np.isin(np.arange(tokenizer.size), [*tokenizer.bytes_of_ids])
    noise = rng.normal(size=tokenizer.size)
    model.output_bias.assign(noise + 3 * bytes_alone - 2 * (np.arange(tokenizer.size) == EOS))
    write(model, "float32", tmp_path)
    lines = lines[:12]
    for beam in (1, 3):
        texts = []
        broken = 0
        for search in (model.compiled_model(), Engine(tmp_path.joinpath)):
            translator = Translator(search, (tokenizer, tokenizer), Recipe())
            texts.append(translator.translate(lines, beam=beam))
            found = translator.searcher.search_ids(
                [[ids] for ids in tokenizer.encode(lines)], beam=beam
            )
            for (hypothesis,) in found:
                # Written as SentencePiece itself writes it, broken characters included.
                written = tokenizer.processor.decode(hypothesis.ids)
                if hypothesis.finished:
                    assert written == tokenizer.decode(hypothesis.ids)
                assert "\ufffd" not in written.rstrip("\ufffd")
            translator.searcher.characters = None
            anyhow = translator.searcher.search_ids(
                [[ids] for ids in tokenizer.encode(lines)], beam=beam
            )
            broken += sum("\ufffd" in tokenizer.processor.decode(h.ids) for (h,) in anyhow)
        assert texts[0] == texts[1] and len(set(texts[0])) > 3
        assert "\ufffd" not in "".join(texts[0])
        assert any(ord(character) > 0x250 for character in "".join(texts[0]))
        assert broken > 20


DECORATED = [
    "{text} 😀",
    "😀 {text}",
    "{text} (5 €)",
    "<0>{text}</0>",
    "**{text}** [X5X]",
    "{text} — 192.168.178.21",
    "✓ {text}",
    "{text} https://example.org/a_b?c=1",
    "{text} Привет",
]


@pytest.mark.parametrize("decoration", DECORATED)
def test_what_is_copied_is_in_every_translation(translator, decoration):
    for text in ("The boy reads a book.", "Anna", "Where are the cats?"):
        for best in translator.candidates([decoration.format(text=text)], nbest=3, beam=3)[0]:
            for part in decoration.replace("{text}", " ").split():
                assert best.text.count(part.strip("()")) == decoration.count(part)
            assert "\ufffd" not in best.text


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("The boy reads.\n  Anna sleeps.\r\n", r".+\n  .+\r\n"),
        ("{n, plural, one {The boy} other {The boys}}", r"\{n, plural, one \{.*\} other \{.*\}\}"),
        ("😀\n(1)", r"😀\n\(1\)"),
    ],
)
def test_the_form_of_a_text_stays(translator, text, pattern):
    (translation,) = translator.translate([text])
    assert re.fullmatch(pattern, translation)


def test_capitals_come_out_in_capitals(translator):
    ordinary, upper = translator.translate(["The boy reads a book.", "THE BOY READS A BOOK."])
    assert upper == ordinary.upper() != ordinary


def test_tags_change_no_translation(translator):
    plain, tagged = translator.translate(["The boy reads a book.", "The <b>boy</b> reads a book."])
    assert tagged.count("<b>") == tagged.count("</b>") == 1
    assert tagged.index("<b>") < tagged.index("</b>")
    assert re.sub("</?b>", "", tagged) == plain
