"""A sweep's folder: which runs are its children, and what they tell."""

import json

import pytest
from filelock import FileLock

from mnist_np.sweep.children import LOCK
from mnist_np.sweep.folder import JOBS, SweepFolder
from mnist_np.sweep.members import NO_RESULT, Members
from mnist_np.sweep.plan import Job


def job(seed="0"):
    return Job({"optimizer": "sgd", "seed": seed}, f"fp{seed}" * 4, "group")


@pytest.fixture
def sweep(tmp_path):
    folder = SweepFolder(tmp_path, "s", "1")
    folder.begin()
    return folder


def begun(folder, **result):
    """A run in ``folder``, which has ended if there is a ``result``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"fingerprint": "f"}))
    if result:
        (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_a_child_is_what_its_folder_says(sweep):
    folder = sweep.register(job())
    assert sweep.children()[0].status == "queued"
    begun(folder)
    (folder / "history.csv").write_text("epoch,val/accuracy\n1,0.5\n2,0.")  # the second row is being written
    with FileLock(folder / LOCK):
        assert sweep.children()[0].status == "running"
    assert sweep.children()[0].status == "killed"
    assert sweep.children()[0].history[0] == {"epoch": 1.0, "val/accuracy": 0.5}
    begun(folder, status="finished", metrics={"test/error": 0.1})
    (child,) = sweep.children()
    assert (child.status, child.metrics, child.configuration) == ("finished", {"test/error": 0.1}, {"optimizer": "sgd"})
    assert (child.fingerprint, child.group, child.linked) == (job().fingerprint, "group", False)


def test_only_the_jobs_of_the_last_start_are_children(sweep):
    begun(sweep.register(job("0")))
    begun(sweep.register(job("1")))
    sweep.begin()
    sweep.register(job("1"), sweep.place(job("1")).with_name(f"optimizer=sgd-seed=1-{job('1').fingerprint[:8]}"))
    assert [child.overrides["seed"] for child in sweep.children()] == ["1"]
    assert len(sweep.runs()) == 2


def test_a_run_of_elsewhere_is_linked_if_it_lies_under_the_same_outputs(sweep, tmp_path):
    sweep.register(job("0"), begun(tmp_path / "runs" / "day" / "time", status="finished"))
    (child,) = sweep.children()
    assert (child.linked, child.status) == (True, "finished")
    sweep.begin()
    sweep.register(job("0"), tmp_path.parent / "private")
    assert sweep.children() == []


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "nonsense", '{"overrides": 1, "group": "", "fingerprint": "", "folder": ""}', '{"f']
)
def test_a_line_that_is_no_job_is_passed_over(sweep, line):
    sweep.register(job("0"))
    (sweep.path / JOBS).write_text(f"{line}\n" + (sweep.path / JOBS).read_text() + line)
    assert len(sweep.children()) == 1


def test_archiving_keeps_the_old_run(sweep):
    sweep.archive(begun(sweep.register(job()), status="finished"))
    assert sweep.children()[0].status == "queued"
    assert sweep.runs() == []
    assert len(list(sweep.path.glob("replaced/*/result.json"))) == 1


def test_a_job_that_is_over_is_never_called_running(sweep):
    members = Members(sweep)
    folder = members.queue(job())
    begun(folder)
    members.launch(job())
    assert members.child(job().fingerprint).status == "running"
    members.end(job())
    child = members.child(job().fingerprint)
    assert (child.status, child.reason) == ("failed", NO_RESULT)


@pytest.mark.parametrize("status", ["finished", "failed", "killed", None])
def test_what_the_folder_does_not_tell_counts(sweep, status):
    members = Members(sweep)
    begun(members.queue(job()), **({"status": status} if status else {}))
    members.end(job(), "the disk is full")
    (child,) = members.children()
    if status == "finished":
        assert (child.status, child.problem) == ("finished", "the disk is full")
    else:
        assert (child.status, child.reason) == ("failed", "the disk is full")


def test_queued_jobs_are_not_looked_at_until_the_end(sweep):
    members = Members(sweep)
    begun(members.queue(job()), status="killed")
    assert [child.status for child in members.children()] == ["queued"]
    assert [child.status for child in members.children(last=True)] == ["killed"]
