"""Diagnostics through the root helper: one connection, half closed to end them early."""

import asyncio
from pathlib import Path

import msgspec

from agent.helper.client import HelperError
from agent.helper.protocol import LINE_LIMIT, Answer, Examine
from wire.orders import Diagnose

ENDED_S = 30.0  # systemd may take a while to be rid of what is in state D


async def run(socket: Path, kind: Diagnose, stop: asyncio.Event) -> bytes:
    """What they printed, until they ended or ``stop`` was set. Raises HelperError."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=LINE_LIMIT)
    except OSError as error:
        raise HelperError(f"{socket}: {error}; is mainstay-helper.socket active?") from None
    try:
        writer.write(msgspec.json.encode(Examine(kind)) + b"\n")
        return await _answer(reader, writer, stop)
    except (OSError, ValueError, TimeoutError) as error:
        raise HelperError(f"{socket}: {error}; see journalctl -u 'mainstay-helper@*'") from None
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> bytes:
    line, stopping = asyncio.create_task(reader.readline()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({line, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not line.done():
            writer.write_eof()
        answer = msgspec.json.decode(await asyncio.wait_for(line, ENDED_S), type=Answer)
    finally:
        line.cancel()
        stopping.cancel()
    if answer.error:
        raise HelperError(answer.error)
    return answer.output.encode()
