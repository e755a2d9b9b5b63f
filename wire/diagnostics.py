"""What active diagnostics measure."""

from typing import Annotated

import msgspec

Word = Annotated[str, msgspec.Meta(max_length=200)]


class Figure(msgspec.Struct, frozen=True):
    """One measured figure. ``ok`` false: the result was wrong, or there is none; None: it was skipped, and ``message``
    says why. Figures of the same name and kind are compared across the fleet."""

    name: Word
    component: Word = ""  # a GPU's UUID, a mount point, the peer's name
    value: float | None = None
    unit: Word = ""  # "GB/s", "TFLOP/s": the more the better; "s": the less
    ok: bool | None = True
    kind: Word = ""  # of hardware or software that it depends on
    message: Annotated[str, msgspec.Meta(max_length=500)] = ""
    wrong: bool = False  # what was computed, copied or kept is not what it had to be
