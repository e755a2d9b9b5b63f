"""What is new between two looks at the end of a growing log."""

ANCHOR = 256


def unseen(before: str, now: str) -> str:
    """The part of ``now`` that ``before`` did not show; both are ends of one log, ``now`` taken later.

    All of ``now`` when the two no longer overlap, or are not of one log.
    """
    start = 0
    while now and (at := before.find(now[:ANCHOR], start)) >= 0:
        if now.startswith(before[at:]):
            return now[len(before) - at :]
        start = at + 1
    overlap = next(
        (size for size in range(min(ANCHOR, len(before), len(now)), 0, -1) if now.startswith(before[-size:])), 0
    )
    return now[overlap:]
