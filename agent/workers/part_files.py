"""A part's directory, as the agent reads and writes it: ``STATE_DIR/attempts/JOB.N``.

Whoever makes state.json first owns the part: the shim that is to run it, or the agent that says it never will.
"""

import contextlib
import os
import secrets
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from agent.workers.shim import records
from agent.workers.shim.records import Spec
from agent.workers.shim_client import Standing
from wire.attempts import End, ExitRecord, PartState, RankFailure
from wire.names import JobId

LOG_TAIL_BYTES = 4096


class Claim(msgspec.Struct, frozen=True):
    """What state.json says of the part and its owner; ``shim_pid`` 0 when it is the agent."""

    job: JobId
    attempt: int
    node: str
    node_rank: int
    boot_id: str
    shim: str = ""
    shim_pid: int = 0
    shim_start_time: int = 0
    version: tuple[int, int] = (records.PROTOCOL[0], records.PROTOCOL[1])


def read_claim(directory: Path) -> tuple[Claim, Standing] | None:
    """None when nobody has claimed the part.

    A damaged file (it is not synced at every change, a power cut can empty it) still says that it was claimed; by
    whom stands in spec.json, but for the shim's process: one that lives is heard through its socket.
    """
    try:
        data = (directory / records.STATE).read_bytes()
        return msgspec.json.decode(data, type=Claim), msgspec.json.decode(data, type=Standing)
    except OSError:
        return None
    except ValueError:  # msgspec's decoding errors are
        spec = read_spec(directory)
        return None if spec is None else (_claim_of(spec, spec.shim), Standing(PartState.STARTING))


def claim(directory: Path, spec: Spec) -> bool:
    """Takes the part for the agent: no shim will run it. False when a shim has it."""
    return _write_claim(directory, _claim_of(spec))


def give_up(directory: Path, own: Claim, record: ExitRecord) -> None:
    """Makes a part that has ended before it began, durably: it is never launched from here on."""
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    write_exit(directory, record)
    _write_claim(directory, own)
    records.sync_directory(str(directory.parent))


def forget(directory: Path, forgotten: Path) -> None:
    """Takes the part out of the node's memory, at once and whole; to be removed at leisure from ``forgotten``."""
    with contextlib.suppress(OSError):  # then it is remembered again at the agent's next start
        forgotten.mkdir(mode=0o700, exist_ok=True)
        directory.rename(forgotten / f"{directory.name}.{secrets.token_hex(4)}")


def remove_below(forgotten: Path) -> None:
    """What workers made can be much, and nested deeper than recursion goes: as far as it can be removed."""
    for directory in forgotten.iterdir() if forgotten.is_dir() else ():
        remove(directory)


def remove(directory: Path) -> None:
    with contextlib.suppress(RecursionError):
        shutil.rmtree(directory, ignore_errors=True)


def read_spec(directory: Path) -> Spec | None:
    try:
        return Spec.load(str(directory / records.SPEC))
    except (OSError, ValueError):
        return None


def read_exit(directory: Path) -> ExitRecord | None:
    """None when the part has not ended, or when the file is damaged."""
    try:
        return msgspec.json.decode((directory / records.EXIT).read_bytes(), type=ExitRecord)
    except (OSError, ValueError):
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


def _claim_of(spec: Spec, shim: str = "") -> Claim:
    return Claim(spec.job, spec.attempt, spec.node, spec.node_rank, spec.boot_id, shim)


def _write_claim(directory: Path, own: Claim) -> bool:
    with contextlib.suppress(FileNotFoundError):
        state = {**msgspec.to_builtins(own), "state": str(PartState.ENDED)}
        return records.claim_json(str(directory / records.STATE), state)
    return False
