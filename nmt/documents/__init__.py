"""Files translated in place: a format finds what can be translated, the rest stays as it is."""
