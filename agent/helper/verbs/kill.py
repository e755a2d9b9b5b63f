"""Kill everything that lives in a part's scope: its shim is gone, or does not answer."""

import subprocess
import time

from agent.helper.caller import Caller
from agent.helper.protocol import Answer, Kill
from agent.workers.shim import sweep
from agent.workers.shim.group import SCOPE_PREFIX, Group, in_file_system

HANDLES = Kill
KILL_S = 10.0
LOOK_AGAIN_S = 0.02


def carry_out(request: Kill, caller: Caller) -> Answer:  # noqa: ARG001 - every verb's signature
    """Done when none is left. A process that resists SIGKILL (state D) keeps it from being done."""
    unit = f"{SCOPE_PREFIX}{request.part}.scope"
    path = _group_of(unit)
    if path is None:
        return Answer()
    group = Group(path)
    killed: set[int] = set()
    deadline = time.monotonic() + KILL_S
    while living := sweep.grouped(group):
        if time.monotonic() > deadline:
            return Answer(f"{unit}: {len(living)} processes resist SIGKILL; the node may need a reboot")
        killed.update(process.pid for process in living)
        group.kill()
        sweep.kill(living)
        time.sleep(LOOK_AGAIN_S)
    return Answer(killed=len(killed))


def _group_of(unit: str) -> str | None:
    """None when systemd has no such scope, or the processes in it are gone."""
    asked = ["systemctl", "show", "--property=ControlGroup", "--value", unit]
    path = subprocess.run(asked, capture_output=True, text=True, timeout=KILL_S, check=False).stdout.strip()
    return in_file_system(path) if path else None
