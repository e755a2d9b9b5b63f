"""One request and one answer, each a line of JSON."""

from typing import Annotated

import msgspec

from wire.names import AbsolutePath
from wire.orders import LaunchAttempt

LINE_LIMIT = 1 << 20

Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
PartName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,38}-[0-9]{1,9}\.[0-9]{1,9}$(?!\n)")]


class Start(msgspec.Struct, tag="start", tag_field="verb", frozen=True):
    """Give the part's directory to the job's user and start its shim in a scope of its own."""

    launch: LaunchAttempt
    shim: Token
    boot_id: str
    pythonpath: AbsolutePath  # what enters the workers' Python


class Kill(msgspec.Struct, tag="kill", tag_field="verb", frozen=True):
    """Kill everything in the part's scope."""

    part: PartName


class Remove(msgspec.Struct, tag="remove", tag_field="verb", frozen=True):
    """Remove what lies in the state directory's ``forgotten``."""


Request = Start | Kill | Remove


class Answer(msgspec.Struct, frozen=True):
    """``error``: one line that names the mend; empty when it was done."""

    error: str = ""
    killed: int = 0
