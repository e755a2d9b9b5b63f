"""What is new between two looks at the end of a growing log."""

ANCHOR = 256
LEAST_OVERLAP = 16  # fewer characters in common may be chance


def unseen(before: str, now: str) -> str:
    """The part of ``now`` that ``before`` did not show; both are ends of one log, ``now`` taken later.

    All of ``now`` when the two no longer overlap, or are not of one log.
    """
    start = 0
    while len(now) >= ANCHOR and (at := before.find(now[:ANCHOR], start)) >= 0:
        if now.startswith(before[at:]):
            return now[len(before) - at :]
        start = at + 1
    return now[_overlap(before, now) :]


def _overlap(before: str, now: str) -> int:
    """How much of the end of ``before``, less than an anchor or all of it, ``now`` begins with."""
    if now.startswith(before):
        return len(before)
    sizes = range(min(ANCHOR, len(before), len(now)), LEAST_OVERLAP - 1, -1)
    return next((size for size in sizes if now.startswith(before[-size:])), 0)
