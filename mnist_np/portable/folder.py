"""A folder with a trained network that does not need this project, in MLflow's model format.

README.md (the model card), model.safetensors, code/mnist_np_inference.py; and what `mlflow.pyfunc.load_model` and `mlflow models
serve` need: MLmodel, mlflow_model.py, requirements.txt, python_env.yaml and an input example. No pickle.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import yaml

from mnist_np.files import write_atomically
from mnist_np.nn.arrays import Array
from mnist_np.portable import mnist_np_inference
from mnist_np.portable.card import card
from mnist_np.portable.program import write_model
from mnist_np.storage.saved_run import SavedRun
from mnist_np.storage.weights import Weights

MODEL = "model.safetensors"

REQUIREMENTS = ("mlflow>=3", "numpy>=1.24", "safetensors>=0.4")
"""What MLflow installs to serve the model; without MLflow the other two are enough."""

CODE = '''"""The network as MLflow's model: images (n, pixels), from 0 (black) to 1 (white), give probabilities (n, classes)."""

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from mnist_np_inference import Network


class Model(PythonModel):
    def load_context(self, context):
        self.network = Network(context.artifacts["weights"])

    def predict(self, context, model_input: np.ndarray, params=None):
        return self.network.predict_proba(model_input)


set_model(Model())
'''


def write_folder(folder: Path, run: SavedRun, example: Array | None = None) -> None:
    """Write the folder of a run's network.

    Args:
        folder: where; what is there is replaced.
        run: the run, whose weights and result are read.
        example: an image (pixels,) that shows what the network takes; a black one if it is left out.

    Raises:
        WeightsError: the run has no weights that can be read.
        ExportError: the network has components of one's own.
        OSError: it cannot be written.
    """
    weights = run.weights
    (folder / "code").mkdir(parents=True, exist_ok=True)
    write_model(folder / MODEL, weights)
    pixels = np.zeros(weights.network.n_in, np.float32) if example is None else example
    image = [round(float(pixel), 4) for pixel in pixels]
    inference = Path(mnist_np_inference.__file__)
    texts = {
        f"code/{inference.name}": inference.read_text(encoding="utf-8"),
        "mlflow_model.py": CODE,
        "MLmodel": mlmodel(weights),
        "requirements.txt": "\n".join(REQUIREMENTS) + "\n",
        "python_env.yaml": f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n",
        "input_example.json": json.dumps([image]),
        "serving_input_example.json": json.dumps({"inputs": [image]}),
        "README.md": card(run, weights),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)


def mlmodel(weights: Weights) -> str:
    """What MLflow reads first: where all is, and the arrays that go in and come out."""
    content = {
        "flavors": {
            "python_function": {
                "loader_module": "mlflow.pyfunc.loaders.code_model",
                "model_code_path": "mlflow_model.py",
                "code": "code",
                "artifacts": {"weights": {"path": MODEL, "uri": MODEL}},
                "env": {"virtualenv": "python_env.yaml"},
                "python_version": platform.python_version(),
            }
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        },
        "signature": {"inputs": tensor(weights.network.n_in), "outputs": tensor(weights.network.n_out), "params": None},
    }
    text: str = yaml.safe_dump(content, sort_keys=False)
    return text


def tensor(width: int) -> str:
    """MLflow's description of an array (n, width) of single precision."""
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, width]}}])
