"""Each test of the data starts with nothing remembered; the decoded sets are cached away from the user's own."""

import pytest

from mnist_np.data import cache, source


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(shared_cache, monkeypatch):
    monkeypatch.setenv("MNIST_NP_CACHE", str(shared_cache))
    cache._last.clear()
    source._last.clear()
