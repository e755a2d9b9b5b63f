"""Which checkpoints of an attempt are complete: those whose last file has appeared under its final name."""

import os
import re

from wire.attempts import CompleteCheckpoint

NEWEST = 32
STEP_DIGITS = 18  # of what still fits a 64-bit integer


def complete(directory: str, pattern: str) -> list[CompleteCheckpoint]:
    """The newest 32, oldest first, of ``pattern`` (wire.specs.CheckpointSpec) below ``directory``.

    Empty when the directory is not there. Reads names only, never content. May hang where a mount does.
    """
    found = _matches(directory, "", pattern.split("/"))
    return sorted(found, key=lambda checkpoint: checkpoint.step)[-NEWEST:]


def scan_interval_s(node_rank: int, nodes: int) -> float:
    """Every node looks, so that no single loss hides a checkpoint; on shared storage that must not add up."""
    return 0.25 if node_rank == 0 else max(0.5, nodes / 100)


def _matches(base: str, prefix: str, components: list[str]) -> list[CompleteCheckpoint]:
    """``components``: those of the pattern from here on; the first with the step in it fans out."""
    head, *rest = components
    if "{step}" not in head:
        return _matches(os.path.join(base, head), os.path.join(prefix, head), rest) if rest else []
    before, after = map(re.escape, head.split("{step}"))
    expression = re.compile(f"{before}([0-9]{{1,{STEP_DIGITS}}}){after}")
    found = []
    for name in _names(base):
        match = expression.fullmatch(name)
        path = os.path.join(name, *rest)
        if match is not None and (not rest or os.path.exists(os.path.join(base, path))):
            found.append(CompleteCheckpoint(int(match[1]), os.path.join(prefix, path)))
    return found


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
