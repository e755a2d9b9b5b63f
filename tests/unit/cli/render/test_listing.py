"""How lists are fitted, folded and ordered."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console
from rich.text import Text

from cli.errors import Invalid
from cli.render import fitting
from cli.render.fitting import Room
from cli.render.hostlist import folded, names
from cli.render.listing import Column, listing, ordering

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
COLUMNS = (
    Column("NAME", lambda row, _: row[0], room=Room.NAME),
    Column("STEP", lambda row, _: str(row[1]), key=lambda row: row[1]),
    Column("SAID BY", lambda row, _: row[2], room=Room.PROSE),
    Column("MORE", lambda row, _: "x" * 30, wide=True),
)


def shown(rows, width=80, **options):
    file = io.StringIO()
    Console(file=file, width=width).print(listing(rows, COLUMNS, NOW, **options))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_what_fits_is_left_alone():
    assert shown([("n1", 3, "all is well")]) == ["NAME  STEP  SAID BY", "n1    3     all is well"]


def test_texts_are_cut_before_names_fold():
    lines = shown([("node-with-a-long-name", 3, "a text of some length " * 3)], width=60)
    assert lines[1] == "node-with-a-long-name  3     a text of some length a text o…"


def test_names_fold_at_their_joints_and_lose_nothing():
    lines = shown([("node-with-a-long-name", 3, "a text of some length")], width=44)
    assert "".join(line.split("  ")[0] for line in lines[1:]) == "node-with-a-long-name"
    assert all(len(line) <= 44 for line in lines)


def test_on_one_line_a_name_keeps_both_ends():
    lines = shown([("node-with-a-long-name", 3, "a text of some length")], width=40, one_line=True)
    assert len(lines) == 2
    assert lines[1].startswith("node")
    assert "ame  3" in lines[1]


def test_lines_within_a_cell_become_one():
    assert shown([("n1", 3, "two\nlines")])[1] == "n1    3     two lines"


def test_wide_has_more_columns():
    assert "MORE" in shown([("n1", 3, "")], wide=True)[0]
    assert "MORE" not in shown([("n1", 3, "")])[0]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, ["n10", "n2", "n1"]),
        ("name", ["n1", "n2", "n10"]),
        ("-name", ["n10", "n2", "n1"]),
        ("step", ["n2", "n10", "n1"]),
        ("-step", ["n10", "n2", "n1"]),
        ("said_by", ["n2", "n1", "n10"]),
    ],
)
def test_order_reads_numbers_as_such_and_has_what_is_missing_last(sort, order):
    rows = [("n10", 20, "-"), ("n2", 3, "a"), ("n1", None, "b")]
    assert [row[0] for row in ordering(COLUMNS, sort)(rows)] == order


def test_an_unknown_field_is_told_with_those_known():
    with pytest.raises(Invalid, match="--sort -x: no such field; known are name, step, said_by, more"):
        ordering(COLUMNS, "-x")


def test_a_word_that_is_longer_than_its_line_is_broken():
    assert fitting.folded(Text("abcdefghij"), 4).plain == "abcd\nefgh\nij"


def test_widths_take_from_the_widest_first():
    assert fitting.widths([10, 20, 5], [8, 8, 8], 9) == [10, 11, 5]
    assert fitting.widths([10, 20, 5], [8, 8, 8], 99) == [8, 8, 5]


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([], "-"),
        (["n1", "n2", "n3"], "n1, n2, n3"),
        (["n1", "n2", "n3", "x"], "n[1-3], x"),
        (["n4", "n1", "n2", "n10", "n9"], "n[1-2,4,9-10]"),
        (["g08", "g09", "g10", "g12"], "g[08-10,12]"),
        (["a1.dc2", "a2.dc2", "a2.dc3", "b"], "a1.dc2, a2.dc[2-3], b"),
    ],
)
def test_many_names_are_folded_as_slurm_does(nodes, text):
    assert names(nodes) == text


def test_folded_names_of_other_places_stay_apart():
    assert folded(["r1-a", "r2-a", "r1-b"]) == ["r[1-2]-a", "r1-b"]
