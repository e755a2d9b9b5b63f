import asyncio
from typing import Any

from agent.pulse import Pulse


def test_one_life_while_it_beats(clock: Any) -> None:
    pulse = Pulse(clock)
    lives = set()
    for _ in range(10):
        clock.seconds += 1.9
        lives.add(pulse.observe())
    assert lives == {0}


def test_a_gap_begins_a_new_life_once(clock: Any) -> None:
    pulse = Pulse(clock)
    clock.seconds += 2.1
    assert [pulse.observe(), pulse.observe()] == [1, 1]
    clock.seconds += 60
    assert pulse.observe() == 2


def test_who_waits_for_the_end_of_a_life_is_told(clock: Any) -> None:
    async def story() -> None:
        pulse = Pulse(clock)
        waiting = [asyncio.create_task(pulse.over(0)) for _ in range(2)]
        await asyncio.sleep(0)
        pulse.observe()
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        clock.seconds += 2.1
        pulse.observe()
        await asyncio.gather(*waiting, pulse.over(0))
        assert not asyncio.create_task(pulse.over(1)).done()

    asyncio.run(story())
