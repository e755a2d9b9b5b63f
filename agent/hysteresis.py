"""When a judgement that wavers becomes a condition: n of m, and back."""

import msgspec

from wire.conditions import Status


class Rule(msgspec.Struct, frozen=True):
    """TRUE after ``bad`` TRUE among the last ``of`` observations; FALSE after ``good`` FALSE in a row."""

    bad: int
    of: int
    good: int


class Memory(msgspec.Struct, frozen=True):
    """``settled`` is what is said now; ``history`` the newest observations, oldest first."""

    settled: Status = Status.UNKNOWN
    history: tuple[Status, ...] = ()


def settle(memory: Memory, observed: Status, rule: Rule) -> Memory:
    """What to say after one more observation.

    UNKNOWN is said at once, since "cannot tell" needs no confirmation; leaving it for FALSE takes ``good`` in a
    row like leaving TRUE does. The first observation ever is believed when it is FALSE: a healthy node need not wait.
    """
    history = (*memory.history, observed)[-max(rule.of, rule.good) :]
    return Memory(_settled(memory, history, rule), history)


def _settled(memory: Memory, history: tuple[Status, ...], rule: Rule) -> Status:
    observed = history[-1]
    if observed is Status.UNKNOWN:
        return Status.UNKNOWN
    if observed is Status.TRUE and history[-rule.of :].count(Status.TRUE) >= rule.bad:
        return Status.TRUE
    recent = history[-rule.good :]
    if len(recent) == rule.good and all(status is Status.FALSE for status in recent):
        return Status.FALSE
    fresh = not memory.history and memory.settled is Status.UNKNOWN
    return Status.FALSE if fresh and observed is Status.FALSE else memory.settled
