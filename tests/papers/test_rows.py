"""The declared rows, the files of results, and the page that is made from them."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mnist_np.cli import sweepers
from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, to_run_config, without_hydra
from mnist_np.cli.schemas import store_schemas
from mnist_np.component import UserError
from mnist_np.experiment import Experiment
from mnist_np.papers import outcomes
from mnist_np.papers.logs import log_of
from mnist_np.papers.outcomes import is_same_recipe, read
from mnist_np.papers.page import text_of, write_page
from mnist_np.papers.published import ROW, ROWS
from mnist_np.papers.rows import PARTS, SOURCES
from mnist_np.papers.training import folder_of, words
from mnist_np.serialize import to_dict
from mnist_np.storage.records import read_history
from mnist_np.sweep.plan import SweepIdentity

RESULTS = Path(__file__).parents[2] / "docs" / "results"
TRAINED = [row for row in ROWS if row.overrides]


def test_rows_are_sound():
    assert len(ROW) == len(ROWS), "each has a name of its own"
    for row in ROWS:
        assert row.part in PARTS, row
        assert row.source in SOURCES, row
        assert row.split in ("test", "val"), row
        assert bool(row.overrides) != bool(row.needs), f"{row.name} is trained, or says what it needs"
        assert not row.below or row.below in ROW, row


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_row_composes_to_what_its_file_records(row):
    store_schemas()
    fixed = [word for word in words(row, [0]) if word != "-m"]
    config = to_dict(to_run_config(without_hydra(compose(parse(fixed)))).experiment)
    recorded = read(RESULTS, [row])[row.name].config or {}
    assert is_same_recipe(recorded, config), (
        f"{row.name} was run with another recipe: delete docs/results/{row.name}.json and run it again"
    )


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2], [3, 7]])
def test_the_folder_of_a_sweep_is_the_one_that_its_words_lead_to(tmp_path, seeds):
    for row in TRAINED:
        parsed = OverridesParser.create().parse_overrides(words(row, seeds)[1:])
        varied = [override.get_key_element() for override in parsed if override.is_sweep_override()]
        fixed = [sweepers.text_of(override) for override in parsed if not override.is_sweep_override()]
        assert folder_of(tmp_path, row, seeds).path.name == f"{row.name}-{SweepIdentity.of(varied, fixed, row.name).id}"


def test_the_page_is_what_the_files_say():
    found = read(RESULTS, ROWS)
    assert (RESULTS.parent / "results.md").read_text(encoding="utf-8") == text_of(found), "mnist-np reproduce --page writes it"
    assert not {path.stem for path in RESULTS.glob("*.json")} - set(ROW), "a file without a row"


def test_what_is_not_as_published_stands_below_its_table_once():
    found = read(RESULTS, ROWS)
    for part, heading in PARTS.items():
        lines = text_of(found).split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
        table = "\n".join(line for line in lines if line.startswith("|"))
        notes = [line.split("*: ") for line in lines if line.startswith("- *")]
        assert len({note for _, note in notes}) == len(notes), heading
        for row in (row for row in ROWS if row.part == part and row.deviations):
            assert row.deviations not in table  # it would leave the columns no width
            assert any(row.title in titles and row.deviations in note for titles, note in notes), row.name


def test_files_name_no_place_of_the_machine_that_wrote_them():
    for path in RESULTS.glob("*.json"):
        assert not [text for text in texts_in(json.loads(path.read_text(encoding="utf-8"))) if Path(text).is_absolute()], path


def texts_in(value):
    """All texts in plain data."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(inner)


def test_each_miss_is_explained():
    found = read(RESULTS, ROWS)
    unexplained = [name for name, there in found.items() if there.verdict(found) == "MISS" and not there.row.explanation]
    assert not unexplained


def test_runs_are_of_seeds_from_0_on():
    for name, there in read(RESULTS, ROWS).items():
        assert [run.seed for run in there.runs] == list(range(len(there.runs))), name


def test_logs_are_those_of_the_recorded_runs():
    found = read(RESULTS, [row for row in ROWS if row.part == "record"])
    for name, there in found.items():
        log = read_history(log_of(RESULTS, name))
        assert f"[log](results/{name}.csv)" in text_of(found)
        for run in there.runs:
            epochs = [line for line in log if line["seed"] == run.seed]
            assert [line["epoch"] for line in epochs] == list(range(1, run.epochs + 1)), (name, run.seed)
            assert sum(line["time/epoch_s"] for line in epochs) == pytest.approx(run.training_seconds, abs=0.006, rel=1e-5)
        assert len(log) == sum(run.epochs for run in there.runs), f"{name}: of other runs too"
    assert {path.stem for path in RESULTS.glob("*.csv")} == set(found), "a log of a row that is no record"


