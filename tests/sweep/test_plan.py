"""A sweep's identity, its children's folders, and what they tell."""

import json

from mnist_np.sweep.plan import Job, SweepFolder, child_name, read_child, safe, sweep_id


def job(seed="0"):
    return Job(["optimizer=sgd", f"seed={seed}"], {"optimizer": "sgd", "seed": seed}, f"fp{seed}" * 4, "group")


def test_the_id_follows_from_what_varies_and_what_is_fixed_not_from_the_values():
    assert sweep_id(["optimizer", "seed"], ["a=1"]) == sweep_id(["seed", "optimizer"], ["a=1"])
    assert sweep_id(["optimizer", "seed"], ["a=1"]) != sweep_id(["optimizer", "seed"], ["a=2"])
    assert sweep_id(["optimizer"], ["a=1"]) != sweep_id(["optimizer", "seed"], ["a=1"])


def test_names_use_the_last_part_of_a_key_where_that_is_unambiguous():
    assert child_name({"optimizer.lr": "0.1", "seed": "3"}) == "lr=0.1-seed=3"
    assert child_name({"optimizer.lr": "0.1", "other.lr": "2"}) == "optimizer.lr=0.1-other.lr=2"


def test_no_name_leaves_the_folder(tmp_path):
    for name in ("../../etc", "/etc/passwd", "..", "a\0b", "", "x" * 1000):
        folder = SweepFolder(tmp_path, name, "id").path
        assert folder.resolve().parent == (tmp_path / "sweeps").resolve()
        assert len(safe(name)) <= 120


def test_a_child_is_what_its_folder_says(tmp_path):
    sweep = SweepFolder(tmp_path, "s", "1")
    folder = sweep.register(job())
    assert read_child(folder).status == "queued"
    (folder / "run.json").write_text("{}")
    (folder / "history.csv").write_text("epoch,val/accuracy\n1,0.5\n2,0.")  # the second row is being written
    assert read_child(folder).status == "running"
    assert read_child(folder).history[0] == {"epoch": 1.0, "val/accuracy": 0.5}
    (folder / "result.json").write_text(json.dumps({"status": "finished", "metrics": {"test/error": 0.1}}))
    child = sweep.children()[0]
    assert (child.status, child.metrics, child.configuration) == ("finished", {"test/error": 0.1}, {"optimizer": "sgd"})


def test_archiving_keeps_the_old_run(tmp_path):
    sweep = SweepFolder(tmp_path, "s", "1")
    (sweep.register(job()) / "result.json").write_text("{}")
    sweep.archive(job())
    assert sweep.children() == []
    assert len(list(sweep.path.glob("replaced/*/result.json"))) == 1
