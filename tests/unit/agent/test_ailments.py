"""Trouble is logged when it begins and ends, and not over and over."""

import logging

import pytest

from agent.ailments import MANY, QUIET_S, Ailments


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["no device", "no device", ""], ["no device", "disks answers again"]),
        (["hangs", "failed", "hangs", "failed"], ["hangs", "failed"]),  # two that take turns
        (["failed", "", "failed", "", "failed"], ["failed", "disks answers again"]),  # one that comes and goes
        (["hangs (process 7)", "hangs (process 8)"], ["hangs (process 7)"]),  # a number is no other trouble
        (["", ""], []),
    ],
)
def test_each_trouble_is_told_once(clock, caplog, texts: list[str], told: list[str]) -> None:
    caplog.set_level(logging.INFO)
    ailments = Ailments(clock.boottime)
    for text in texts:
        ailments.note("disks", text)
    assert [record.getMessage() for record in caplog.records] == told
    assert ailments.of("disks") == texts[-1]


def test_after_a_quiet_time_it_is_told_again(clock, caplog) -> None:
    ailments = Ailments(clock.boottime)
    for text in ("failed", "", "failed"):
        ailments.note("disks", text)
        clock.seconds += QUIET_S / 2
    ailments.note("disks", "")
    ailments.note("disks", "failed")
    assert [record.getMessage() for record in caplog.records] == ["failed", "failed"]


def test_ever_new_words_have_an_end(clock, caplog) -> None:
    ailments = Ailments(clock.boottime)
    for number in range(3 * MANY):
        ailments.note("disks", "x" * (number + 1))
    assert len(caplog.records) == MANY
