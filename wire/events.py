"""A fault event: something that was told on a node, once."""

import msgspec

from wire.conditions import Severity
from wire.names import Timestamp


class FaultEvent(msgspec.Struct, frozen=True):
    """``number`` grows by one with each on its node, for ever. ``kind`` and ``code`` are the table's of faults ("xid",
    "79"), ``component`` what it befell. ``count``: how many alike came so close together that they are told as one.
    Past ``expires_at`` it starts no action (law 3)."""

    number: int
    kind: str
    code: str
    component: str
    severity: Severity
    at: Timestamp
    expires_at: Timestamp
    source: str
    message: str
    count: int = 1
