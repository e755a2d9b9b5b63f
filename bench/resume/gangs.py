"""The job's own log as the gangs that wrote it: one for each start of its rank 0. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

LIVES_STEPS = 5  # so many steps show that a gang lives; one that dies before did not resume the job

_BEGIN = re.compile(r"\bworld (\d+) on \w+, [\d,]+ parameters$")
_RESUMED = re.compile(r"\bresumed from \S+ at step (\d+)$")
_STEP = re.compile(r"\bstep (\d+) loss \S+$")


class Gang(msgspec.Struct):
    world: int
    resumed_at: int = 0
    steps: list[int] = []

    @property
    def lives(self) -> bool:
        return len(self.steps) >= LIVES_STEPS


def parse(text: str) -> list[Gang]:
    """Whole lines only: the last one may still be being written. The launcher's own lines lie between."""
    gangs: list[Gang] = []
    for line in text.split("\n")[:-1]:
        if begin := _BEGIN.search(line):
            gangs.append(Gang(int(begin[1])))
        elif gangs and (resumed := _RESUMED.search(line)):
            gangs[-1].resumed_at = int(resumed[1])
        elif gangs and (step := _STEP.search(line)):
            gangs[-1].steps.append(int(step[1]))
    return gangs


def furthest(gangs: Iterable[Gang]) -> int:
    """The last step that any of them made; 0 before the first one."""
    return max((gang.steps[-1] for gang in gangs if gang.steps), default=0)


def born_since(logs: Mapping[str, Sequence[Gang]], before: Mapping[str, Sequence[Gang]]) -> dict[tuple[str, int], Gang]:
    """Gangs that ``before`` did not hold, by log and place in it."""
    return {
        (name, number): gang
        for name, gangs in logs.items()
        for number, gang in enumerate(gangs)
        if number >= len(before.get(name, ()))
    }


def only_old(logs: Mapping[str, Sequence[Gang]], before: Mapping[str, Sequence[Gang]]) -> dict[str, list[Gang]]:
    """The gangs of ``before`` as they stand in ``logs``: one may have made a step since."""
    return {name: list(gangs[: len(before.get(name, ()))]) for name, gangs in logs.items()}
