"""How looks went is counted, and they go as they went."""

import asyncio

import pytest

from agent.probe import Look
from agent.prober.prober import Failed, Hung
from agent.tally import LookEnd, Tallied, Tally


class Scripted:
    name, every_s = "disk", 5.0

    def __init__(self, *looks: Look | Exception) -> None:
        self._looks = list(looks)

    async def read(self) -> Look:
        look = self._looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return look


@pytest.mark.parametrize(
    ("look", "end"),
    [
        (Look(1.0, 0.1, "reading"), LookEnd.ANSWERED),
        (Look(1.0, 0.1, None), LookEnd.ABSENT),
        (Failed("no"), LookEnd.FAILED),
        (Hung("no"), LookEnd.HUNG),
    ],
)
def test_each_look_is_counted_as_it_ends(look: Look | Exception, end: LookEnd) -> None:
    tally = Tally()
    probe = Tallied(Scripted(look, look), tally)
    assert (probe.name, probe.every_s) == ("disk", 5.0)
    for _ in range(2):
        if isinstance(look, Exception):
            with pytest.raises(type(look)):
                asyncio.run(probe.read())
        else:
            assert asyncio.run(probe.read()) is look
    assert dict(tally.looks) == {("disk", end): 2}