def test_a_file_that_is_none_is_named(tmp_path):
    row = TRAINED[0]
    for text in ("", "[]", '{"runs": 3}', '{"runs": [{"seed": 0}]}', '{"runs": ["x"]}'):
        (tmp_path / f"{row.name}.json").write_text(text)
        with pytest.raises(UserError, match=f"{row.name}.json: is no file of results"):
            read(tmp_path, [row])


@pytest.mark.parametrize("key", ["seed", "error", "versions", "blas"])
def test_a_value_that_is_none_of_a_run_is_named(tmp_path, key):
    row = ROW["softmax_regression"]
    content = json.loads((RESULTS / "softmax_regression.json").read_text(encoding="utf-8"))
    content["runs"][1][key] = [1]
    (tmp_path / f"{row.name}.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"{row.name}.json: is no file of results"):
        read(tmp_path, [row])


@pytest.mark.parametrize("change", [{"config": "x"}, {"config": None}, {"runs": "twice"}])
def test_a_file_without_config_or_with_a_seed_twice_is_named(tmp_path, change):
    row = ROW["softmax_regression"]
    content = json.loads((RESULTS / "softmax_regression.json").read_text(encoding="utf-8"))
    content |= {"runs": 2 * content["runs"]} if change == {"runs": "twice"} else change
    (tmp_path / f"{row.name}.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"{row.name}.json: is no file of results"):
        read(tmp_path, [row])


def test_a_file_of_another_row_is_named(tmp_path):
    (tmp_path / "lecun_300_100.json").write_bytes((RESULTS / "softmax_regression.json").read_bytes())
    with pytest.raises(UserError, match=r"lecun_300_100\.json: holds the results of softmax_regression"):
        read(tmp_path, [ROW["lecun_300_100"]])


def test_a_key_that_is_younger_than_the_recorded_runs_had_its_default():
    now = to_dict(Experiment())
    training = {key: value for key, value in now["training"].items() if key != "vat"}
    recorded = now | {"training": training | {"removed": 1}}
    assert is_same_recipe(recorded, now)
    assert not is_same_recipe(recorded, now | {"training": now["training"] | {"vat": 2.0}})
    assert not is_same_recipe(recorded, now | {"training": now["training"] | {"epochs": 1}})
    assert is_same_recipe(recorded, now | {"training": now["training"] | {"threads": 7}}), "but for the mode"
    assert is_same_recipe({}, now), "nothing has been run"


def test_a_file_that_cannot_be_read_is_not_advised_to_be_deleted(tmp_path):
    (tmp_path / f"{TRAINED[0].name}.json").mkdir()
    with pytest.raises(OSError, match="is a folder"):
        read(tmp_path, TRAINED[:1])


def test_a_file_may_be_a_link(tmp_path):
    (tmp_path / "softmax_regression.json").symlink_to(RESULTS / "softmax_regression.json")
    row = ROW["softmax_regression"]
    assert read(tmp_path, [row])[row.name].errors == read(RESULTS, [row])[row.name].errors


def test_a_page_is_named_after_its_folder_and_leaves_others_alone(tmp_path):
    (tmp_path / "mine at home").mkdir()
    (tmp_path / "results.md").write_text("another page")
    (tmp_path / "mine at home/sklearn_bench_sgd.json").write_bytes((RESULTS / "sklearn_bench_sgd.json").read_bytes())
    write_page(tmp_path / "mine at home", read(tmp_path / "mine at home", ROWS))
    page = (tmp_path / "mine at home.md").read_text(encoding="utf-8")
    targets = [unquote(target) for target in re.findall(r"\]\((.*?)\)", page)]
    assert targets == ["images/mine at home.png", "mine at home/sklearn_bench_sgd.json"]
    assert all((tmp_path / target).is_file() for target in targets)
    assert (tmp_path / "results.md").read_text() == "another page"


def test_a_folder_docs_beside_the_installed_package_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(outcomes, "PACKAGE", tmp_path / "mnist_np")
    (tmp_path / "docs").mkdir()
    assert outcomes.default_folder() == Path("docs/results")
    (tmp_path / "docs/results").mkdir()
    assert outcomes.default_folder() == tmp_path / "docs/results"
