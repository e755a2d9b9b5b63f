"""A part's directory, as the agent reads and writes it: ``STATE_DIR/attempts/JOB.N``.

Whoever makes state.json first owns the part: the shim that is to run it, or the agent that says it never will.
"""

import contextlib
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.workers.shim import records
from agent.workers.shim.records import Spec
from agent.workers.shim_client import Standing
from wire.attempts import End, ExitRecord, PartState, RankFailure
from wire.names import JobId

NAME_LIMIT = 64
LOG_TAIL_BYTES = 4096


class Claim(msgspec.Struct, frozen=True):
    """What state.json says of the part and its owner; ``shim_pid`` 0 when it is the agent."""

    version: tuple[int, int]
    job: JobId
    attempt: int
    node: str
    node_rank: int
    boot_id: str
    shim: str
    shim_pid: int
    shim_start_time: int


def read_claim(directory: Path) -> tuple[Claim, Standing] | None:
    """None when nobody has claimed the part, or when the file is damaged."""
    try:
        data = (directory / records.STATE).read_bytes()
        return msgspec.json.decode(data, type=Claim), msgspec.json.decode(data, type=Standing)
    except (OSError, msgspec.MsgspecError):
        return None


def claim(directory: Path, spec: Spec) -> bool:
    """Takes the part for the agent: no shim will run it. False when a shim has it."""
    return _claim(directory, spec.job, spec.attempt, spec.node, spec.node_rank, spec.boot_id)


def give_up(
    directory: Path, job: str, attempt: int, node: str, node_rank: int, boot_id: str, record: ExitRecord
) -> None:
    """Makes a part that has ended before it began, durably: it is never launched from here on."""
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    write_exit(directory, record)
    _claim(directory, job, attempt, node, node_rank, boot_id)
    records.sync_directory(str(directory.parent))


def read_spec(directory: Path) -> Spec | None:
    try:
        return Spec.load(str(directory / records.SPEC))
    except (OSError, ValueError):
        return None


def read_exit(directory: Path) -> ExitRecord | None:
    """None when the part has not ended, or when the file is damaged."""
    try:
        return msgspec.json.decode((directory / records.EXIT).read_bytes(), type=ExitRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def write_exit(directory: Path, record: ExitRecord) -> None:
    records.write_json(str(directory / records.EXIT), msgspec.to_builtins(record), durable=True)


def own_exit(
    directory: Path, end: End, now: datetime, failure: RankFailure | None = None, swept: int = 0
) -> ExitRecord:
    """The exit record of a part whose shim left none."""
    return ExitRecord(end, now, first_failure=failure, swept=swept, log_tail=tail_text(directory))


def tail(directory: Path, max_bytes: int) -> bytes:
    """The last bytes of the log, across its rotated files. Empty when there is none."""
    base = directory / records.LOG_DIR / records.LOG_NAME
    found = b""
    number = 0
    while len(found) < max_bytes:
        path = base if number == 0 else base.with_name(f"{base.name}.{number}")
        piece = _last_bytes(path, max_bytes - len(found))
        if piece is None:
            break
        found = piece + found
        number += 1
    return found


def tail_text(directory: Path) -> str:
    return tail(directory, LOG_TAIL_BYTES).decode("utf-8", "ignore")


def _last_bytes(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - limit))
            return file.read(limit)
    except OSError:
        return None


def _claim(directory: Path, job: str, attempt: int, node: str, node_rank: int, boot_id: str) -> bool:
    own: dict[str, Any] = {
        "version": records.PROTOCOL,
        "job": job,
        "attempt": attempt,
        "node": node,
        "node_rank": node_rank,
        "boot_id": boot_id,
        "shim": "",
        "shim_pid": 0,
        "shim_start_time": 0,
        "state": str(PartState.ENDED),
    }
    with contextlib.suppress(FileNotFoundError):
        return records.claim_json(str(directory / records.STATE), own)
    return False
