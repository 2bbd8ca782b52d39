"""run.json: what a run folder says of itself, typed."""

import dataclasses
from typing import Any

FORMAT = 1  # of run folders that this version writes and reads


@dataclasses.dataclass
class ExportInfo:
    """The entry `engine` of an exported folder; all None while its files are being replaced."""

    graphs: int | None = None  # version of the graphs' inputs and outputs
    precision: str | None = None  # of the weights in the graphs: int8 or float32
    weights_sha256: str | None = None  # of the weights file that was exported
    files: dict[str, str] | None = None  # name of each file -> its SHA-256
    small: bool | None = None  # whether the graphs multiply embeddings (nmt/engine/layout.py)


@dataclasses.dataclass
class RunInfo:
    """The entries of run.json; None where there is none."""

    # `Run.update` writes the first one with every change.
    format: int | None = None  # version of the folder's layout; None: there is no run.json yet
    # When a training begins (training/resume.py) or an export is made (runs/export.py):
    source: str | None = None  # language code of the source
    target: str | None = None  # language code of the target
    # When the training text is prepared (training/prepare.py):
    corpus_sha256: str | None = None  # of the prepared text, all sides together
    tokenizers: list[str] | None = None  # files of the source's and the target's tokenizer
    tokenizer_sha256: list[str] | None = None  # of these two files
    profile_sha256: str | None = None  # of profile.json, what is usual in the training sources
    pairs: int | None = None  # training pairs, those that were dropped not counted
    held_out: dict[str, str] | None = None  # files of validation and test text -> their SHA-256
    text: str | None = None  # stamp of the corpus files (corpora/corpus.py)
    # At each validation that finds better weights, and at the end (training/validation.py):
    weights: str | None = None  # file of the weights to translate with
    weights_sha256: str | None = None  # of that file
    step: int | None = None  # updates done when these weights or the end were reached
    # When a training begins (False) and when it ends (training/train.py):
    complete: bool | None = None  # whether the training has ended
    steps: int | None = None  # train.steps that it ended after
    epochs: int | None = None  # train.epochs that it ended after
    # train.patience that ended it before its steps or epochs did; 0: a callback did, it may go on
    patience: int | None = None
    target_tokens: int | None = None  # target tokens trained on, EOS counted
    train_seconds: float | None = None  # time in training steps
    valid_score: float | None = None  # of the final weights: train.metric with the recipe's beam
    # When a training ends, an export is made, or validation text is evaluated; of these weights in
    # this form, Keras or export: the curve of confidence (inference/confidence.py).
    confidence: dict[str, float] | None = None
    # Of an exported folder (runs/export.py):
    engine: ExportInfo | None = None
    # Entries that this version does not know; they stay in the file.
    unknown: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_dict(cls, entries: dict[str, Any]) -> "RunInfo":
        """The info of a parsed run.json."""
        known = _known(cls, entries)
        info = cls(**known)
        info.unknown = {name: value for name, value in entries.items() if name not in known}
        if info.engine is not None:
            info.engine = ExportInfo(**_known(ExportInfo, entries["engine"]))
        return info

    def to_dict(self) -> dict[str, Any]:
        """The entries to write, without those that are None."""
        entries = _entries(self)
        if self.engine is not None:
            entries["engine"] = _entries(self.engine)
        unknown = entries.pop("unknown")
        return {**entries, **unknown}


def _known(cls: type, entries: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(cls) if field.name != "unknown"]
    return {name: entries[name] for name in names if name in entries}


def _entries(info: RunInfo | ExportInfo) -> dict[str, Any]:
    return {name: value for name, value in vars(info).items() if value is not None}
