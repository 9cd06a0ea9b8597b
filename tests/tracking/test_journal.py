"""The journal survives its process, and reads as far as it was written."""

import errno
import json
import os

import pytest

from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.conclusion import conclude
from mnist_np.tracking.journal import Journal, Ledger, lock, locked


def test_a_lock_is_held_for_the_block_alone(tmp_path):
    block = locked(tmp_path)
    with block, pytest.raises(TrackingError, match="another process"):
        lock(tmp_path)
    lock(tmp_path).release()


def test_records_are_read_from_an_offset_on(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, metrics={"loss": 0.5})
    journal.append("metrics", step=2, metrics={"loss": 0.25})
    (first, middle), (second, end) = journal.read()
    assert (first["step"], second["step"]) == (1, 2)
    assert [record["step"] for record, _ in journal.read(middle)] == [2]
    assert list(journal.read(end)) == []
    assert end == journal.size
    assert first["time"] <= second["time"]


def test_a_line_cut_by_a_crash_is_not_read_and_then_cut_off(tmp_path):
    journal = Journal(tmp_path)
    journal.append("end", status="FINISHED")
    whole = journal.size
    with open(journal.path, "ab") as file:
        file.write(b'{"kind": "metr')
    assert [record["kind"] for record, _ in journal.read()] == ["end"]
    journal.repair()
    assert journal.size == whole
    journal.append("tags", tags={})
    assert [record["kind"] for record, _ in journal.read()] == ["end", "tags"]


def test_a_journal_cut_within_its_first_line_is_empty(tmp_path):
    journal = Journal(tmp_path)
    journal.path.write_bytes(b'{"kind"')
    journal.repair()
    assert journal.size == 0


def test_a_record_that_a_full_disk_did_not_take_comes_with_the_next(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, metrics={})

    write = os.write

    def full(descriptor, data):
        write(descriptor, data[:20])  # as much as there was room for
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mnist_np.files.os.write", full)
        for step in (2, 3):
            with pytest.raises(OSError, match=r"journal\.jsonl"):
                journal.append("metrics", step=step, metrics={})
    assert [record["step"] for record, _ in journal.read()] == [1]
    journal.append("metrics", step=4, metrics={})
    assert [record["step"] for record, _ in journal.read()] == [1, 2, 3, 4]


def test_only_a_journal_without_an_end_is_concluded(tmp_path):
    journal = Journal(tmp_path)
    conclude(journal, "killed")
    assert journal.size == 0
    journal.append("metrics", step=1, metrics={})
    conclude(journal, "killed")
    conclude(journal, "killed")
    assert [record["kind"] for record, _ in journal.read()] == ["metrics", "tags", "end"]
    assert len({record["time"] for record, _ in journal.read()}) == 1, "it ended when it last spoke"


def test_a_ledger_is_what_it_was(tmp_path):
    assert Ledger.read(tmp_path) is None
    ledger = Ledger("sqlite:///x", "outputs", "mnist", "key", run_id="abc", offset=12, asked=True)
    ledger.write(tmp_path)
    assert Ledger.read(tmp_path) == ledger
    assert json.loads((tmp_path / "tracking.json").read_text())["run_id"] == "abc"


def test_a_run_that_left_its_result_came_to_the_end_that_this_tells(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, metrics={})
    result = {"status": "finished", "reason": "", "metrics": {"test/accuracy": 0.5, "test/loss": None}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    conclude(journal, "killed")
    metrics, files, tags, end = [record for record, _ in journal.read()][1:]
    assert (metrics["step"], metrics["metrics"]) == (0, {"test/accuracy": 0.5})
    assert "weights.safetensors" in files["paths"]
    assert (tags["tags"], end["status"]) == ({"status": "finished"}, "FINISHED")


def test_a_damaged_line_is_passed_over(tmp_path):
    journal = Journal(tmp_path)
    journal.append("metrics", step=1, metrics={})
    with open(journal.path, "ab") as file:
        file.write(b"\xff\x00garbage\n[1]\n{}\n")
    journal.append("end", status="FINISHED")
    assert [(record["kind"], offset == journal.size) for record, offset in journal.read()] == [("metrics", False), ("end", True)]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"uri": 1}', "[" * 100_000])
def test_a_broken_ledger_is_made_again_from_the_journal(content, tmp_path):
    ledger = Ledger("sqlite:///x", "outputs", "mnist", "key", run_id="abc", offset=12)
    Journal(tmp_path).append("start", name="a", tags={}, params={}, data={}, tracker=ledger.tracker)
    (tmp_path / "tracking.json").write_text(content)
    assert Ledger.read(tmp_path) == Ledger("sqlite:///x", "outputs", "mnist", "key", asked=True)
    Journal(tmp_path).path.unlink()
    assert Ledger.read(tmp_path) is None


@pytest.mark.parametrize("key", ["uri", "run_id", "offset", "asked", "former_run_ids"])
@pytest.mark.parametrize("value", [-1, 1.5, [1], {}, "no"])
def test_a_ledger_with_values_of_other_types_is_broken(key, value, tmp_path):
    ledger = Ledger("sqlite:///x", "outputs", "mnist", "key", run_id="abc", offset=12)
    ledger.write(tmp_path)
    content = json.loads((tmp_path / "tracking.json").read_text()) | {key: value}
    (tmp_path / "tracking.json").write_text(json.dumps(content))
    whole = key in ("uri", "run_id") and value == "no"
    assert (Ledger.read(tmp_path) is not None) == whole
