"""The subcommands of ``mnist-np``: one for each script."""

from __future__ import annotations

COMMANDS = {
    "train": ("mnist_np.cli.train:main", "train a network, or many: a sweep (-m)"),
    "explain": ("mnist_np.cli.explain:main", "one training step with its numbers: forward, backward, update"),
    "ui": ("mnist_np.commands.ui:main", "look at runs and sweeps in the MLflow UI"),
    "compare": ("mnist_np.commands.compare:main", "runs side by side, as a table"),
    "report": ("mnist_np.commands.report:main", "the report of a sweep as one HTML file"),
    "rerun": ("mnist_np.commands.rerun:main", "train a run once more and compare the weights bit by bit"),
    "evaluate": ("mnist_np.commands.evaluate:main", "loss and accuracy of a trained network, on any data of its kind"),
    "figures": ("mnist_np.commands.figures:main", "draw the figures of runs that drew none, such as those of a sweep"),
    "predict": ("mnist_np.commands.predict:main", "classify pictures with a trained network"),
    "export": ("mnist_np.commands.export:main", "a trained network as a folder that needs no mnist-np, or as an ONNX model"),
    "draw": ("mnist_np.commands.serve:draw", "draw a digit on a page, and see how a trained network classifies it"),
    "convert": ("mnist_np.cli.convert:main", "a data set of any form as MNIST's four files"),
    "serve": ("mnist_np.commands.serve:serve", "a trained network behind an HTTP address"),
    "reproduce": ("mnist_np.commands.reproduce:main", "train published results again, and write the table of results"),
    "sync": ("mnist_np.commands.sync:main", "deliver to MLflow what a run could not deliver while it was away"),
}
"""Subcommand -> where its function is, which reads ``sys.argv`` and gives an exit code, and what it does."""
