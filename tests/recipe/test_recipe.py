"""Recipes: one place for every option, all mistakes at once, paths that mean what they say."""

import dataclasses
import math
import tomllib
from pathlib import Path

import pytest

from nmt.errors import UserError
from nmt.recipe import (
    Recipe,
    all_options,
    checks,
    describe_options,
    differences,
    dump_recipe,
    load_recipe,
)
from tests.fakes import messages

RECIPES = sorted((Path(__file__).parents[2] / "data").glob("*.toml"))
GRAMMAR = "data.format=grammar"
LANGUAGE = ["data.format=text", "data.train=t.txt", "model.architecture=language_model"]


def recipe(tmp_path, text, name="own.toml"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path=None, typed=()):
    """The lines of the error."""
    with pytest.raises(UserError) as caught:
        load_recipe(path, typed)
    return str(caught.value)


def other(field, value):
    """Another value the option may have."""
    meta = field.metadata
    if meta["choices"]:
        return next(choice for choice in meta["choices"] if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return 'a "b" \\ c # {lang} ä 犬 \t'
    if isinstance(value, dict):
        return {"a b.gz": "0" * 64, 'q"': "\\"}
    step = 1 if isinstance(value, int) else 0.001
    return value + step if meta["high"] is None or value + step <= meta["high"] else value - step


def changed():
    """A Config in which no option has its default."""
    out = Recipe()
    for _, field, part in all_options(out):
        setattr(part, field.name, other(field, getattr(part, field.name)))
    return out


def test_every_option_says_what_it_does_and_starts_within_its_bounds():
    for name, field, part in all_options(Recipe()):
        meta, value = field.metadata, getattr(part, field.name)
        assert meta["doc"] and "\n" not in meta["doc"], name
        assert not meta["choices"] or value in meta["choices"], name
        assert meta["low"] is None or value >= meta["low"], name
        assert meta["high"] is None or value <= meta["high"], name
    assert {name for name, _, _ in all_options(Recipe())} > checks.RUN_MAY_DIFFER


@pytest.mark.parametrize("make", [Recipe, changed])
def test_a_dumped_recipe_is_read_back_as_it_was(tmp_path, make):
    before = make()
    if make is Recipe:
        before.data.format = "grammar"  # the default needs data.train
    text = dump_recipe(before)
    flat = {
        f"{head}.{key}": value
        for head, table in tomllib.loads(text).items()
        for key, value in table.items()
    }
    assert flat == {name: getattr(part, field.name) for name, field, part in all_options(before)}
    before.data.format = (
        "grammar"  # what is no path is not resolved, what has no effect is no mistake here
    )
    before.data.source, before.data.target, before.tokenizer.joint = "en", "de", True
    before.data.train = before.data.valid = before.data.test = ""
    before.train.from_ = before.tokenizer.from_ = ""
    before.search.lm = before.search.reverse = ""
    before.data.splits, before.data.tag = "all", ""
    before.model.embedding, before.train.wait = 2 * before.model.heads, 0
    assert load_recipe(recipe(tmp_path, dump_recipe(before))) == before


MORE = """
[data]
source = "en"
target = "sv"
train = "a.{lang}"
test = "t.{lang}"
max_chars = 77
checksums = {"a.sv" = "00"}

[[data.more]]
target = "nb"
weight = 2

[[data.more]]
format = "tsv"
train = "made.tsv"
tag = "bt"
splits = "train"
"""


def test_a_further_corpus_has_the_options_of_the_first_one_where_it_names_no_other(tmp_path):
    whole = load_recipe(recipe(tmp_path, MORE))
    first, second, third = whole.data.corpora()
    assert second == dataclasses.replace(first, target="nb", weight=2.0, more=[])
    assert (third.source, third.target, third.max_chars) == ("en", "sv", 77)
    assert third.train == str(tmp_path / "made.tsv")
    assert not third.test and not third.checksums  # another place has other files
    assert whole.data.targets() == ["sv", "nb"]
    controls = [whole.first(number).data.controls() for number in range(3)]
    assert controls == [["<2sv>"], ["<2nb>"], ["<2sv>", "<bt>"]]
    assert whole.data.needed_controls() == ["<2sv>", "<2nb>", "<bt>"]
    whole.data.more.pop(0)
    assert whole.data.needed_controls() == ["<bt>"]
    whole.data.more.insert(0, second)
    labels = [whole.data.label(number) for number in range(3)]
    assert labels == ["en-sv", "en-nb", "en-sv made.tsv"]
    assert whole.into("nb").data.source == "en" and whole.into("nb").data.target == "nb"
    # What is translated into is a measured corpus, and has no tag.
    whole.data.more.reverse()
    assert whole.number_into("sv") == 0 and whole.into("nb").data.controls() == ["<2nb>"]
    alone = dataclasses.replace(whole, data=whole.data.more[0])
    assert alone.data.controls() == ["<2sv>", "<bt>"]
    assert alone.into("sv").data.controls() == ["<2sv>"]
    whole.data.more.reverse()
    with pytest.raises(UserError, match="into 'da' it does not translate; languages: sv, nb"):
        whole.into("da")
    assert load_recipe(recipe(tmp_path, dump_recipe(whole), "dumped/own.toml")) == whole
    moved = load_recipe(recipe(tmp_path, MORE, "moved/own.toml"))
    assert differences(whole, moved) == []
    moved.data.more[0].weight = 3.0
    assert differences(whole, moved) == ["the corpora of [[data.more]]"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('tag = "bt"', 'tga = "bt"', "[[data.more]] 2: unknown option data.tga, did you mean"),
        ('splits = "train"', "", "[[data.more]] 2: data.tag needs data.splits=train"),
        ("weight = 2", "max_pieces = 50", "data.max_pieces is that of [data]"),
        ('"bt"', '"unk"', "[[data.more]] 2: data.tag='unk'"),
        ('"bt"', '"b t"', "[[data.more]] 2: data.tag='b t'"),
        ("weight = 2", "weight = 0", "[[data.more]] 1: data.weight=0.0: at least 0.01"),
        ("weight = 2", 'source = "nb"', "[[data.more]] 1: data.source and data.target are both"),
        ("weight = 2", "temperature = 3.0", "[[data.more]] 1: data.temperature"),
        ("max_chars = 77", 'tag = "x"', "data.tag is for further corpora"),
        ("weight = 2", 'preprocess = "tokens"', "data.preprocess is that of [data]"),
        ("weight = 2", 'splits = "train"', "goes without data.valid and data.test"),
    ],
)
def test_mistakes_in_a_further_corpus(tmp_path, old, new, expected):
    assert expected in mistakes(recipe(tmp_path, MORE.replace(old, new)))


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "\a", "\x7f", "a\\nb", '"""', "\u2028", "é"])
def test_any_text_survives_a_dump(tmp_path, value):
    before = Recipe()
    before.data.format, before.data.folder = "grammar", value
    assert load_recipe(recipe(tmp_path, dump_recipe(before))) == before


