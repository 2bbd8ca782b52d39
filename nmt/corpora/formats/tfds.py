"""Translation sets of TensorFlow Datasets (TFDS), by name.

TFDS takes seconds to import, so only these recipes do.
"""

import http.client
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmt.errors import Failure, UserError, did_you_mean
from nmt.packages import require

log = logging.getLogger(__name__)

SPLIT_NAMES = {"train": ("train",), "valid": ("validation", "valid", "dev"), "test": ("test",)}
# Names in a message, at most.
SUGGESTED = 3
# Hosts asked before a download, at most.
PROBED_HOSTS = 3
# Seconds that a probe waits.
PROBE_TIMEOUT = 5


def open_set(name: str, folder: Path | str) -> Any:
    """The builder of the set; Failure with a suggestion when there is none of that name."""
    require("tensorflow_datasets", what="data.format=tfds")
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=str(folder))
    except (ValueError, ImportError, RuntimeError) as error:
        reason = _suggestion(name) or str(error).strip().split("\n")[0]
        raise Failure(f"TFDS knows no data set {name!r}: {reason}") from None


def _suggestion(name):
    """Sets or, of a set that exists, its configurations with similar names; or an empty text."""
    import tensorflow_datasets as tfds

    dataset = name.partition("/")[0]
    known = sorted(tfds.list_builders())
    if dataset not in known:
        return did_you_mean(dataset, known, SUGGESTED)
    configs = getattr(tfds.builder_cls(dataset), "BUILDER_CONFIGS", None) or []
    return did_you_mean(name, [f"{dataset}/{config.name}" for config in configs], SUGGESTED)


def prepare(builder: Any, name: str) -> None:
    """Downloads and prepares a set, after a probe: without network TFDS retries for minutes."""
    if builder.is_prepared():
        return
    # One address of each host.
    urls = list(builder.url_infos or ["https://storage.googleapis.com/"])
    hosts = {urllib.parse.urlsplit(url).netloc: url for url in urls}
    probed = list(hosts)[:PROBED_HOSTS]
    if not any(_answers(hosts[host]) for host in probed):
        raise Failure(f"{name}: no answer from {', '.join(probed)}; check the network")
    log.info(f"fetching {name} with TFDS")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises whatever its many readers and requests raise
        reason = " ".join(str(error).split())[:300]
        what = f"{type(error).__name__}: {reason}"
        raise Failure(f"{name}: TFDS cannot prepare it ({what})") from error


def _answers(url):
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_TIMEOUT).close()
    except urllib.error.HTTPError:
        # The host is there; what it refuses to HEAD it may well GET.
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def splits(builder: Any) -> dict[str, str]:
    """Our name of a split -> the set's own name, of those it has."""
    own = list(builder.info.splits or ())
    return {split: name for split, names in SPLIT_NAMES.items() for name in names if name in own}


def read(
    builder: Any, name: str, source: str, target: str, split: str, dropped: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The pairs of a split in their stored order.

    Raises UserError when the set lacks a language or the split, Failure when it is not prepared.
    """
    import tensorflow_datasets as tfds

    # Find the split and the columns.
    columns = _columns(builder, name, source, target)
    own_name = splits(builder).get(split, split)
    if builder.info.splits and own_name not in builder.info.splits:
        known = ", ".join(builder.info.splits)
        raise UserError(f"{name}: has no split {own_name!r}, but {known}")

    # Read it in order.
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    try:
        examples = builder.as_dataset(split=own_name, shuffle_files=False, read_config=in_order)
    except (AssertionError, FileNotFoundError):
        raise Failure(f"{name}: not prepared in {builder.data_dir}; fetch it first") from None
    for example in tfds.as_numpy(examples):
        texts = _texts(example)
        if all(column in texts for column in columns):
            source_text, target_text = (
                texts[column].decode(errors="replace") for column in columns
            )
            yield source_text, target_text
        else:
            dropped["language missing"] += 1


def _columns(builder, name, source, target):
    """The keys of source and target in an example."""
    # Columns named after the languages.
    features = list(builder.info.features)
    if "translations" in features or {source, target} <= set(features):
        return source, target
    # Columns named after their sides, as of mtnt/en-ja.
    pair = name.rpartition("/")[2].partition(":")[0].split("-")
    if {"src", "dst"} <= set(features) and sorted(pair) == sorted((source, target)):
        return ("src", "dst") if pair[0] == source else ("dst", "src")
    raise UserError(f"{name}: has no {source} and {target}, but {', '.join(features)}")


def _texts(example):
    """{column: text}; sets with a varying number of languages keep them in one feature."""
    if "translations" not in example:
        return example
    translations = example["translations"]
    codes = (code.decode() for code in translations["language"])
    return dict(zip(codes, translations["translation"], strict=True))
