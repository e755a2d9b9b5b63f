"""What sensors ask of root, without an event loop: done here by an agent that is root, by the helper otherwise."""

import os
import socket

import msgspec

from agent.helper import tools
from agent.helper.protocol import LINE_LIMIT, Answer, Bmc, Smart
from agent.helper.tools import ToolError

START_S = 5.0  # the helper is a Python that starts for each request


def permitted(helper: str | None) -> bool:
    """Whether anybody here may look."""
    return os.geteuid() == 0 or helper is not None


def look(request: Smart | Bmc, helper: str | None) -> str:
    """What the tool wrote. Raises ToolError: it failed, is missing, or nobody may run it."""
    if os.geteuid() == 0:
        return tools.smart(request.device) if isinstance(request, Smart) else tools.bmc()
    if helper is None:
        raise ToolError("only root may look; set `helper` in the agent's configuration")
    within_s = START_S + (tools.SMART_S if isinstance(request, Smart) else tools.BMC_S)
    answer = _ask(helper, request, within_s)
    if answer.error:
        raise ToolError(answer.error)
    return answer.output


def _ask(path: str, request: Smart | Bmc, within_s: float) -> Answer:
    try:
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answers:
            connection.settimeout(within_s)
            connection.connect(path)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            return msgspec.json.decode(answers.readline(LINE_LIMIT), type=Answer)
    except TimeoutError:
        raise ToolError(f"{path}: no answer within {within_s:g} s; see journalctl -u 'mainstay-helper@*'") from None
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: {error}; is mainstay-helper.socket active?") from None
