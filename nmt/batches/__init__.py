"""Token ids on disk, and the batches that training reads."""
