"""A run's weights for a model with another vocabulary: pieces that both have keep their vectors.

Transfer from a related language (Zoph et al. 2016; by pieces as Nguyen and Chiang 2017).
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from nmt.runs.folder import Run
from nmt.text.tokenizer import Tokenizer

log = logging.getLogger(__name__)

# Weights with a row for each piece, and the side of which.
TABLES = {
    "source_embedding": 0,
    "target_embedding": 1,
    "output_kernel": 1,
    "output_bias": 1,
}


def transfer(parent: Run, model: Any, tokenizers: Sequence[Tokenizer]) -> None:
    """Gives the model the weights of a run of the same sizes; rows of new pieces stay."""
    parent_model = parent.load_model()
    tables: dict[int, tuple[Any, int]] = {}
    for name, side in TABLES.items():
        if hasattr(model, name):
            # A table that both sides share comes once.
            tables.setdefault(id(getattr(model, name)), (getattr(parent_model, name), side))
    shared = [_shared(old, new) for old, new in zip(parent.tokenizers, tokenizers, strict=True)]
    for variable, old in zip(
        model.trainable_variables, parent_model.trainable_variables, strict=True
    ):
        if id(variable) not in tables:
            variable.assign(old)
            continue
        old_table, side = tables[id(variable)]
        old_ids, new_ids = shared[side]
        values = np.array(variable)
        values[new_ids] = np.array(old_table)[old_ids]
        variable.assign(values)
    found = [
        f"{len(new_ids):,} of {t.size:,}"
        for (_, new_ids), t in zip(shared, tokenizers, strict=True)
    ]
    log.info(f"starting from {parent.path}: it has {' and '.join(dict.fromkeys(found))} pieces")


def _shared(old, new):
    """(ids in the old, ids in the new) of the pieces that two tokenizers have."""
    old_ids = {old.piece(id): id for id in range(old.size)}
    pairs = [(old_ids[piece], id) for id in range(new.size) if (piece := new.piece(id)) in old_ids]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
