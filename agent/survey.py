"""Every check once, for a person who asks: ``mainstay-agent check``."""

from datetime import timedelta

import msgspec

from agent.binding import bind_checks, bind_sensors
from agent.clock import SystemClock
from agent.conditions import Book
from agent.config import Config
from agent.runner import Runner
from wire.conditions import Severity, Status


class Finding(msgspec.Struct, frozen=True):
    type: str
    status: Status
    severity: Severity
    reason: str
    message: str
    suggested_action: str


async def once(config: Config) -> list[Finding]:
    book = Book(timedelta(seconds=config.intervals.condition_life_s))
    reads, bound = bind_sensors(config.sensors), bind_checks(config.thresholds)
    runner = Runner(reads, bound, book, SystemClock(), config.intervals, lambda _conditions, _news: None)
    return [
        Finding(type_, verdict.status, verdict.severity, str(verdict.reason), verdict.message, verdict.suggested_action)
        for type_, verdict in await runner.survey()
    ]


def healthy(findings: list[Finding]) -> bool:
    """No fault is present, and nothing is unknown."""
    return all(finding.status is Status.FALSE for finding in findings)


def as_table(findings: list[Finding]) -> str:
    rows = [("CONDITION", "STATUS", "SEVERITY", "REASON", "MESSAGE")]
    rows += [(found.type, found.status, found.severity, found.reason, found.message) for found in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )
