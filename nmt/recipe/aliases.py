"""What other toolkits and habits call our options, so that an unknown name leads to ours."""

from nmt.errors import did_you_mean
from nmt.recipe.options import all_options
from nmt.recipe.sections import Recipe

LAYERS = "model.encoder_layers or model.decoder_layers"
UNITS = "model.encoder_units or model.decoder_units"

# fmt: off
ALIASES = {
    # data
    "src": "data.source", "source_lang": "data.source", "src_lang": "data.source",
    "tgt": "data.target", "trg": "data.target", "target_lang": "data.target",
    "dev": "data.valid", "validation": "data.valid",
    "max_length": "data.max_pieces", "max_len": "data.max_pieces",
    "dataset": "data.name",
    # tokenizer
    "bpe": "tokenizer.kind=bpe", "unigram": "tokenizer.kind=unigram",
    "model_type": "tokenizer.kind",
    "vocab": "tokenizer.vocab_size", "voc_limit": "tokenizer.vocab_size",
    "bpe_dropout": "tokenizer.sampling",
    # model
    "arch": "model.architecture", "rnn_type": "model.cell", "cell_type": "model.cell",
    "layers": LAYERS, "num_layers": LAYERS, "n_layers": LAYERS,
    "units": UNITS, "hidden_size": UNITS, "hidden": UNITS, "rnn_size": UNITS,
    "d_model": "model.embedding", "embed_dim": "model.embedding", "emb_size": "model.embedding",
    "embedding_dim": "model.embedding", "embedding_size": "model.embedding",
    "d_ff": "model.feed_forward", "ff_size": "model.feed_forward", "ffn_dim": "model.feed_forward",
    "n_heads": "model.heads", "num_heads": "model.heads",
    "tied": "model.tie", "share_embeddings": "model.tie", "layernorm": "model.layer_norm",
    # train
    "lr": "train.learning_rate", "optim": "train.optimizer", "scheduler": "train.decay",
    "max_epochs": "train.epochs", "num_epochs": "train.epochs",
    "max_steps": "train.steps", "max_updates": "train.steps", "updates": "train.steps",
    "batch": "train.batch_tokens", "batch_size": "train.batch_tokens",
    "max_tokens": "train.batch_tokens",
    "warmup": "train.warmup_steps", "clip": "train.clip_norm", "max_grad_norm": "train.clip_norm",
    "smoothing": "train.label_smoothing", "early_stopping": "train.patience",
    "dtype": "train.precision", "fp16": "train.precision", "bf16": "train.precision",
    "random_seed": "train.seed", "eval_metric": "train.metric", "wait_k": "train.wait",
    # search
    "beam_size": "search.beam", "num_beams": "search.beam", "alpha": "search.length_penalty",
    "lenpen": "search.length_penalty",
}
# fmt: on


def option_hint(name: str) -> str:
    """ ", did you mean train.epochs?" for an option that does not exist, or nothing."""
    names = [known for known, _, _ in all_options(Recipe())]
    key = name.rpartition(".")[2].replace("-", "_").lower()
    elsewhere = [known for known in names if known.partition(".")[2] == key]
    meant = " or ".join(elsewhere) or ALIASES.get(key)
    hint = f"did you mean {meant}?" if meant else did_you_mean(name, names)
    return f", {hint}" if hint else ""
