"""The result of an earlier run, put together again from its files: for figures that are drawn later."""

from __future__ import annotations

from mnist_np.data.dataset import Dataset
from mnist_np.storage.saved_run import SavedRun, SavedRunError
from mnist_np.training.evaluation import evaluate, quiet
from mnist_np.training.result import Result


def result_of(run: SavedRun, data: Dataset) -> Result:
    """The result of ``run`` with its network's test logits computed anew on ``data``, which its experiment names.

    The diagnostics of the layers are not among its files. Raises SavedRunError where the run has not come to its end or the
    data are others, WeightsError where its weights cannot be read.
    """
    found = run.result
    if found.get("status") not in ("finished", "killed", "pruned", "diverged"):
        raise SavedRunError(f"{run.name}: the run has not come to its end")
    there = found.get("data")
    if not isinstance(there, dict) or there.get("sha256") != data.sha256:
        raise SavedRunError(f"{run.name}: the data are not those that it was trained on")
    experiment, weights, history = run.experiment, run.weights, run.history
    best_epoch = int(run.metrics.get("best/epoch", 0))
    best = {key: value for key, value in history[best_epoch - 1].items() if key.startswith("val/")} if best_epoch else {}
    with quiet():
        test = evaluate(weights.network, data.test, experiment.loss)
    seconds = run.metrics.get("time/total_s", 0.0)
    reason = str(found.get("reason") or "")
    return Result(experiment, data, weights.network, str(found["status"]), reason, history, best_epoch, best, test, seconds)
