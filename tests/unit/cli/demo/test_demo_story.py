import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli.demo.story import Line, Story, Subject, tell
from wire.api import EventView

AT = datetime(2026, 7, 1, tzinfo=UTC)
SUBJECT = Subject("n2", "j-1", 1)


def event(kind, number=1, **fields):
    return EventView(number, AT + timedelta(seconds=number), kind, **{"reason": "", "message": "", **fields})


@pytest.mark.parametrize(
    ("happened", "line"),
    [
        (event("node_contact", node="n2", reason="suspect", message="n2 is suspect"), Line("noticed", "n2 is suspect")),
        (event("node_contact", node="n2", reason="in_contact", message="n2 is back"), Line("back", "n2 is back")),
        (
            event("rank_failed", job="j-1", attempt=1, node="n1", message="E"),
            Line("noticed", "a worker on n1 failed: E"),
        ),
        (
            event("decision", node="n2", message="mainstay:lost-node hold node:n2: refuse", reason="breaker_open"),
            Line("decided", "hold node:n2: refuse (breaker_open)"),
        ),
        (event("attempt_placed", job="j-1", attempt=2, message="n1, n4"), Line("relaunched", "attempt 2 on n1, n4")),
        (
            event("attempt_ended", job="j-1", attempt=1, reason="node_lost"),
            Line("stopped", "attempt 1 is over: node_lost"),
        ),
        (event("node_phase", node="n2", reason="drained"), Line("stopped", "n2 is drained")),
        (event("node_phase", node="n2", reason="ready"), Line("back", "n2 is ready")),
        (event("checkpoint_published", job="j-1", attempt=1), None),
        (event("rank_failed", job="other-1", attempt=1, node="n1"), None),
        (event("node_phase", node="n3", reason="ready"), None),
    ],
)
def test_what_is_worth_a_line(happened, line):
    assert tell(happened, SUBJECT) == line


class Api:
    """Events as the API gives them."""

    def __init__(self, events):
        self._events = events

    def events(self, after):
        return [each for each in self._events if each.id > after]


def test_a_story_begins_at_its_fault_and_tells_nothing_twice():
    contact = {"node": "n2", "reason": "suspect", "message": "n2 is suspect"}
    api, file = Api([event("node_contact", 1, **contact)]), io.StringIO()
    story = Story(Console(file=file, width=80, highlight=False))
    story.skip_to_now(api)
    story.begin(SUBJECT, AT)
    api._events += [event("node_contact", number, **contact) for number in (2, 3)]
    story.follow(api)
    story.follow(api)
    assert file.getvalue() == "    2.0s  noticed     n2 is suspect\n"
    assert [each.id for each in story.heard] == [2, 3]
