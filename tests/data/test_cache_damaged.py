"""Damaged and foreign files in the cache of decoded data are noticed and not used."""

import json
import os

import numpy as np
import pytest
from cached import load_again, only_file, rows
from idx_files import write_set

from mnist_np.data import cache
from mnist_np.data.cache import HEADER
from mnist_np.data.folder import load


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
