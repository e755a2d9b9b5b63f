"""The live view stays small, whatever runs for how long."""

import msgspec
from fakes.simulated_cluster import START

from controller.state.live import ENDED_PARTS, Live
from wire.attempts import CompleteCheckpoint, End, ExitRecord, PartState, PartStatus


def status(number, state=PartState.RUNNING):
    record = ExitRecord(End.FAILED, START) if state is PartState.ENDED else None
    return PartStatus("lm-1", number, state, 0, "b", exit=record)


def test_only_the_newest_ended_parts_are_kept():
    live = Live()
    for number in range(1, 101):
        live.hear("n1", [status(number)], mono=number)
        if number != 3:
            live.hear("n1", [status(number, PartState.ENDED)], mono=number)
    kept = [part.status.attempt for part in live.node("n1").parts.values()]
    assert sorted(kept) == [3, *range(101 - ENDED_PARTS, 101)]


def test_what_a_spool_replays_of_an_ended_part_is_over_with_the_next_heartbeat():
    live = Live()
    live.hear("n1", [status(1, PartState.ENDED)], mono=1)

    live.hear("n1", [status(1, PartState.STOPPING)], mono=2)
    live.hear("n1", [status(2)], mono=3, hold_file=False)

    states = {part.status.attempt: part.status.state for part in live.node("n1").parts.values()}
    assert states == {1: PartState.ENDED, 2: PartState.RUNNING}


def test_an_ended_part_is_kept_without_its_log_and_its_checkpoints():
    live = Live()
    said = status(1, PartState.ENDED)
    record = msgspec.structs.replace(said.exit, log_tail="x" * 4096)
    checkpoints = [CompleteCheckpoint(step, f"step-{step}") for step in range(32)]

    live.hear("n1", [msgspec.structs.replace(said, exit=record, checkpoints=checkpoints)], mono=1)

    (part,) = live.node("n1").parts.values()
    assert (part.status.exit, part.status.checkpoints) == (said.exit, [])
