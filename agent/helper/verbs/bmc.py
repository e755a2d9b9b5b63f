"""Read the sensors of the machine's BMC. It looks and changes nothing."""

from agent.helper import tools
from agent.helper.caller import Caller
from agent.helper.protocol import Answer, Bmc

HANDLES = Bmc


def carry_out(request: Bmc, caller: Caller) -> Answer:  # noqa: ARG001 - every verb's signature
    try:
        return Answer(output=tools.bmc())
    except tools.ToolError as error:
        return Answer(str(error))
