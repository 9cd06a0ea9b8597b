"""`compare` with --sort, --limit, --csv and --by; run ids that are shortened; what `sync` lists."""

import csv
import io
import sys
from dataclasses import replace

import pytest

from mnist_np.cli.train import main as train
from mnist_np.commands import compare, sync
from mnist_np.commands.compare import whole_key
from mnist_np.commands.compare_groups import Groups
from mnist_np.commands.compared import Compared, from_folders, from_mlflow
from mnist_np.component import UserError
from mnist_np.storage.interrupted import folder_of
from mnist_np.tracking.client import TrackingError
from mnist_np.tracking.fetch import whole_id
from mnist_np.tracking.journal import Ledger
from mnist_np.tracking.settings import Tracking
from mnist_np.tracking.store import store_of


def made(optimizer, seed, value, **more):
    params = {"optimizer": optimizer, "seed": str(seed)} | more
    return Compared(f"{optimizer} s{seed}", "finished", params, {"best/val_accuracy": value, "best/val_loss": 1 - value})


NOISE = [0.0, 0.0011, -0.0007, 0.0004, 0.0009]


def test_groups_are_paired_by_all_else_that_differs():
    runs = [made("sgd", s, 0.97 + lr + x, lr=str(lr)) for s, x in enumerate(NOISE) for lr in (0.0, 0.02)]
    runs += [made("adam", s, 0.96 + lr + x + 1e-4 * s, lr=str(lr), beta="1") for s, x in enumerate(NOISE) for lr in (0.0, 0.02)]
    groups = Groups(runs, ["optimizer"], "best/val_accuracy", True)
    (against,) = groups.verdict.comparisons
    assert (against.paired, against.n) == (True, 10)
    assert against.is_significant
    assert list(groups.spreads) == [("sgd",), ("adam",)]
    rows = list(csv.DictReader(io.StringIO(groups.csv())))
    assert [row["optimizer"] for row in rows] == ["sgd", "adam"]
    assert float(rows[1]["p_wilcoxon"]) == pytest.approx(2 / 2**10)
    assert rows[1]["pairs"] == "10"
    assert groups.csv(1).count("\n") == 2
    assert list(Groups(runs, ["optimizer"], "best/val_loss", False).spreads) == [("sgd",), ("adam",)]


def test_groups_that_differ_in_more_are_paired_by_seed():
    runs = [made("sgd", s, 0.97 + x, lr="0.2") for s, x in enumerate(NOISE)]
    runs += [made("adam", s, 0.96 + x, lr="0.001") for s, x in enumerate(reversed(NOISE))]
    (against,) = Groups(runs, ["optimizer"], "best/val_accuracy", True).verdict.comparisons
    assert (against.paired, against.n) == (True, 5)


def test_a_run_that_was_made_several_times_counts_once():
    runs = [made("sgd", s, 0.97 + x, **{"training.metrics": extra}) for s, x in enumerate(NOISE) for extra in ("[]", "[ece]")]
    runs += [made("adam", s, 0.96 + x + 1e-4 * s) for s, x in enumerate(NOISE)]
    groups = Groups(runs, ["optimizer"], "best/val_accuracy", True)
    assert [values.n for values in groups.spreads.values()] == [5, 5]
    assert groups.left_out["repeating another"] == 5
    (against,) = groups.verdict.comparisons
    assert (against.paired, against.n) == (True, 5)


def test_params_that_one_group_alone_has_tell_its_runs_apart():
    runs = [made("sgd", s, 0.97 + x) for s, x in enumerate(NOISE)]
    runs += [made("adam", s, 0.96 + x + float(b) / 100, beta=b) for s, x in enumerate(NOISE) for b in ("0", "1")]
    groups = Groups(runs, ["optimizer"], "best/val_accuracy", True)
    assert {group: values.n for group, values in groups.spreads.items()} == {("sgd",): 5, ("adam",): 10}
    assert groups.spreads["adam",].mean == pytest.approx(0.965 + sum(NOISE) / 5)


def test_runs_that_did_not_finish_are_in_no_mean():
    runs = [made("sgd", s, 0.97 + x) for s, x in enumerate(NOISE)]
    runs += [replace(made("sgd", 9, 0.1), status=status) for status in ("diverged", "pruned")]
    groups = Groups(runs, ["optimizer"], "best/val_accuracy", True)
    assert groups.spreads["sgd",].n == 5
    assert groups.left_out["not finished"] == 2


