"""Answers one request on standard input, a socket that systemd accepted for it."""

import logging
import os
import sys
from pathlib import Path

import msgspec

from agent import config
from agent.errors import AgentError
from agent.helper import verbs
from agent.helper.caller import Caller, Denied, peer, require_roots_own
from agent.helper.protocol import LINE_LIMIT, Answer, Request

INPUT = 0
OUTPUT = 1

logger = logging.getLogger(__name__)


def serve(path: Path) -> None:
    """``path``: the node's configuration, root's own."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    answer = _answer(path, _read_line())
    if answer.error:
        logger.error("%s", answer.error)
    os.write(OUTPUT, msgspec.json.encode(answer) + b"\n")


def _answer(path: Path, line: bytes) -> Answer:
    try:
        uid, gid = peer(INPUT)
        require_roots_own(path)
        request = msgspec.json.decode(line, type=Request)
        return verbs.discover()[type(request)](request, Caller(uid, gid, config.load(path)))
    except msgspec.MsgspecError as error:
        return Answer(f"not a request: {error}")
    except (AgentError, Denied, OSError) as error:
        return Answer(str(error) or type(error).__name__)


def _read_line() -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) <= LINE_LIMIT:
        piece = os.read(INPUT, 65536)
        if not piece:
            break
        data += piece
    return data
