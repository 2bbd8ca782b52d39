"""The folder a translator lives in."""
