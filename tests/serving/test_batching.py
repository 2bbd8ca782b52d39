"""Lines of many clients: each has its own translation, and nobody holds up the others."""

import random
import threading
import types
from concurrent.futures import CancelledError

import pytest

from nmt.inference.load import load
from nmt.inference.translation import Translation
from nmt.serving.batching import CHARACTERS, SEGMENTS, Batcher, BusyError
from nmt.serving.details import Begun, NextWord, NextWords
from tests.serving.clients import Shouter, wait_until


@pytest.fixture
def batcher():
    batcher = Batcher(1, limit=100)
    yield batcher
    batcher.close(1)


def test_answers_are_those_of_each_text_alone(tiny_run):
    """In whatever company, with an engine."""
    pytest.importorskip("onnxruntime")
    translator = load(tiny_run, "onnx", threads=1)
    rng = random.Random(1)
    words = ["the", "a", "boy", "girl", "reads", "sees", "book", "house", "{name}", "not", "and"]
    texts = [" ".join(rng.choices(words, k=rng.randrange(1, 20))) for _ in range(40)]
    # Some are several segments.
    texts += [" . ".join(rng.choices(texts, k=6)) for _ in range(10)]
    alone = {text: translator.candidates([text], 2)[0] for text in texts}
    batcher = Batcher(2)
    futures = []

    def client(seed):
        own = random.Random(seed).sample(texts, 10)
        ready = translator.ready(own)
        futures.append((own, ready, batcher.submit(translator, ready.segments, 2)))

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(8)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert any(len(ready.segments) > len(own) for own, ready, _ in futures)
    for own, ready, future in futures:
        for text, candidates in zip(own, ready.joined(future.result(30)), strict=True):
            assert [c.text for c in candidates] == [c.text for c in alone[text]]
            assert candidates[0].score == alone[text][0].score
    batcher.close(1)


def test_what_waits_is_taken_together(batcher):
    """By one worker at most so many segments, of all clients in turn, of one kind only."""
    slow, other = Shouter(), Shouter()
    slow.gate.clear()
    first = batcher.submit(slow, ["first"])
    wait_until(lambda: slow.batches)
    long = batcher.submit(slow, [f"line {n}" for n in range(20)])
    short = batcher.submit(slow, ["short"])
    elsewhere = batcher.submit(other, ["elsewhere"])
    more = batcher.submit(slow, ["short"], 2)
    assert batcher.waiting == 23
    slow.gate.set()
    for future in (first, long, short, elsewhere, more):
        future.result(10)
    assert batcher.waiting == 0
    assert [len(batch) for batch in slow.batches] == [1, SEGMENTS, 1, 5]
    assert slow.batches[1][:3] == ["line 0", "short", "line 1"]
    assert other.batches == [["elsewhere"]]


def test_candidates_and_next_words_of_one_prefix_are_not_searched_together(batcher):
    class Begins(Shouter):
        def candidates(self, lines, nbest=1, prefixes=(), **_):
            return [[Translation(prefix)] for prefix in prefixes]

        def alternatives(self, line, prefix, limit):
            return [types.SimpleNamespace(text=" next", probability=0.5)]

    translator = Begins()
    translator.gate.clear()
    batcher.submit(translator, ["first"])
    wait_until(lambda: translator.batches)
    begun = batcher.submit(Begun(translator, ("so",), False), ["line"])
    following = batcher.submit(NextWords(translator, "so"), ["line"])
    translator.gate.set()
    assert begun.result(10) == [[Translation("so")]]
    assert following.result(10) == [[NextWord("so next", "next", 0.5)]]


def test_a_short_one_does_not_wait_for_many_long_ones(batcher):
    slow = Shouter()
    slow.gate.clear()
    first = batcher.submit(slow, ["first"])
    wait_until(lambda: slow.batches)
    long = batcher.submit(slow, ["long " * 100] * 20)
    short = batcher.submit(slow, ["short"])
    slow.gate.set()
    assert short.result(10) and first.result(10) and len(long.result(10)) == 20
    assert "short" in slow.batches[1]
    longest = max(sum(map(len, batch)) for batch in slow.batches)
    assert CHARACTERS <= longest <= CHARACTERS + 500


def test_idle_workers_share_what_waits():
    batcher = Batcher(2)

    def sizes():
        translator = Shouter()
        translator.gate.clear()
        future = batcher.submit(translator, ["a", "b", "c", "d"])
        wait_until(lambda: sum(map(len, translator.batches)) == 4)
        translator.gate.set()
        assert [best.text for best, *_ in future.result(10)] == ["A", "B", "C", "D"]
        return [len(batch) for batch in translator.batches]

    # A worker is idle when it has begun to wait.
    wait_until(lambda: sizes() == [2, 2])
    batcher.close(1)


def test_cancelled_work_is_dropped(batcher):
    translator = Shouter()
    translator.gate.clear()
    running = batcher.submit(translator, ["running"])
    wait_until(lambda: translator.batches)
    left = batcher.submit(translator, ["left"] * 50)
    stays = batcher.submit(translator, ["stays"])
    left.cancel()
    running.cancel()
    assert batcher.waiting == 1
    translator.gate.set()
    assert stays.result(10)[0][0].text == "STAYS"
    assert translator.batches == [["running"], ["stays"]]


def test_too_much_is_refused_until_there_is_room(batcher):
    translator = Shouter()
    translator.gate.clear()
    running = batcher.submit(translator, ["running"])
    wait_until(lambda: translator.batches)
    # More than the limit, but nothing waits: a large request must not be refused for ever.
    large = batcher.submit(translator, ["large"] * 150)
    with pytest.raises(BusyError):
        batcher.submit(translator, ["one more"])
    translator.gate.set()
    large.result(10)
    assert running.result(10) and batcher.submit(translator, ["one more"]).result(10)


def test_one_that_fails_does_not_take_others_with_it(batcher):
    translator = Shouter()
    translator.gate.clear()
    first = batcher.submit(translator, ["first"])
    wait_until(lambda: translator.batches)
    bad = batcher.submit(translator, ["well", "poison", "poison"])
    good = batcher.submit(translator, ["good"])
    translator.gate.set()
    with pytest.raises(RuntimeError):
        bad.result(10)
    assert good.result(10)[0][0].text == "GOOD" and first.result(10)
    assert batcher.submit(translator, ["after"]).result(10)[0][0].text == "AFTER"


def test_the_end_waits_for_what_was_taken():
    translator = Shouter()
    batcher = Batcher(2)
    futures = [batcher.submit(translator, [f"text {n}"] * 30) for n in range(5)]
    batcher.close(10)
    assert all(future.done() and future.result() for future in futures)
    with pytest.raises(BusyError):
        batcher.submit(translator, ["too late"])
    assert batcher.submit(translator, []).result(1) == []


def test_the_end_does_not_wait_for_ever():
    translator = Shouter()
    translator.gate.clear()
    batcher = Batcher(1)
    batcher.submit(translator, ["running"])
    wait_until(lambda: translator.batches)
    waiting = batcher.submit(translator, ["waiting"])
    batcher.close(0.05)
    with pytest.raises(CancelledError):
        waiting.result(1)
    translator.gate.set()
