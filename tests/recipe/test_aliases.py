"""Unknown options: what they are called elsewhere, or nearly, leads to ours."""

import pytest

from nmt.errors import UserError
from nmt.recipe import Recipe, all_options, load_recipe
from nmt.recipe.aliases import ALIASES, FORMER, GONE
from tests.fakes import messages


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lr=1e-3", "did you mean train.learning_rate?"),
        ("train.lr=1e-3", "did you mean train.learning_rate?"),
        ("layers=2", "did you mean model.encoder_layers or model.decoder_layers?"),
        ("hidden_size=512", "did you mean model.encoder_units or model.decoder_units?"),
        ("train.batch-size=64", "did you mean train.batch_tokens?"),
        ("bpe=true", "did you mean tokenizer.kind=bpe?"),
        ("vocab=8000", "did you mean tokenizer.vocab_size?"),
        ("epochs=3", "did you mean train.epochs?"),
        ("model.beam=3", "did you mean search.beam?"),
        ("max_ratio=2", "did you mean data.max_ratio or search.max_ratio?"),
        ("train.wholly_else=3", "unknown option train.wholly_else"),
    ],
)
def test_names_of_other_toolkits_lead_to_ours(typed, expected):
    with pytest.raises(UserError) as caught:
        load_recipe("toy", [typed])
    assert expected in str(caught.value)


def test_every_alias_leads_to_options_there_are():
    names = {name for name, _, _ in all_options(Recipe())}
    for alias, meant in ALIASES.items():
        assert alias not in {name.partition(".")[2] for name in names}, alias
        assert {name.partition("=")[0] for name in meant.split(" or ")} <= names, alias


def test_options_of_former_versions_are_read_and_told(tmp_path):
    """Old runs are used; who types one, or trains by a recipe that sets one, is told."""
    path = tmp_path / "old.toml"
    for name in FORMER:
        section, _, key = name.partition(".")
        for value, told in ((0.0, 0), (2.5, 1)):
            path.write_text(f'[data]\nformat = "grammar"\n[{section}]\n{key} = {value}\n')
            assert load_recipe(path) == load_recipe(None, ["data.format=grammar"])
            with messages() as notes:
                load_recipe(path, notes=True)
            assert [GONE in note and name in note for note in notes] == [True] * told
        with pytest.raises(UserError, match=f"unknown option {name}: this version has it no more"):
            load_recipe("toy", [f"{name}=1"])
