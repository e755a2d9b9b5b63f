"""What a person who was paged sees, and what a scheduler gets."""

import pytest

from agent import survey, survey_table
from agent.survey import Judgement
from agent.survey_table import Paint
from wire.conditions import Severity, Status

T, F, U = Status.TRUE, Status.FALSE, Status.UNKNOWN
LOST = Judgement("GpuLost", T, Severity.CRITICAL, "gpu_missing", "7 of 8 GPUs answer", "drain and reboot", ["GPU-7"])
FULL = Judgement("DiskFull", T, Severity.WARNING, "space_low", "/: 4 of 100 GiB free", "free space", ["/"])
SMART = Judgement("DiskFailing", U, Severity.WARNING, "sensor_failed", "sensor smart failed", "", [])
WORN = Judgement("DiskWorn", U, Severity.WARNING, "sensor_failed", "sensor smart failed", "", [])
LOAD = Judgement("CpuOverload", F, Severity.INFO, "load_normal", "load 0.3 a core", "", [])

SCREEN = """\
n1: 1 critical fault, 1 warning, 2 unknown, 1 well

CRITICAL  GpuLost
          gpu_missing: 7 of 8 GPUs answer
          also: GPU-7
          -> drain and reboot

WARNING   DiskFull
          space_low: /: 4 of 100 GiB free
          -> free space

UNKNOWN   DiskFailing, DiskWorn
          sensor_failed: sensor smart failed

WELL      1 check; -v shows them"""


def screen(*judgements: Judgement, everything: bool = False, coloured: bool = False, width: int = 80) -> str:
    return "\n".join(survey_table.as_table("n1", judgements, everything, Paint(coloured), width))


def test_the_worst_comes_first_and_what_is_alike_is_told_once() -> None:
    assert screen(LOST, FULL, SMART, WORN, LOAD) == SCREEN


def test_what_is_well_is_shown_when_asked_for() -> None:
    assert screen(LOAD, everything=True) == "n1: 1 well\n\nWELL      CpuOverload  load 0.3 a core"
    assert screen() == "n1: nothing to judge"


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    long = Judgement("X" * 30, T, Severity.CRITICAL, "r", "word " * 200, "do " * 90, [f"GPU-{n:08}" for n in range(32)])
    well = Judgement("Y" * 20, F, Severity.INFO, "r", "well " * 90, "", [])
    assert max(map(len, screen(long, well, everything=True, width=width).splitlines())) <= width


def test_only_words_of_meaning_are_coloured() -> None:
    assert "\x1b[31;1mCRITICAL\x1b[0m" in screen(LOST, coloured=True)
    assert "\x1b" not in screen(LOST, FULL, SMART, LOAD)


def test_no_terminal_obeys_what_a_device_says() -> None:
    evil = Judgement("Evil", T, Severity.CRITICAL, "r\x1b[2J", "a\x1b]0;x\x07b\r\nc", "d\x9bm", ["\x1b[31m"])
    assert set(screen(evil)) & {"\x1b", "\x07", "\r", "\x9b"} == set()


class Terminal:
    def __init__(self, is_one: bool) -> None:
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one


@pytest.mark.parametrize(
    ("is_one", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals(is_one: bool, environment: dict[str, str], coloured: bool) -> None:
    assert survey_table.coloured(Terminal(is_one), environment) is coloured


@pytest.mark.parametrize(
    ("judgements", "status", "reason"),
    [
        ([], 0, ""),
        ([LOAD], 0, ""),
        ([FULL, LOAD], 0, ""),
        ([SMART, FULL], 5, ""),
        ([LOST, FULL, SMART], 1, "GpuLost: 7 of 8 GPUs answer"),
    ],
)
def test_what_a_scheduler_gets(judgements: list[Judgement], status: int, reason: str) -> None:
    assert survey.exit_status(judgements) == status
    assert survey.drain_reason(judgements) == reason
