"""What a Hello carries."""

from datetime import UTC, datetime, timedelta

from agent.node import PARTS_BYTES, that_fit
from wire.attempts import End, ExitRecord, PartState, PartStatus, RankProgress

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_hello_leaves_the_oldest_ended_parts_out_when_it_grows_too_large() -> None:
    ranks = [RankProgress(number) for number in range(PARTS_BYTES // 500)]
    ended = [
        PartStatus("job-1", number, PartState.ENDED, 0, "b", exit=_exit(number), ranks=ranks) for number in range(10)
    ]
    running = PartStatus("job-2", 1, PartState.RUNNING, 0, "b", ranks=ranks)
    kept = that_fit([*ended, running])
    assert kept[0] is running
    assert 1 < len(kept) < 10
    assert kept[1:] == ended[: -len(kept) : -1]


def _exit(minute: int) -> ExitRecord:
    return ExitRecord(End.SUCCEEDED, NOW + timedelta(minutes=minute))
