"""The faults the demo can cause. Each kills a whole node: agent, shim and workers, SIGKILL, all at once."""

from enum import StrEnum

from cli.errors import Failed
from wire.api import AttemptView, JobView


class FaultKind(StrEnum):
    NODE_KILL = "node-kill"  # a node that does not host the rendezvous
    RENDEZVOUS_NODE_KILL = "rendezvous-node-kill"  # the node of rank 0: plain torchrun never recovers from that


def current_attempt(job: JobView) -> AttemptView:
    """Raises Failed when there is none yet."""
    for attempt in job.attempts:
        if attempt.number == job.attempt:
            return attempt
    raise Failed(f"{job.id} has no attempt {job.attempt}")


def victim(kind: FaultKind, attempt: AttemptView) -> str:
    """The node to kill, as the attempt stands now."""
    rank = 0 if kind is FaultKind.RENDEZVOUS_NODE_KILL else 1
    return node_of_rank(attempt, rank)


def node_of_rank(attempt: AttemptView, rank: int) -> str:
    return next(part.node for part in attempt.parts if part.node_rank == rank)
