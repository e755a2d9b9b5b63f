"""A row of the table of faults: what one kind (or one code of a kind) means, and what condition it makes."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from agent.checks import Clears
from agent.faults import Sighting
from wire.conditions import Severity
from wire.names import END, form

Type = Annotated[
    str, form(r"^([A-Z][A-Za-z0-9]*)?" + END, "a name in CamelCase, or empty"), msgspec.Meta(max_length=64)
]
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Window = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
# longer than faults that come in floods are told apart (damping.TOGETHER_S)
Hold = Annotated[float, msgspec.Meta(ge=600, le=31_536_000)]
DAY_S = 86_400.0

ACTIONS = {
    "none": "",
    "restart_job": "restart the job if it ended; look at the program if it comes again",
    "reset_gpu": "drain the node and reset the GPU (nvidia-smi --gpu-reset), or reboot",
    "reboot": "drain the node and reboot it; have the hardware looked at if it comes again",
    "check_power_and_cooling": "drain the node; look at power cables, power supplies and cooling",
    "check_nvlink": "drain the node; look at NVLink bridges and cables, the switches and the fabric manager",
    "update_driver": "drain the node and update the driver",
    "replace_gpu": "drain the node and have the GPU replaced",
    "contact_support": "keep what nvidia-bug-report.sh collects, and ask the vendor",
    "run_diagnostics": "drain the node and test it (mainstay node diagnose)",
}


class Occurrence(msgspec.Struct, frozen=True):
    """A fault that counts, as the rules see it."""

    sighting: Sighting
    ago_s: float
    this_boot: bool


class Burst(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many on one component within a window."""

    count: Count
    within_s: Window


class Repeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many within a window are more than one is."""

    count: Count
    within_s: Window
    severity: Severity
    action: str


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``kind`` and ``code`` are a sighting's; without a code it is for all that have no row of their own. ``meaning``:
    for a person who was paged. ``condition``: the type that it makes TRUE; empty if it never does. ``burst``: only so
    many do. ``repeat``: so many are worse. ``clears``: what ends it: ``hold_s`` without another one (fact), a reboot,
    or a person's word; the first two end at a reboot. ``action`` is one of :data:`ACTIONS`, or a line of its own.
    ``view``: where others say otherwise, and why this is right."""

    kind: str
    meaning: str
    severity: Severity
    action: str
    source: str
    code: str = ""
    name: str = ""
    condition: Type = ""
    burst: Burst = Burst(1, DAY_S)
    repeat: Repeat | None = None
    clears: Clears = Clears.FACT
    hold_s: Hold = DAY_S
    view: str = ""

    def __post_init__(self) -> None:
        for action in (self.action, *([self.repeat.action] if self.repeat else [])):
            if action not in ACTIONS and " " not in action:
                raise ValueError(f"action: {action!r} is none of {', '.join(ACTIONS)}, and no line of its own")

    @property
    def reason(self) -> str:
        return f"{self.kind}_{self.code}" if self.code else self.kind

    def standing(self, occurrences: Sequence[Occurrence]) -> tuple[Severity, str] | None:
        """Severity and action, if the fault stands. ``occurrences`` of one component, the oldest first. Pure."""
        if not self._stands(occurrences, self.burst.count, self.burst.within_s):
            return None
        worse = self.repeat
        if worse and self._stands(occurrences, worse.count, worse.within_s):
            return worse.severity, ACTIONS.get(worse.action, worse.action)
        return self.severity, ACTIONS.get(self.action, self.action)

    def counts(self, occurrence: Occurrence) -> bool:
        """It is not over."""
        if self.clears is Clears.PERSON:
            return True
        return occurrence.this_boot and (self.clears is Clears.REBOOT or occurrence.ago_s <= self.hold_s)

    def _stands(self, occurrences: Sequence[Occurrence], count: int, within_s: float) -> bool:
        """Whether the last one of a burst counts; those before it may be of an earlier boot."""
        lasts = zip(occurrences, occurrences[count - 1 :], strict=False)
        return any(first.ago_s - last.ago_s <= within_s and self.counts(last) for first, last in lasts)
