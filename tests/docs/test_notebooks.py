"""The notebooks of the documentation run from their first cell to their last in a kernel of their own."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

SHORT = {
    "batch_size": ("SIZES, SEEDS = [32, 128, 512, 2048, 8192], 3", "SIZES, SEEDS = [512], 1"),
    "lottery_ticket": ("ROUNDS, SEEDS = 7, 3", "ROUNDS, SEEDS = 2, 1"),
}
"""What is put in the place of what in a notebook that computes for minutes; as it stands it runs with the slow tests."""

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("docs/examples/*.ipynb"))


def run(path, folder, monkeypatch, old="", new=""):
    monkeypatch.setenv("PYTHONPATH", str(path.parents[2]))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # other tests run beside it
    text = path.read_text(encoding="utf-8")
    assert old in text
    notebook = nbformat.reads(text.replace(old, new) if old else text, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*TCP without encryption")
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    run(path, tmp_path, monkeypatch, *SHORT.get(path.stem, ()))


@pytest.mark.slow
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem in SHORT], ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*TCP without encryption")
def test_a_long_notebook_runs_as_it_stands(path, tmp_path, monkeypatch):
    run(path, tmp_path, monkeypatch)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_what_it_shows(path):
    assert path.stat().st_size < 150_000
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert any(output["output_type"] == "display_data" for cell in cells for output in cell["outputs"]), "a figure"
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]


def test_there_are_notebooks():
    assert NOTEBOOKS
