"""When a judgement that wavers becomes a condition: n of m, and back; one that flaps must be quiet for longer."""

import msgspec

from wire.conditions import Status

DAMPING_DOUBLINGS = 4  # so that it clears in the end
CALM = 64  # observations without a change after which the past is forgiven


class Rule(msgspec.Struct, frozen=True):
    """TRUE after ``bad`` TRUE among the last ``of`` observations; FALSE after ``good`` FALSE in a row.

    Flap damping: ``good`` doubles with each time it turned FALSE and TRUE again, up to DAMPING_DOUBLINGS times, until
    CALM observations in a row changed nothing.
    """

    bad: int
    of: int
    good: int


class Memory(msgspec.Struct, frozen=True):
    """``settled`` is what is said now; ``history`` the newest observations, oldest first; ``healthy`` how many FALSE in
    a row are the newest; ``flaps`` how often it came back, ``calm`` observations since the last change."""

    settled: Status = Status.UNKNOWN
    history: tuple[Status, ...] = ()
    healthy: int = 0
    flaps: int = 0
    calm: int = 0


def settle(memory: Memory, observed: Status, rule: Rule) -> Memory:
    """What to say after one more observation.

    UNKNOWN is said at once, since "cannot tell" needs no confirmation; leaving it for FALSE takes ``good`` in a
    row like leaving TRUE does. The first observation ever is believed when it is FALSE: a healthy node need not wait.
    """
    history = (*memory.history, observed)[-max(rule.of, 1) :]
    healthy = memory.healthy + 1 if observed is Status.FALSE else 0
    settled = _settled(memory, history, healthy, rule)
    changed = settled is not memory.settled
    calm = 0 if changed else min(memory.calm + 1, CALM)
    flaps = memory.flaps + (changed and settled is Status.TRUE and bool(memory.history))
    return Memory(settled, history, healthy, 0 if calm == CALM else min(flaps, DAMPING_DOUBLINGS + 1), calm)


def quiet_needed(memory: Memory, rule: Rule) -> int:
    """FALSE observations in a row that it takes now: the first fault is no flap."""
    return rule.good << min(max(memory.flaps - 1, 0), DAMPING_DOUBLINGS)


def _settled(memory: Memory, history: tuple[Status, ...], healthy: int, rule: Rule) -> Status:
    observed = history[-1]
    if observed is Status.UNKNOWN:
        return Status.UNKNOWN
    if observed is Status.TRUE and history[-rule.of :].count(Status.TRUE) >= rule.bad:
        return Status.TRUE
    if healthy >= quiet_needed(memory, rule):
        return Status.FALSE
    fresh = not memory.history and memory.settled is Status.UNKNOWN
    return Status.FALSE if fresh and observed is Status.FALSE else memory.settled
