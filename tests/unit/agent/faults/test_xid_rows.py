"""The table of Xids says of each what it must, and the corpus of kernel lines has every code of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.checks import Clears
from agent.faults import damping, table
from agent.faults.rows import ACTIONS, Row
from wire.conditions import Severity

FAULTS = Path(__file__).parents[3] / "corpus/kernel/faults.txt"
DISPUTED = (45, 63, 68, 69, 94, 143, 154)
CONDITIONS = {
    "",
    "GpuXidApplication",
    "GpuXidFirmware",
    "GpuXidHardware",
    "GpuXidLink",
    "GpuXidMemory",
    "GpuXidOffBus",
    "GpuXidUnknown",
    "NvSwitchSxid",
}
PUBLIC = re.compile(r"https://(docs\.nvidia\.com|github\.com/NVIDIA)/")


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, int], Row]:
    own = table.own().rows.items()
    return {(kind, int(code)): row for (kind, code), row in own if kind in ("xid", "sxid") and code}


def failing(rows: dict[tuple[str, int], Row], *wrong: Row) -> list[tuple[str, int]]:
    return [key for key, row in rows.items() if row in wrong]


def test_no_code_of_the_catalogue_is_left_out(rows: dict[tuple[str, int], Row]) -> None:
    assert {("xid", code) for code in range(1, 177)} <= set(rows)


def test_each_row_has_its_words_and_a_public_source(rows: dict[tuple[str, int], Row]) -> None:
    good = [row for row in rows.values() if row.name and row.meaning and PUBLIC.match(row.source)]
    assert set(rows) == set(failing(rows, *good))


def test_each_action_is_a_word(rows: dict[tuple[str, int], Row]) -> None:
    assert {row.action for row in rows.values()} == set(ACTIONS)


def test_conditions_are_few(rows: dict[tuple[str, int], Row]) -> None:
    assert {row.condition for row in rows.values()} == CONDITIONS


@pytest.mark.parametrize("code", DISPUTED)
def test_a_disputed_code_says_which_view_it_takes(rows: dict[tuple[str, int], Row], code: int) -> None:
    view = rows["xid", code].view
    assert "NVSentinel" in view
    assert "GPUd" in view


@pytest.mark.parametrize("code", [45, 154])
def test_what_follows_another_fault_makes_no_condition(rows: dict[tuple[str, int], Row], code: int) -> None:
    row = rows["xid", code]
    assert (row.condition, row.severity, row.action) == ("", Severity.INFO, "none")


def test_what_does_not_pass_by_itself_is_worth_an_action(rows: dict[tuple[str, int], Row]) -> None:
    lasting = [row for row in rows.values() if row.clears is not Clears.FACT]
    assert failing(rows, *(row for row in lasting if row.action == "none" or row.severity is Severity.INFO)) == []


def test_a_critical_code_makes_a_condition_at_once(rows: dict[tuple[str, int], Row]) -> None:
    critical = [row for row in rows.values() if row.severity is Severity.CRITICAL]
    assert failing(rows, *(row for row in critical if row.burst.count > 1 or not row.condition)) == []


def test_a_code_that_means_nothing_alone_is_a_condition_only_in_a_burst(rows: dict[tuple[str, int], Row]) -> None:
    ignored = [row for row in rows.values() if row.severity is Severity.INFO and row.condition]
    assert failing(rows, *(row for row in ignored if row.burst.count == 1)) == []


@pytest.mark.parametrize("code", [13, 31, 43, 69])
def test_a_crash_of_one_program_is_no_burst(rows: dict[tuple[str, int], Row], code: int) -> None:
    assert rows["xid", code].burst.count > damping.MANY


def test_a_flood_reaches_every_burst(rows: dict[tuple[str, int], Row]) -> None:
    def told(row: Row) -> float:
        return damping.MANY + row.burst.within_s / damping.TOGETHER_S

    assert failing(rows, *(row for row in rows.values() if row.burst.count > told(row))) == []


def test_the_corpus_has_every_code(rows: dict[tuple[str, int], Row]) -> None:
    assert set(rows) - set(codes()) == set()


def codes() -> Iterator[tuple[str, int]]:
    for line in FAULTS.read_text("utf-8").splitlines():
        if match := re.match(r"(s?xid) (\d+) ", line):
            yield match[1], int(match[2])
