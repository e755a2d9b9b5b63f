"""What is said about this node now: verdicts become conditions with an age."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from agent.checks import Verdict
from wire.conditions import Condition


def following(before: Condition | None, type_: str, verdict: Verdict, now: datetime, life: timedelta) -> Condition:
    """The condition after one more verdict.

    The generation grows when status, severity or reason change, ``since`` when the status does; a message that only
    counts on is no news.
    """
    said = (verdict.status, verdict.severity, str(verdict.reason))
    same = before is not None and said == (before.status, before.severity, before.reason)
    generation = before.generation if before else 0
    return Condition(
        type=type_,
        status=verdict.status,
        severity=verdict.severity,
        reason=str(verdict.reason),
        message=verdict.message,
        since=before.since if before and before.status is verdict.status else now,
        generation=generation if same else generation + 1,
        expires_at=now + life,
        suggested_action=verdict.suggested_action,
    )


class Book:
    """The newest word of every condition, and until when the controller was told that it holds."""

    def __init__(self, life: timedelta, remembered: Iterable[Condition] = ()) -> None:
        self._life = life
        self._current = {condition.type: condition for condition in remembered}
        self._told = {condition.type: condition.expires_at for condition in self._current.values()}

    def get(self, type_: str) -> Condition | None:
        return self._current.get(type_)

    def judged(self, type_: str, verdict: Verdict, now: datetime) -> Condition | None:
        """Take a verdict; gives the condition when it is news."""
        before = self._current.get(type_)
        condition = following(before, type_, verdict, now, self._life)
        self._current[type_] = condition
        if before is not None and before.generation == condition.generation and before.expires_at > now:
            return None
        self._told[type_] = condition.expires_at
        return condition

    def confirmed(self, type_: str, now: datetime) -> None:
        """It was judged again and what is said stays: only its age begins anew."""
        if before := self._current.get(type_):
            self._current[type_] = msgspec.structs.replace(before, expires_at=now + self._life)

    def current(self, now: datetime) -> list[Condition]:
        """What still holds."""
        return [condition for condition in self._current.values() if condition.expires_at > now]

    def renewals(self, now: datetime) -> list[Condition]:
        """What must be told again before it expires; all at once when one must, so that few messages do."""
        fresh = [condition for name, condition in self._current.items() if condition.expires_at > self._told[name]]
        if not any(self._told[condition.type] - now < self._life / 2 for condition in fresh):
            return []
        self._told.update({condition.type: condition.expires_at for condition in fresh})
        return fresh
