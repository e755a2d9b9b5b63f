"""Figures of a sensor that does not answer are shown no longer than they hold."""

import pytest

from agent.probe import Look
from agent.sensing import of_now
from agent.sensors import Cadence


@pytest.mark.parametrize(
    ("every_s", "age_s", "shown"),
    [(5.0, 0.0, True), (5.0, 16.9, True), (5.0, 17.1, False), (600.0, 1801.9, True), (600.0, 1802.1, False)],
)
def test_three_looks_and_a_deadline(every_s: float, age_s: float, shown: bool) -> None:
    look = Look(at=1000.0, took_s=0.1, reading=object())
    assert of_now(look, Cadence(every_s=every_s, deadline_s=2.0), 1000.0 + age_s) is shown
