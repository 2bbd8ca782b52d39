"""What other toolkits and habits call our options, so that an unknown name leads to ours."""

from nmt.errors import did_you_mean
from nmt.recipe.options import all_options
from nmt.recipe.sections import Recipe

# Our options, and other names of theirs.
NAMES = {
    # [data]
    "data.source": "src source_lang src_lang",
    "data.target": "tgt trg target_lang",
    "data.valid": "dev validation",
    "data.max_pieces": "max_length max_len",
    "data.name": "dataset",
    # [tokenizer]
    "tokenizer.kind=bpe": "bpe",
    "tokenizer.kind=unigram": "unigram",
    "tokenizer.kind": "model_type",
    "tokenizer.vocab_size": "vocab voc_limit",
    "tokenizer.normalization": "normalisation normalize normalise normalization_rule_name",
    # [model]
    "model.architecture": "arch",
    "model.cell": "rnn_type cell_type",
    "model.encoder_layers or model.decoder_layers": "layers num_layers n_layers",
    "model.encoder_units or model.decoder_units": "units hidden_size hidden rnn_size",
    "model.embedding": "d_model embed_dim emb_size embedding_dim embedding_size",
    "model.feed_forward": "d_ff ff_size ffn_dim",
    "model.heads": "n_heads num_heads",
    "model.tie": "tied share_embeddings",
    "model.layer_norm": "layernorm",
    # [train]
    "train.learning_rate": "lr",
    "train.optimizer": "optim",
    "train.decay": "scheduler",
    "train.epochs": "max_epochs num_epochs",
    "train.steps": "max_steps max_updates updates",
    "train.batch_tokens": "batch batch_size max_tokens",
    "train.warmup_steps": "warmup",
    "train.clip_norm": "clip max_grad_norm",
    "train.label_smoothing": "smoothing",
    "train.patience": "early_stopping",
    "train.precision": "dtype fp16 bf16",
    "train.seed": "random_seed",
    "train.metric": "eval_metric",
    # [search]
    "search.beam": "beam_size num_beams",
    "search.length_penalty": "alpha lenpen",
}
# Options that former versions had, which recipes of runs name.
FORMER = ("train.r_drop", "tokenizer.sampling", "model.word_dropout")
GONE = "this version has it no more: it brought nothing (docs/quality.md)"
ALIASES = {alias: option for option, names in NAMES.items() for alias in names.split()}


def option_hint(name: str) -> str:
    """ ", did you mean train.epochs?" for an option that does not exist, or nothing."""
    if name in FORMER:
        return f": {GONE}"
    names = [option for option, _, _ in all_options(Recipe())]
    # An option of another section comes first, then a foreign name, then a similar one.
    key = name.rpartition(".")[2].replace("-", "_").lower()
    elsewhere = [option for option in names if option.partition(".")[2] == key]
    meant = " or ".join(elsewhere) or ALIASES.get(key)
    hint = f"did you mean {meant}?" if meant else did_you_mean(name, names)
    return f", {hint}" if hint else ""
