"""Units of systemd that failed, that start again and again, or that must be active."""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Annotated

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from wire.names import END

BOOTED = "/run/systemd/system"  # sd_booted(3)
GROUPS = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")  # unified, and before
MOST = 64
ASK_S = 4.0
LATELY_S = 600.0
STATES = "--state=failed,auto-restart,auto-restart-queued"
PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,NRestarts"

UnitName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:_.@\\-]{1,255}" + END)]


class Options(Cadence, frozen=True):
    """``required``: units that must be active (``slurmd.service``). ``ignore``: units that may fail."""

    every_s: Seconds = 60.0
    deadline_s: Seconds = 15.0
    required: tuple[UnitName, ...] = ()
    ignore: tuple[UnitName, ...] = ()


class Unit(msgspec.Struct, frozen=True):
    """``restarts``: systemd's count since the unit was last started by hand; None for what doesn't restart.
    ``lately``: those within LATELY_S, as far as this sensor looked."""

    name: str
    load: str
    active: str
    sub: str
    result: str = ""
    restarts: int | None = None
    lately: int = 0
    required: bool = False


class Reading(msgspec.Struct, frozen=True):
    """Units that are required, failed, or were started anew within LATELY_S; at most MOST."""

    units: list[Unit]


class Units:
    """Asks systemd for what is failed or about to restart, and then for the properties of those and of what was started
    anew since the last look: two short calls, or one where all is well. All properties of all units would cost systemd
    tens of milliseconds."""

    def __init__(
        self,
        options: Options,
        booted: str = BOOTED,
        systemctl: str = "systemctl",
        groups: Iterable[str] = GROUPS,
    ) -> None:
        self._options, self._booted, self._systemctl = options, booted, systemctl
        self._groups = next((path for path in groups if os.path.isdir(path)), "")
        self._inodes: dict[str, int] = {}
        self._noticed: dict[str, float] = {}
        self._counts: dict[str, list[tuple[float, int]]] = {}

    def read(self, now: float | None = None) -> Reading | None:
        """None where systemd doesn't run. Raises OSError or subprocess.SubprocessError when it doesn't answer. ``now``:
        seconds of a monotonic clock."""
        if not os.path.isdir(self._booted):
            return None
        at = time.monotonic() if now is None else now
        self._notice(at)
        wanted = list(dict.fromkeys([*self._options.required, *self._noticed]))
        wanted = [name for name in wanted if name not in self._options.ignore][:MOST]
        if not wanted:
            return Reading([])
        units = shown_units(self._ask("show", f"--property={PROPERTIES}", "--", *wanted), self._options.required)
        units = [unit for unit in units if unit.required or unit.load == "loaded"]
        self._counts = {unit.name: self._counts.get(unit.name, []) for unit in units}
        return Reading([msgspec.structs.replace(unit, lately=self._lately(unit, at)) for unit in units])

    def _notice(self, at: float) -> None:
        """The newest last, for those are dropped first that were noticed longest ago."""
        listed = listed_units(self._ask("list-units", STATES, "--all", "--full", "--plain", "--no-legend"))
        for name in [*listed, *self._started()]:
            self._noticed.pop(name, None)
            self._noticed[name] = at
        lasting = {name: then for name, then in self._noticed.items() if then > at - LATELY_S}
        self._noticed = dict(list(lasting.items())[-MOST:])

    def _started(self) -> list[str]:
        """Services whose control group is another one than at the last look: between two looks a service may end and
        run again, and ``list-units`` shows nothing of it."""
        before, self._inodes = self._inodes, dict(_control_groups(self._groups))
        return [name for name, inode in self._inodes.items() if before.get(name, inode) != inode]

    def _lately(self, unit: Unit, at: float) -> int:
        """Growth since the last count that is older. One that fell began anew with a start by hand."""
        if unit.restarts is None:
            return 0
        counts = [seen for seen in self._counts[unit.name] if seen[1] <= unit.restarts]
        counts.append((at, unit.restarts))
        while len(counts) > 1 and counts[1][0] <= at - LATELY_S:
            counts.pop(0)
        self._counts[unit.name] = counts
        return unit.restarts - counts[0][1]

    def _ask(self, *arguments: str) -> str:
        command = [self._systemctl, "--no-pager", "--no-ask-password", *arguments]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, env=environment, check=True)
        return done.stdout

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, _host: Host) -> Units:
    return Units(options)


def _control_groups(directory: str) -> Iterator[tuple[str, int]]:
    """Services and the inode of their control group. Instances of a template lie one slice deeper."""
    if not directory:
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(".service"):
                yield entry.name, entry.inode()
            elif entry.name.endswith(".slice"):
                with suppress(OSError):  # gone meanwhile
                    yield from _control_groups(entry.path)


def listed_units(output: str) -> list[str]:
    """First column of ``systemctl list-units --plain --no-legend``; some versions put a dot before it."""
    rows = (line.removeprefix("●").split() for line in output.splitlines())
    return [row[0] for row in rows if row]


def shown_units(output: str, required: Iterable[str]) -> list[Unit]:
    """Blocks of ``NAME=value``, an empty line between them."""
    must = frozenset(required)
    blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in output.split("\n\n"))
    return [_unit(block, must) for block in blocks if block.get("Id")]


def _unit(block: dict[str, str], must: frozenset[str]) -> Unit:
    restarts = block.get("NRestarts", "")
    return Unit(
        name=block["Id"],
        load=block.get("LoadState", ""),
        active=block.get("ActiveState", ""),
        sub=block.get("SubState", ""),
        result=block.get("Result", ""),
        restarts=int(restarts) if restarts.isdecimal() else None,
        required=block["Id"] in must,
    )


def metrics(reading: Reading) -> Iterable[Family]:
    active = [({"name": unit.name, "state": unit.active}, 1.0) for unit in reading.units]
    yield Family("node_systemd_unit_state", "State of units that failed, restart or are required.", active)
    restarts = [({"name": unit.name}, float(unit.restarts)) for unit in reading.units if unit.restarts is not None]
    if restarts:
        yield Family("node_systemd_service_restart", "Times a service was restarted.", restarts, Kind.COUNTER)
