"""The agent's end: one connection a request."""

import asyncio
from pathlib import Path

import msgspec

from agent.helper.protocol import LINE_LIMIT, Answer, Request

ANSWER_S = 20.0


class HelperError(Exception):
    """The helper refused or failed, or can't be asked; one line with the mend."""


async def ask(socket: Path, request: Request) -> Answer:
    """Raises HelperError."""
    try:
        async with asyncio.timeout(ANSWER_S):
            answer = await _exchange(socket, msgspec.json.encode(request) + b"\n")
    except TimeoutError:
        raise HelperError(f"{socket}: no answer within {ANSWER_S:g} s; see journalctl -u 'mainstay-helper@*'") from None
    except (OSError, ValueError) as error:
        raise HelperError(f"{socket}: {error}; is mainstay-helper.socket active?") from None
    if answer.error:
        raise HelperError(answer.error)
    return answer


async def _exchange(socket: Path, line: bytes) -> Answer:
    reader, writer = await asyncio.open_unix_connection(socket, limit=LINE_LIMIT)
    try:
        writer.write(line)
        await writer.drain()
        return msgspec.json.decode(await reader.readline(), type=Answer)
    finally:
        writer.close()
