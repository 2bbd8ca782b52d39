"""A run folder: everything a translator is, in files that move anywhere; no pickle, no code.

run.json        format, sizes, progress, name and checksum of each file below
recipe.toml     the effective recipe
*.model         SentencePiece, one for both languages or one each
*.weights.h5    the weights to translate with
profile.json    characters and words of the training sources
lexicon.npz     target pieces that each source piece suggests
export/         the run as ONNX graphs: a folder that translates by itself
state/          what training resumes from;  cache/: prepared training pairs, may be deleted
run.lock        held while a process trains here
held_out.*.tsv  validation and test text (runs/held_out.py)
corrections.*.tsv, learnt.*.tsv  what users have corrected, what training has learnt of it
history.csv, report.json, learnt.json, test.*.txt, README.md, tensorboard/
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt import files
from nmt.batches import store as stores
from nmt.engine import layout
from nmt.errors import Failure, UserError
from nmt.recipe import Recipe, TokenizerOptions, dump_recipe, load_recipe
from nmt.runs.info import FORMAT, ExportInfo, RunInfo
from nmt.text.preparation import NO_PROFILE, Preparation
from nmt.text.profile import Profile
from nmt.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from nmt.engine.runtime import Engine

LOCK = "run.lock"
PROFILE = "profile.json"
HELD_OUT = {"valid": "held_out.valid.tsv", "test": "held_out.test.tsv"}
# What preparation writes beside the store: these, and no others, make room for another recipe.
PREPARED = [
    "run.json",
    "recipe.toml",
    "tokenizer.model",
    "source.model",
    "target.model",
    *HELD_OUT.values(),
    PROFILE,
]
LEARNT = r"learnt\.[\w-]+\.tsv"  # is prepared, too
WEIGHTS = r"(best|average)-\d{7}\.weights\.h5"


class Run:
    """A run folder on disk; Failure if its run.json is damaged or of another format."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.info = RunInfo()
        self._forget()
        if (self.path / "run.json").exists():
            self.info = self._read_info()

    def _forget(self):
        """Forgets what was read from files."""
        self._recipe: Recipe | None = None
        self._tokenizers: tuple[Tokenizer, Tokenizer] | None = None
        self._profile: Profile | None = None

    def _read_info(self):
        path = self.path / "run.json"
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            number = entries["format"]
            if not entries.keys() & {"source", "tokenizers"}:  # any program may write a run.json
                raise ValueError
            info = RunInfo.from_dict(entries)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise Failure(f"{path}: damaged; restore it or train anew") from None
        if number != FORMAT:
            raise Failure(f"{self.path}: run format {number}, this version reads format {FORMAT}")
        return info

    @property
    def begun(self) -> bool:
        """Whether a run is in the folder: it has a run.json of ours."""
        return self.info.format is not None

    @classmethod
    def open(cls, path: str | os.PathLike) -> Run:
        """A run that has weights or an export; UserError otherwise."""
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
    def open_all(cls, path: str | os.PathLike) -> list[Run]:
        """The runs of "RUN1,RUN2,..."; a folder whose own name has a comma is one run."""
        names = [str(path)] if Path(path).exists() else str(path).split(",")
        if "" in names:
            raise UserError(f"{path}: a run folder is missing beside a comma")
        return [cls.open(name) for name in names]

    # Whose the folder is.

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Makes the folder and holds it for the block.

        UserError if it is a file or another process holds it. A folder in which no run has begun
        when the block ends is left as it was.
        """
        # 1. The folder, and a lock in it.
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path}: is a file, a run folder is needed")
        is_new = not self.path.exists()
        busy = f"{self.path}: another process is training there"
        with contextlib.ExitStack() as until_end:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                file = until_end.enter_context(open(self.path / LOCK, "ab"))
                files.hold(file, busy)
            except OSError as error:
                raise files.write_failure(self.path, error) from error
            # Whoever removes a lock holds it; what comes next would have another file.
            if not os.fstat(file.fileno()).st_nlink:
                raise UserError(busy)

            # 2. The block; without a run, nothing of us stays.
            try:
                yield
            finally:
                if not (self.path / "run.json").exists():
                    (self.path / LOCK).unlink(missing_ok=True)
                    if is_new:
                        files.remove(self.path, [])

    @contextlib.contextmanager
    def renewed(self) -> Iterator[None]:
        """Begins the folder anew for the block; what was prepared comes back if the block fails."""
        info_before = self.info
        self.info = RunInfo()
        self._forget()
        with files.scratch_folder(self.path / "run.json") as aside:
            _move_prepared(self.path, aside)
            try:
                yield
            except (UserError, Failure):
                self.drop_cache()
                for name in _prepared(self.path):
                    (self.path / name).unlink(missing_ok=True)
                if info_before.format is not None:
                    _move_prepared(aside, self.path)
                self.info = info_before
                self._forget()
                raise

    def holds_other_files(self) -> bool:
        """Whether a folder without a run.json holds anything but what a kill left half-written."""
        entries = self.path.iterdir() if self.path.is_dir() else ()
        return any(path.name != LOCK and not files.is_partial(path.name) for path in entries)

    # run.json and the recipe.

    def update(self, **values: Any) -> None:
        """Changes entries of run.json (see `RunInfo`; None removes one), atomically."""
        self.info = dataclasses.replace(self.info, format=FORMAT, **values)
        with files.atomic(self.path / "run.json") as file:
            json.dump(self.info.to_dict(), file, indent=2, ensure_ascii=False)

    @property
    def recipe(self) -> Recipe:
        """The effective recipe, read when it is first asked for."""
        if self._recipe is None:
            self._recipe = self.load_recipe()
        return self._recipe

    def load_recipe(self, overrides: Sequence[str] = ()) -> Recipe:
        """Reads the effective recipe, with options `section.key=value` in place of its own."""
        # What came later is as runs from before it were trained.
        base = Recipe(tokenizer=TokenizerOptions(normalization="nfkc"))
        return load_recipe(self.path / "recipe.toml", overrides, base=base)

    def save_recipe(self, recipe: Recipe) -> None:
        """Writes recipe.toml; run.json comes first, since it makes the folder ours."""
        self.update(source=recipe.data.source, target=recipe.data.target)
        with files.atomic(self.path / "recipe.toml") as file:
            file.write(dump_recipe(recipe))
        self._recipe = recipe

    # Tokenizers.

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """(source, target), read when first asked for; the same object twice when joint."""
        if self._tokenizers is None:
            self._tokenizers = self.load_tokenizers()
        return self._tokenizers

    def load_tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Reads (source, target); Failure if a file is missing or damaged."""
        names = self.info.tokenizers or []
        digests = dict(zip(names, self.info.tokenizer_sha256 or [], strict=True))
        tokenizers = {
            name: Tokenizer(self.checked(name, digest).read_bytes(), self.path / name)
            for name, digest in digests.items()
        }
        source, target = names
        return tokenizers[source], tokenizers[target]

    def save_tokenizers(self, tokenizers: tuple[Tokenizer, Tokenizer]) -> None:
        """Writes one model for both languages or one each, and remembers their checksums."""
        same = tokenizers[0].digest == tokenizers[1].digest
        names = ["tokenizer.model"] * 2 if same else ["source.model", "target.model"]
        for name, tokenizer in dict(zip(names, tokenizers, strict=True)).items():
            with files.atomic(self.path / name, "wb") as file:
                file.write(tokenizer.proto)
        self._tokenizers = tokenizers
        self.update(tokenizers=names, tokenizer_sha256=[t.digest for t in tokenizers])

    @classmethod
    def open_tokenizers(cls, path: str | os.PathLike) -> tuple[Tokenizer, Tokenizer]:
        """The tokenizers of another run, which need not be trained yet."""
        run = cls(path)
        if not run.info.tokenizers:
            raise UserError(f"{path}: no run folder with a tokenizer")
        return run.tokenizers

    def save_profile(self, profile: Profile) -> None:
        """Writes what is usual in the training sources."""
        path = self.path / PROFILE
        with files.atomic(path) as file:
            file.write(profile.to_json())
        self._profile = profile
        self.update(profile_sha256=files.digest(path))

    @property
    def profile(self) -> Profile:
        """What is usual in the training sources; older runs have not counted it."""
        if self._profile is None:
            self._profile = NO_PROFILE
            if digest := self.info.profile_sha256:
                text = self.checked(PROFILE, digest).read_text(encoding="utf-8")
                self._profile = Profile.from_json(text)
        return self._profile

    def preparation(self) -> Preparation:
        """How the run prepares its text."""
        return Preparation(self.recipe, self.tokenizers, self.profile)

    def checked(self, name: str, digest: str | None) -> Path:
        """The path of a file of the run; Failure if it is missing or its checksum differs."""
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
    def weights_id(self) -> str | None:
        """Identifies the weights, so that a report can name them."""
        return self.info.weights or (self.info.engine or ExportInfo()).weights_sha256

    @property
    def weights_digest(self) -> str | None:
        """SHA-256 of the weights, of an export those that it was made of; else what names them."""
        return self.info.weights_sha256 or self.weights_id

    def weights_path(self) -> Path:
        """The file of the Keras weights; UserError if there is none, Failure if it is damaged."""
        if self.info.weights is None:
            raise UserError(
                f"{self.path}: is an exported folder, which has no Keras weights; "
                "use the run itself"
            )
        return self.checked(self.info.weights, self.info.weights_sha256)

    def save_weights(self, model: Any, name: str, **values: Any) -> None:
        """Makes `<name>.weights.h5` the run's weights, removes others; values: as `update`."""
        from nmt.runs.weights import write_weights

        path = self.path / f"{name}.weights.h5"
        write_weights(model, path)
        # What is known of other weights does not hold for these.
        entries = {"confidence": None, **values}
        self.update(weights=path.name, weights_sha256=files.digest(path), **entries)
        for other in self.path.iterdir():
            if re.fullmatch(WEIGHTS, other.name) and other != path:
                other.unlink()

    def load_model(self) -> Any:
        """The Keras model with the run's weights; errors as of `weights_path`."""
        from nmt.models.build import build
        from nmt.runs.weights import read_weights

        path = self.weights_path()
        model = build(self.recipe, *(tokenizer.size for tokenizer in self.tokenizers))
        read_weights(model, path)
        return model

    # The exported model.

    @property
    def export_path(self) -> Path:
        """The folder that a training exports into."""
        return self.path / "export"

    def exported(self) -> Run | None:
        """The export of the weights that the run has now; an exported folder is its own."""
        if self.info.engine is not None:
            return self
        export = Run(self.export_path)
        engine = export.info.engine or ExportInfo()
        is_current = (
            engine.weights_sha256 == self.info.weights_sha256
            and engine.graphs == layout.EXPORT_FORMAT
        )
        return export if export.begun and is_current else None

    def load_engine(self, shortlist: bool = True) -> Engine:
        """The engine of an exported folder; Failure if that is unfinished or of another version."""
        from nmt.engine.runtime import Engine

        engine = self.info.engine or ExportInfo()
        if engine.graphs != layout.EXPORT_FORMAT:
            raise Failure(
                f"{self.path}: unfinished, or exported by another version of nmt; "
                "export the run anew"
            )
        checksums = engine.files or {}
        return Engine(
            lambda name: self.checked(name, checksums[name]), shortlist and self.has_shortlist
        )

    @property
    def has_shortlist(self) -> bool:
        """Whether an exported folder has what a shortlist takes."""
        engine = self.info.engine or ExportInfo()
        return {layout.LEXICON, layout.PROJECTION} <= (engine.files or {}).keys()

    # What training keeps.

    @property
    def state_path(self) -> Path:
        """The file that training resumes from."""
        return self.path / "state" / "state.npz"

    @property
    def cache(self) -> Path:
        """The folder of the prepared training text."""
        return self.path / "cache"

    def drop_cache(self) -> None:
        """Removes the prepared training text; files of others stay."""
        stores.remove(self.cache)


def _prepared(folder: Path) -> list[str]:
    """The names of what preparation writes beside the cache, and may have written."""
    learnt = [path.name for path in folder.iterdir() if re.fullmatch(LEARNT, path.name)]
    return [*PREPARED, *learnt]


def _move_prepared(source: Path, target: Path) -> None:
    """Moves what preparation writes from one folder into another; no empty folder of it stays."""
    shards = stores.shard_folders(source / "cache")
    prepared = [source / name for name in _prepared(source)]
    prepared += [shard / name for shard in shards for name in stores.FILES]
    for path in filter(Path.is_file, prepared):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    for shard in reversed(shards):
        files.remove(shard, [])
