"""Text in, text out: translators and text generators, and how a run is loaded as one."""
