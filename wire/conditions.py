"""A condition: one judgement about one node, with an age."""

from enum import StrEnum

import msgspec

from wire.names import Timestamp

COMPONENTS = 64


class Status(StrEnum):
    TRUE = "TRUE"
    FALSE = "FALSE"
    UNKNOWN = "UNKNOWN"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Condition(msgspec.Struct, frozen=True):
    """TRUE means the fault named by ``type`` is present.

    ``since`` and ``expires_at`` are UTC. ``generation`` counts the changes of this condition on its node since the
    agent's state was made; a condition whose generation the controller has seen is not news. Past ``expires_at`` it
    says nothing (law 3). ``components`` are what the fault befell, at most COMPONENTS of them: GPUs by UUID, disks,
    interfaces, peers; empty when it is the whole node.
    """

    type: str
    status: Status
    severity: Severity
    reason: str
    message: str
    since: Timestamp
    generation: int
    expires_at: Timestamp
    suggested_action: str = ""
    components: list[str] = []
