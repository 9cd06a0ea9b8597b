"""A sweep's identity and the names of its children."""

import itertools

import pytest

from mnist_np.sweep.folder import SweepFolder
from mnist_np.sweep.plan import LONGEST, SweepIdentity, child_name, safe, sweep_id


def test_the_id_follows_from_what_varies_and_what_is_fixed_not_from_the_values():
    assert sweep_id(["optimizer", "seed"], ["a=1"]) == sweep_id(["seed", "optimizer"], ["a=1"])
    assert sweep_id(["optimizer", "seed"], ["a=1"]) != sweep_id(["optimizer", "seed"], ["a=2"])
    assert sweep_id(["optimizer"], ["a=1"]) != sweep_id(["optimizer", "seed"], ["a=1"])


def test_a_sweep_is_the_same_in_every_order():
    keys, fixed = ["optimizer", "seed", "model.hidden"], ["data=synthetic", "training.epochs=2"]
    orders = [SweepIdentity.of(k, f) for k in itertools.permutations(keys) for f in itertools.permutations(fixed)]
    assert len(set(orders)) == 1
    assert orders[0].name == "hidden x optimizer x seed (data=synthetic, epochs=2)"
    assert orders[0].folder == "hidden-optimizer-seed"


@pytest.mark.parametrize(
    "text",
    [
        *("sweep.metric=test/error", "outputs=x", "tracking=off", "tracking.figures=false", "name=x", "training.resume=auto"),
        *("training.threads=2", "training.checkpoint_every_epochs=0", "training.metrics=[top_5]", "plugins=[a.py]"),
        "training.processes=auto",
    ],
)
def test_what_leaves_the_results_alone_leaves_the_sweep_alone(text):
    assert SweepIdentity.of(["seed"], ["a=1", text]) == SweepIdentity.of(["seed"], ["a=1"])


def test_two_sweeps_never_share_a_name():
    long = [f"data.folder={'x' * 200}{i}" for i in range(3)]
    fixed = [[], ["a=1"], ["a=2"], ["a=1", "b=1"], ["experiment=x"], *([text] for text in long)]
    for name in (None, "mine"):
        names = [SweepIdentity.of(keys, texts, name).name for texts in fixed for keys in (["seed"], ["seed", "activation"])]
        assert len(set(names)) == len(names)
        assert all(len(text) <= LONGEST for text in names)


def test_names_use_the_last_part_of_a_key_where_that_is_unambiguous():
    assert child_name({"optimizer.lr": "0.1", "seed": "3"}) == "lr=0.1-seed=3"
    assert child_name({"optimizer.lr": "0.1", "other.lr": "2"}) == "optimizer.lr=0.1-other.lr=2"


def test_no_name_leaves_the_folder(tmp_path):
    for name in ("../../etc", "/etc/passwd", "..", "a\0b", "", "x" * 1000):
        folder = SweepFolder(tmp_path, name, "id").path
        assert folder.resolve().parent == (tmp_path / "sweeps").resolve()
        assert len(safe(name)) <= 120


def test_the_name_of_a_folder_fits_into_a_file_system(tmp_path):
    """It is cut by bytes, at a whole character; one in ASCII as before."""
    assert safe("漢" * 120) == "漢" * 40
    assert safe("a" + "漢" * 120) == "a" + "漢" * 39
    assert safe("x" * 1000) == "x" * 120
    SweepFolder(tmp_path, "漢" * 120, "12345678").begin()
