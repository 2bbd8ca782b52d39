"""Text as it arrives; streams equal batches; the command."""

import dataclasses
import io
import itertools
import os
import random
import select
import sys
import threading

import numpy as np
import pytest

from nmt.__main__ import main
from nmt.corpora import toy as grammar
from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.recipe import TokenizerOptions, dump_recipe, load_recipe
from nmt.runs.folder import Run
from nmt.simultaneous import lagging
from nmt.simultaneous.model import WaitKSearch
from nmt.simultaneous.policy import WordStarts
from nmt.simultaneous.stream import ArrivingLines, ArrivingSource, TargetText
from nmt.text.normalise import normalise
from nmt.text.preparation import Preparation
from nmt.text.spans import find_spans
from nmt.text.symbols import SYMBOLS, ArrivingSpans, SlottedLine, slotted
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import PAD
from nmt.training.train import train
from tests.fakes import messages

LINES = [source for source, _ in grammar.generate("de-en", "test", 14)]


def streamed(translator, lines):
    data = iter(["\n".join(lines).encode()])
    return ["".join(translator.translate(line)) for line in ArrivingLines(lambda: next(data, b""))]


def test_streams_equal_batches(wait_k_run, model, streaming, masked):
    """Word by word through a memory that grows, against all lines at once behind a mask."""
    lines = [*LINES[:6], "  Anna schläft. ", "Anna liest.", "Hund"]
    ordinary = Translator(
        model.compiled_model(), wait_k_run.tokenizers, wait_k_run.recipe
    ).translate(lines, beam=1)
    for wait in (1, 3, 50):
        found = streamed(streaming(wait), lines)
        assert found == masked(wait).translate(lines, beam=1) and len(set(found)) > 6
        assert (found == ordinary) == (wait == 50)
    encode_more = streaming(1).model.functions["encode_more"]
    assert encode_more.experimental_get_tracing_count() == 1


def test_streams_equal_batches_where_a_piece_is_a_word(wait_k_run, model, streaming, monkeypatch):
    """As for Japanese: pieces of the target are complete at once,
    so that more of the source is read sooner.
    """
    data = dataclasses.replace(wait_k_run.recipe.data, target="ja")
    translator, word_starts = streaming(1), WordStarts.of(wait_k_run.tokenizers, data)
    spaced = streamed(translator, LINES[:5])
    monkeypatch.setattr(model, "word_starts", word_starts)
    monkeypatch.setattr(translator, "word_starts", word_starts)
    batch = Translator(WaitKSearch(model, 1), wait_k_run.tokenizers, wait_k_run.recipe)
    assert spaced != streamed(translator, LINES[:5]) == batch.translate(LINES[:5], beam=1)


def test_what_asks_for_a_language_stands_before_the_words(
    wait_k_run, model, streaming, masked, monkeypatch
):
    starts = WordStarts.of(wait_k_run.tokenizers, wait_k_run.recipe.data).source
    control = int(np.flatnonzero(starts == 0)[-1])
    plain = streamed(streaming(2), LINES[:5])
    monkeypatch.setattr(Preparation, "controls", property(lambda self: [control]))
    found = streamed(streaming(2), LINES[:5])
    assert plain != found == masked(2).translate(LINES[:5], beam=1)


def test_full_is_ordinary_translation_line_by_line(wait_k_run, model, streaming):
    lines = [*LINES[:4], "", "  \t", " {name}  ist\u00a0da. ", "犬", "\u200b", LINES[4] * 9]
    ordinary = Translator(
        model.compiled_model(), wait_k_run.tokenizers, wait_k_run.recipe
    ).translate(lines, beam=1)
    with messages() as warnings:
        assert streamed(streaming(0), lines) == ordinary
    assert sum("translated in parts" in line for line in warnings) == 1


def test_blank_lines_and_odd_text_stay_lines(streaming):
    lines = ["", " ", "\t x", "\u200b", "a\u3000b \u00a0", "\ue003 {a}", "<b", "{", "\r", "ä" * 99]
    found = streamed(streaming(2), lines)
    assert len(found) == len(lines) and not any("\n" in line for line in found)
    assert found[0] == "" and found[1] == " " and found[3] == "\u200b"
    assert found[4].endswith(" \u00a0") and found[2].startswith("\t ")


def arriving(translator, chunks):
    return ArrivingSource(chunks, translator.preparation, translator.word_starts)


def test_long_lines_lose_no_word(wait_k_run, streaming):
    """More pieces than training data have: segments of whole words,
    a warning for each but the first.
    """
    line = " ".join(LINES)
    halves = [line[:50], line[50:]]
    translator = streaming(2)
    source = arriving(translator, halves)
    starts, limit = translator.word_starts.source, translator.recipe.data.max_pieces
    ids, segments = [], 0
    while source.begin_segment():
        words = list(iter(source.next_word, []))
        assert sum(map(len, words)) <= limit
        assert all(sum(starts[word]) == 1 and starts[word[0]] for word in words)
        ids, segments = [*ids, *itertools.chain(*words)], segments + 1
    assert ids == [*itertools.chain(*wait_k_run.tokenizers[0].encode(halves))]
    assert source.line == line and segments > 1
    with messages() as warnings:
        (translation,) = streamed(translator, [line])
    assert len(translation.split()) > 20 and len(warnings) == segments - 1


