"""`nmt.load`: options of the search, and what cannot be loaded."""

import copy
import dataclasses
import inspect
import multiprocessing
import pickle
import random

import numpy as np
import pytest

import nmt
from nmt.errors import UserError
from nmt.inference.load import load_generator
from nmt.inference.translator import Translator
from nmt.recipe import SearchOptions
from nmt.runs.folder import Run

LINES = ["The boy reads a book.", "Where did the students buy the old camera yesterday?"]

pytestmark = pytest.mark.usefixtures("load_once")


def test_options_of_the_search_replace_those_of_the_recipe(tiny_run):
    default = nmt.load(tiny_run)
    changed = nmt.load(tiny_run, beam=1, length_penalty=0.5)
    assert changed.recipe.search.beam == 1 and changed.recipe.search.length_penalty == 0.5
    assert changed.translate(LINES) == default.translate(LINES, beam=1)


def test_random_numbers_go_on_as_if_no_model_had_been_loaded(tiny_run):
    def numbers(between):
        random.seed(7)
        np.random.seed(7)
        between()
        return random.random(), np.random.random()

    assert numbers(Run(tiny_run).load_model) == numbers(lambda: None)


def test_batches_and_threads_change_no_text(tiny_run):
    expected = nmt.load(tiny_run, threads=1).translate(LINES * 5)
    for options in ({"hypotheses_per_batch": 1}, {"hypotheses_per_batch": 7, "threads": 2}):
        assert nmt.load(tiny_run, **options).translate(LINES * 5) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beam": 0}, "search.beam"),
        ({"beam": 10**9}, "search.beam=1000000000: at most 100"),
        ({"beam": True}, "search.beam='True': a whole number"),
        ({"beam": 1.5}, "search.beam='1.5': a whole number"),
        ({"threads": -3}, "threads=-3: a whole number from 0"),
        ({"threads": True}, "threads=True: a whole number from 0"),
        ({"engine": "tensorrt"}, "engine='tensorrt': choose from auto, onnx, keras"),
        ({"length_penalty": "much"}, "search.length_penalty"),
        ({"hypotheses_per_batch": 0}, "hypotheses_per_batch=0: a whole number from 1"),
        ({"lm_weight": 0.3}, "it needs search.lm"),
    ],
)
def test_wrong_options_are_told(tiny_run, options, words):
    with pytest.raises(UserError, match=words):
        nmt.load(tiny_run, **options)


def test_the_signature_names_every_option_of_the_search():
    parameters = inspect.signature(nmt.load).parameters
    search = {field.name for field in dataclasses.fields(SearchOptions)}
    assert search | {"engine", "threads", "hypotheses_per_batch"} < parameters.keys()
    for name in search:
        assert name in nmt.load.__doc__
    with pytest.raises(TypeError, match="beams"):
        nmt.load("no", beams=3)


def test_a_translator_is_pickled_and_copied_by_what_it_was_loaded_from(
    tiny_run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tiny_run.parent)
    translator = nmt.load(tiny_run.name, threads=2, beam=2, length_penalty=0.5)
    assert repr(translator) == f"<Translator: {tiny_run.name}, onnx, 2 threads>"
    expected = translator.translate(LINES)
    pickled = pickle.dumps(translator)
    assert len(pickled) < 1000
    monkeypatch.chdir(tmp_path)  # another process may work elsewhere
    for again in (pickle.loads(pickled), copy.copy(translator), copy.deepcopy(translator)):
        assert again is not translator and again.translate(LINES) == expected
        assert again.recipe.search == translator.recipe.search
        assert again.threads == translator.threads


def test_an_ensemble_and_a_generator_are_pickled_too(tiny_run, language_run):
    ensemble = nmt.load(f"{tiny_run},{tiny_run}", engine="keras", threads=1)
    assert "keras, 1 threads" in repr(ensemble)
    again = pickle.loads(pickle.dumps(ensemble))
    assert again.translate(LINES[:1]) == ensemble.translate(LINES[:1])
    generator = load_generator(language_run, threads=1)
    assert repr(generator) == f"<TextGenerator: {language_run}, keras, 1 threads>"
    assert pickle.loads(pickle.dumps(generator)).generate("Der") == generator.generate("Der")


def test_what_was_not_loaded_cannot_be_pickled(tiny_run):
    loaded = nmt.load(tiny_run)
    made = Translator(loaded.model, loaded.tokenizers, loaded.recipe)
    with pytest.raises(TypeError, match=r"nmt\.load makes one that can"):
        pickle.dumps(made)


def test_another_process_may_have_it(tiny_run):
    """Started anew, as multiprocessing does it on most systems."""
    translator = nmt.load(tiny_run, threads=1)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(translator.translate, (LINES,)) == translator.translate(LINES)
