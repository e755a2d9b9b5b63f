"""What the controller's database says at the end, read only, and which of it must not be."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench.soak.violation import Violation

# What a person is asked about is theirs: a machine that is busy with other work makes slow nodes.
ASKED = "SELECT id FROM runs WHERE phase = 'waiting' AND reason = 'needs_approval'"
CHECKS = {  # what must not be: how it is told, and when it was
    "a decision without reason": (
        "SELECT 'decision ' || id || ': ' || actor || ' ' || action || ' ' || target, at FROM decisions"
        " WHERE reason = '' OR verdict = '' OR stage = '' OR actor = ''"
    ),
    "a run that does not end": (
        "SELECT 'run ' || id || ' of ' || playbook || ' for ' || subject || ' is ' || phase || ' ' || reason,"
        " created_at FROM runs WHERE (ended_at IS NULL OR phase IN ('proposed', 'waiting', 'running'))"
        f" AND id NOT IN ({ASKED})"
    ),
    "a step that does not end": (
        "SELECT 'step ' || s.\"index\" || ' of run ' || run || ' is ' || s.phase, r.created_at"
        " FROM steps s JOIN runs r ON r.id = s.run WHERE s.phase IN ('pending', 'claimed', 'running')"
        f" AND run NOT IN ({ASKED})"
    ),
    "an incident that stays open": (
        "SELECT 'incident ' || id || ' ' || finding || ' ' || subject, opened_at FROM incidents WHERE closed_at IS NULL"
        f" AND id NOT IN (SELECT incident FROM runs WHERE id IN ({ASKED}))"
    ),
    "an order without an answer": (
        "SELECT key || ' to ' || node || ' (' || kind || ')', created_at FROM orders WHERE state = 'pending'"
    ),
    "a failure counted against the script": ("SELECT id || ': ' || failures, NULL FROM jobs WHERE failures > 0"),
    "an attempt that does not end": (
        "SELECT job || ' attempt ' || number || ' is ' || phase, created_at FROM attempts"
        " WHERE phase != 'ended' OR ended_at IS NULL OR end_reason = ''"
    ),
    "an ended part without proof": (
        "SELECT job || ' attempt ' || attempt || ' on ' || node, NULL FROM parts WHERE proof = ''"
    ),
    "attempts side by side": (
        "SELECT b.job || ': attempt ' || b.number || ' before the end of ' || a.number, b.created_at FROM attempts a"
        " JOIN attempts b ON a.job = b.job AND a.number < b.number AND b.created_at < a.ended_at"
    ),
    "an attempt that goes on from the wrong step": (
        "SELECT job || ' attempt ' || number || ': told ' || coalesce(resume_step, 0) || ', first ' || first_step,"
        " created_at FROM attempts WHERE first_step IS NOT NULL AND first_step != coalesce(resume_step, 0) + 1"
    ),
    "an attempt that does not go on from the newest checkpoint": (
        "SELECT a.job || ' attempt ' || a.number || ': told ' || coalesce(resume_step, 0), a.created_at FROM attempts a"
        " WHERE coalesce(resume_step, 0) != coalesce((SELECT max(step) FROM checkpoints c WHERE c.job = a.job"
        " AND c.attempt < a.number AND c.refused = ''), 0)"
    ),
    "a late publication that counts": (
        "SELECT c.job || ': attempt ' || c.attempt || ' published ' || c.step || ' beside attempt ' || max(a.number),"
        " c.published_at FROM checkpoints c JOIN attempts a ON a.job = c.job AND a.number > c.attempt"
        " AND a.created_at < c.published_at WHERE c.refused = '' GROUP BY c.job, c.attempt, c.step, c.published_at"
    ),
    "the history's step counter goes back": (
        "SELECT c.job || ': attempt ' || c.attempt || ', resumed from ' || a.resume_step || ', published ' || c.step,"
        " c.published_at FROM checkpoints c JOIN attempts a ON a.job = c.job AND a.number = c.attempt"
        " WHERE c.refused = '' AND c.step <= a.resume_step"
    ),
}


def violations(database: Path) -> list[Violation]:
    with _read_only(database) as connection:
        found = [each for claim, query in CHECKS.items() for each in _found(connection, claim, query)]
        return [*_integrity(connection), *found]


def progress(database: Path) -> dict[str, tuple[int, int]]:
    """For each job its newest attempt that made a step, and that step."""
    query = "SELECT job, max(number), last_step FROM attempts WHERE last_step IS NOT NULL GROUP BY job"
    with _read_only(database) as connection:
        return {job: (number, step) for job, number, step in connection.execute(query)}


def time_line(database: Path, begin: float, end: float) -> list[tuple[float, str]]:
    """The journal between two moments (seconds since 1970), without checkpoints: they would hide the rest."""
    query = (
        "SELECT at, kind, reason, message, node, job, attempt FROM events"
        " WHERE at BETWEEN ? AND ? AND kind != 'checkpoint_published' ORDER BY id"
    )
    with _read_only(database) as connection:
        rows = connection.execute(query, (_text(begin), _text(end))).fetchall()
    return [(_seconds(at), " ".join(str(word) for word in words if word not in (None, ""))) for at, *words in rows]


def _found(connection: sqlite3.Connection, claim: str, query: str) -> Iterator[Violation]:
    for told, at in connection.execute(query):
        yield Violation(claim, told, None if at is None else _seconds(at))


def _integrity(connection: sqlite3.Connection) -> Iterator[Violation]:
    for pragma in ("integrity_check", "foreign_key_check"):
        for row in connection.execute(f"PRAGMA {pragma}"):
            if row != ("ok",):
                yield Violation("the database's integrity", f"{pragma}: {row}")


def _read_only(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _text(seconds: float) -> str:
    """As SQLAlchemy writes a time into SQLite."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
