from datetime import UTC, datetime, timedelta
from enum import StrEnum

from agent.checks import Verdict, healthy
from agent.conditions import Book
from wire.conditions import Severity, Status

LIFE = timedelta(seconds=100)


class Reason(StrEnum):
    FINE = "fine"
    BROKEN = "broken"
    WORSE = "worse"


FINE = healthy(Reason.FINE, "all well")


def bad(reason: Reason = Reason.BROKEN, severity: Severity = Severity.WARNING, message: str = "m") -> Verdict:
    return Verdict(Status.TRUE, severity, reason, message)


def at(seconds: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def test_the_first_word_is_news() -> None:
    news = Book(LIFE).judged("T", FINE, at(0))
    assert news is not None
    assert (news.generation, news.since, news.expires_at) == (1, at(0), at(100))


def test_the_same_word_again_is_no_news() -> None:
    book = Book(LIFE)
    book.judged("T", bad(message="5 %"), at(0))
    assert book.judged("T", bad(message="4 %"), at(10)) is None
    (condition,) = book.current(at(10))
    assert (condition.generation, condition.since, condition.message) == (1, at(0), "4 %")


def test_a_change_counts_and_since_follows_the_status() -> None:
    book = Book(LIFE)
    book.judged("T", FINE, at(0))
    raised = book.judged("T", bad(), at(10))
    worse = book.judged("T", bad(Reason.WORSE, Severity.CRITICAL), at(20))
    cleared = book.judged("T", FINE, at(30))
    assert raised is not None
    assert worse is not None
    assert cleared is not None
    assert [(c.generation, c.since) for c in (raised, worse, cleared)] == [(2, at(10)), (3, at(10)), (4, at(30))]


def test_generations_go_on_after_a_restart() -> None:
    before = Book(LIFE)
    before.judged("T", FINE, at(0))
    told = before.judged("T", bad(), at(10))
    assert told is not None
    after = Book(LIFE, [told])
    assert after.judged("T", bad(), at(20)) is None
    cleared = after.judged("T", FINE, at(30))
    assert cleared is not None
    assert cleared.generation == 3


def test_what_expired_is_not_said_and_is_told_anew() -> None:
    book = Book(LIFE)
    book.judged("T", bad(), at(0))
    assert book.current(at(101)) == []
    again = book.judged("T", bad(), at(102))
    assert again is not None
    assert again.generation == 1


def test_renewal_before_expiry_all_at_once() -> None:
    book = Book(LIFE)
    book.judged("A", FINE, at(0))
    book.judged("B", FINE, at(30))
    for type_ in ("A", "B"):
        book.judged(type_, FINE, at(40))
    assert book.renewals(at(40)) == []
    assert {condition.type for condition in book.renewals(at(51))} == {"A", "B"}
    assert book.renewals(at(52)) == []


def test_what_is_judged_no_more_is_left_to_expire() -> None:
    book = Book(LIFE)
    book.judged("A", FINE, at(0))
    assert book.renewals(at(99)) == []
