"""A store that several modules look at."""

import pytest

from tests.batches.stores import pairs_of, stored


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """2,000 pairs of many lengths. Not to be changed."""
    return stored(tmp_path_factory.mktemp("store"), pairs_of(2000))
