"""The note of a run, in markdown: MLflow shows it above everything else on the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnist_np.registry import name_of
from mnist_np.terminal import counted
from mnist_np.tracking.links import run_page

if TYPE_CHECKING:
    from mnist_np.training.result import Result

RUN_ID, EXPERIMENT_ID = "{run_id}", "{experiment_id}"
"""What stands for them in a note: a run may be over before MLflow has given it an id."""


def note(result: Result, figures: bool = True) -> str:
    """What the run did and what came of it, in a few lines."""
    experiment, data = result.experiment, result.data
    sizes = " - ".join(map(str, [result.network.n_in, *experiment.model.hidden, result.network.n_out]))
    lines = [
        f"**{result.test.accuracy:.2%} test accuracy** on {data.name} ({len(data.test):,} examples), "
        f"{counted(len(result.history), 'epoch')} in {result.seconds:.1f} s, {len(result.network.params):,} parameters.",
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
    if not figures:
        return "\n".join(lines)
    lines += ["", f"![learning curves](get-artifact?path=figures%2Flearning_curves.png&run_uuid={RUN_ID})", ""]
    others = ("predictions", "confusion_matrix", "confident_mistakes", "first_layer")
    links = [f"[{name.replace('_', ' ')}]({run_page(EXPERIMENT_ID, RUN_ID, f'artifacts/figures/{name}.png')})" for name in others]
    return "\n".join([*lines, "Figures: " + ", ".join(links)])


def filled(text: str, values: dict[str, str]) -> str:
    """``text`` with what was not known yet when it was written."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text
