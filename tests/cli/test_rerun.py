"""rerun: a finished run trained again, called as a person calls it."""

import json
import platform
import shutil

import pytest

from mnist_np.cli.train import main as train
from mnist_np.commands import rerun
from mnist_np.storage.tensorfile import open_tensors, write_tensors
from mnist_np.training import auto_mode


def test_a_rerun_has_the_same_bits(outputs, call):
    said = call(rerun, outputs / "runs/today/tracked", "--outputs", outputs)
    assert "the weights are identical to the bit" in said
    (again,) = outputs.glob("reruns/*/weights.safetensors")
    assert again.read_bytes() == (outputs / "runs/today/tracked/weights.safetensors").read_bytes()


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="two processes need x86's memory order")
def test_a_rerun_keeps_the_mode(call, tmp_path, monkeypatch):
    folder, cores = tmp_path / "run", iter([2, 1])
    monkeypatch.setattr(auto_mode, "pays", lambda *_: True)
    monkeypatch.setattr(auto_mode, "is_free", lambda: next(cores) > 1)
    small = ["data=synthetic", "training.epochs=1", "tracking=off", "tracking.figures=false", "model.hidden=[20,8]"]
    assert train([*small, f"outputs={tmp_path}", f"hydra.run.dir={folder}"]) == 0
    said = call(rerun, folder, "--outputs", tmp_path)
    assert "2 processes, 1 BLAS thread each" in said
    assert "mode.processes" not in said
    assert "identical to the bit" in said
    assert "mode.processes: 2 then, 1 now" in call(rerun, folder, "--outputs", tmp_path, "--threads", "1", code=1)


def test_a_run_that_only_mlflow_has_is_rerun_from_what_mlflow_holds(outputs, call, tmp_path):
    run_id = json.loads((outputs / "runs/today/tracked/tracking.json").read_text())["run_id"]
    for part in outputs.glob("mlflow.db*"):  # with its write-ahead log
        shutil.copy(part, tmp_path)
    assert "the weights are identical to the bit" in call(rerun, run_id, "--outputs", tmp_path)
    assert "Run with id=0123 not found" in call(rerun, "0123", "--outputs", tmp_path, code=2)
    assert "no run's folder, and no MLflow run id" in call(rerun, "0123", "--outputs", tmp_path / "nowhere", code=2)
    assert not (tmp_path / "nowhere").exists()


def test_a_rerun_says_what_is_not_as_it_was(mnist, call, tmp_path):
    result = json.loads((mnist / "result.json").read_text())
    result["versions"]["numpy"] = "1.0"
    result["inputs"]["data_sha256"] = "0123"
    result["code_sha256"] = "9" * 64
    result["git"] = {"commit": "4567", "dirty": True}
    (mnist / "result.json").write_text(json.dumps(result))
    said = call(rerun, mnist, "--outputs", tmp_path)
    then = ("versions.numpy: 1.0", "the data's SHA-256: 0123", "the numeric code: 999999999999...", "git.commit: 4567")
    for line in (*(f"{line} then," for line in then), "uncommitted changes then"):
        assert line in said


def test_a_rerun_that_comes_to_something_else_says_how_far_off_it_is(mnist, call, tmp_path):
    file = open_tensors(mnist / "weights.safetensors")
    arrays = file.arrays()
    arrays["W2"] = arrays["W2"].copy()
    arrays["W2"][3, 4] += 0.25
    write_tensors(file.path, file.about, arrays)
    said = call(rerun, mnist, "--outputs", tmp_path, code=1)
    assert "the weights differ, by 0.25 at most; no metric does" in said
    history = (mnist / "history.csv").read_text().splitlines()
    history[2] = history[2].replace("0.", "0.9", 1)
    (mnist / "history.csv").write_text("\n".join(history))
    assert "the metrics from epoch 2 on" in call(rerun, mnist, "--outputs", tmp_path, code=1)


def test_a_run_that_was_cut_off_is_compared_as_far_as_it_came(mnist, call, tmp_path):
    (mnist / "result.json").unlink()
    said = call(rerun, mnist, "--outputs", tmp_path)
    assert "the run left no result.json" in said
    assert "the run was cut off after 2 epochs: those are the same to the last digit" in said
