"""Text in, text out: what users call."""
