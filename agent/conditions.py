"""What is said about this node now: verdicts become conditions with an age."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from agent.checks import Verdict
from agent.settling import Folded
from wire.conditions import Condition


def following(before: Condition | None, type_: str, folded: Folded, now: datetime, life: timedelta) -> Condition:
    """The condition after one more judgement.

    The generation grows when status, severity, reason or the components change, ``since`` when the status does; a
    message that only counts on is no news.
    """
    verdict = folded.verdict
    said = (verdict.status, verdict.severity, str(verdict.reason), sorted(folded.components))
    same = before is not None and said == _said(before)
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
        components=folded.components,
    )


def _said(condition: Condition) -> tuple[object, ...]:
    return (condition.status, condition.severity, condition.reason, sorted(condition.components))


class Book:
    """The newest word of every condition, and until when the controller was told that it holds.

    ``life``: how long a word counts, unless :meth:`judged` is given a longer one, for what is rarely looked at.
    """

    def __init__(self, life: timedelta, remembered: Iterable[Condition] = ()) -> None:
        self._life = life
        self._lives: dict[str, timedelta] = {}
        self._current = {condition.type: condition for condition in remembered}
        self._told = {condition.type: condition.expires_at for condition in self._current.values()}

    def get(self, type_: str) -> Condition | None:
        return self._current.get(type_)

    def judged(
        self, type_: str, word: Folded | Verdict, now: datetime, life: timedelta | None = None
    ) -> Condition | None:
        """Take a judgement; gives the condition when it is news."""
        folded = Folded(word) if isinstance(word, Verdict) else word
        before = self._current.get(type_)
        self._lives[type_] = max(life or self._life, self._life)
        condition = following(before, type_, folded, now, self._lives[type_])
        self._current[type_] = condition
        if before is not None and before.generation == condition.generation and before.expires_at > now:
            return None
        self._told[type_] = condition.expires_at
        return condition

    def current(self, now: datetime) -> list[Condition]:
        """What still holds."""
        return [condition for condition in self._current.values() if condition.expires_at > now]

    def renewals(self, now: datetime) -> list[Condition]:
        """What must be told again before it expires; all at once when one must, so that few messages do."""
        fresh = [condition for name, condition in self._current.items() if condition.expires_at > self._told[name]]
        if not any(self._told[each.type] - now < self._lives.get(each.type, self._life) / 2 for each in fresh):
            return []
        self._told.update({condition.type: condition.expires_at for condition in fresh})
        return fresh
