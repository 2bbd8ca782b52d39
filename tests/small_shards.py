"""A small corpus that is prepared in many shards and chunks, in a process of its own."""

RECIPE = """
[data]
format = "grammar"
size = 60

[tokenizer]
vocab_size = 200
byte_fallback = false
"""

# How the program of that process begins.
BEGIN = """
from nmt import processes
from nmt.batches import store
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training import prepare

processes.ALONE = 1
store.CHUNK = prepare.CHUNK = 7
store.SHARD = 23
"""
