"""From prepared text to matrices of token ids: ids on disk, batches of one length, streams."""
