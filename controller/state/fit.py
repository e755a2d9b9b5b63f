"""Numbers that come from a node and that no column can hold are not taken: a script may report any step."""

import msgspec

from wire.attempts import PartStatus, RankProgress

MAX_NUMBER = 2**31 - 1  # of an attempt
MAX_STEP = MAX_SEQ = 2**63 - 1


def fit(part: PartStatus) -> PartStatus | None:
    """The part without the steps and checkpoints that can't be; None when there can be no such part."""
    if not 0 < part.attempt <= MAX_NUMBER:
        return None
    if all(map(_fit_rank, part.ranks)) and all(_fit_step(checkpoint.step) for checkpoint in part.checkpoints):
        return part
    ranks = [rank if _fit_rank(rank) else _without_steps(rank) for rank in part.ranks]
    checkpoints = [checkpoint for checkpoint in part.checkpoints if _fit_step(checkpoint.step)]
    return msgspec.structs.replace(part, ranks=ranks, checkpoints=checkpoints)


def _fit_rank(rank: RankProgress) -> bool:
    return all(step is None or _fit_step(step) for step in (rank.step, rank.first_step))


def _fit_step(step: int) -> bool:
    return 0 <= step <= MAX_STEP


def _without_steps(rank: RankProgress) -> RankProgress:
    return msgspec.structs.replace(rank, step=None, first_step=None)
