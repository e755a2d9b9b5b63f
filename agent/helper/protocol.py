"""One request and one answer, each a line of JSON."""

from typing import Annotated

import msgspec

from wire.names import AbsolutePath
from wire.orders import Diagnose, LaunchAttempt

LINE_LIMIT = 1 << 20

Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
PartName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,38}-[0-9]{1,9}\.[0-9]{1,9}$(?!\n)")]
DiskName = Annotated[str, msgspec.Meta(pattern=r"^(sd[a-z]{1,3}|nvme[0-9]{1,3}n[0-9]{1,3})$(?!\n)")]


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


class Smart(msgspec.Struct, tag="smart", tag_field="verb", frozen=True):
    """What a disk says about its own health; changes nothing."""

    device: DiskName


class Bmc(msgspec.Struct, tag="bmc", tag_field="verb", frozen=True):
    """What the sensors of the machine's BMC say; changes nothing."""


class Examine(msgspec.Struct, tag="examine", tag_field="verb", frozen=True):
    """Run diagnostics. Until they have ended, the connection's other half stays open; closed, they are ended."""

    diagnose: Diagnose


Request = Start | Kill | Remove | Smart | Bmc | Examine


class Answer(msgspec.Struct, frozen=True):
    """``error``: one line that names the mend; empty when it was done. ``output``: what tools or diagnostics wrote."""

    error: str = ""
    killed: int = 0
    output: str = ""
