"""A model of MLflow where this project cannot be imported."""

import json
import os
import subprocess
import sys

import numpy as np


def predictions(uri, store, X, folder):
    """What the model at ``uri`` of the store answers to images X (m, n), with ``mnist_np`` out of reach."""
    np.save(folder / "X.npy", X)
    code = (
        "import sys; sys.modules['mnist_np'] = None; import numpy as np, mlflow.pyfunc\n"
        f"model = mlflow.pyfunc.load_model({uri!r})\n"
        "print(model.predict(np.load('X.npy')).tolist())"
    )
    environment = dict(os.environ) | {"MLFLOW_TRACKING_URI": store.uri}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout.splitlines()[-1])
