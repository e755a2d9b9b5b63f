"""The tables. Times are UTC; facts that age carry their own expiry; JSON columns hold types of :mod:`wire`."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on every database (SQLite forgets the zone, PostgreSQL answers in the session's)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(TypeDecorator[str]):
    """Text from anywhere: a script's last words may hold a NUL, which PostgreSQL refuses."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text,
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class Epoch(Base):
    """One row for every start of a controller; the newest is the epoch in force."""

    __tablename__ = "epochs"

    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    instance: Mapped[str]
    version: Mapped[str]
    started_at: Mapped[datetime]


class Automation(Base):
    """A row for each time the automation mode was set; the newest is in force. No row: ``shadow``."""

    __tablename__ = "automation"

    id: Mapped[int] = mapped_column(primary_key=True)
    mode: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class Node(Base):
    """A node's certificate is bound to its row: ``fingerprint`` names the only one that is served."""

    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(primary_key=True)
    phase: Mapped[str] = mapped_column(index=True)
    phase_since: Mapped[datetime]
    address: Mapped[str]
    fingerprint: Mapped[str]  # empty: none is served, the node is retired
    joined_at: Mapped[datetime]
    boot_id: Mapped[str] = mapped_column(default="")
    instance: Mapped[str] = mapped_column(default="")
    agent_version: Mapped[str] = mapped_column(default="")
    cpus: Mapped[int] = mapped_column(default=0)
    memory_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    accelerators: Mapped[list[Any]] = mapped_column(default=list)
    spool_seq: Mapped[int] = mapped_column(BigInteger, default=0)  # newest spooled message recorded
    lost_at: Mapped[datetime | None] = mapped_column(default=None)
    lost_reason: Mapped[str] = mapped_column(default="")


class Hold(Base):
    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"), index=True)
    owner: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    lifted_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    lifted_by: Mapped[str] = mapped_column(default="")
    run: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), default=None)


class NodeCondition(Base):
    """The newest word of each condition of each node; what came before is in ``events``."""

    __tablename__ = "conditions"

    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    severity: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]
    since: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    suggested_action: Mapped[str] = mapped_column(default="")
    components: Mapped[list[Any]] = mapped_column(default=list)


class Job(Base):
    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    spec: Mapped[dict[str, Any]]
    submitted_by: Mapped[str]
    user: Mapped[str]
    decision: Mapped[int] = mapped_column(ForeignKey("decisions.id"))  # what allows its present attempt
    phase: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=0)  # the newest attempt's number; 0 before the first
    failures: Mapped[int] = mapped_column(default=0)  # that started in the script
    fruitless: Mapped[int] = mapped_column(default=0)  # attempts in a row without a new step
    stop_decision: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"), default=None)
    not_before: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class Attempt(Base):
    __tablename__ = "attempts"

    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    phase: Mapped[str] = mapped_column(index=True)
    decision: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None] = mapped_column(default=None)  # every part runs
    first_step_at: Mapped[datetime | None] = mapped_column(default=None)
    stopping_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    end_reason: Mapped[str] = mapped_column(default="")
    end_message: Mapped[str] = mapped_column(default="")
    stated_reason: Mapped[str] = mapped_column(default="")  # what it was stopped for
    stated_message: Mapped[str] = mapped_column(default="")
    lost_nodes: Mapped[list[Any]] = mapped_column(default=list)  # found lost while it ran
    grace_s: Mapped[float] = mapped_column(default=0.0)  # for its stop
    master_address: Mapped[str] = mapped_column(default="")
    master_port: Mapped[int | None] = mapped_column(default=None)
    resume_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    resume_from: Mapped[str] = mapped_column(default="")
    first_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_step: Mapped[int | None] = mapped_column(BigInteger, default=None)


class Part(Base):
    """One node's part of an attempt. ``proof`` says how we know that it stopped; empty while it may run."""

    __tablename__ = "parts"
    __table_args__ = (
        ForeignKeyConstraint(["job", "attempt"], ["attempts.job", "attempts.number"]),
        Index("ix_parts_node_proof", "node", "proof"),
    )

    job: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"), primary_key=True)
    node_rank: Mapped[int]
    boot_id: Mapped[str]
    accelerators: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[str]  # "" before the launch, then wire.attempts.PartState
    proof: Mapped[str] = mapped_column(default="")
    exit: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    rank_failure: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)


class Checkpoint(Base):
    __tablename__ = "checkpoints"

    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    published_at: Mapped[datetime]  # or when its publication was refused
    refused: Mapped[str] = mapped_column(default="")  # why it does not count: a late writer's


class Incident(Base):
    """What a finding opened. ``key`` names the occurrence: however often it is seen, it is one incident."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    finding: Mapped[str]  # the kind
    subject: Mapped[str]  # "node:n2" or "job:bytes-lm-1"
    reason: Mapped[str]
    message: Mapped[str]
    detail: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    acked_by: Mapped[str] = mapped_column(default="")
    acked_at: Mapped[datetime | None] = mapped_column(default=None)
    note: Mapped[str] = mapped_column(default="")  # of who acknowledged it


class Decision(Base):
    """What the pipeline said, every time it was asked."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    verdict: Mapped[str]
    stage: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]


class Run(Base):
    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    playbook: Mapped[str]
    incident: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    subject: Mapped[str]
    phase: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    epoch: Mapped[int]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class Approval(Base):
    """A person's approval of a run; the newest counts, until it expires."""

    __tablename__ = "approvals"

    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    decision: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    approved_by: Mapped[str]
    approved_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Step(Base):
    __tablename__ = "steps"

    run: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    phase: Mapped[str]
    spec: Mapped[dict[str, Any]]  # the playbook's step as it was when the run began
    epoch: Mapped[int] = mapped_column(default=0)  # of the controller that claimed it
    tries: Mapped[int] = mapped_column(default=0)
    decision: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"), default=None)
    reason: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class OrderRow(Base):
    """The ledger: written before the order leaves."""

    __tablename__ = "orders"

    key: Mapped[str] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"))
    kind: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)  # MessagePack of wire.orders.Order
    decision: Mapped[int] = mapped_column(ForeignKey("decisions.id"))
    epoch: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)  # pending, done, failed, refused, expired, withdrawn
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)


class Event(Base):
    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(default="")
    node: Mapped[str | None] = mapped_column(default=None, index=True)
    job: Mapped[str | None] = mapped_column(default=None, index=True)
    attempt: Mapped[int | None] = mapped_column(default=None)
    run: Mapped[int | None] = mapped_column(default=None, index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Diagnostic(Base):
    """One figure that diagnostics measured."""

    __tablename__ = "diagnostics"
    __table_args__ = (Index("ix_diagnostics_node_name", "node", "name", "component"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    node: Mapped[str] = mapped_column(ForeignKey("nodes.name"))
    run: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), default=None, index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    name: Mapped[str]
    component: Mapped[str]
    kind: Mapped[str]
    value: Mapped[float | None] = mapped_column(default=None)
    unit: Mapped[str]
    ok: Mapped[bool | None] = mapped_column(default=None)
    wrong: Mapped[bool] = mapped_column(default=False)
    message: Mapped[str] = mapped_column(default="")


class Token(Base):
    """``hash`` is SHA-256 of a 256-bit random secret; the secret itself is shown once and kept nowhere."""

    __tablename__ = "tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    user: Mapped[str | None] = mapped_column(default=None)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
