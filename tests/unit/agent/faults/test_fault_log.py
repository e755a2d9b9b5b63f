"""Faults on disk."""

from datetime import UTC, datetime

from agent.database import Database
from agent.faults import Sighting
from agent.faults.log import FaultLog, Kept
from agent.spool import Spool
from wire.conditions import Severity
from wire.events import FaultEvent
from wire.messages import FaultEvents, Spooled, decode_from_agent

AT = datetime(2026, 1, 1, tzinfo=UTC)


def kept(number: int) -> Kept:
    return Kept(number, "boot", AT.timestamp() + number, Sighting("xid", "79", "0000:3b:00", 1.0, "line", "kernel_log"))


def event(number: int) -> FaultEvents:
    return FaultEvents([FaultEvent(number, "xid", "79", "0000:3b:00", Severity.CRITICAL, AT, AT, "kernel_log", "line")])


def test_what_is_kept_is_read_again_with_where_to_go_on(fault_log: FaultLog, database: Database, spool: Spool) -> None:
    fault_log.append({"kernel_log": "boot:7"}, [kept(1), kept(2)], event(1))
    again = FaultLog(database, spool)
    assert again.newest() == [kept(1), kept(2)]
    assert again.positions() == {"kernel_log": "boot:7"}
    assert again.next_number() == 3


def test_the_controller_is_told_of_what_was_kept_in_the_same_stroke(fault_log: FaultLog, spool: Spool) -> None:
    fault_log.append({"kernel_log": "boot:7"}, [kept(1)], event(1))
    (pending,) = spool.after(0, limit=10)
    assert decode_from_agent(pending.frame) == Spooled(1, event(1))


def test_only_the_newest_are_kept(database: Database, spool: Spool) -> None:
    log = FaultLog(database, spool, keep=3)
    for number in range(1, 8):
        log.append({}, [kept(number)], None)
    assert [each.number for each in log.newest()] == [5, 6, 7]


def test_numbers_are_never_given_again(fault_log: FaultLog, database: Database, spool: Spool) -> None:
    fault_log.append({}, [kept(1), kept(2)], None)
    fault_log.remove([1, 2])
    assert fault_log.newest() == []
    assert FaultLog(database, spool).next_number() == 3


def test_what_a_newer_agent_kept_is_passed_over(fault_log: FaultLog, database: Database) -> None:
    fault_log.append({}, [kept(1)], None)
    with database.transaction() as connection:
        connection.execute("INSERT INTO occurrences (number, body) VALUES (2, x'c1')")
    assert fault_log.newest() == [kept(1)]


def test_how_long_ago_it_was_is_told_by_the_wall_clock_and_never_negative() -> None:
    assert kept(10).ago_s(AT) == 0.0
    assert kept(0).ago_s(datetime(2026, 1, 1, 0, 1, tzinfo=UTC)) == 60.0
