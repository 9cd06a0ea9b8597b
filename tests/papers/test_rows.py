"""The declared rows, the files of results, and the page that is made from them."""

import json
from pathlib import Path

import pytest

from mnist_np.cli.arguments import parse
from mnist_np.cli.compose import compose, to_run_config, without_hydra
from mnist_np.cli.schemas import store_schemas
from mnist_np.component import UserError
from mnist_np.papers.outcomes import is_same_recipe, read
from mnist_np.papers.page import text_of
from mnist_np.papers.published import ROW, ROWS
from mnist_np.papers.rows import PARTS, SOURCES
from mnist_np.papers.training import words
from mnist_np.serialize import to_dict

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


def test_the_page_is_what_the_files_say():
    found = read(RESULTS, ROWS)
    assert (RESULTS.parent / "results.md").read_text(encoding="utf-8") == text_of(found), "mnist-np reproduce --page writes it"
    assert not {path.stem for path in RESULTS.glob("*.json")} - set(ROW), "a file without a row"


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


def test_a_file_that_is_none_is_named(tmp_path):
    row = TRAINED[0]
    for text in ("", "[]", '{"runs": 3}', '{"runs": [{"seed": 0}]}', '{"runs": ["x"]}'):
        (tmp_path / f"{row.name}.json").write_text(text)
        with pytest.raises(UserError, match=f"{row.name}.json: is no file of results"):
            read(tmp_path, [row])
