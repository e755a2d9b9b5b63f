"""Read a disk's own account of its health. It looks and changes nothing."""

from agent.helper import tools
from agent.helper.caller import Caller
from agent.helper.protocol import Answer, Smart

HANDLES = Smart


def carry_out(request: Smart, caller: Caller) -> Answer:  # noqa: ARG001 - every verb's signature
    """The name is a whole disk's by its form; one that the kernel doesn't know is refused."""
    try:
        return Answer(output=tools.smart(request.device))
    except tools.ToolError as error:
        return Answer(str(error))
