"""What the checks of storage services share. No check.

None of them is critical: a storage service that is down is no fault of the node that says so, and must not take every
node out of work that notices.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from agent.checks import Timed, Verdict
from agent.sensors.storage.reading import Facts, Reading, Server
from wire.conditions import Severity, Status

SERVICES = (
    "storage_hdfs",
    "storage_mongodb",
    "storage_mysql",
    "storage_nfs",
    "storage_postgresql",
    "storage_redis",
    "storage_s3",
    "ssh_service",
)


class Silence(StrEnum):
    NO_ANSWER = "no_answer"


class OfServer(Protocol):
    def __call__(self, server: Server, facts: Facts) -> Verdict | None: ...


def each(window: Sequence[Timed[Reading]], judge: OfServer) -> dict[str, Verdict]:
    """By server. ``judge`` gives None for one that does not have the thing; of one that does not answer nothing is
    known. One that can't be asked is left out: StorageServiceDown alone says so."""
    servers = [server for server in window[-1].reading.servers if not server.cause.ours]
    verdicts = (
        (server.component, _silent(server) if server.cause else judge(server, server.facts)) for server in servers
    )
    return {component: verdict for component, verdict in verdicts if verdict is not None}


def each_answer(window: Sequence[Timed[Reading]], judge: Callable[[Server], Verdict]) -> dict[str, Verdict]:
    """By server, those that do not answer too."""
    return {server.component: judge(server) for server in window[-1].reading.servers}


def label(server: Server) -> str:
    """postgresql/main (db.example:5432)."""
    return f"{server.component} ({server.address})" if server.address else server.component


def _silent(server: Server) -> Verdict:
    text = f"{label(server)}: {server.error or server.cause}"
    return Verdict(Status.UNKNOWN, Severity.INFO, Silence.NO_ANSWER, text)
