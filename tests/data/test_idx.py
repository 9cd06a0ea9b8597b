"""IDX files that lie: each fault is one DataError that names the file, and neither memory nor time runs away."""

import contextlib
import gzip
import hashlib
import os
import re
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import header, idx

from mnist_np.data.dataset import DataError
from mnist_np.data.idx import LIMIT, decode, read_file

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
PLAIN, PACKED = idx(IMAGES), gzip.compress(idx(IMAGES), mtime=0)


@pytest.mark.parametrize("content", [PLAIN, PACKED])
def test_reads_images(content):
    file = decode(content, "f", 3)
    np.testing.assert_array_equal(file.array, IMAGES)
    assert file.array.dtype == np.uint8


def test_reads_labels():
    np.testing.assert_array_equal(decode(idx([3, 1, 2]), "f", 1).array, [3, 1, 2])


def test_digest_is_of_the_decompressed_bytes():
    assert decode(PLAIN, "f", 3).sha256 == decode(PACKED, "f", 3).sha256 == hashlib.sha256(PLAIN).hexdigest()


FAULTS = {
    "empty": (b"", "expected images (IDX magic 0x00000803), found an empty file"),
    "labels": (idx([1, 2]), "expected images (IDX magic 0x00000803), found labels (IDX magic 0x00000801)"),
    "other": (b"\x89PNG\r\n\x1a\n" + bytes(90), "expected images (IDX magic 0x00000803), found magic 0x89504e47"),
    "short header": (PLAIN[:9], "with a header of 16 bytes, found 9 bytes"),
    "truncated": (PLAIN[:-1], "expected 40 bytes, as the header announces (shape 2 x 3 x 4), found at most 39"),
    "too long": (PLAIN + b"x", "expected 40 bytes, as the header announces (shape 2 x 3 x 4), found 41"),
    "no images": (header(0, 28, 28), "expected at least one example and one pixel, found an empty set (shape 0 x 28 x 28)"),
    "no pixels": (header(5, 0, 28), "found an empty set (shape 5 x 0 x 28)"),
    "2^40 images": (header(2**32 - 1, 2**4, 2**4), "expected at most 4,294,967,296 bytes, found a header that announces 1,099,5"),
    "2^96 pixels": (header(2**32 - 1, 2**32 - 1, 2**32 - 1), "expected at most 4,294,967,296 bytes"),
    "gz truncated": (PACKED[:-12], "found "),
    "gz without its trailer": (PACKED[:-8], "expected a complete gzip file, found one that ends too early"),
    "gz with a wrong checksum": (PACKED[:-8] + bytes(8), "expected intact gzip data, found corruption (incorrect data check)"),
    "gz and more": (PACKED + b"more", "expected nothing after the gzip data, found 4 more bytes"),
    "gz twice": (PACKED + PACKED, "expected nothing after the gzip data, found"),
    "gz of too much": (gzip.compress(PLAIN + bytes(100)), "as the header announces (shape 2 x 3 x 4), found more"),
    "gz of too little": (gzip.compress(PLAIN[:-3]), "expected 40 bytes, as the header announces (shape 2 x 3 x 4), found 37"),
    "gz of nothing": (gzip.compress(b""), "found an empty file"),
    "gz claims what cannot be": (gzip.compress(header(10_000, 28, 28)), "expected 7,840,016 bytes, as the header announces"),
    "gz of noise": (b"\x1f\x8b" + bytes(range(200)), "expected intact gzip data, found corruption (unknown compression method)"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_says_what_is_wrong(content, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        decode(content, "folder/file.gz", 3)
    assert str(caught.value).startswith("folder/file.gz: expected ")


@given(st.binary(max_size=200) | st.binary(max_size=100).map(gzip.compress) | st.binary(max_size=60).map(lambda b: PLAIN[:4] + b))
def test_any_bytes_are_an_array_or_a_data_error(content):
    for dimensions in (1, 3):
        with contextlib.suppress(DataError):
            assert decode(content, "f", dimensions).array.ndim == dimensions


@given(cut=st.integers(0, len(PACKED) - 1))
def test_a_truncated_file_is_never_accepted(cut):
    for content in (PACKED[:cut], PLAIN[: min(cut, len(PLAIN) - 1)]):
        with pytest.raises(DataError):
            decode(content, "f", 3)


@settings(max_examples=300)
@given(bit=st.integers(0, 8 * len(PACKED) - 1))
def test_a_flipped_bit_in_a_compressed_file_changes_nothing_or_is_found(bit):
    content = bytearray(PACKED)
    content[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(DataError):
        np.testing.assert_array_equal(decode(bytes(content), "f", 3).array, IMAGES)


@given(bit=st.integers(0, 8 * 16 - 1))
def test_a_flipped_bit_in_the_header_is_found(bit):
    content = bytearray(PLAIN)
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DataError):
        decode(bytes(content), "f", 3)


def zeros_compressed(n):
    """A gzip file that expands to n zero bytes, made without holding them."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(n >> 20)) + packer.flush()


def bomb():
    """A header of 20 pixels, and 200 MB in 200 kB."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(header(5, 2, 2))
    return start + b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize(
    "content",
    [bomb(), zeros_compressed(200 << 20), header(2**28, 2, 2), gzip.compress(header(2**20, 28, 28), mtime=0)],
    ids=["bomb", "zeros", "large header", "large packed header"],
)
def test_memory_and_time_stay_within_what_is_there(content):
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(DataError):
        decode(content, "f", 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(content) + 100_000
    assert time.perf_counter() - began < 1


def test_read_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert read_file(path) == b"abc"


def _loop(path):
    path.symlink_to(path.with_name("b"))
    path.with_name("b").symlink_to(path)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (_loop, "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/nowhere"), "No such file or directory"),
        (lambda path: os.mkfifo(path), "is a device or pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device or pipe"),
        (
            lambda path: path.write_bytes(b"") or os.truncate(path, LIMIT + 1),
            "holds 4,294,967,297 bytes, at most 4,294,967,296 are allowed",
        ),
    ],
)
def test_refuses_what_is_no_file(tmp_path, make, found):
    path = tmp_path / "a"
    make(path)
    with pytest.raises(DataError) as caught:
        read_file(path)
    assert str(caught.value) == f"{path}: {found}"
