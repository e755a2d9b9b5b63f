"""Every claim of the demo, checked against the controller's database and the job's own logs; nothing is taken on trust
from what the demo itself saw."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from cli.demo.job_log import JobLog, consecutive


class Claim(msgspec.Struct, frozen=True):
    text: str
    holds: bool
    seen: str


class Recovery(msgspec.Struct, frozen=True):
    """One recovery, as the logs of rank 0 tell it."""

    job: str
    node: str  # that was killed
    before: int  # the attempt's number
    after: int
    log_before: JobLog
    log_after: JobLog


class AttemptRow(msgspec.Struct, frozen=True):
    phase: str
    resume_step: int | None
    first_step: int | None
    created_at: str
    parts: dict[str, str]  # node: how we know that its part stopped


def check(database: Path, recovery: Recovery) -> list[Claim]:
    with _read_only(database) as connection:
        before = _attempt(connection, recovery.job, recovery.before)
        after = _attempt(connection, recovery.job, recovery.after)
        published = _published(connection, recovery.job, recovery.after, after.created_at)
        node = _node(connection, recovery.node)
        rejoined = _rejoined(connection, recovery.node, after.created_at)
    return [
        *_stopped(recovery, before),
        *_relaunched(recovery, before, after),
        *_resumed(recovery, after, published),
        *_in_service(recovery, node, rejoined),
    ]


def _stopped(recovery: Recovery, before: AttemptRow) -> Iterator[Claim]:
    proofs = ", ".join(f"{node}: {proof or 'none'}" for node, proof in before.parts.items())
    proven = bool(before.parts) and all(before.parts.values())
    yield Claim(f"attempt {recovery.before} is over", before.phase == "ended", before.phase)
    yield Claim(f"each part of attempt {recovery.before} is proven stopped", proven, proofs)


def _relaunched(recovery: Recovery, before: AttemptRow, after: AttemptRow) -> Iterator[Claim]:
    nodes = ", ".join(after.parts)
    yield Claim("a new attempt", recovery.after > recovery.before, f"attempt {recovery.after}")
    yield Claim("the same world size", len(after.parts) == len(before.parts), f"{len(after.parts)} nodes: {nodes}")
    yield Claim(f"without {recovery.node}", recovery.node not in after.parts, nodes)


def _resumed(recovery: Recovery, after: AttemptRow, published: int | None) -> Iterator[Claim]:
    log, at = recovery.log_after, after.resume_step
    yield Claim(
        "resumed from the last published checkpoint",
        at is not None and at == published == log.resumed_at,
        f"published {published}, told {at}, loaded {log.resumed_at}",
    )
    first = log.steps[0] if log.steps else None
    expected = None if at is None else at + 1
    yield Claim(
        "the first new step is the next one",
        first is not None and first == expected == after.first_step,
        f"step {first}",
    )
    yield Claim(
        "steps go on without a gap",
        at is not None and consecutive(log.steps, at + 1) and _unbroken(recovery.log_before),
        f"steps {first} to {log.last}",
    )


def _in_service(recovery: Recovery, node: tuple[str, int], rejoined: str) -> Iterator[Claim]:
    phase, holds = node
    yield Claim(f"{recovery.node} was validated before it rejoined", rejoined == "succeeded", rejoined)
    yield Claim(
        f"{recovery.node} is ready and held by nobody", (phase, holds) == ("ready", 0), f"{phase}, {holds} holds"
    )


def _unbroken(log: JobLog) -> bool:
    return consecutive(log.steps, (log.resumed_at or 0) + 1)


@contextmanager
def _read_only(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
        yield connection


def _attempt(connection: sqlite3.Connection, job: str, number: int) -> AttemptRow:
    query = "SELECT phase, resume_step, first_step, created_at FROM attempts WHERE job = ? AND number = ?"
    row = connection.execute(query, (job, number)).fetchone()
    parts = connection.execute(
        "SELECT node, proof FROM parts WHERE job = ? AND attempt = ? ORDER BY node_rank", (job, number)
    ).fetchall()
    phase, resume_step, first_step, created_at = row or ("missing", None, None, "")
    return AttemptRow(phase, resume_step, first_step, created_at, dict(parts))


def _published(connection: sqlite3.Connection, job: str, before: int, until: str) -> int | None:
    """The newest step that was published, and not refused, when the new attempt was made."""
    query = "SELECT max(step) FROM checkpoints WHERE job = ? AND attempt < ? AND refused = '' AND published_at <= ?"
    found: Sequence[int | None] = connection.execute(query, (job, before, until)).fetchone()
    return found[0]


def _node(connection: sqlite3.Connection, name: str) -> tuple[str, int]:
    row = connection.execute("SELECT phase FROM nodes WHERE name = ?", (name,)).fetchone()
    held = connection.execute("SELECT count(*) FROM holds WHERE node = ? AND lifted_at IS NULL", (name,)).fetchone()
    return (row[0] if row else "missing"), held[0]


def _rejoined(connection: sqlite3.Connection, node: str, since: str) -> str:
    """How the validation in the newest run of returned-node ended, if it ran since the new attempt was made."""
    query = (
        "SELECT runs.phase, steps.phase FROM runs JOIN steps ON steps.run = runs.id"
        " WHERE runs.playbook = 'returned-node' AND runs.subject = ? AND runs.created_at >= ?"
        " AND steps.action = 'validate' ORDER BY runs.id DESC LIMIT 1"
    )
    row = connection.execute(query, (f"node:{node}", since)).fetchone()
    if row is None:
        return "no run of returned-node"
    run, validation = row
    return str(run) if validation == "done" else f"validation {validation}"
