"""Run diagnostics as a user that jobs may run as, in a unit of its own: ended as a whole, and when nobody listens."""

import os
import select
import subprocess
from typing import IO

from agent.helper.caller import Caller, Denied
from agent.helper.protocol import Answer, Examine
from agent.helper.runtime import SLICE
from agent.workers import examination
from agent.workers.account import Account
from agent.workers.runtime import SHIM_ENVIRONMENT
from wire.orders import Diagnose

HANDLES = Examine
UNIT = "mainstay-diagnostics.service"
STATE = "mainstay-diagnostics"  # below /var/lib: what is written, is written there
INPUT = 0  # the agent's connection
OUTPUT_LIMIT = 1 << 19
AT_MOST_S = 540.0  # this process itself is ended after 600
ENDED_S = 10.0


def carry_out(request: Examine, caller: Caller) -> Answer:
    """Answers with what they printed. The agent ends them early by closing its half of the connection."""
    if caller.config.held:
        raise Denied(f"{caller.config.hold_file} is there: nothing is started on this node; remove it to go on")
    try:
        user = examination.user_of(caller.config.workers, caller.config.node)
    except examination.Unfit as unfit:
        raise Denied(str(unfit)) from None
    if user.uid == caller.uid:
        raise Denied(f'user "{user.name}" is the agent\'s own: name another first in workers.users')
    end_unit()  # of a helper that died
    with subprocess.Popen(
        command(request.diagnose, user, examination.interpreter_of(caller.config.workers)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=SHIM_ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        try:
            output = collect(process.stdout, INPUT)
        finally:
            end_unit()
            process.kill()
    return Answer(output=output.decode("utf-8", "replace"))


def command(kind: Diagnose, user: Account, interpreter: str) -> list[str]:
    seconds = min(kind.deadline_s, AT_MOST_S)
    properties = {
        "User": user.name,
        "StateDirectory": STATE,
        "WorkingDirectory": f"/var/lib/{STATE}",
        "RuntimeMaxSec": f"{seconds:g}",
        "KillSignal": "SIGKILL",
        "NoNewPrivileges": "yes",
        "LimitMEMLOCK": "infinity",
    }
    return [
        "systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={UNIT}", f"--slice={SLICE}",
        *(f"--property={name}={value}" for name, value in properties.items()),
        "--", interpreter, "-I", str(examination.program()), *examination.arguments(kind), "--directory=.",
    ]  # fmt: skip


def collect(output: IO[bytes], connection: int) -> bytes:
    """What comes until it ends, or the other end of ``connection`` has nothing more to say."""
    collected = bytearray()
    while len(collected) < OUTPUT_LIMIT:
        ready, _, _ = select.select([output.fileno(), connection], [], [])
        if output.fileno() in ready:
            piece = os.read(output.fileno(), 65536)
            if not piece:
                break
            collected += piece
        elif not os.read(connection, 4096):
            break
    return bytes(collected)


def end_unit() -> None:
    for words in (("kill", "--signal=SIGKILL", UNIT), ("stop", UNIT)):
        subprocess.run(["systemctl", "--quiet", *words], timeout=ENDED_S, check=False, capture_output=True)