def test_all_mistakes_are_reported_at_once(tmp_path):
    path = recipe(
        tmp_path,
        """
        stray = 1
        [data]
        format = "grammer"
        [train]
        epoch = 3
        batch_tokens = "many"
        [search]
        beam = 0
    """,
    )
    text = mistakes(path, ["model.dropout=2", "model.cell", "search.nothing_like_it_at_all=1"])
    assert str(path) in text
    for part in (
        "stray",
        "grammer",
        "did you mean grammar",
        "train.epoch,",
        "did you mean train.epochs",
        "train.batch_tokens",
        "search.beam",
        "model.dropout",
        "'model.cell'",
        "section.key=value",
        "search.nothing_like_it_at_all",
    ):
        assert part in text
    assert len(text.splitlines()) == 1 + 8  # the recipe's name, a line a mistake: nothing follows


# typed, what the error names; None: no mistake
TABLE = [
    ("train.epochs=0", "at least 1"),
    ("train.epochs=1", None),
    ("train.epochs=three", "whole number"),
    ("train.epochs=1.5", "whole number"),
    ("train.epochs=true", "whole number"),
    ("train.epochs=", "whole number"),
    ("train.learning_rate=1", None),
    ("train.learning_rate=1e-3", None),
    ("train.learning_rate=fast", "a number"),
    ("train.learning_rate=nan", "a number"),
    ("train.clip_norm=inf", "a number"),
    ("train.clip_norm=-0.1", "at least 0"),
    ("model.dropout=0.91", "at most 0.9"),
    ("search.beam=101", "at most 100"),
    ("search.beam=100", None),
    ("tokenizer.joint=false", None),
    ("tokenizer.joint=False", None),
    ("tokenizer.joint=no", "true or false"),
    ("tokenizer.joint=1", "true or false"),
    ("model.cell=gru", None),
    ("model.cell=gruu", "did you mean gru?"),
    ("model.cell=quasi", "lstm, gru, rnn"),
    ("data.checksums=x", "table"),
    ("train.metric=bleau", "did you mean bleu?"),
    ("trian.epochs=3", "did you mean train.epochs?"),
    ("epochs=3", "did you mean train.epochs?"),
    ("train.from_=x", "did you mean train.from?"),
    ("train.epochs", "section.key=value"),
    ("data.target=en", "both 'en'"),
]


