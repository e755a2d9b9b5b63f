"""Names that become paths, certificate subjects and SQL keys, and points in time; constrained once, here."""

from datetime import datetime
from typing import Annotated

import msgspec

END = r"$(?!\n)"  # of the whole text: $ alone lets a line feed follow

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]  # one without its zone is refused, not guessed at
NodeName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?" + END)]
JobName = Annotated[str, msgspec.Meta(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?" + END)]
JobId = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,38}-[0-9]{1,9}" + END)]
UserName = Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_-]{0,31}" + END)]
AbsolutePath = Annotated[str, msgspec.Meta(pattern=r"^/[^\x00]*" + END, max_length=4096)]


def attempt_id(job: str, number: int) -> str:
    """How an attempt is written everywhere: in paths, logs and on screens (``bytes-lm-1.2``)."""
    return f"{job}.{number}"
