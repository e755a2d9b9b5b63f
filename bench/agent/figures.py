"""From samples to the figures that are told. Pure."""

import math
from collections.abc import Sequence

import msgspec

MILLI = 1000.0


class Spread(msgspec.Struct, frozen=True):
    """Of ``count`` samples, in milliseconds. A percentile is the smallest sample that as many are not above."""

    count: int
    p50: float
    p99: float
    max: float


class Line(msgspec.Struct, frozen=True):
    """The last line. Null: not measured."""

    cpu_millicores: float | None
    pss_mib: float | None
    node_exporter_cpu_millicores: float | None
    node_exporter_pss_mib: float | None
    xid_to_condition_ms_p99: float | None
    hung_probe_delay_ms_p99: float | None


AIM_PSS_MIB, AIM_XID_MS, AIM_DELAY_MS = 45.0, 250.0, 100.0


def spread(seconds: Sequence[float]) -> Spread | None:
    """None when there is none."""
    if not seconds:
        return None
    return Spread(len(seconds), *(percentile(seconds, share) * MILLI for share in (0.5, 0.99, 1.0)))


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def lateness(stamps: Sequence[float], every_s: float) -> list[tuple[float, float]]:
    """When each look but the first was, and how late: it was due ``every_s`` after the one before, and is never early.

    Two stamps closer than half of that are one look that was asked again, since the process it was asked in was
    replaced: it counts when it was asked again.
    """
    found: list[tuple[float, float]] = []
    before = None
    for at, following in zip(stamps, [*stamps[1:], math.inf], strict=True):
        if following - at < every_s / 2:
            continue
        if before is not None:
            found.append((at, max(0.0, at - before - every_s)))
        before = at
    return found


def worst(late: Sequence[tuple[float, float]], begin: float, end: float) -> float | None:
    """The latest look in between."""
    return max((late_s for at, late_s in late if begin <= at <= end), default=None)
