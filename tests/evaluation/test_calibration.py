"""Curves of confidence: fitted to what came true, absent where that says little, measured."""

import json
import shutil

import numpy as np
import pytest

from nmt.evaluation import calibration
from nmt.inference.confidence import Curve
from nmt.inference.load import load
from nmt.runs.folder import Run
from nmt.training import tasks
from nmt.training.history import History
from nmt.training.train import export_weights
from tests.fakes import messages, nmt_command

GOOD = 30.0  # chrF that is good for the translations of a toy


def drawn(slope, intercept, count, seed=1):
    """(log-probabilities per token, whether good) of sentences that a curve describes."""
    rng = np.random.default_rng(seed)
    mean_log_probs = -rng.gamma(2, 0.2, count)
    probabilities = 1 / (1 + np.exp(-(slope * mean_log_probs + intercept)))
    return mean_log_probs, rng.random(count) < probabilities


@pytest.fixture
def toy(tiny_run, tmp_path, monkeypatch):
    """A copy of the toy run that validates on many sentences; poor translations are good ones."""
    monkeypatch.setattr(calibration, "GOOD_CHRF", GOOD)
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    for path in (folder / "recipe.toml", folder / "export" / "recipe.toml"):
        recipe = path.read_text("utf-8")
        assert "valid_sentences = 20" in recipe
        path.write_text(recipe.replace("valid_sentences = 20", "valid_sentences = 250"), "utf-8")
    return folder


@pytest.mark.parametrize(("slope", "intercept"), [(10, 2), (3, -1), (0.5, 0)])
def test_the_curve_that_sentences_were_drawn_from_is_found(slope, intercept):
    curve, note = calibration.fit(*drawn(slope, intercept, 100_000))
    assert (curve.slope, curve.intercept) == pytest.approx((slope, intercept), rel=0.05, abs=0.05)
    assert curve.sentences == 100_000 and "100,000 validation sentences" in note


def test_a_curve_is_calibrated_on_other_sentences():
    curve, _ = calibration.fit(*drawn(10, 2, 300))
    mean_log_probs, good = drawn(10, 2, 20_000, seed=2)
    confidences = np.array([curve.confidence(each, 1) for each in mean_log_probs])
    measured = calibration.measured(confidences, good)
    assert measured["brier"] < measured["brier_of_share"] - 0.03 and measured["auc"] > 0.7
    for *_, sentences, said, was in measured["bins"]:
        assert sentences < 200 or said == pytest.approx(was, abs=0.08)


@pytest.mark.parametrize(
    ("good", "reason"),
    [
        (np.zeros(0, bool), "0 validation sentences"),
        (np.arange(49) < 20, "49 validation sentences"),
        (np.zeros(300, bool), "0 of them good"),
        (np.arange(300) > 3, "5 good and 5 other ones are needed"),
        # The least probable ones are good.
        (np.arange(300) < 100, "do not tell"),
    ],
)
def test_too_little_to_learn_from_gives_no_curve(good, reason):
    curve, note = calibration.fit(np.linspace(-2, 0, len(good)), good)
    assert curve is None and reason in note and note.startswith("no confidence: ")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_two_kinds_that_lie_apart_have_a_curve_of_finite_numbers(scale):
    mean_log_probs = scale * np.linspace(-2, 0, 100)
    curve, _ = calibration.fit(mean_log_probs, np.arange(100) >= 50)
    confidences = [curve.confidence(each, 1) for each in mean_log_probs]
    assert np.isfinite([curve.slope, curve.intercept]).all()
    assert sorted(confidences) == confidences and confidences[0] >= 0 and confidences[-1] <= 1


def test_measures_of_what_was_said():
    confidences = np.array([0.05, 0.15, 0.15, 0.15, 0.95, 1.0])
    good = np.array([False, False, True, False, True, True])
    measured = calibration.measured(confidences, good)
    assert measured["brier"] == pytest.approx(np.mean((confidences - good) ** 2), abs=1e-4)
    assert measured["brier_of_share"] == 0.25
    assert measured["auc"] == pytest.approx(8 / 9, abs=1e-4)  # two pairs of equal ones count half
    assert measured["bins"] == [
        (0.0, 0.1, 1, 0.05, 0.0),
        (0.1, 0.2, 3, 0.15, 0.3333),
        (0.9, 1.0, 2, 0.975, 1.0),
    ]
    assert calibration.measured(confidences, np.ones(6, bool))["auc"] is None


def test_evaluating_validation_text_gives_an_older_run_its_confidence(toy):
    refused = nmt_command("translate", toy, "--confidence", "a dog")
    assert refused.status == 2 and "--split valid" in refused.err
    arguments = ("evaluate", toy, "--beam", 1)
    assert "confidence: Brier score" not in nmt_command(*arguments).out
    assert nmt_command(*arguments, "--split", "valid").status == 0
    out = nmt_command(*arguments).out
    assert out.count("confidence: Brier score") == 1
    assert load(toy).curve.sentences > 200
    refused = nmt_command("translate", f"{toy},{toy}", "--confidence", "a dog")
    assert refused.status == 2 and "combination of models" in refused.err

    # The report says how good it is.
    report = json.loads((toy / "report.json").read_text("utf-8"))["confidence"]
    assert sum(row[2] for row in report["bins"]) == report["sentences"]
    card = (toy / "README.md").read_text("utf-8")
    assert "How often a confidence came true" in card and card.count(" %\n") >= len(report["bins"])

    # A second time changes nothing.
    before = (toy / "export" / "run.json").read_bytes()
    nmt_command("evaluate", toy, "--beam", 1, "--split", "valid")
    assert (toy / "export" / "run.json").read_bytes() == before


def test_training_ends_with_the_curve_that_evaluating_would_find(toy):
    """One of the Keras weights, and another one of the export."""
    run = Run(toy)
    model = run.load_model()
    final = tasks.of(run.recipe).validation(run, History(1, 1), model).final()
    assert calibration.calibrate(run, "keras") == final.fit.note
    found = Curve.of(Run(toy).info.confidence)
    assert found.slope == pytest.approx(final.fit.curve.slope, rel=1e-3)
    assert load(toy, "keras").curve == found and load(toy, "onnx").curve is None

    shutil.rmtree(toy / "export")
    with messages() as lines:
        export_weights(run)
    assert any("confidence fitted on" in line for line in lines)
    assert load(toy, "onnx").curve not in (None, found)
    # Other weights have another one. A training writes them while a run is evaluated.
    stale = Run(toy)
    run.save_weights(model, "best-0000001", step=1)
    assert Run(toy).info.confidence is None
    stale.info.weights_sha256 = "of other weights"
    assert "has other weights by now" in calibration.calibrate(stale, "keras")
    assert Run(toy).info == run.info


def test_an_export_comes_with_its_own_curve(toy, tmp_path):
    done = nmt_command("export", toy, "-o", tmp_path / "alone", "--precision", "float32")
    assert done.status == 0 and "confidence fitted on" in done.err
    assert load(tmp_path / "alone").curve.sentences > 200
    assert "confidence" not in json.loads((toy / "run.json").read_text("utf-8"))
