"""Ids of the special tokens, the same in every tokenizer."""

PAD = 0
UNK = 1
BOS = 2
EOS = 3
