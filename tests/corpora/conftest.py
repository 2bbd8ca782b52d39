"""Tests of corpora see no folders of the user."""

import pytest


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, request):
    if "frozen" in request.node.name:  # needs the corpus itself
        return
    for name in ("NMT_DATA", "NMT_HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
