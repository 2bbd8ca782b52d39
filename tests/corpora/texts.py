"""Corpora of a few lines, written to disk and read."""

import gzip
import io
import json
import zipfile

from nmt.corpora.corpus import Corpus
from nmt.corpora.formats import catalogues
from nmt.recipe import DataOptions


def write(path, text):
    """Writes text or bytes, compressed if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(data, split="train", dropped=None, downloads="nowhere"):
    """The pairs of a split."""
    return list(Corpus(data, downloads).read(split, dropped))


def own(tmp_path, form, text, held_out=0.0):
    """The options of a user's own file that holds `text`."""
    return DataOptions(
        format=form, train=str(write(tmp_path / f"own.{form}", text)), held_out=held_out
    )


def catalogue(folder, components, name="house-1.0-py3-none-any.whl"):
    """(path, options) of a wheel with catalogues: {component: {language: {key: text}}}."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for component, languages in components.items():
            for code, texts in languages.items():
                file = f"house/components/{component}/translations/{code}.json"
                archive.writestr(file, json.dumps(texts))
    path = write(folder / "house" / name, content.getvalue())
    return path, DataOptions(format="catalogues", name="house==1.0", folder="house")


def component_of(split, number=0):
    """The n-th name of a component that falls into a split."""
    names = (f"lamp{i}" for i in range(10000))
    return [name for name in names if catalogues.split_of(name) == split][number]
