"""Each test of the data starts with nothing remembered; the decoded sets are cached away from the user's own."""

import pytest
from idx_files import write_set

from mnist_np.data import cache, folder, source


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(shared_cache, monkeypatch):
    monkeypatch.setenv("MNIST_NP_CACHE", str(shared_cache))
    cache._last.clear()
    source._last.clear()


@pytest.fixture
def data(tmp_path):
    write_set(tmp_path / "data", n=30, shape=(7, 7))
    return tmp_path / "data"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("MNIST_NP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def decodings(monkeypatch):
    """Counts how often files are decoded."""
    calls = []
    decode = folder._decode
    monkeypatch.setattr(folder, "_decode", lambda *arguments: calls.append(1) or decode(*arguments))
    return calls
