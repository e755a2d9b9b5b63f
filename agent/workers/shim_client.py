"""The agent's end of the shim's socket."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from agent.workers.shim import records
from wire.attempts import ExitRecord, PartState, RankFailure

LINE_LIMIT = 256 * 1024
ANSWER_S = 1.0


class WorkerProcess(msgspec.Struct, frozen=True):
    pid: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    start_time: Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]


class Standing(msgspec.Struct, frozen=True):
    """Where the part stands by its shim: one line of the socket, and part of state.json."""

    state: PartState
    started_at: datetime | None = None
    workers: dict[str, WorkerProcess] = {}  # by rank; empty under torchrun
    rank_failure: RankFailure | None = None
    exit: ExitRecord | None = None


class ShimError(Exception):
    """The shim answered with an error (another major version, say), or with what is no answer."""


async def watch(part_dir: Path) -> AsyncIterator[Standing]:
    """Where the part stands, now and at each change, until the shim ends. Raises OSError or ShimError."""
    async with _connection(part_dir) as (reader, writer):
        _ask(writer, {"op": "watch"})
        while line := await _line(reader):
            yield _decode(line)


async def stop(part_dir: Path, grace_s: float) -> Standing:
    """Raises OSError, ShimError, or TimeoutError when the shim does not answer."""
    async with asyncio.timeout(ANSWER_S), _connection(part_dir) as (reader, writer):
        _ask(writer, {"op": "stop", "grace_s": grace_s})
        return _decode(await _line(reader))


def _ask(writer: asyncio.StreamWriter, request: dict[str, Any]) -> None:
    writer.write(json.dumps({"v": records.PROTOCOL, **request}).encode() + b"\n")


def _decode(line: bytes) -> Standing:
    try:
        message = msgspec.json.decode(line, type=dict[str, Any])
        if "error" in message:
            raise ShimError(str(message["error"]))
        return msgspec.convert(message, Standing)
    except msgspec.MsgspecError as error:
        raise ShimError(f"not an answer of a shim: {error}") from None


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        raise ShimError(f"a line of more than {LINE_LIMIT} bytes") from None


@contextlib.asynccontextmanager
async def _connection(part_dir: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    # Through a descriptor: a socket's name is at most 108 bytes long, a path may be longer.
    directory = os.open(part_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        path = f"/proc/self/fd/{directory}/{records.SOCKET}"
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    finally:
        os.close(directory)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
