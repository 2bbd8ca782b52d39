"""A run folder: everything a translator is, in files that move anywhere; no pickle, no code.

run.json        format, sizes, progress, name and checksum of each file below
recipe.toml     the effective recipe
*.model         SentencePiece, one for both languages or one each
*.weights.h5    the weights to translate with
lexicon.npz     target pieces that each source piece suggests
export/         the run as ONNX graphs: a folder that translates by itself
state/          what training resumes from;  cache/: prepared training pairs, may be deleted
run.lock        held while a process trains here
history.csv, report.json, test.*.txt, README.md, tensorboard/
"""

import contextlib
import dataclasses
import json
import os
import re
from pathlib import Path

from nmt import files
from nmt.engine import layout
from nmt.errors import Failure, UserError
from nmt.recipe import SIDES, dump_recipe, load_recipe
from nmt.runs.info import FORMAT, ExportInfo, RunInfo
from nmt.text.tokenizer import Tokenizer

LOCK = "run.lock"
CACHE = [
    f"{side}.{ending}" for side in SIDES for ending in ("txt", "ids", "starts.npy", "lines.npy")
]
CACHE.append("meta.json")
PREPARED = [
    "run.json",
    "recipe.toml",
    "tokenizer.model",
    "source.model",
    "target.model",
    *(f"cache/{name}" for name in CACHE),
]
WEIGHTS = r"(best|average)-\d{7}\.weights\.h5"


