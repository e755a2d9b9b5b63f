"""Which fault comes when: the whole course follows from a seed. Pure."""

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

SHORTEST, LONGEST = 0.1, 0.6  # of the time to the next fault: that much is left for Mainstay to recover in


class Kind(StrEnum):
    WORKER_KILL = "worker-kill"
    WORKER_STOP = "worker-stop"  # SIGSTOP, and nobody continues it
    SHIM_KILL = "shim-kill"
    AGENT_KILL = "agent-kill"
    AGENT_STOP = "agent-stop"
    CONTROLLER_KILL = "controller-kill"
    CONTROLLER_STOP = "controller-stop"
    NODE_KILL = "node-kill"  # agent, shims, workers at once; its agent starts again later
    NODE_STOP = "node-stop"  # everything on it stopped, later continued


OF_WORKERS = frozenset({Kind.WORKER_KILL, Kind.WORKER_STOP, Kind.SHIM_KILL})
OF_CONTROLLER = frozenset({Kind.CONTROLLER_KILL, Kind.CONTROLLER_STOP})


class Fault(msgspec.Struct, frozen=True):
    """``at_s`` from the first step of the jobs; ``lasts_s`` until it is taken back, where it is.

    ``draw``, in [0, 1), chooses among whatever can be hit at that moment.
    """

    number: int
    kind: Kind
    at_s: float
    lasts_s: float
    draw: float


def faults(seed: int, every_s: float, length_s: float, kinds: Sequence[Kind] = tuple(Kind)) -> list[Fault]:
    """One every ``every_s``, as many as the length has room for; every kind before any comes again."""
    chance = random.Random(seed)
    coming = _endless(chance, kinds)
    return [
        Fault(
            number=number,
            kind=next(coming),
            at_s=number * every_s,
            lasts_s=round(every_s * chance.uniform(SHORTEST, LONGEST), 2),
            draw=chance.random(),
        )
        for number in range(1, int(length_s / every_s) + 1)
    ]


def _endless(chance: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    while True:
        yield from chance.sample(kinds, len(kinds))
