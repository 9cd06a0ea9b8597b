"""The cache of decoded data: only ever a faster way to the same rows, whatever happens to it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cached import load_again, only_file, rows
from filelock import FileLock
from idx_files import write_set

from mnist_np.data import cache
from mnist_np.data.cache import cache_folder
from mnist_np.data.folder import load


def test_second_use_maps_what_the_first_wrote(data, own, decodings):
    first, second = load(data), load_again(data)
    assert len(decodings) == 1
    assert second.train.rows.base is not None
    assert not second.train.rows.flags.writeable
    np.testing.assert_array_equal(rows(first), rows(second))
    assert (second.sha256, second.image_shape, second.train.n_classes) == (first.sha256, (7, 7), 3)
    assert {path.name for path in own.iterdir()} == {".lock", only_file(own).name}
    assert only_file(own).stat().st_mode & 0o077 == 0


def test_same_process_does_not_even_look(data, own):
    first = load(data)
    only_file(own).unlink()
    assert load(data) is first


def test_is_the_same_without_a_cache(data, own, monkeypatch):
    cached = load(data)
    monkeypatch.setenv("MNIST_NP_CACHE", "off")
    np.testing.assert_array_equal(rows(load_again(data)), rows(cached))


def test_changed_files_are_another_set(data, own, decodings):
    load(data)
    write_set(data, n=30, shape=(7, 7), seed=5)
    changed = load_again(data)
    assert len(decodings) == 2
    cache._last.clear()
    assert changed.sha256 == load(data).sha256


def _block(path):
    path.write_text("a file where the folder should be")


@pytest.mark.parametrize("obstacle", [_block, lambda path: path.symlink_to("/proc/self/nowhere")])
def test_goes_on_in_memory_where_nothing_can_be_written(data, own, obstacle):
    obstacle(own)
    assert len(load(data).train) == 30


def test_goes_on_in_memory_on_a_full_disk(data, own, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "row_sums", full)
    assert len(load(data).train) == 30
    assert [path.name for path in own.iterdir()] == [".lock"]


def test_goes_on_in_memory_when_another_holds_the_lock_for_long(data, own, monkeypatch):
    monkeypatch.setattr(cache, "TIMEOUT", 0.05)
    own.mkdir()
    with FileLock(own / ".lock"):
        assert len(load(data).train) == 30


def test_large_sets_are_not_cached(data, own, monkeypatch):
    monkeypatch.setattr(cache, "LARGEST", 1000)
    assert len(load(data).train) == 30
    assert not list(own.glob("*.rows"))


def test_removes_what_was_used_longest_ago(tmp_path, own, monkeypatch):
    for seed in range(3):
        write_set(tmp_path / str(seed), seed=seed)
        load_again(tmp_path / str(seed))
        os.utime(only_new := max(own.glob("*.rows"), key=os.path.getmtime), (seed, seed))
        monkeypatch.setattr(cache, "TOTAL", 2 * only_new.stat().st_size)
    assert sorted(path.stat().st_mtime for path in own.glob("*.rows")) == [1, 2]


def test_removes_what_a_killed_process_left(data, own):
    own.mkdir()
    (own / "abc.tmp").write_bytes(b"half")
    load(data)
    assert not (own / "abc.tmp").exists()


LOAD = """
import sys
from pathlib import Path
from mnist_np.data import folder
decode = folder._decode
folder._decode = lambda *a: print("decoded", end=" ") or decode(*a)
decoded = folder.load(Path(sys.argv[1]))
print(decoded.train.rows.sum() + decoded.test.rows.sum())
"""


def test_first_use_by_several_processes_at_once(data, own):
    def start(_):
        return subprocess.run([sys.executable, "-c", LOAD, str(data)], capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(start, range(4)))
    assert len({answer.removeprefix("decoded ") for answer in answers}) == 1
    assert sum(answer.startswith("decoded") for answer in answers) == 1


def test_where_it_lies(monkeypatch):
    monkeypatch.delenv("MNIST_NP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/mnist-np")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert cache_folder() == Path("/h/.cache/mnist-np")
    monkeypatch.setenv("MNIST_NP_CACHE", "/own")
    assert cache_folder() == Path("/own")
    monkeypatch.setenv("MNIST_NP_CACHE", "off")
    assert cache_folder() is None
