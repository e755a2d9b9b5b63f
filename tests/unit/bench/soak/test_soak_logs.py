"""What a daemon's log admits."""

import pytest

from bench.soak.logs import violations

DONE = "INFO agent.dispatch: order launch:j-1.1:n1 (launch_attempt): done, ok\n"


def claims(text):
    return [violation.claim for violation in violations("n1", text)]


def test_orders_done_once_and_warnings_are_well():
    assert claims(DONE + DONE.replace("j-1.1", "j-1.2") + "WARNING agent.link: no controller\n") == []


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (DONE * 2, "an order done twice"),
        ("ERROR agent.dispatch: order x: no outcome recorded\n", "an error in a log"),
        ("2026-11-24 02:33:40,804 ERROR controller.core: tick failed\n", "an error in a log"),
        ("Traceback (most recent call last):\n", "a traceback in a log"),
    ],
)
def test_what_must_not_be_is_named(text, claim):
    assert claims(text) == [claim]
