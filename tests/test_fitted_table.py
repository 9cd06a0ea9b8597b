"""Tables for terminals of any width: numbers stay whole, what has no room is left out and named."""

import io

import pytest
from rich.console import Console

from mnist_np.fitted_table import Column, broken, fitted_table, markdown_table

COLUMNS = [
    Column("#", ["1", "2≈"]),
    Column("optimizer", ["schedule_free_adamw_of_a_plugin", "[bold]adam[/]"], is_words=True),
    Column("n", ["5", "5"]),
    Column("val/accuracy mean ± sd", ["0.9712 ± 0.0011", "0.9700 ± 0.0009"]),
    Column("95 % interval", ["0.9701 to 0.9723", "0.9690 to 0.9710"], optional=2),
    Column("best", ["0.9730", "0.9711"], optional=1),
    Column("model/parameters mean ± sd", ["1,109,386", "1,109,386"]),
]
NUMBERS = ["0.9712", "0.9700", "1,109,386", "2≈"]


def printed(width, columns=COLUMNS, **keywords):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(fitted_table(columns, width, **keywords))
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return "\n".join(line.rstrip() for line in lines)


@pytest.mark.parametrize("width", range(60, 201, 4))
def test_numbers_are_whole_at_every_width(width):
    text = printed(width)
    assert all(number in text for number in NUMBERS)
    assert "…" not in text
    left_out = text.partition("left out for want of room: ")[2]
    assert ("0.9723" in text) != ("interval" in left_out)
    assert ("0.9730" in text) != ("best" in left_out)


def test_what_goes_first():
    assert "left out" not in printed(140)
    assert "schedule_free_adamw_of_a_plugin" in printed(140)
    assert printed(92).endswith("left out for want of room: best")
    assert printed(84).endswith("left out for want of room: 95 % interval, best")
    assert "± 0.0011" in printed(84)


def test_standard_deviations_go_with_what_is_less_needed():
    columns = [*COLUMNS, Column("test/accuracy mean ± sd", ["0.9690 ± 0.0010", "0.9680 ± 0.0010"], optional=4)]
    text = printed(75, columns)
    assert "±" not in text
    assert "0.9690" in text
    assert text.endswith("left out for want of room: 95 % interval, best, standard deviations")
    single = [Column("lr", ["0.1"]), Column("x" * 30, ["1"], optional=4)]
    assert printed(30, single).endswith("left out for want of room: " + "x" * 3) or "standard" not in printed(30, single)


def test_texts_are_no_markup_and_lines_above_and_below_stay():
    text = printed(120, caption="and [3] more", title="two runs")
    assert "[bold]adam[/]" in text
    assert text.startswith("two runs")
    assert text.endswith("and [3] more")


def test_names_are_broken_at_spaces_and_after_parts():
    assert broken("val/accuracy mean ± sd", 22) == "val/accuracy mean ± sd"
    assert broken("val/accuracy mean ± sd", 15) == "val/accuracy\nmean ± sd"
    assert broken("val/accuracy mean ± sd", 9) == "val/\naccuracy\nmean ± sd"
    assert broken("training.batch_size", 10) == "training.\nbatch_size"
    assert broken("", 3) == ""


def test_no_rows_and_no_columns():
    assert "lr" in printed(80, [Column("lr", [])])
    assert printed(80, []) == ""


@pytest.mark.parametrize("width", [44, 50, 60])
def test_where_nothing_can_be_left_out_words_give_way(width):
    varied = [Column(f"a_long_key_{i}", ["a_value", "another_value"], is_words=True) for i in range(3)]
    text = printed(
        width, [Column("#", ["1", "2≈"]), *varied, Column("n", ["5", "12"]), Column("val/accuracy mean", ["0.9712"] * 2)]
    )
    assert all(number in text for number in ("2≈", " 12 ", "0.9712"))
    assert "…" not in text


def test_a_bar_in_a_cell_of_markdown_ends_no_cell():
    table = markdown_table(["a|b", "c"], [["1", r"already\|escaped"]], " &emsp;")
    assert table.splitlines() == [r"| a\|b &emsp; | c &emsp; |", "| --- | --- |", r"| 1 &emsp; | already\|escaped &emsp; |"]
    assert markdown_table(["a"], []) == "| a |\n| --- |"
