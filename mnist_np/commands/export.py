"""A trained network as a folder that needs nothing of this project, nor its data: NumPy and safetensors are enough.

python scripts/export.py RUN [--to FOLDER]
python scripts/export.py RUN --to MODEL.onnx

The folder holds the network, code that answers with it, a model card (README.md), and the run's config, history and figures.
MLflow loads and serves it too: mlflow models serve -m FOLDER --env-manager local
An ONNX model gives the same probabilities and classes on all test images, which onnxruntime has checked (extra ``onnx``).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mnist_np.commands.saved import parser, plugins, reports_user_errors, saved_run, with_places
from mnist_np.files import near
from mnist_np.portable.folder import write_folder
from mnist_np.portable.onnx_model import write_onnx
from mnist_np.portable.program import ExportError
from mnist_np.storage.saved_run import SavedRun

ALONG = ("config.yaml", "history.csv", "result.json", "per_class.json")
"""Files of the run that go along, where they are; its figures too."""


ONNX = ".onnx"

TO = "a new or empty folder (default: model-RUN, here), or a new file MODEL.onnx; onnx alone is model-RUN.onnx"


@reports_user_errors
def main() -> int:
    """Write the folder for the run that ``sys.argv`` names. Gives the exit code."""
    arguments = parser(__doc__, "a run's folder, or its MLflow run id")
    arguments.add_argument("--to", type=Path, metavar="FOLDER", help=TO)
    chosen = arguments.parse_args()
    plugins(chosen)
    with saved_run(chosen.run, chosen.outputs, chosen.uri) as run:
        default = f"model-{Path(chosen.run).resolve().name}"
        if chosen.to is not None and (chosen.to == Path(ONNX[1:]) or chosen.to.suffix == ONNX):
            export_onnx(Path(default + ONNX) if chosen.to == Path(ONNX[1:]) else chosen.to, run)
            return 0
        folder: Path = chosen.to or Path(default)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ExportError(f"{folder}: is there already; give a new folder with --to")
        write_folder(folder, run)
        for name in ALONG:
            if (run.folder / name).is_file():
                shutil.copyfile(run.folder / name, folder / name)
        if (run.folder / "figures").is_dir():
            shutil.copytree(run.folder / "figures", folder / "figures", dirs_exist_ok=True)
        print(near(folder))
    return 0


def export_onnx(path: Path, run: SavedRun) -> None:
    """Write the network as an ONNX model, and say how far it is from the network. Raises as `write_onnx` does."""
    if path.exists():
        raise ExportError(f"{path}: is there already; give a new file with --to")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent}: there is no such folder")
    difference = write_onnx(path, with_places(run.weights, run))
    print(f"{near(path)}: the same classes on all test images, probabilities within {difference:.1e}")
