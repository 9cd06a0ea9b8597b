"""The model card: what a network was trained on, how good it is, and its limitations."""

from __future__ import annotations

from collections.abc import Mapping

from mnist_np.fitted_table import markdown_table
from mnist_np.registry import name_of
from mnist_np.storage.records import read_json
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.weights import Weights

SCORES = {
    "test/accuracy": "accuracy: the fraction of images whose class is right",
    "test/top3": "the fraction whose class is among the three most probable",
    "test/macro_f1": "F1, the mean over the classes",
    "test/nll": "negative log-likelihood, in nats",
    "test/brier": "Brier score",
    "test/ece": "expected calibration error: how far the stated probabilities are from the fraction that is right",
}

CHOSEN = {
    "val/accuracy": "by whose accuracy the epoch was chosen",
    "val/loss": "by whose loss the epoch was chosen",
    "last": "by which no epoch was chosen (the last one's weights are kept)",
}
"""What the validation split was for, by ``training.select``: its numbers are too good where it chose."""


def card(run: SavedRun, weights: Weights) -> str:
    """The card as Markdown, from what the run left; what it did not leave is left out."""
    experiment, result, shape = weights.experiment, run.result, weights.image_shape
    data = result.get("data")
    data = data if isinstance(data, dict) else weights.about.get("data", {})
    sizes = [weights.network.n_in, *experiment.model.hidden, weights.network.n_out]
    name = data.get("name", "images")
    network = f"{'-'.join(map(str, sizes))} {name_of(experiment.activation) if experiment.model.hidden else 'linear'}"
    about = {
        "network": f"{network}, {len(weights.network.params):,} parameters",
        "data": f"{name}, SHA-256 `{data.get('sha256', 'unknown')}`",
        "examples": ", ".join(f"{data[key]:,} {key}" for key in ("train", "val", "test") if isinstance(data.get(key), int)),
        "optimizer": f"{name_of(experiment.optimizer)}, learning rate {experiment.optimizer.lr:g}",
        "epochs": f"{result['epochs']}, weights of epoch {result.get('best_epoch')}" if "epochs" in result else "",
        "seed": str(experiment.seed),
        "status": run.status,
        "fingerprint": str(result.get("fingerprint", "")),
        "commit": str((result.get("git") or {}).get("commit", "")),
    }
    metrics = run.metrics
    scores = [(text, f"{metrics[key]:.4f}") for key, text in SCORES.items() if key in metrics]
    validated = f"{metrics['best/val_accuracy']:.4f}" if "best/val_accuracy" in metrics else ""
    return "\n\n".join(
        part
        for part in (
            f"# {name}: {network}",
            "A fully connected network, trained by mnist-np.",
            markdown_table(("", ""), ((key, value) for key, value in about.items() if value)),
            USE.format(features=weights.network.n_in, height=shape[0], width=shape[1]),
            "## How good it is" if scores else "",
            "On the test split, which the training never saw:" if scores else "",
            markdown_table(("score", ""), scores) if scores else "",
            classes(run),
            f"On the validation split, {CHOSEN[experiment.training.select]}: accuracy {validated}." if validated else "",
            LIMITS.format(height=shape[0], width=shape[1], classes=", ".join(weights.class_names)),
        )
        if part
    )


def classes(run: SavedRun) -> str:
    """Precision, recall and F1 of each class, from ``per_class.json``."""
    content: Mapping[str, object] = read_json(run.folder / "per_class.json")
    columns, rows = content.get("columns"), content.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return ""
    return markdown_table(columns, ([f"{x:.4f}" if isinstance(x, float) else str(x) for x in row] for row in rows))


USE = """## Use

With NumPy and safetensors alone (`code/mnist_np_inference.py` goes with the weights):

    import sys
    sys.path.insert(0, "code")
    from mnist_np_inference import Network

    network = Network("model.safetensors")
    P = network.predict_proba(images)  # (n, {height}, {width}) or (n, {features}): from 0 to 1 (white), or uint8 from 0 to 255
    print(network.class_names[P[0].argmax()])

With MLflow: `mlflow.pyfunc.load_model(FOLDER).predict(images)` or `mlflow models serve -m FOLDER --env-manager local`;
images (n, {features}) of single precision."""

LIMITS = """## Limits

- It sees {height} x {width} pixels, prepared as its training images were. Other pictures must be brought to that form first.
- It takes every image for one of: {classes}. It cannot say that an image shows none of them.
- The probabilities are measured on images like the training images; on others they mean less.
"""
