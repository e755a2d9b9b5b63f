"""How the part ended: the exit record, from what was seen. Pure."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from agent.workers.shim import failures
from agent.workers.shim.failures import Failure

LOG_TAIL_BYTES = 4096

SUCCEEDED = "succeeded"
FAILED = "failed"
STOPPED = "stopped"


@dataclass
class Evidence:
    """``noted`` by the ranks themselves, ``seen`` by their parent, ``launcher`` of what the shim started itself.

    ``ordered``: a stop was ordered; then ``noted`` and ``seen`` hold what had failed before it.
    """

    noted: list[Failure] = field(default_factory=list)
    seen: list[Failure] = field(default_factory=list)
    launcher: Failure | None = None
    refusal: Failure | None = None
    ordered: bool = False


def cause(evidence: Evidence, log: str, master_port: int) -> Failure | None:
    """The first failure; None when there was none, or none before the stop that was ordered."""
    if evidence.refusal is not None:
        return evidence.refusal
    found = failures.merge(evidence.noted, evidence.seen)
    if not found and evidence.launcher is not None and not evidence.ordered:
        found = [evidence.launcher]
    return failures.first(failures.explained(failure, log, master_port) for failure in found)


def exit_record(
    failure: Failure | None, *, ordered: bool, exit_code: int | None, swept: int, log: str, at: str
) -> dict[str, Any]:
    """The fields of wire.attempts.ExitRecord."""
    end = FAILED if failure is not None else STOPPED if ordered else SUCCEEDED
    return {
        "end": end,
        "ended_at": at,
        "exit_code": exit_code,
        "first_failure": None if failure is None else dataclasses.asdict(failure),
        "swept": swept,
        "log_tail": log.encode()[-LOG_TAIL_BYTES:].decode("utf-8", "ignore"),
    }
