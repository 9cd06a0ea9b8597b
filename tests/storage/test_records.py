"""A broken small file is as one that is not there: no reader may end in a traceback for it."""

import pytest

from mnist_np.storage.records import read_history, read_json, read_json_lines

BROKEN = [
    b"",
    b"{",
    b"\x00",
    b"\xff\xfe",
    b"[1]",
    b"7",
    b"null",
    b'{"a": 1',
    b'{"a": NaN}',
    b'{"a": -1e999}',
    b"[" * 200_000,
    b"a,b\n1\n",
    b'"' * 200_000,
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content[:9]))
def test_a_broken_file_counts_as_empty(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert read_json(tmp_path / "file") == {}
    assert list(read_json_lines(tmp_path / "file")) == []
    assert read_history(tmp_path / "file") == []


def test_what_is_no_file_counts_as_empty(tmp_path):
    for path in (tmp_path, tmp_path / "missing", tmp_path / ("x" * 300)):
        assert read_json(path) == {}
        assert read_history(path) == []


def test_the_whole_rows_of_a_history_are_read(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,val/accuracy,lr\n1,0.5,\n2,what,0.1\n3,0.7,0.1\n4,0.")
    assert read_history(tmp_path / "history.csv") == [
        {"epoch": 1, "val/accuracy": 0.5},
        {"epoch": 3, "val/accuracy": 0.7, "lr": 0.1},
    ]


def test_the_whole_lines_of_a_log_are_read(tmp_path):
    (tmp_path / "log").write_text('{"a": 1}\n\nnonsense\n{"b": 2}\n{"c"')
    assert list(read_json_lines(tmp_path / "log")) == [{"a": 1}, {"b": 2}]
