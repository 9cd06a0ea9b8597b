"""The cache of decoded data: only ever a faster way to the same rows, whatever happens to it."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from idx_files import write_set

from mnist_np.data import cache, folder
from mnist_np.data.cache import HEADER, cache_folder
from mnist_np.data.folder import load


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


def load_again(data):
    """Load as another process would: with nothing remembered."""
    cache._last.clear()
    return load(data)


def rows(decoded):
    return np.concatenate([decoded.train.rows, decoded.test.rows])


def only_file(own):
    (path,) = own.glob("*.rows")
    return path


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


def flip(path, place):
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 64]))


DAMAGES = {
    "a flipped bit": lambda path: flip(path, HEADER + 1003),
    "in the last byte": lambda path: flip(path, path.stat().st_size - 1),
    "in the header": lambda path: flip(path, 12),
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 4),
    "truncated to the header": lambda path: os.truncate(path, 100),
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "all zero": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "words exchanged": lambda path: path.write_bytes(_exchange_words(path.read_bytes())),
    "rows exchanged": lambda path: path.write_bytes(_exchange(path.read_bytes())),
    "other classes": lambda path: path.write_bytes(_header(path, n_train=29)),
    "hostile header": lambda path: path.write_bytes(b"[" * HEADER + path.read_bytes()[HEADER:]),
    "header of another type": lambda path: path.write_bytes(b"[]".ljust(HEADER) + path.read_bytes()[HEADER:]),
    "numbers as text": lambda path: path.write_bytes(_header(path, n="38")),
    "negative sizes": lambda path: path.write_bytes(_header(path, n=-1, n_features=-5)),
}


def _exchange_words(content):
    """Two words of the first row that are not the same."""
    words = np.frombuffer(content, np.uint64, offset=HEADER).copy()
    place = np.flatnonzero(words[:6] != words[0])[0]
    words[[0, place]] = words[[place, 0]]
    return content[:HEADER] + words.tobytes()


def _exchange(content):
    width = 64
    a, b = content[HEADER : HEADER + width], content[HEADER + width : HEADER + 2 * width]
    return content[:HEADER] + b + a + content[HEADER + 2 * width :]


def _header(path, **changed):
    content = path.read_bytes()
    return json.dumps(json.loads(content[:HEADER]) | changed).encode().ljust(HEADER) + content[HEADER:]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_noticed_and_made_anew(data, own, decodings, damage):
    first = rows(load(data)).copy()
    path = only_file(own)
    damage(path)
    np.testing.assert_array_equal(rows(load_again(data)), first)
    assert len(decodings) == 2
    load_again(data)
    assert len(decodings) == 2


def test_other_file_under_this_name_is_noticed(data, own, decodings, tmp_path):
    load(data)
    path = only_file(own)
    content = path.read_bytes()
    path.unlink()
    write_set(data, n=30, shape=(7, 7), seed=5)
    load_again(data)
    only_file(own).write_bytes(content)
    load_again(data)
    assert len(decodings) == 3


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


def forge(path):
    """Other labels, with the checksum that belongs to them and the genuine SHA-256."""
    content = bytearray(path.read_bytes())
    header = json.loads(content[:HEADER])
    rows = np.frombuffer(content, np.uint8, offset=HEADER).reshape(header["n"], -1)
    rows[:, header["n_features"]] = 255
    del header["checksum"]
    header["checksum"] = cache.checksum(header, rows)
    content[:HEADER] = json.dumps(header).encode().ljust(HEADER)
    path.write_bytes(content)


OTHERS = {
    "a file of another user": lambda path: os.chown(path, 12345, -1),
    "a file that others may write": lambda path: path.chmod(0o606),
    "a file that the group may write": lambda path: path.chmod(0o660),
    "a link to another file": lambda path: path.symlink_to(path.rename(path.with_suffix(".other"))),
}


@pytest.mark.parametrize("deed", OTHERS.values(), ids=OTHERS)
def test_what_others_can_have_written_is_not_used(deed, data, own, decodings):
    if deed is OTHERS["a file of another user"] and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    first = rows(load(data)).copy()
    forge(only_file(own))
    deed(only_file(own))
    np.testing.assert_array_equal(rows(load_again(data)), first)
    assert len(decodings) == 2


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_a_folder_that_others_may_write_to_is_not_used(mode, data, own, decodings, caplog):
    load(data)
    own.chmod(mode)
    load_again(data)
    assert len(decodings) == 2
    assert f"{own} is not used as a cache: others may write to it" in caplog.text


def test_a_pipe_in_the_cache_does_not_hold_up(data, own, decodings):
    load(data)
    path = only_file(own)
    path.unlink()
    os.mkfifo(path)
    load_again(data)
    assert len(decodings) == 2
