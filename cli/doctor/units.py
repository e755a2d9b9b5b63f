"""Units: there, enabled, active, watched, and starting this very installation."""

import re
from collections.abc import Mapping
from pathlib import Path

from cli.doctor.finding import Seen, fail, ok, unseen, warn
from cli.install import systemctl

PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "StatusText",
    "NRestarts",
    "NeedDaemonReload",
    "WatchdogUSec",
    "ExecStart",
)
RESTARTS_MANY = 3
_PROGRAM = re.compile(r"path=(?P<path>[^ ;]+)")


def look(unit: str, programs: Path) -> Seen:
    if not systemctl.runs():
        return unseen("this machine was not started by systemd", "start the daemons in another way, and keep them up")
    return judge(unit, systemctl.show(unit, *PROPERTIES), programs)


def judge(unit: str, found: Mapping[str, str], programs: Path) -> Seen:
    """``found``: the unit's properties as systemctl(1) shows them; a socket has no watchdog."""
    if found.get("LoadState") != "loaded":
        return fail(f"{unit} is not installed", "run `mainstay install`")
    if found.get("ActiveState") != "active":
        state = f"{found.get('ActiveState')} ({found.get('SubState')})"
        return fail(f"{unit} is {state}", f"systemctl start {unit}; journalctl -u {unit} says why it is not")
    if found.get("UnitFileState") != "enabled":
        return warn(f"{unit} runs, but will not after a reboot", f"systemctl enable {unit}")
    if found.get("NeedDaemonReload") == "yes":
        return warn(f"{unit} was changed on disk since", f"systemctl daemon-reload; systemctl restart {unit}")
    return _judge_service(unit, found, programs) if unit.endswith(".service") else ok(f"{unit} is active")


def _judge_service(unit: str, found: Mapping[str, str], programs: Path) -> Seen:
    started = _PROGRAM.search(found.get("ExecStart", ""))
    if started and Path(started["path"]).parent != programs:
        return warn(f"{unit} starts {started['path']}, not this installation", f"{programs}/mainstay install agent")
    if found.get("WatchdogUSec", "0") in ("0", "infinity"):
        return warn(f"{unit} runs without a watchdog", "remove WatchdogSec from its drop-in: `systemctl cat` shows it")
    if int(found.get("NRestarts") or 0) >= RESTARTS_MANY:
        return warn(f"{unit} was restarted {found['NRestarts']} times", f"journalctl -u {unit} says why")
    return ok(f"{unit} is active, {found.get('StatusText') or 'watched'}")