@pytest.mark.parametrize(("typed", "expected"), TABLE)
def test_types_bounds_and_choices(typed, expected):
    if expected is None:
        value = load_recipe(overrides=[GRAMMAR, typed])
        assert differences(load_recipe(overrides=[GRAMMAR]), value) or "epochs" in typed
        return
    text = mistakes(typed=[GRAMMAR, typed])
    assert expected in text and typed.partition("=")[0] in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        'epochs = "3"',
        "epochs = 3.0",
        "epochs = true",
        "learning_rate = true",
        'learning_rate = "0.1"',
        "optimizer = 1",
        "epochs = [3]",
        "clip_norm = {a = 1}",
        "clip_norm = 1979-05-27",
        "learning_rate = nan",
    ],
)
def test_types_in_a_recipe_are_those_of_toml(tmp_path, line):
    text = mistakes(recipe(tmp_path, f'[data]\nformat = "grammar"\n[train]\n{line}'))
    assert "is needed" in text and line.split()[0] in text


def test_a_whole_number_will_do_for_a_number(tmp_path):
    value = load_recipe(
        recipe(tmp_path, '[data]\nformat = "grammar"\n[train]\nclip_norm = 2')
    ).train.clip_norm
    assert value == 2 and isinstance(value, float)


def test_bounds_are_finite():
    """No option takes infinity: it would spoil arithmetic much later."""
    for name, field, _ in all_options(Recipe()):
        if field.type is float:
            assert name in mistakes(typed=[GRAMMAR, f"{name}={math.inf}"])


def test_an_option_without_effect(tmp_path):
    path = recipe(tmp_path, '[data]\nformat = "grammar"\nname = "x"\n[train]\nweight_decay = 0.5')
    with messages() as notes:  # in the recipe: a note each
        assert load_recipe(path, notes=True).train.weight_decay == 0.5
    assert len(notes) == 2 and all(note.startswith("note: ") and "\n" not in note for note in notes)
    assert any("train.weight_decay" in note and "train.optimizer=adamw" in note for note in notes)
    assert any("data.name" in note for note in notes)
    text = mistakes(typed=[GRAMMAR, "train.weight_decay=0.5"])  # typed: a mistake
    assert "train.weight_decay has no effect" in text and "train.optimizer=adamw" in text
    with messages() as notes:  # typed ones count, in any order
        load_recipe(path, ["train.optimizer=adamw", "data.format=catalogues"], notes=True)
        load_recipe(
            overrides=[GRAMMAR, "train.weight_decay=0.5", "train.optimizer=adamw"], notes=True
        )
    assert notes == []


