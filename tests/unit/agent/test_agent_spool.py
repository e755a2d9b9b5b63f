import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.database import Database
from agent.errors import Permanent
from agent.spool import Spool
from wire.attempts import PartState, PartStatus
from wire.conditions import Condition, Severity, Status
from wire.messages import ConditionChanges, Durable, PartChange, Spooled, decode_from_agent
from wire.orders import Outcome, OutcomeReason, OutcomeStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def conditions(message: str = "m") -> ConditionChanges:
    return ConditionChanges([Condition("T", Status.TRUE, Severity.INFO, "r", message, NOW, 1, NOW)])


def outcome(key: str = "k", message: str = "") -> Outcome:
    return Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK, message)


def part(attempt: int = 1) -> PartChange:
    return PartChange(PartStatus("job-1", attempt, PartState.RUNNING, 0, "boot"))


def read(spool: Spool, after: int = 0) -> list[tuple[int, Durable]]:
    messages = [decode_from_agent(pending.frame) for pending in spool.after(after, limit=10_000)]
    return [(message.seq, message.body) for message in messages if isinstance(message, Spooled)]


def test_keeps_the_order_and_numbers_without_gaps(spool: Spool) -> None:
    bodies = [outcome(), part(), conditions()]
    assert [spool.append(body) for body in bodies] == [1, 2, 3]
    assert read(spool) == list(enumerate(bodies, start=1))


def test_numbers_go_on_after_all_was_acknowledged_and_reopened(tmp_path: Path) -> None:
    for expected in (1, 2, 3):
        database = Database(tmp_path / "a.db")
        spool = Spool(database)
        assert spool.append(outcome()) == expected
        spool.acknowledge(expected)
        assert read(spool) == []
        database.close()


def test_what_was_not_acknowledged_is_there_after_reopening(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    spool = Spool(database)
    for number in range(1, 6):
        spool.append(part(number))
    spool.acknowledge(3)
    database.close()
    database = Database(tmp_path / "a.db")
    assert read(Spool(database)) == [(4, part(4)), (5, part(5))]
    database.close()


def test_survives_being_killed(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from agent.database import Database
from agent.spool import Spool
from wire.orders import Outcome, OutcomeReason, OutcomeStatus
spool = Spool(Database(Path(sys.argv[1])))
for number in range(20):
    spool.append(Outcome(str(number), OutcomeStatus.DONE, OutcomeReason.OK))
with spool._database.transaction() as connection:
    spool.append_in(connection, Outcome("never", OutcomeStatus.DONE, OutcomeReason.OK))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.db"
    subprocess.run([sys.executable, "-c", program, path], check=False, timeout=30, env=os.environ)
    database = Database(path)
    spool = Spool(database)
    assert [body.key for _, body in read(spool) if isinstance(body, Outcome)] == [str(number) for number in range(20)]
    assert spool.append(outcome()) == 21
    database.close()


def test_empties_the_oldest_conditions_first_and_leaves_no_gap(database: Database) -> None:
    spool = Spool(database, soft_bytes=40_000, hard_bytes=10**9)
    for _ in range(400):
        spool.append(conditions("x" * 100))
        spool.append(outcome(message="y" * 50))
    kept = read(spool)
    assert [seq for seq, _ in kept] == list(range(1, 801))
    assert sum(isinstance(body, Outcome) for _, body in kept) == 400
    assert spool.dropped > 0
    assert kept[0][1] == ConditionChanges([])


def test_hard_bound_drops_from_the_front_whatever_it_is(database: Database) -> None:
    spool = Spool(database, soft_bytes=1000, hard_bytes=40_000)
    for _ in range(2000):
        spool.append(outcome(message="y" * 50))
    numbers = [seq for seq, _ in read(spool)]
    assert numbers == list(range(numbers[0], 2001))
    assert numbers[0] > 1
    spool.acknowledge(2000)
    assert spool.dropped == 0


def test_remembers_the_newest_word_of_each_condition(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    spool = Spool(database)
    spool.append(conditions("old"))
    spool.append(conditions("new"))
    spool.acknowledge(2)
    database.close()
    database = Database(tmp_path / "a.db")
    assert [condition.message for condition in Spool(database).conditions()] == ["new"]
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(Permanent, match=r"a\.db: cannot be used"):
        Database(tmp_path / "a.db")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Database(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Permanent, match="newer agent"):
        Database(tmp_path / "a.db")


def test_frames_are_what_the_controller_reads(spool: Spool) -> None:
    spool.append(outcome("the-key"))
    (pending,) = spool.after(0)
    assert msgspec.msgpack.decode(pending.frame)["body"]["key"] == "the-key"


def test_a_commit_that_fails_does_not_spoil_the_next(database: Database) -> None:
    database.reader.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE parent (id PRIMARY KEY);"
        "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);"
    )
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("INSERT INTO child VALUES (1)")
    assert Spool(database).append(outcome()) == 1


def test_a_condition_that_only_a_newer_agent_can_read_is_left_out(database: Database) -> None:
    spool = Spool(database)
    spool.append(conditions())
    with database.transaction() as connection:
        connection.execute("INSERT INTO conditions VALUES ('New', x'93')")
    assert [condition.type for condition in spool.conditions()] == ["T"]
