"""Is this node fit for work?"""

import os
import tempfile
from pathlib import Path

from agent.checks import Verdict
from agent.services import NodeServices
from agent.workers.aside import aside
from wire.conditions import Severity, Status
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, ValidateNode

HANDLES = ValidateNode


async def execute(order: Order, _kind: ValidateNode, node: NodeServices) -> Outcome:
    """Done: no critical fault, nothing that could not be told, nothing left of former attempts, state can be kept."""
    findings = await node.survey()
    failed = [f"{type_}: {folded.verdict.message}" for type_, folded in findings if _unfit(folded.verdict)]
    failed += await aside(lambda: _unwritable(Path(node.config.state_dir)))
    if failed:
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "; ".join(failed))
    if leftovers := await node.parts.leftovers():
        message = "processes of former attempts: " + ", ".join(leftovers)
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.LEFTOVERS, message)
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, f"{len(findings)} checks passed")


def _unfit(verdict: Verdict) -> bool:
    """A warning makes a node worse and not unfit; what could not be read may hide anything."""
    critical = verdict.status is Status.TRUE and verdict.severity is Severity.CRITICAL
    return critical or verdict.status is Status.UNKNOWN


def _unwritable(state_dir: Path) -> list[str]:
    try:
        with tempfile.TemporaryFile(dir=state_dir) as file:
            file.write(b"mainstay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return [f"state_dir {state_dir}: not writable: {error.strerror or error}"]
    return []
