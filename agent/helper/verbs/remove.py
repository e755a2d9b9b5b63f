"""Remove forgotten parts: workers may have made there what only they, or root, can remove."""

import contextlib
import os
import shutil

from agent.helper.caller import Caller, Denied
from agent.helper.protocol import Answer, Remove

HANDLES = Remove
FORGOTTEN = "forgotten"


def carry_out(request: Remove, caller: Caller) -> Answer:  # noqa: ARG001 - every verb's signature
    """Below a descriptor, so that no link made meanwhile leads elsewhere."""
    with caller.directory(FORGOTTEN) as directory:
        for name in os.listdir(directory):
            with contextlib.suppress(RecursionError):
                shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
        left = os.listdir(directory)
    if left:
        raise Denied(f"{FORGOTTEN}/{left[0]}: cannot be removed; look at it by hand")
    return Answer()