def test_a_placeholder_is_not_named_before_it_has_come(wait_k_run, streaming):
    """The model may choose its symbol earlier; what is on the screen cannot be mended then."""
    translator, tokenizer = streaming(2), wait_k_run.tokenizers[1]
    source = arriving(translator, ["{a} und", " {b}"])
    target = TargetText(source, translator.preparation, translator.word_starts)
    symbol = tokenizer.encode([SYMBOLS[1]])[0][-1]
    first, *more = tokenizer.encode(["Anna sleeps"])[0]
    source.next_word()
    shown = [target.add(first), target.add(symbol)]
    while source.next_word():
        pass
    shown += [*map(target.add, [*more, symbol]), target.finish()]
    assert "".join(shown) == tokenizer.decode([first, *more]) + "{b}"


@pytest.mark.parametrize("seed", range(30))
def test_lines_are_what_was_sent_however_it_comes(seed):
    rng = random.Random(seed)
    parts = [*"a  \t\nä犬😀<{\r\u00a0\u2028", "{x y}", "<a b>", "\r\n"]
    sent = "".join(rng.choices(parts, k=60))
    data, pieces = sent.encode(), []
    while data:
        size = rng.randrange(1, 6)
        pieces.append(data[:size])
        data = data[size:]
    found = [list(line) for line in ArrivingLines(iter([*pieces, b""]).__next__)]
    expected = [line.removesuffix("\r") for line in sent.removesuffix("\n").split("\n")]
    assert ["".join(line) for line in found] == expected
    for line, chunks in zip(expected, found, strict=True):
        arriving = ArrivingSpans()
        prepared = "".join(
            arriving.with_symbols(slotted(chunk, find_spans(chunk))) for chunk in chunks
        )
        assert SlottedLine("").filled(prepared, arriving.names) == line
    whole = [list(line) for line in ArrivingLines(iter([*pieces, b""]).__next__, whole_lines=True)]
    assert whole == [[line] for line in expected]


def test_chunks_are_words():
    data = iter([b" the dog <a href='x", b" y'>sees</a> {count", b"} c", b"ats \nnow", b""])
    lines = ArrivingLines(data.__next__)
    found = [list(line) for line in lines]
    assert found == [[" the", " dog", " <a href='x y'>sees</a>", " {count}", " cats", " "], ["now"]]


@pytest.mark.parametrize("data", [b"a \xff b\n", b"ok\nx \xe4\n", b"ok\nx \xe4"])
def test_text_that_is_not_utf8(data):
    pieces = iter([data, b""])
    with pytest.raises(UserError, match=f"input line {1 + data.count(b'ok')}: not valid UTF-8"):
        for line in ArrivingLines(pieces.__next__):
            list(line)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_words_have_the_pieces_they_have_in_their_line(kind):
    """What streams feed word by word is what training has seen."""
    lines = [source for source, _ in grammar.generate("de-en", "train", 300)]
    tokenizer = Tokenizer.train(
        lines, TokenizerOptions(kind=kind, vocab_size=400, byte_fallback=kind == "bpe")
    )
    for line in [*lines, "Ein  Haus\u00a0am See, \ue000 und x\u3000y: 10\u2009km ﬁn …"]:
        (words,) = (list(one) for one in ArrivingLines(iter([line.encode(), b""]).__next__))
        forms = [normalise(word).strip() for word in words]
        (ids,) = tokenizer.encode([normalise(line)])
        assert [*itertools.chain(*tokenizer.encode(forms))] == ids


def test_words_come_out_before_the_line_is_complete(wait_k_run, streaming, masked, monkeypatch):
    """Through pipes: after each word that arrives, all that the policy allows is there,
    and no more is needed.
    """
    import nmt.simultaneous.stream

    monkeypatch.setattr(nmt.simultaneous.stream, "load", lambda *_: streaming(2))
    line = next(line for line in LINES if len(line.split()) > 8)
    ((best,),) = masked(2).candidates([line], beam=1, attention=True)
    read, _ = lagging.words_read(best, (False, False))
    (source, feed), (drain, sink) = os.pipe(), os.pipe()
    streams = sys.stdin, sys.stdout
    status = []
    with (
        os.fdopen(source) as stdin,
        os.fdopen(sink, "w") as stdout,
        os.fdopen(feed, "wb", 0) as words,
    ):
        sys.stdin, sys.stdout = stdin, stdout
        try:
            command = ["translate", str(wait_k_run.path), "--stream", "--wait", "2"]
            thread = threading.Thread(target=lambda: status.append(main(command)), daemon=True)
            thread.start()
            out, grew = "", 0
            for n, word in enumerate(line.split()[:-1], 1):
                words.write(f"{word} ".encode())
                due = sum(g <= n for g in read)
                while len(out.split()) < due:
                    assert select.select([drain], [], [], 60)[0], (
                        f"{due} words are due after {n}, there is {out!r}"
                    )
                    out += os.read(drain, 1000).decode()
                assert best.text.startswith(out) and len(out.split()) == due
                grew += due > 0
            assert grew > 3 and "\n" not in out
            words.write(f"{line.split()[-1]}\n".encode())
            words.close()
            thread.join(60)
        finally:
            sys.stdin, sys.stdout = streams
    with os.fdopen(drain) as rest:
        assert out + rest.read() == best.text + "\n"
    assert status == [0]