def test_paths_count_from_the_recipe_or_when_typed_from_the_working_directory(
    tmp_path, monkeypatch
):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    path = recipe(
        there,
        """
        [data]
        train = "corpus/t.{lang}"
        valid = "../v.{lang}"
        [tokenizer]
        from = "runs/a"
        [train]
        from = "/runs/b"
    """,
    )
    monkeypatch.chdir(here)
    got = load_recipe(Path("..") / "there" / path.name, ["data.test=x.{lang}"])
    assert got.data.train == str(there / "corpus/t.{lang}")
    assert got.data.valid == str(tmp_path / "v.{lang}")
    assert got.data.test == str(here / "x.{lang}")
    assert got.train.from_ == "/runs/b"
    assert got.tokenizer.from_ == str(there / "runs/a")
    assert load_recipe(path, ["train.from=runs/c"]).train.from_ == str(here / "runs/c")
    dumped = recipe(tmp_path / "run", dump_recipe(got), "recipe.toml")
    monkeypatch.chdir("/")
    assert load_recipe(dumped) == got  # so a run folder may move


def test_a_recipe_may_rest_on_another(tmp_path, monkeypatch):
    """Its options and further corpora come after those of the other; paths count from either."""
    (tmp_path / "deep").mkdir()
    recipe(
        tmp_path / "deep",
        MORE.replace("[data]", "[train]\nepochs = 3\nseed = 5\n[data]"),
        "base.toml",
    )
    more = '[[data.more]]\ntrain = "own.tsv"\nformat = "tsv"'
    path = recipe(tmp_path, f'base = "deep/base.toml"\n[train]\nseed = 6\n{more}')
    base, got = load_recipe(tmp_path / "deep" / "base.toml"), load_recipe(path, ["train.threads=2"])
    assert (got.train.epochs, got.train.seed, got.train.threads) == (3, 6, 2)
    assert got.data.more[:-1] == base.data.more and got.data.more[-1].train.endswith("/own.tsv")
    assert got.data.more[-1].target == base.data.target
    assert load_recipe(recipe(tmp_path, dump_recipe(got), "dumped.toml")) == got
    # All corpora have the options of the first one, whoever sets them last.
    recipe(tmp_path / "deep", MORE.replace("max_chars = 77", ""), "base.toml")
    every = load_recipe(recipe(tmp_path, f'base = "deep/base.toml"\n[data]\nsource = "fr"\n{more}'))
    typed = load_recipe(path, ["data.max_pieces=33", "data.source=fr"])
    for got in (every, typed):
        assert [each.source for each in got.data.corpora()] == ["fr"] * 4
    assert [each.max_pieces for each in typed.data.corpora()] == [33] * 4
    # What others rest on need be no recipe by itself.
    recipe(tmp_path, "[train]\nepochs = 9", "part.toml")
    part = 'base = "part.toml"\n[data]\nformat = "grammar"'
    assert load_recipe(recipe(tmp_path, part)).train.epochs == 9
    for named, words in (
        ("recipe.toml", "rests on itself"),
        ("none.toml", "no such recipe"),
        ("deep", "is a folder"),
    ):
        assert words in mistakes(recipe(tmp_path, f'base = "{named}"', "recipe.toml"))
    recipe(tmp_path, 'base = "b.toml"', "a.toml")
    assert "rests on itself" in mistakes(recipe(tmp_path, 'base = "a.toml"', "b.toml"))