class Run:
    """A run folder on disk."""

    def __init__(self, path):
        self.path = Path(path)
        self.info = RunInfo()
        self._recipe = None
        self._tokenizers = None
        if (self.path / "run.json").exists():
            self.info = self._read_info()

    def _read_info(self):
        try:
            entries = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
            number = entries["format"]
            if not entries.keys() & {"source", "tokenizers"}:  # any program may write a run.json
                raise ValueError
            info = RunInfo.from_dict(entries)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise Failure(f"{self.path / 'run.json'}: damaged; restore it or train anew") from None
        if number != FORMAT:
            raise Failure(f"{self.path}: run format {number}, this version reads format {FORMAT}")
        return info

    @property
    def begun(self):
        """Whether a run is in the folder: it has a run.json of ours."""
        return self.info.format is not None

    @classmethod
    def open(cls, path):
        """A run that can translate; UserError otherwise."""
        run = cls(path)
        if not run.path.is_dir():
            raise UserError(f"{path}: no such run folder")
        if not run.begun:
            raise UserError(f"{path}: not a run folder (no run.json)")
        if run.info.weights is None and run.info.engine is None:
            raise UserError(
                f"{path}: has no weights yet; training has not reached its first validation"
            )
        return run

    @classmethod
    def open_all(cls, path):
        """The runs of "RUN1,RUN2,..."; a folder whose own name has a comma is one run."""
        names = [path] if Path(path).exists() else str(path).split(",")
        if "" in names:
            raise UserError(f"{path}: a run folder is missing beside a comma")
        return [cls.open(name) for name in names]

    @contextlib.contextmanager
    def lock(self):
        """Makes the folder and holds it for the block; UserError if it is a file or another process holds it.

        A folder in which no run has begun when the block ends is left as it was.
        """
        from filelock import FileLock, Timeout

        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path}: is a file, a run folder is needed")
        new = not self.path.exists()
        held = FileLock(self.path / LOCK, timeout=0)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            held.acquire()
        except Timeout:
            raise UserError(f"{self.path}: another process is training there") from None
        except OSError as error:
            raise files.write_failure(self.path, error) from error
        try:
            yield
        finally:
            held.release()
            if not (self.path / "run.json").exists():
                (self.path / LOCK).unlink(missing_ok=True)
                if new:
                    files.remove(self.path, [])

    @contextlib.contextmanager
    def renewed(self):
        """Begins the folder anew for the block. When that fails, what was prepared before is there again."""
        former = self.info
        self.info = RunInfo()
        self._recipe = None
        self._tokenizers = None
        with files.scratch_folder(self.path / "run.json") as aside:
            (aside / "cache").mkdir()
            _move(PREPARED, self.path, aside)
            try:
                yield
            except (UserError, Failure):
                self.drop_cache()
                for name in PREPARED:
                    (self.path / name).unlink(missing_ok=True)
                if former.format is not None:
                    self.cache.mkdir(exist_ok=True)
                    _move(PREPARED, aside, self.path)
                self.info = former
                self._recipe = None
                self._tokenizers = None
                raise

    def holds_else(self):
        """Whether there is anything in a folder without a run.json; what a kill left half-written is nothing."""
        entries = self.path.iterdir() if self.path.is_dir() else ()
        return any(path.name != LOCK and not files.is_partial(path.name) for path in entries)

    def update(self, **values):
        """Changes entries of run.json (see `RunInfo`; None removes one), atomically."""
        self.info = dataclasses.replace(self.info, format=FORMAT, **values)
        with files.atomic(self.path / "run.json") as file:
            json.dump(self.info.to_dict(), file, indent=2, ensure_ascii=False)

    @property
    def recipe(self):
        """The effective recipe, read from recipe.toml when it is first asked for."""
        if self._recipe is None:
            self._recipe = self.recipe_with(())
        return self._recipe

    def save_recipe(self, recipe):
        """Writes recipe.toml; run.json comes first, since it makes the folder ours."""
        self.update(source=recipe.data.source, target=recipe.data.target)
        with files.atomic(self.path / "recipe.toml") as file:
            file.write(dump_recipe(recipe))
        self._recipe = recipe

    def recipe_with(self, overrides):
        """The effective recipe with typed options, `section.key=value`, in place of its own."""
        return load_recipe(self.path / "recipe.toml", overrides)

    # Tokenizers.

    def save_tokenizers(self, tokenizers):
        """Writes one model for both languages or one each, and remembers their checksums."""
        same = tokenizers[0].digest == tokenizers[1].digest
        names = ["tokenizer.model"] * 2 if same else ["source.model", "target.model"]
        for name, tokenizer in dict(zip(names, tokenizers, strict=True)).items():
            with files.atomic(self.path / name, "wb") as file:
                file.write(tokenizer.proto)
        self._tokenizers = tokenizers
        self.update(tokenizers=names, tokenizer_sha256=[t.digest for t in tokenizers])

    @property
    def tokenizers(self):
        """(source, target); the same object twice when joint."""
        if self._tokenizers is None:
            loaded = {}
            for name, digest in zip(self.info.tokenizers, self.info.tokenizer_sha256, strict=True):
                if name not in loaded:
                    loaded[name] = Tokenizer(
                        self._checked(name, digest).read_bytes(), self.path / name
                    )
            self._tokenizers = tuple(loaded[name] for name in self.info.tokenizers)
        return self._tokenizers

    @classmethod
    def open_tokenizers(cls, path):
        """The tokenizers of another run, which need not be trained yet."""
        run = cls(path)
        if not run.info.tokenizers:
            raise UserError(f"{path}: no run folder with a tokenizer")
        return run.tokenizers

    def _checked(self, name, digest):
        path = self.path / name
        if not path.is_file():
            raise Failure(f"{path}: missing; restore the file or train anew")
        if files.digest(path) != digest:
            raise Failure(
                f"{path}: damaged (its checksum has changed); restore the file or train anew"
            )
        return path

    # Weights.

    @property
    def weights_id(self):
        """What differs when the run's weights do: of a report, which weights it is of."""
        return self.info.weights or self.info.engine.weights_sha256

    def save_weights(self, model, name, **values):
        """Makes `<name>.weights.h5` the run's weights, then removes the former ones."""
        from nmt.runs.weights import write_weights

        path = self.path / f"{name}.weights.h5"
        write_weights(model, path)
        self.update(weights=path.name, weights_sha256=files.digest(path), **values)
        for former in self.path.iterdir():
            if re.fullmatch(WEIGHTS, former.name) and former != path:
                former.unlink()

    def load_model(self):
        """The Keras model with the run's weights."""
        from nmt.models.build import build
        from nmt.runs.weights import read_weights

        path = self.weights_path()
        model = build(self.recipe, *(tokenizer.size for tokenizer in self.tokenizers))
        read_weights(model, path)
        return model

    def weights_path(self):
        """The file of the run's Keras weights; UserError if it has none, Failure if it is damaged."""
        if self.info.weights is None:
            raise UserError(
                f"{self.path}: is an exported folder, which has no Keras weights; use the run itself"
            )
        return self._checked(self.info.weights, self.info.weights_sha256)

    # The exported model.

    @property
    def export_path(self):
        return self.path / "export"

    @property
    def lexicon(self):
        """Names of the files that shortlists are made from: one, or none."""
        return [name for name in (layout.LEXICON,) if (self.path / name).exists()]

    def exported(self):
        """The export of the weights that the run has now, as a Run, or None. An exported folder is its own."""
        if self.info.engine is not None:
            return self
        exported = Run(self.export_path)
        engine = exported.info.engine or ExportInfo()
        current = (
            engine.weights_sha256 == self.info.weights_sha256
            and engine.graphs == layout.EXPORT_FORMAT
        )
        return exported if exported.begun and current else None

    def load_engine(self, shortlist=True):
        """The ONNX Runtime engine of an exported folder."""
        from nmt.engine.runtime import Engine

        if self.info.engine.graphs != layout.EXPORT_FORMAT:
            raise Failure(
                f"{self.path}: unfinished, or exported by another version of nmt; export the run anew"
            )
        checksums = self.info.engine.files
        return Engine(
            lambda name: self._checked(name, checksums[name]),
            shortlist and {layout.LEXICON, layout.PROJECTION} <= checksums.keys(),
        )

    # State to resume from.

    @property
    def state_path(self):
        return self.path / "state" / "state.npz"

    @property
    def cache(self):
        return self.path / "cache"

    def drop_cache(self):
        files.remove(self.cache, CACHE)


def _move(names, source, target):
    """Moves the files of these names, where they exist, from one folder into another."""
    for name in names:
        if (source / name).is_file():
            os.replace(source / name, target / name)
