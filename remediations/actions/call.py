"""What an action is called with, and what its verification says."""

from enum import StrEnum
from typing import Any

import msgspec


class ActionCall(msgspec.Struct, frozen=True):
    """``owner`` signs the holds it adds ("mainstay:lost-node", "person:ann")."""

    owner: str
    decision: int
    reason: str
    message: str
    run: int | None = None
    index: int = 0
    node: str | None = None
    job: str | None = None
    attempt: int | None = None
    params: dict[str, Any] = {}

    def the_node(self) -> str:
        if self.node is None:
            raise ValueError("this action needs a node")
        return self.node

    def the_job(self) -> str:
        if self.job is None:
            raise ValueError("this action needs a job")
        return self.job


class Verified(StrEnum):
    DONE = "done"
    NOT_YET = "not_yet"
    FAILED = "failed"


class Verification(msgspec.Struct, frozen=True):
    result: Verified
    reason: str = ""
    message: str = ""


DONE = Verification(Verified.DONE)