def test_several_paths_are_a_list(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    path = recipe(tmp_path, '[data]\ntrain = ["a.{lang}", "~/b.{lang}"]')
    got = load_recipe(path, ['data.test=["/c.{lang}"]'])
    assert got.data.train == [str(tmp_path / "a.{lang}"), "/home/me/b.{lang}"]
    assert got.data.paths("test") == ["/c.{lang}"] and got.data.paths("valid") == []
    assert load_recipe(recipe(tmp_path, dump_recipe(got), "dumped.toml")) == got
    for wrong in ("[1]", '[""]', "[a.{lang}]"):
        assert "a path or a list of paths is needed" in mistakes(path, [f"data.test={wrong}"])
    assert "{lang} must stand" in mistakes(path, ['data.test=["a.{lang}", "b.en"]'])
    for wrong in ("5", "true", "[1]"):
        text = mistakes(recipe(tmp_path, f"[data]\ntrain = {wrong}\nformt = 1"))
        assert "a path or a list of paths is needed" in text and "data.formt" in text


def test_names_of_fetched_files_are_left_alone(tmp_path):
    path = recipe(tmp_path, '[data]\ntrain = "t.{lang}.gz"\nurl = "https://example.com/"')
    assert load_recipe(path).data.train == "t.{lang}.gz"
    plain = recipe(tmp_path, '[data]\ntrain = "t.{lang}.gz"')
    assert load_recipe(plain, ["data.url=https://example.com/"]).data.train == "t.{lang}.gz"
    assert load_recipe(plain).data.train == str(tmp_path / "t.{lang}.gz")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([], "data.train is needed"),
        (["data.format=tfds"], "data.name is needed"),
        (["data.format=csv", "data.train=a", "data.columns=1"], "two columns are needed"),
        (["data.format=tsv", "data.train=a", "data.columns=2,2"], "two columns are needed"),
        (["data.train=t.en"], "{lang} must stand"),
        (["data.train=t.{lang}", "data.valid=v.txt"], "data.valid"),
        ([GRAMMAR, "model.tie=all", "tokenizer.joint=false"], "tokenizer.joint=true"),
        (
            [GRAMMAR, "model.architecture=transformer", "model.embedding=30"],
            "multiple of model.heads=4",
        ),
        (
            [GRAMMAR, "model.architecture=transformer", "model.cell=gru"],
            "needs model.architecture=recurrent",
        ),
        ([GRAMMAR, "model.heads=2"], "needs model.architecture=transformer"),
        (
            ["data.format=text", "data.train=t.txt"],
            "has no translations: it needs model.architecture=language_model",
        ),
        ([*LANGUAGE, "data.train="], "data.train is needed"),
        ([*LANGUAGE, "model.tie=all"], "use target"),
        ([*LANGUAGE, "model.across_sentences=true"], "needs data.valid and data.test"),
        ([GRAMMAR, "model.across_sentences=true"], "model.across_sentences has no effect"),
        ([GRAMMAR, "train.bptt=9"], "train.bptt has no effect"),
        ([GRAMMAR, "train.from=a", "model.cell=gru"], "model.cell has no effect here: it is that"),
        ([GRAMMAR, "train.from=a", "tokenizer.vocab_size=99"], "which train.from names"),
        ([GRAMMAR, "tokenizer.from=a", "tokenizer.kind=bpe"], "which tokenizer.from names"),
        ([GRAMMAR, "model.dropout=0", "model.variational=true"], "it needs model.dropout>0"),
        ([GRAMMAR, "train.average=1"], "is no average"),
        ([GRAMMAR, "train.seed=4294967296"], "at most 4294967295"),
        (["data.format=tsv", "data.train=a", "data.folder=b"], "it needs data.url or"),
    ],
)
def test_what_one_option_alone_cannot_tell(typed, expected):
    assert expected in mistakes(typed=typed)


@pytest.mark.parametrize(
    "typed",
    [
        [GRAMMAR, LANGUAGE[-1]],
        LANGUAGE,
        [*LANGUAGE, "data.target=en"],  # no source that it could be equal to
        [*LANGUAGE, "model.across_sentences=true", "data.valid=v.txt", "data.test=x.txt"],
    ],
)
def test_recipes_of_language_models(typed):
    value = load_recipe(overrides=typed)
    assert value.language_model and value.sides == ("target",)


@pytest.mark.parametrize(
    "typed",
    [
        "data.source=fr",
        "data.max_ratio=3",
        "tokenizer.joint=false",
        "model.encoder_layers=2",
        "model.bidirectional=false",
        "model.attention=none",
        "model.attention_units=9",
        "train.batch_tokens=99",
        "train.metric=chrf",
        "train.valid_sentences=9",
        "data.weight=3",
        "search.beam=2",
    ],
)
def test_what_a_language_model_has_no_use_for(typed):
    assert f"{typed.partition('=')[0]} has no effect here" in mistakes(typed=[*LANGUAGE, typed])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path, "no such recipe"),
        (lambda path: path.mkdir() or path, "is a folder"),
        (lambda path: path.write_text("[data\n") and path, "line 1"),
        (lambda path: path.write_bytes(b"[data]\nname = '\xff'\n") and path, "not a TOML file"),
        (lambda path: path.write_text("x") and path / "in.toml", "cannot be read"),
    ],
)
def test_unreadable_recipes(tmp_path, make, expected):
    path = make(tmp_path / "r.toml")
    text = mistakes(path)
    assert expected in text and str(path) in text and len(text.splitlines()) == 1


