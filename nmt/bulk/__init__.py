"""Text in files, as much as there is of it: cut in windows, worked on by a translator a core."""
