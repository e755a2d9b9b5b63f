"""What the helper does: one module a verb.

A module defines ``HANDLES``, the type of :mod:`agent.helper.protocol` it carries out, and
``carry_out(request, caller) -> Answer``. It runs as root: it looks at every name it is given, follows no link that the
agent's user could have made, and raises Denied with one line that names the mend.
"""

import sys
from collections.abc import Callable
from typing import Any

from agent.discovery import modules_of
from agent.helper.caller import Caller
from agent.helper.protocol import Answer

CarryOut = Callable[[Any, Caller], Answer]


def discover() -> dict[type[Any], CarryOut]:
    modules = modules_of(sys.modules[__name__], having="HANDLES")
    return {module.HANDLES: module.carry_out for module in modules.values()}
