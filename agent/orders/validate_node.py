"""Is this node fit for work?"""

import os
import tempfile
from pathlib import Path

from agent.checks import Verdict
from agent.services import NodeServices
from agent.settling import Folded
from agent.workers.aside import aside
from wire.conditions import Severity, Status
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, ValidateNode

HANDLES = ValidateNode
NAMED = 4  # checks of one message


async def execute(order: Order, _kind: ValidateNode, node: NodeServices) -> Outcome:
    """Done: no critical fault and nothing that may hide one, nothing left of former attempts, state can be kept. What
    is not to be told on this node at all is named, and bars nobody."""
    findings = await node.survey()
    failed = [f"{type_}: {folded.verdict.message}" for type_, folded in findings if _unfit(folded.verdict)]
    failed += await aside(lambda: _unwritable(Path(node.config.state_dir)))
    if failed:
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "; ".join(failed))
    if leftovers := await node.parts.leftovers():
        message = "processes of former attempts: " + ", ".join(leftovers)
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.LEFTOVERS, message)
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, _passed(findings))


def _unfit(verdict: Verdict) -> bool:
    """A warning makes a node worse and not unfit. What can't be told bars it if a critical fault may hide behind that:
    a sensor hangs, or fails that gave readings here before. What this node has no means to tell (a library, a tool, a
    right) would bar it for ever."""
    if verdict.status is Status.UNKNOWN:
        return verdict.hides is Severity.CRITICAL
    return verdict.status is Status.TRUE and verdict.severity is Severity.CRITICAL


def _passed(findings: list[tuple[str, Folded]]) -> str:
    untold = [type_ for type_, folded in findings if folded.verdict.status is Status.UNKNOWN]
    told = f"{len(findings) - len(untold)} checks passed"
    if not untold:
        return told
    more = f" and {len(untold) - NAMED} more" if len(untold) > NAMED else ""
    return f"{told}; not to be told here: {', '.join(untold[:NAMED])}{more}"


def _unwritable(state_dir: Path) -> list[str]:
    try:
        with tempfile.TemporaryFile(dir=state_dir) as file:
            file.write(b"mainstay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return [f"state_dir {state_dir}: not writable: {error.strerror or error}"]
    return []
