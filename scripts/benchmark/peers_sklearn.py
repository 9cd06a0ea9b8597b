"""scikit-learn's MLPClassifier, which is NumPy too."""

from __future__ import annotations

import warnings
from typing import Any

import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmark.cells import Cell, Mode
from benchmark.child import Images, Job, kernel
from benchmark.engines import ONE_IMAGE_REPEATS


def job(mode: Mode, cell: Cell, images: Images) -> Job:
    """One epoch with a warm start, or inference."""
    if cell.extra:
        raise ValueError(f"scikit-learn has no {cell.extra}")
    warnings.simplefilter("ignore", ConvergenceWarning)
    rule: dict[str, Any] = {"solver": "adam"} if cell.optimizer == "adam" else {"solver": "sgd", "learning_rate_init": 0.05}
    if cell.optimizer != "adam":
        rule["momentum"] = 0.9 if cell.optimizer == "momentum" else 0.0
    model = MLPClassifier(cell.hidden, batch_size=cell.batch, max_iter=1, warm_start=True, alpha=0.0, random_state=0, **rule)
    versions = f"scikit-learn {sklearn.__version__}, {kernel()}"
    X, y = images.X, images.labels
    if cell.task == "infer":
        model.set_params(batch_size=200).fit(X[:1000], y[:1000])
        X = X[: cell.batch]
        repeats = ONE_IMAGE_REPEATS if cell.batch == 1 else 1

        def infer() -> None:
            for _ in range(repeats):
                model.predict_proba(X)

        return Job(infer, versions, repeats)
    return Job(lambda: model.fit(X, y), versions)