def test_runs_of_two_stores_that_are_called_the_same_are_two(tmp_path, monkeypatch, capsys):
    for folder, seed in (("a", 0), ("b", 1)):
        run = tmp_path / folder / "runs" / "2026-01-01" / "12-00-00"
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(f"seed: {seed}\noptimizer: {{name: sgd, lr: 0.1}}\n")
        (run / "result.json").write_text('{"status": "finished", "metrics": {"best/val_accuracy": 0.9}}')
    code, out, _ = call(compare.main, monkeypatch, capsys, tmp_path / "a", tmp_path / "b", "--csv")
    assert (code, out.count("\n")) == (0, 3)


def test_a_sweep_that_is_in_no_store_is_found_by_name_and_id(tmp_path, monkeypatch, capsys):
    words = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", f"outputs={tmp_path}", "tracking=off"]
    assert train(["-m", *words, "optimizer.lr=0.1,0.2"]) == 0
    (folder,) = tmp_path.glob("sweeps/*")
    capsys.readouterr()
    for name in ("lr", folder.name.rpartition("-")[2]):
        code, out, _ = call(compare.main, monkeypatch, capsys, name, "--outputs", tmp_path, "--csv")
        assert (code, out.count("\n")) == (0, 3)
    code, _, error = call(compare.main, monkeypatch, capsys, "other", "--outputs", tmp_path)
    assert code == 1
    assert "'other' is no folder" in error


def test_keys_may_be_shortened_as_tables_show_them():
    assert whole_key("lr", {"optimizer.lr", "seed"}, "param") == "optimizer.lr"
    with pytest.raises(UserError, match=r"init.name or optimizer.name"):
        whole_key("name", {"optimizer.name", "init.name"}, "param")


def test_the_first_runs_as_csv_have_what_differs_among_all():
    runs = [made("sgd", s, 0.97 + x) for s, x in enumerate(NOISE)] + [made("adam", 0, 0.9)]
    header, *rows = compare.csv_text(runs, 2).splitlines()
    assert header.startswith("name,run_id,status,optimizer,seed,")
    assert len(rows) == 2


