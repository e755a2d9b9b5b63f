"""Tools that only root may use, and only to look: where they are, and how they are run.

Absolute paths of the system's own places, a fixed environment, no shell, a deadline, bounded output.
"""

import os
import subprocess
from collections.abc import Sequence

PLACES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(PLACES), "LC_ALL": "C", "HOME": "/"}
SMART_S = 15.0
BMC_S = 45.0  # a slow BMC takes half a minute for a hundred sensors
MOST = 512 * 1024  # of output
BLOCK = "/sys/block"
SENSORS = ("-c", "sdr", "elist")  # of ipmitool: a line each, with commas
IPMI = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")


class ToolError(Exception):
    """One line: what is missing, or what the tool said."""


def find(name: str) -> str | None:
    """Its absolute path; None when it is not installed."""
    paths = (f"{place}/{name}" for place in PLACES)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def has_bmc() -> bool:
    """The kernel's driver found one."""
    return any(os.path.exists(path) for path in IPMI)


def smart(device: str, block: str = BLOCK) -> str:
    """What smartctl says about a whole disk, as JSON. A disk that sleeps is left to sleep. Raises ToolError.

    Its exit status is a set of bits, the disk's state among them (smartctl(8)); all of it is in the JSON too.
    """
    if not os.path.isdir(f"{block}/{device}"):
        raise ToolError(f"{device}: no such disk")
    return _run(
        "smartctl",
        ["--json", "--nocheck=standby", "-i", "-H", "-A", "-l", "error", f"/dev/{device}"],
        SMART_S,
        any_status=True,
    )


def bmc() -> str:
    """Every sensor of the BMC, a line each, as ``ipmitool -c sdr elist`` writes them. Raises ToolError."""
    if not has_bmc():
        raise ToolError("no /dev/ipmi0: this machine has no BMC, or ipmi_si and ipmi_devintf are not loaded")
    return _run("ipmitool", SENSORS, BMC_S)


def _run(name: str, arguments: Sequence[str], within_s: float, any_status: bool = False) -> str:
    path = find(name)
    if path is None:
        raise ToolError(f"{name} is not installed")
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=ENVIRONMENT,
            cwd="/",
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} gave no answer within {within_s:g} s") from None
    output = done.stdout.decode("utf-8", "replace")
    if not output or (done.returncode and not any_status):
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise ToolError(f"{name}: {said[-200:] or f'exit status {done.returncode}'}")
    if len(output) > MOST:
        raise ToolError(f"{name} said more than {MOST} bytes")
    return output
