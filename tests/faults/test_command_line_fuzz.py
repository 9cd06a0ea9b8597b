"""Promise: whatever is typed after ``train`` gives a run, or one line that says what is wrong; never a traceback."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_np.cli.train import main
from mnist_np.serialize import flatten, to_dict
from mnist_np.sweep.run_config import RunConfig

pytestmark = pytest.mark.fault

BASE = ["data=synthetic", "model.hidden=[4]", "training.epochs=1", "tracking=off", "tracking.figures=false"]
UNTOUCHED = ("outputs", "plugins", "tracking", "sweep", "data.folder", "training.processes", "training.threads", "name")
"""Keys that say where, not what; and those that would start processes."""
KEYS = [key for key in flatten(to_dict(RunConfig())) if not key.startswith(UNTOUCHED)]
WORDS = [
    *(
        "",
        "null",
        "true",
        "-1",
        "0",
        "3",
        "1e999",
        ".nan",
        "inf",
        "0x10",
        "1_000",
        "1.5",
        "[",
        "[]",
        "[1,2]",
        "[[1]]",
        "{a:1}",
        "{",
        "'",
        '"',
    ),
    *(
        "relu",
        "adam",
        "${seed}",
        "${nowhere}",
        "${",
        "${oc.env:HOME}",
        "${now:}",
        "a=b",
        "a,b",
        "range(3)",
        "choice(1,2)",
        "???",
        "💥",
        "a b",
    ),
    *("_target_", "!!python/name:os.system", "../../x", "\\", "glob(*)", "interval(0,1)", "-", "~", "1;2"),
]
PREFIXES = ["", "", "", "+", "++", "~"]
OVERRIDES = st.builds(
    "{}{}={}".format, st.sampled_from(PREFIXES), st.sampled_from(KEYS), st.sampled_from(WORDS) | st.text(max_size=4)
)
OTHERS = st.text("abc=+~.[]{}()'\",:$ \\_-", max_size=12).filter(lambda word: "h" not in word)


def check(words, folder, capsys):
    """Exit code 0 with a run's folder, or 1 for one that diverged, or 2 with one line and nothing left."""
    outputs = folder / "outputs"
    code = main([*BASE, f"outputs={outputs}", *words])
    said = capsys.readouterr()
    assert "Traceback" not in said.err, words
    if code in (0, 1):
        assert next(outputs.glob("runs/*/*/result.json"), None), words
    else:
        assert code == 2, words
        assert said.err.startswith("error: "), words
        assert len(said.err.strip().splitlines()) <= 3, (words, said.err)
        assert not outputs.exists(), words


@pytest.mark.parametrize("examples", [25, pytest.param(500, marks=pytest.mark.slow)])
def test_anything_may_be_typed(examples, tmp_path_factory, capsys):
    root = logging.getLogger()
    handlers = root.handlers[:]

    @settings(max_examples=examples)
    @given(words=st.lists(OVERRIDES, min_size=1, max_size=2) | st.lists(OTHERS, min_size=1, max_size=2))
    def fuzz(words):
        check(words, tmp_path_factory.mktemp("typed"), capsys)
        for handler in root.handlers[:]:
            if handler not in handlers:
                root.removeHandler(handler)
                handler.close()

    fuzz()
