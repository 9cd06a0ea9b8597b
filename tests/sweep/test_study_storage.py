"""Where a search keeps its studies: the journal and what may have become of it, and the SQLite files of earlier versions."""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from contextlib import closing

import pytest

optuna = pytest.importorskip("optuna")

from optuna.distributions import FloatDistribution  # noqa: E402

from mnist_np.component import UserError  # noqa: E402
from mnist_np.sweep.settings import Search, Sweep  # noqa: E402
from mnist_np.sweep.space import Space  # noqa: E402
from mnist_np.sweep.study import open_study  # noqa: E402
from mnist_np.sweep.study_storage import StudyStorage  # noqa: E402

SPACE = Space({"lr": FloatDistribution(0.001, 10.0, log=True)})


def study_in(path):
    return open_study(StudyStorage(path), "s", Sweep(), SPACE)[0]


def trials_in(path):
    """Lists: a trial's value for each state."""
    return [(trial.number, trial.state.name, trial.value) for trial in study_in(path).trials]


def ask_and_tell(path, n, wait=None):
    """What a process does that takes part in a search."""
    study = study_in(path)
    if wait:
        wait.wait()
    for i in range(n):
        trial = study.ask(dict(SPACE.distributions))
        trial.report(float(i), 1)
        study.tell(trial, float(i))


def test_processes_that_write_at_the_same_time_lose_nothing(tmp_path):
    path, n = tmp_path / "study.journal", 20
    study_in(path)
    context = multiprocessing.get_context("fork")
    together = context.Barrier(4)
    processes = [context.Process(target=ask_and_tell, args=(path, n, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    found = trials_in(path)
    assert [number for number, _, _ in found] == list(range(4 * n))
    assert sorted(value for _, _, value in found) == sorted([float(i) for i in range(n)] * 4)


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_line_that_was_cut_off_is_given_up_and_all_before_it_is_kept(left, tmp_path):
    path = tmp_path / "study.journal"
    ask_and_tell(path, 3)
    *_, last = path.read_bytes().splitlines(keepends=True)
    before, whole = trials_in(path), path.read_bytes()
    with path.open("ab") as file:
        file.write(last[:left])
    assert trials_in(path) == before, "readers leave out what is not a line yet"
    StudyStorage(path).check()
    ask_and_tell(path, 1)
    assert path.read_bytes().startswith(whole)
    assert trials_in(path) == [*before, (3, "COMPLETE", 0.0)]
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_process_killed_again_and_again_leaves_a_journal_that_can_be_read(tmp_path):
    path, rng = tmp_path / "study.journal", random.Random(0)
    study_in(path)
    context = multiprocessing.get_context("fork")
    for _ in range(12):
        process = context.Process(target=ask_and_tell, args=(path, 10_000))
        process.start()
        time.sleep(rng.uniform(0.05, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with path.open("ab") as file:  # and one that was killed within a line
            file.write(b'{"op_code":4,"worker_id":"'[: rng.randrange(26)])
        before = trials_in(path)
        ask_and_tell(path, 1)  # waits for no lock that was left behind
        assert trials_in(path)[: len(before)] == before
    assert len(before) > 12
    assert sum(state == "RUNNING" for _, state, _ in before) <= 12


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "study.journal"
    study = study_in(path)
    trial = study.ask(dict(SPACE.distributions))
    before = path.read_bytes()

    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space left on device") as caught:
        study.tell(trial, 0.5)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    monkeypatch.undo()
    study.tell(trial, 0.5)
    assert trials_in(path) == [(0, "COMPLETE", 0.5)]


def break_study(path, how):
    """A study's file that is not what it should be."""
    study_in(path)
    if how == "text":
        path.write_text("no study at all")
    elif how == "zeros":
        path.write_bytes(b"SQLite format 3\0" + b"\0" * 200)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:20_000])
    elif how == "line":
        path.write_bytes(path.read_bytes() + b"garbage\n" + path.read_bytes())
    elif how == "link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
    elif how == "newer":
        with path.open("a") as file:
            file.write('{"op_code":99,"worker_id":"x"}\n')
    else:
        with closing(sqlite3.connect(path)) as file:
            file.execute("update alembic_version set version_num='v99.0.0.a'")
            file.execute("update version_info set schema_version=999")
            file.commit()


@pytest.mark.parametrize(
    ("name", "how"),
    [("study.db", how) for how in ("text", "zeros", "cut", "version")]
    + [("study.journal", how) for how in ("text", "zeros", "line", "link", "newer")],
)
def test_a_broken_file_or_one_of_another_version_is_one_line_and_left_alone(name, how, tmp_path):
    path = tmp_path / name
    break_study(path, how)
    before = path.read_bytes()
    said = "is a link" if how == "link" else "is no study of Optuna .*; move the file away"
    with pytest.raises(UserError, match=f"{name}: {said}") as caught:
        StudyStorage(path).check()
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["study.journal", "study.db"])
def test_an_empty_file_is_that_of_a_process_killed_at_once(name, tmp_path):
    (tmp_path / name).touch()
    StudyStorage(tmp_path / name).check()
    assert trials_in(tmp_path / name) == []


def test_a_search_that_began_in_sqlite_goes_on_there(tmp_path):
    assert StudyStorage.of(Search(), tmp_path).where.name == "study.journal"
    ask_and_tell(tmp_path / "study.db", 1)
    assert StudyStorage.of(Search(), tmp_path).where.name == "study.db"
    (tmp_path / "study.journal").touch()  # the other was put back later
    assert StudyStorage.of(Search(), tmp_path).where.name == "study.journal"
