"""What `import mnist_np` offers: names that are loaded when used, typed, and values that a notebook shows well."""

import io
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import mnist_np
from mnist_np import MLP, Experiment, Synthetic, Training, notebook, run
from mnist_np.registry import REGISTRY

PLACES = mnist_np._places()


@pytest.mark.parametrize("name", PLACES)
def test_each_name_is_that_of_its_module(name):
    found = getattr(mnist_np, name)
    assert found is (import_module("mnist_np.sweep") if name == "sweep" else getattr(import_module(PLACES[name]), name))
    assert name in dir(mnist_np)


def test_every_component_has_its_name():
    kinds = [kind for options in REGISTRY.values() for kind in options.values() if kind.__module__.startswith("mnist_np.")]
    times = Counter(kind.__name__ for kind in kinds)
    missing = [f"from {kind.__module__} import {kind.__name__}" for kind in kinds if kind.__name__ not in PLACES]
    assert not [line for line in missing if times[line.split()[-1]] == 1], "to be added to mnist_np/__init__.pyi"


def test_there_is_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mnist_np.nonsense
    with pytest.raises(ImportError, match="nonsense"):
        exec("from mnist_np import nonsense")
    names = {}
    exec("from mnist_np import *", names)
    assert set(PLACES) <= set(names)


def test_importing_it_takes_no_time():
    code = """
import sys, time
began = time.perf_counter()
import mnist_np
seconds = time.perf_counter() - began
assert "numpy" not in sys.modules
dir(mnist_np)
assert "numpy" not in sys.modules
print(seconds)
"""
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]
    assert min(times) < 0.1


def test_it_is_typed():
    assert (Path(mnist_np.__file__).parent / "py.typed").exists()


@pytest.mark.slow
def test_a_type_checker_knows_the_names(tmp_path):
    (tmp_path / "user.py").write_text(
        """
from typing import assert_type
from mnist_np import MLP, Adam, Dataset, Experiment, Network, Result, SavedRun, load_run, run
result = run(Experiment(model=MLP(hidden=[8]), optimizer=Adam(lr=0.1)))
assert_type(result, Result)
assert_type(result.network, Network)
assert_type(result.data, Dataset)
assert_type(load_run("x"), SavedRun)
Experiment(seed="three")
"""
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    root = str(Path(mnist_np.__file__).parents[1])
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"MYPYPATH": root, "PATH": ""}, check=False)
    errors = [line for line in done.stdout.splitlines() if "user.py" in line and "error" in line]
    assert len(errors) == 1, done.stdout
    assert 'Argument "seed" to "Experiment" has incompatible type "str"' in errors[0]


@pytest.fixture(scope="module")
def result():
    from mnist_np import MLP, Experiment, Synthetic, Training, run

    return run(Experiment(model=MLP(hidden=[12, 8], dropout=0.2), data=Synthetic(), training=Training(epochs=2)))


def test_values_are_described_in_a_line(result):
    assert re.fullmatch(r"Result\(finished: test accuracy \d+\.\d\d% after 2 epochs; Network\(.*\)\)", repr(result))
    assert repr(result.network) == "Network(64 -> 12 ReLU Dropout -> 8 ReLU Dropout -> 4; 920 parameters, float32)"
    assert repr(result.data) == "Dataset(synthetic: 512 train, 128 validation, 128 test; 8 x 8 pixels, 4 classes)"
    assert repr(result.data.val) == "Split(128 examples of 64 features, 4 classes)"
    assert repr(result.data.val[:0]) == "Split(0 examples of 64 features, 4 classes)"


class Checked(HTMLParser):
    """Tags that are closed in order; ``text`` is what is read."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_notebook_shows_a_result_and_its_data(result):
    text = Checked(result._repr_html_()).text
    assert "test accuracy" in text
    assert "920 parameters" in text
    html = result.data._repr_html_()
    assert html.count("<img") == 4, "one of each class"
    assert "512 train" in Checked(html).text


def test_names_of_others_are_text(result):
    from dataclasses import replace

    evil = replace(result.data, name="<script>alert(1)</script>", source="</table>", class_names=("<b>", '"', "&", "'"))
    html = evil._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "alert(1)" in Checked(html).text


def test_data_of_one_class_or_none_are_shown_too(result):
    from dataclasses import replace

    none = replace(result.data, train=result.data.train[:0], val=result.data.val[:0])
    assert "<img" not in none._repr_html_()
    one = replace(result.data, train=result.data.train[:1])
    assert one._repr_html_().count("<img") == 1


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (3, 7)])
def test_a_picture_is_what_it_shows(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(notebook.png(image)))), image)


def test_an_earlier_run_is_loaded(result, tmp_path, monkeypatch):
    from mnist_np import load_run
    from mnist_np.storage.run_folder import RunFolder
    from mnist_np.storage.saved_run import SavedRunError

    monkeypatch.chdir(tmp_path)
    mnist_np.run(result.experiment, [RunFolder(Path("outputs/runs/today/now"), figures=False)])
    found = load_run("outputs/runs/today/now")
    assert repr(found) == f"SavedRun(outputs/runs/today/now: finished, test accuracy {result.test.accuracy:.2%})"
    assert found.experiment == result.experiment
    assert found.metrics["test/accuracy"] == result.test.accuracy
    timeless = [{key: value for key, value in row.items() if key != "time/epoch_s"} for row in found.history]
    assert timeless == [{key: value for key, value in row.items() if key != "time/epoch_s"} for row in result.history]
    np.testing.assert_array_equal(found.weights.network.params, result.network.params)
    with pytest.raises(SavedRunError, match="nothing: no run's folder"):
        load_run("nothing")


def test_a_run_that_left_little_says_so(tmp_path):
    found = mnist_np.load_run(tmp_path)
    assert (found.status, found.metrics, found.history) == ("interrupted", {}, [])
    with pytest.raises(mnist_np.UserError, match=re.escape(str(tmp_path))):
        _ = found.experiment
    with pytest.raises(mnist_np.UserError, match="weights"):
        _ = found.weights


def test_progress_is_printed_in_a_notebook_or_when_asked_for(monkeypatch, capsys):
    small = Experiment(model=MLP(hidden=[3]), data=Synthetic(), training=Training(epochs=2))
    run(small)
    assert capsys.readouterr().out == ""
    run(small, progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "/2 " in line] == ["1/2", "2/2"]
    assert not any("\x1b" in line for line in lines), "plain text"

    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    run(small)
    assert "1/2" in capsys.readouterr().out
    run(small, progress=False)
    assert capsys.readouterr().out == ""
