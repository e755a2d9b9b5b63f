"""Where the time of a recovery went, by the events that the controller recorded. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from wire.api import EventView

STAGES: Mapping[str, frozenset[str]] = {
    "sign": frozenset({"node_contact", "rank_failed", "attempt_failed", "node_lost"}),
    "decided": frozenset({"run_proposed"}),
    "all stopped": frozenset({"attempt_ended"}),
    "launched": frozenset({"attempt_starting"}),
}


def since(events: Sequence[EventView], fault: datetime) -> dict[str, float]:
    """Seconds from the fault to the first event of each stage; those that never came are left out."""
    later = [event for event in events if event.at >= fault]
    reached = {}
    for stage, kinds in STAGES.items():
        times = [event.at for event in later if event.kind in kinds]
        if times:
            reached[stage] = (min(times) - fault).total_seconds()
    return reached


def tell(reached: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} after {seconds:.1f} s" for stage, seconds in reached.items())
