"""Early stopping and the choice of weights."""

import types

import numpy as np
import pytest

from nmt import files
from nmt.evaluation import metrics
from nmt.evaluation.calibration import Fit
from nmt.inference.confidence import Curve
from nmt.runs.folder import Run
from nmt.runs.weights import write_weights
from nmt.training.fit import choose_weights
from nmt.training.history import History
from nmt.training.validation import Final
from tests.short_run import SHORT, after_validation, history, interrupt, trained


def set_scores(monkeypatch, *scores):
    """Validations find these scores, one after the other."""
    remaining = iter(scores)

    def fixed(*_, **__):
        score = {"score": next(remaining)}
        return {"bleu": score, "chrf": score}

    monkeypatch.setattr(metrics, "scores", fixed)


def test_patience_ends_training_even_when_interrupted(tiny_recipe, tmp_path, monkeypatch):
    """Best at the first validation, two worse ones: stopped, also if a kill comes just then."""
    folder, options = (
        tmp_path / "run",
        (
            *SHORT,
            "train.valid_every=4",
            "train.valid_sentences=1",
            "train.patience=2",
            "train.average=0",
        ),
    )
    set_scores(monkeypatch, 10.0, 9.0, 8.0, 99.0)
    validations = iter((lambda: None, lambda: None, interrupt))
    callback = after_validation(lambda: next(validations)())
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, folder, *options, callbacks=[callback])
    assert [int(row["step"]) for row in history(folder)] == [4, 8, 12]
    trained(tiny_recipe, folder, *options)
    info = Run(folder).info
    assert (info.complete, info.step, info.weights) == (True, 12, "best-0000004.weights.h5")
    assert len(history(folder)) == 3

    lines = []  # more epochs change nothing, more patience does
    trained(tiny_recipe, folder, *options, "train.epochs=5", lines=lines)
    assert any("nothing to train" in line and "a higher train.patience" in line for line in lines)
    set_scores(monkeypatch, *range(11, 50))
    trained(tiny_recipe, folder, *options, "train.patience=3")
    assert (Run(folder).info.step, Run(folder).info.patience) == (32, None)


@pytest.mark.parametrize(
    ("best", "average", "chosen"),
    [
        (10.0, 11.0, "average-0000020"),
        (10.0, 10.0, "average-0000020"),
        (10.0, 9.9, "best-0000010"),
    ],
)
def test_the_better_of_best_and_average_is_kept(short_copy, best, average, chosen):
    """Average means the mean of the last snapshots, weight by weight."""
    scores = iter((best, average))
    curves = [Curve(slope, 1.0, 100, 50) for slope in (1.0, 2.0)]
    fits = iter([Fit(curve, "fitted") for curve in curves])
    validation = types.SimpleNamespace(
        final_name="bleu, beam 3", final=lambda: Final(next(scores), next(fits))
    )
    run = Run(short_copy)
    model, values = run.load_model(), []
    for seed, name in enumerate(["state/step-0000010", "state/step-0000020", "best-0000010"]):
        for variable in model.trainable_variables:
            variable.assign(np.random.default_rng(seed).normal(size=variable.shape))
        values.append([np.array(v) for v in model.trainable_variables])
        write_weights(model, short_copy / f"{name}.weights.h5")
    weights = "best-0000010.weights.h5"
    run.update(weights=weights, weights_sha256=files.digest(short_copy / weights))
    past = History(20, 10, step=20, snapshots=["step-0000010", "step-0000020"])
    choose_weights(run, run.recipe, model, validation, past)

    assert run.info.weights == f"{chosen}.weights.h5" and run.info.complete
    assert Curve.of(run.info.confidence) == curves[chosen.startswith("average")]
    expected = values[2]
    if chosen.startswith("average"):
        expected = [(a + b) / 2 for a, b in zip(*values[:2], strict=True)]
    for own, other in zip(Run(short_copy).load_model().trainable_variables, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-6)
    assert (short_copy / weights).exists() == chosen.startswith("best")