def test_differences_name_what_makes_another_run():
    old = Recipe()
    for name, field, _ in all_options(old):
        new = dataclasses.replace(old)
        section = name.split(".")[0]
        part = dataclasses.replace(getattr(old, section))
        value = other(field, getattr(part, field.name))
        setattr(part, field.name, value)
        setattr(new, section, part)
        exact = differences(old, new, resumed=False)
        is_idle = all(dict(checks.without_effect(each, [name])) for each in (old, new))
        assert is_idle or (len(exact) == 1 and name in exact[0])
        found = differences(old, new)
        if name in checks.RUN_MAY_DIFFER - checks.STARTS:
            assert found == [], name
        else:
            assert len(found) == 1 and name in found[0] and repr(value) in found[0]
    for name in (
        "train.epochs",
        "train.patience",
        "train.threads",
        "train.save_minutes",
        "train.log_every",
    ):
        assert name in checks.RUN_MAY_DIFFER


def test_recipes_that_take_a_tokenizer_name_the_run_that_make_train_writes():
    taken = {path.stem: load_recipe(path).tokenizer.from_ for path in RECIPES}
    taken = {name: Path(run).resolve() for name, run in taken.items() if run}
    root = RECIPES[0].parents[1]
    assert taken == {
        "default-student": root / "runs" / "default",
        "default-taught": root / "runs" / "default",
        "enja-en-ja-taught": root / "runs" / "enja-en-ja",
        "enja-ja-en-taught": root / "runs" / "enja-ja-en",
        "multi30k-en-de-taught": root / "runs" / "multi30k-en-de",
        "software-student": root / "runs" / "default",
        "software-taught": root / "runs" / "default",
    }


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_recipes_of_the_package_load_without_a_note(path):
    with messages() as notes:
        load_recipe(path, notes=True)
    assert notes == []


def test_there_are_recipes():
    assert {"default.toml", "toy.toml"} <= {path.name for path in RECIPES}


def test_choices_ignore_case(tmp_path):
    assert load_recipe(overrides=[GRAMMAR, "model.cell=GRU"]).model.cell == "gru"
    path = recipe(tmp_path, '[data]\nformat = "Grammar"\n[tokenizer]\nkind = "BPE"')
    assert load_recipe(path).tokenizer.kind == "bpe"
    assert all(
        choice == choice.lower()
        for _, field, _ in all_options(Recipe())
        for choice in field.metadata["choices"] or ()
    )


def test_every_option_is_described():
    described = list(describe_options())
    names = [f"{one.section}.{one.name}" for one in described]
    assert names == [name for name, _, _ in all_options(Recipe())]
    by_name = dict(zip(names, described, strict=True))
    assert by_name["model.cell"].values == "lstm, gru, rnn"
    assert by_name["model.cell"].default == '"lstm"'
    assert by_name["model.dropout"].values == "0.0 to 0.9"
    assert by_name["train.epochs"].values == "1 or more"
    assert by_name["tokenizer.joint"].values == "true or false"
    assert by_name["train.weight_decay"].needs == "train.optimizer=adamw"
    assert by_name["train.seed"].needs == ""
    assert all(one.meaning and one.values for one in described)


def test_every_option_takes_its_default_when_it_is_typed():
    for name, field, section in all_options(Recipe()):
        value = getattr(section, field.name)
        if field.type is not dict:
            assert checks.parsed(name, field, str(value), typed=True) == value, name
        assert checks.parsed(name, field, value, typed=False) == value, name
