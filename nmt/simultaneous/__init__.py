"""Simultaneous translation: words out while the source still arrives (wait-k)."""
