from datetime import UTC, datetime, timedelta

from bench.resume import stages
from wire.api import EventView

FAULT = datetime(2026, 1, 1, tzinfo=UTC)


def event(number, seconds, kind):
    return EventView(number, FAULT + timedelta(seconds=seconds), kind, "", "")


def test_the_first_event_of_each_stage_since_the_fault():
    events = [
        event(1, -9.0, "attempt_starting"),
        event(2, 0.1, "node_contact"),
        event(3, 0.3, "rank_failed"),
        event(4, 0.3, "run_proposed"),
        event(5, 1.5, "attempt_ended"),
        event(6, 1.75, "attempt_starting"),
    ]

    reached = stages.since(events, FAULT)

    assert reached == {"sign": 0.1, "decided": 0.3, "all stopped": 1.5, "launched": 1.75}
    assert stages.tell(reached).startswith("sign after 0.1 s, decided after 0.3 s")


def test_what_never_came_is_left_out():
    assert stages.since([event(1, 2.6, "node_contact")], FAULT) == {"sign": 2.6}
    assert stages.tell({}) == ""