def test_without_input_there_is_no_output(wait_k_run, streaming, monkeypatch, capsys):
    import nmt.simultaneous.stream

    monkeypatch.setattr(nmt.simultaneous.stream, "load", lambda *_: streaming(2))
    for stdin in (None, io.TextIOWrapper(io.BytesIO(b""))):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["translate", str(wait_k_run.path), "--stream", "--wait", "2"]) == 0
        assert capsys.readouterr().out == ""


REFUSED = {
    "both ways": (
        ["translate", "RUN", "--stream", "--wait", "3"],
        "model.bidirectional=false is needed",
    ),
    "both ways, whole lines": (
        ["translate", "RUN", "--stream"],
        "model.bidirectional=false is needed",
    ),
    "an ensemble": (["translate", "a,b", "--stream"], "a,b: no such run folder"),
    "a language model": (
        ["translate", "RUN", "--stream", "--lm", "lm"],
        "--lm has no effect with --stream",
    ),
    "evaluated": (["evaluate", "RUN", "--wait", "3"], "model.bidirectional=false is needed"),
    "beam": (
        ["translate", "RUN", "--stream", "--beam", "5"],
        "--beam has no effect with --stream",
    ),
    "text": (["translate", "RUN", "--stream", "text"], "too much: text"),
    "window": (
        ["translate", "RUN", "--stream", "--window", "2"],
        "--window has no effect with --stream",
    ),
    "engine": (
        ["translate", "RUN", "--stream", "--engine", "onnx"],
        "--engine has no effect with --stream",
    ),
    "no stream": (["translate", "RUN", "--wait", "full"], "it needs --stream"),
    "no wait": (["evaluate", "RUN", "--plot", "x.png"], "it needs --wait"),
    "beam, evaluated": (
        ["evaluate", "RUN", "--wait", "3", "--beam", "2"],
        "--beam has no effect with --wait",
    ),
}


@pytest.fixture
def both_ways(tmp_path):
    """A run folder as far as refusals look into it."""
    run = Run(tmp_path / "run")
    run.update(weights="none", source="en", target="de")
    (run.path / "recipe.toml").write_text(
        dump_recipe(load_recipe(None, ["data.format=grammar"])), encoding="utf-8"
    )
    return run.path


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(both_ways, capsys, case):
    arguments, message = REFUSED[case]
    try:
        status = main([str(both_ways) if one == "RUN" else one for one in arguments])
    except SystemExit as stop:  # the flag is unknown
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("wait", ["0", "x", "1,2", "-1"])
def test_a_wait_is_a_number_or_full(capsys, wait):
    with pytest.raises(SystemExit) as stop:
        main(["translate", "run", "--stream", f"--wait={wait}"])
    assert stop.value.code == 2 and "--wait" in capsys.readouterr().err


def test_recipes_that_cannot_wait(both_ways):
    one_way = ["data.format=grammar", "model.bidirectional=false"]
    for typed, message in (
        (["train.wait_to=3"], "it needs train.wait>0"),
        (["train.wait=3", "train.wait_to=2"], "train.wait_to=2 is below"),
    ):
        with pytest.raises(UserError, match=message):
            load_recipe(None, [*one_way, *typed])
    recipe = load_recipe(None, ["data.format=grammar", "train.wait=3", f"train.from={both_ways}"])
    with pytest.raises(UserError, match="bidirectional=false is needed"):
        train(recipe, both_ways.parent / "no")
    assert not (both_ways.parent / "no").exists()


def test_the_run_remembers_how_it_waits(wait_k_run):
    recipe = Run(wait_k_run.path).recipe
    assert (recipe.train.wait, recipe.train.wait_to) == (1, 6)
    assert PAD == 0 and wait_k_run.exported() is not None, (
        "an online model is an ordinary one as well"
    )


def test_a_placeholder_that_the_model_leaves_out_comes_last(streaming):
    translator = streaming(2)
    names = ["{first_name}", "https://e.org/x", "{b}"]
    line = f"Anna {names[0]} schläft {names[1]} und {names[2]} {names[0]}"
    with messages() as warnings:
        (text,) = streamed(translator, [line])
    assert all(name in text for name in names)
    missing = [name for name in names if any(name in warning for warning in warnings)]
    assert text.endswith(" ".join(missing))
    assert all("was missing and comes last" in warning for warning in warnings)
