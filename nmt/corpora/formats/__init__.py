"""A module for each format: its functions yield (source, target) pairs as the text has them.

What cannot be trusted (line counts differ, invalid UTF-8, a broken file) stops the reader with one
line that names file and line. What a format marks as unfinished is skipped and counted.
"""
