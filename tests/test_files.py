"""Files in folders that may come from anybody: what is no regular file of bounded size is not read, nor written through."""

import os
import sys
from pathlib import Path

import pytest

from mnist_np.files import append, read_regular, write_atomically


@pytest.fixture
def hostile(tmp_path):
    """name -> a path that is not to be read."""
    (tmp_path / "secret").write_text("private")
    paths = {name: tmp_path / name for name in ("folder", "pipe", "link", "device", "loop", "dangling", "nowhere")}
    paths["folder"].mkdir()
    os.mkfifo(paths["pipe"])
    paths["link"].symlink_to(tmp_path / "secret")
    paths["device"].symlink_to("/dev/zero")
    paths["loop"].symlink_to(paths["loop"])
    paths["dangling"].symlink_to(tmp_path / "gone")
    return paths


MESSAGES = {
    "folder": "is a folder",
    "pipe": "is a device or pipe",
    "link": "is a link",
    "device": "is a link",
    "loop": "is a link",
    "dangling": "is a link",
    "nowhere": "No such file",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_only_regular_files_are_read(name, hostile):
    with pytest.raises(OSError, match=MESSAGES[name]) as caught:
        read_regular(hostile[name], 100)
    assert caught.value.filename == str(hostile[name])


def test_a_link_that_the_user_names_is_followed_to_a_regular_file_only(hostile):
    assert read_regular(hostile["link"], 100, follow=True) == b"private"
    for name in ("device", "loop", "dangling"):
        with pytest.raises(OSError, match=r"device|symbolic|No such"):
            read_regular(hostile[name], 100, follow=True)


def test_size_is_bounded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="holds 5 bytes, at most 4 are allowed"):
        read_regular(path, 4)
    os.truncate(path, 1 << 40)
    with pytest.raises(OSError, match="holds 1,099,511,627,776 bytes"):
        read_regular(path, 1 << 20)
    if Path("/proc/self/status").exists():  # has no size until it is read
        with pytest.raises(OSError, match=r"holds [\d,]+ bytes, at most 10 are"):
            read_regular(Path("/proc/self/status"), 10)


def test_names_that_no_file_can_have():
    with pytest.raises(OSError, match="null"):
        read_regular(Path("a\0b"), 1)


def test_nothing_is_written_through_a_link(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    link = tmp_path / "file"
    link.symlink_to(target)
    with pytest.raises(OSError, match="cannot write 1 bytes"):
        append(link, "x")
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(target)
    write_atomically(link, "new")
    assert target.read_text() == "mine"
    assert link.read_text() == "new"
    assert not link.is_symlink()


def test_a_pipe_does_not_hold_up_what_is_appended(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="cannot write"):
        append(tmp_path / "pipe", "x")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit to the size of files")
def test_of_an_append_that_a_full_disk_cuts_off_nothing_is_left(tmp_path):
    import resource

    append(tmp_path / "file", "one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="cannot write 14 bytes: File too large"):
            append(tmp_path / "file", "a longer line\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    append(tmp_path / "file", "two\n")
    assert (tmp_path / "file").read_text() == "one\ntwo\n"
