"""What is measured at the end of an epoch, and whether its weights are the best so far."""

from __future__ import annotations

from mnist_np.data.dataset import Split
from mnist_np.experiment import Training
from mnist_np.metrics import Predictions, measure
from mnist_np.nn.losses import Loss
from mnist_np.nn.network import Network
from mnist_np.optim.schedule import Schedule
from mnist_np.training.divergence import check_loss
from mnist_np.training.evaluation import evaluate
from mnist_np.training.progress import Best, Progress


def require_validation(training: Training, schedule: Schedule) -> None:
    """Raise ConfigError if something watches a validation metric. Called where there is no validation split."""
    needed = "needs a validation split: data.validation_size must be > 0"
    if training.patience is not None:
        raise training.error("patience", training.patience, needed)
    if (schedule.watches or "").startswith("val/"):
        raise schedule.error("metric", schedule.watches, needed)


def validation_metrics(network: Network, val: Split, loss: Loss, training: Training, epoch: int) -> dict[str, float]:
    """Loss and accuracy on the validation split, if there is one, and what ``training.metrics`` asks for. Raises Diverged."""
    if not len(val):
        return {}
    validation = evaluate(network, val, loss)
    check_loss("validation", validation.loss, epoch)
    metrics = {"val/loss": validation.loss, "val/accuracy": validation.accuracy}
    if training.metrics:
        metrics |= measure(
            Predictions(loss.probabilities(validation.logits), val.labels, validation.logits), training.metrics, "val"
        )
    return metrics


def keep_best(progress: Progress, metrics: dict[str, float], network: Network, select: str) -> None:
    """Keep a copy of the network's weights in ``progress.best`` if these metrics beat the best so far: strictly, so that of
    equal epochs the first is kept."""
    best = progress.best
    sign = -1 if select == "val/loss" else 1
    if best is None or select not in metrics or sign * metrics[select] > sign * best.metrics[select]:
        progress.best = Best(progress.epoch, metrics, network.params.copy(), network.state.copy())
