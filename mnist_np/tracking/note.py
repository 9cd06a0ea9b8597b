"""The note of a run, in markdown: MLflow shows it above everything else on the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnist_np.registry import name_of

if TYPE_CHECKING:
    from mnist_np.experiment import Result


def note(result: Result) -> str:
    """What the run did and what came of it, in a few lines."""
    experiment, data = result.experiment, result.data
    sizes = " - ".join(map(str, [result.network.n_in, *experiment.model.hidden, result.network.n_out]))
    lines = [
        f"**{result.test.accuracy:.2%} test accuracy** on {data.name} ({len(data.test):,} examples), "
        f"{len(result.history)} epochs in {result.seconds:.1f} s, {len(result.network.params):,} parameters.",
        "",
        "| | |",
        "|---|---|",
        f"| network | {sizes}, {name_of(experiment.activation)} |",
        f"| optimizer | {name_of(experiment.optimizer)}, lr {experiment.optimizer.lr:g}, "
        f"batch {experiment.training.batch_size} |",
    ]
    if "val/accuracy" in result.best:
        lines.append(f"| best epoch | {result.best_epoch}: validation accuracy {result.best['val/accuracy']:.2%} |")
    lines.append(f"| status | {result.status}{f': {result.reason}' if result.reason else ''} |")
    return "\n".join(lines)