def test_groups_without_the_metric_or_a_key():
    assert Groups([], ["optimizer"], "best/val_accuracy", True).verdict.sentence() == ""
    runs = [made("sgd", 0, 0.9), made("adam", 0, 0.8)]
    assert list(Groups(runs, ["beta"], "best/val_accuracy", True).spreads) == [("—",)]
    assert "several seeds" in Groups(runs, ["optimizer"], "best/val_accuracy", True).verdict.sentence()


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The outputs of a small sweep with tracking."""
    out = tmp_path_factory.mktemp("swept") / "outputs"
    words = ["data=synthetic", "training.epochs=1", "model.hidden=[8]", f"outputs={out}", "tracking.figures=false"]
    assert train(["-m", *words, "activation=relu,tanh", "seed=range(3)"]) == 0
    return out


def call(command, monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    code = command()
    return code, *capsys.readouterr()


def test_the_command(swept, monkeypatch, capsys):
    def run(*arguments):
        return call(compare.main, monkeypatch, capsys, swept / "sweeps", "--outputs", swept, *arguments)

    code, out, _ = run("--limit", "2")
    assert code == 0
    assert "and 4 more runs" in out
    assert out.count("finished") == 2
    assert "run id" in out
    assert "relu s" in out or "tanh s" in out  # as MLflow calls it
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run("--limit", "2")
    assert "left out for want of room: time/total_s" in out
    assert "…" not in out
    monkeypatch.delenv("COLUMNS")
    code, out, _ = run("--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 6
    assert rows == sorted(rows, key=lambda row: -float(row["best/val_accuracy"]))
    assert all(len(row["run_id"]) == 32 for row in rows)
    _, out, _ = run("--csv", "--sort", "test/loss")
    losses = [float(row["test/loss"]) for row in csv.DictReader(io.StringIO(out))]
    assert losses == sorted(losses)
    _, out, _ = run("--csv", "--sort", "seed")
    assert [row["seed"] for row in csv.DictReader(io.StringIO(out))] == list("001122")
    for more in ((), ("--by", "seed,activation")):
        tables = [run("--csv", "--sort", "test/loss", "--direction", d, *more)[1] for d in ("minimize", "maximize")]
        least, most = (list(csv.DictReader(io.StringIO(text))) for text in tables)
        assert [row["seed"] for row in least] == [row["seed"] for row in most][::-1]
    code, out, _ = run("--by", "activation", "--sort", "best/val_loss")
    assert code == 0
    assert "activation" in out
    assert "at 5 % (n = 3)" in out
    for arguments, said in (
        (("--sort", "tst/accuracy"), "did you mean 'test/accuracy'"),
        (("--by", "nothing"), "nothing: no run has such a param"),
        (("--by", "test/loss"), "test/loss: no run has such a param"),
        (("--sort", "lr", "--by", "activation"), "--sort lr: with --by it names the metric"),
        (("--sort", "weight"), "weight: no run"),
    ):
        code, _, error = run(*arguments)
        assert (code, error.count("\n")) == (2, 1)
        assert said in error
    with pytest.raises(SystemExit) as end:
        run("--limit", "0")
    assert end.value.code == 2


def test_a_sweep_of_more_runs_than_mlflow_gives_at_a_time(swept, monkeypatch, capsys):
    monkeypatch.setattr("mnist_np.tracking.client.PAGE", 4)
    (folder,) = swept.glob("sweeps/*")
    code, out, _ = call(compare.main, monkeypatch, capsys, folder.name[-8:], "--outputs", swept, "--csv")
    assert (code, out.count("\n")) == (0, 7)


def test_a_short_run_id_is_enough_here_and_in_the_store(swept, monkeypatch, capsys):
    ids = {Ledger.read(path.parent).run_id: path.parent for path in swept.glob("sweeps/*/*/tracking.json")}
    store = store_of(Tracking(), swept)
    for run_id, folder in ids.items():
        short = next(run_id[:n] for n in range(6, 32) if sum(other.startswith(run_id[:n]) for other in ids) == 1)
        assert folder_of(short, swept) == folder
        assert whole_id(store, short) == run_id
        (here,), (there,) = from_folders(folder), from_mlflow(run_id, store)
        assert abs(here.began - there.began) < 60_000
        code, out, _ = call(compare.main, monkeypatch, capsys, short, "--outputs", swept)
        assert code == 0
        assert run_id[:8] in out
    parent = next(run.info.run_id for run in store.client.search_runs(["0", "1"], "tags.sweep_role = 'parent'"))
    code, out, _ = call(compare.main, monkeypatch, capsys, parent[:8], "--outputs", swept, "--csv")
    assert (code, out.count("\n")) == (0, 7)  # its children, as by the whole id
    code, _, error = call(compare.main, monkeypatch, capsys, parent[:3], "--outputs", swept)
    assert (code, "a shortened id has six characters or more" in error) == (1, True)
    assert folder_of("abc", swept) is None
    assert whole_id(store, "ffffff0") == "ffffff0"
    assert whole_id(store, "x' OR 1") == "x' OR 1"


def test_a_short_run_id_of_several_runs_is_refused(tmp_path, monkeypatch):
    for name in ("a", "b"):
        folder = tmp_path / "runs" / "day" / name
        folder.mkdir(parents=True)
        (folder / "tracking.json").write_text(f'{{"run_id": "abcdef0{name}"}}')
    with pytest.raises(UserError, match="2 run ids under"):
        folder_of("abcdef0", tmp_path)
    assert folder_of("abcdef0a", tmp_path) == tmp_path / "runs" / "day" / "a"

    class Twice:
        def search_experiments(self):
            return []

        def search_runs(self, *_, **__):
            return [None, None]

    class Store:
        client = Twice()

    with pytest.raises(TrackingError, match="several run ids"):
        whole_id(Store(), "abcdef0")


def test_sync_without_folders_lists_what_is_pending(swept, monkeypatch, capsys):
    code, out, _ = call(sync.main, monkeypatch, capsys, "--outputs", swept)
    assert code == 0
    assert "nothing is pending" in out
    folder = next(swept.glob("sweeps/*/*/tracking.json")).parent
    ledger = Ledger.read(folder)
    before = ledger.offset
    ledger.offset = 0
    ledger.write(folder)
    code, out, _ = call(sync.main, monkeypatch, capsys, "--outputs", swept)
    assert code == 0
    assert str(folder) in out
    assert "1 run is pending. This delivers them:" in out
    ledger.offset = before
    ledger.write(folder)
