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
