"""What is remembered of an earlier boot: nothing of it is said, and a controller does not take what is new for old."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.conditions import Book
from agent.config import parse
from agent.faults import table
from agent.sensing import after_reboot
from agent.settling import NOT_PRESENT
from agent.spool import Spool
from wire.conditions import Condition, Severity, Status
from wire.messages import ConditionChanges

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(seconds=300)
GENERATION = 7


def told(type_: str) -> Condition:
    return Condition(type_, Status.TRUE, Severity.CRITICAL, "r", "m", NOW, GENERATION, NOW + LIFE, "", ["GPU-1"])


def rebooted(tmp_path: Path, *conditions: Condition) -> list[Condition]:
    config = parse(f'node = "n1"\naddress = "127.0.0.1"\nsite_checks = "{tmp_path}"', "test")
    return after_reboot(config, table.own(), conditions)


@pytest.mark.parametrize(
    ("type_", "stays"),
    [("GpuHot", False), ("GpuRowRemapFailed", True), ("DiskReadOnly", False), ("ProbeHung", False)],
)
def test_what_only_a_person_clears_outlives_a_reboot(tmp_path: Path, type_: str, stays: bool) -> None:
    (after,) = rebooted(tmp_path, told(type_))
    assert (after.status is Status.TRUE) is stays
    assert Book(LIFE, [after]).current(NOW) == ([after] if stays else [])


def test_what_is_said_next_is_news_to_a_controller(tmp_path: Path) -> None:
    book = Book(LIFE, rebooted(tmp_path, told("GpuHot")))
    news = book.judged("GpuHot", NOT_PRESENT, NOW)
    assert news is not None
    assert news.generation > GENERATION


def test_a_second_start_in_the_same_boot_knows_of_it(tmp_path: Path, spool: Spool) -> None:
    """Hardware that is gone since is not spoken of: nothing else would overwrite what was told."""
    spool.begin_boot("first", [])
    spool.append(ConditionChanges([told("GpuHot")]))
    assert spool.new_boot("second")
    after = rebooted(tmp_path, *spool.conditions())
    spool.begin_boot("second", after)
    assert not spool.new_boot("second")
    assert spool.conditions() == after
