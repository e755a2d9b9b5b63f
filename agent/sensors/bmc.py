"""What the machine's BMC sees: fans, power supplies, voltages, temperatures, memory, the chassis; through ipmitool, as
root or by root's helper."""

import csv
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds

MOST = 256
SILENT = frozenset({"", "ns", "disabled", "na"})
UNITS = {"degrees c": "celsius", "rpm": "rpm", "volts": "volts", "watts": "watts", "amps": "amperes"}


class Options(Cadence, frozen=True):
    """``ignore``: sensors by their BMC's name, for one that tells nonsense."""

    every_s: Seconds = 300.0
    deadline_s: Seconds = 60.0
    ignore: tuple[str, ...] = ()


class Part(msgspec.Struct, frozen=True):
    """One sensor. ``state``: ipmitool's word, ``ok``, or ``nc`` (not critical), ``cr`` (critical), ``nr`` (not
    recoverable) with a ``l`` or ``u`` before it, in some versions. ``value`` in ``unit``; a discrete one has neither
    and ``said`` what it says of itself ("Presence detected, Power Supply AC lost")."""

    name: str
    state: str
    value: float | None = None
    unit: str = ""
    said: str = ""


class Reading(msgspec.Struct, frozen=True):
    """Sensors that say anything; at most MOST."""

    parts: list[Part]


class Controller:
    def __init__(self, options: Options, helper: str | None) -> None:
        self._options, self._helper = options, helper

    def read(self) -> Reading | None:
        """None without a BMC, without ipmitool, or where nobody may ask. Raises ToolError when it doesn't answer."""
        from agent.helper.looking import look, permitted
        from agent.helper.protocol import Bmc
        from agent.helper.tools import find, has_bmc

        if not has_bmc() or find("ipmitool") is None or not permitted(self._helper):
            return None
        parts = [part for part in parse(look(Bmc(), self._helper)) if part.name not in self._options.ignore]
        return Reading(parts[:MOST])

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, host: Host) -> Controller:
    return Controller(options, host.helper)


def parse(output: str) -> list[Part]:
    """``ipmitool -c sdr elist``: name, value, unit, state; a discrete sensor: name, hex, state, entity, words."""
    rows = csv.reader(output.splitlines())
    parts = [part for row in rows if (part := _part([field.strip() for field in row])) is not None]
    names: dict[str, int] = {}
    return [_numbered(part, names) for part in parts]


def _part(row: list[str]) -> Part | None:
    if len(row) >= 5:
        return None if row[2] in SILENT else Part(row[0], row[2], said=", ".join(field for field in row[4:] if field))
    if len(row) != 4 or row[3] in SILENT:
        return None
    try:
        return Part(row[0], row[3], float(row[1]), UNITS.get(row[2].lower(), row[2]))
    except ValueError:
        return None


def _numbered(part: Part, names: dict[str, int]) -> Part:
    """Boards call several sensors by one name."""
    names[part.name] = names.get(part.name, 0) + 1
    again = names[part.name]
    return part if again == 1 else msgspec.structs.replace(part, name=f"{part.name} #{again}")


def metrics(reading: Reading) -> Iterable[Family]:
    for name, unit, help_ in (
        ("ipmi_temperature_celsius", "celsius", "Temperature as the BMC sees it."),
        ("ipmi_fan_speed_rpm", "rpm", "Fan speed in rotations per minute."),
        ("ipmi_voltage_volts", "volts", "Voltage as the BMC sees it."),
        ("ipmi_current_amperes", "amperes", "Current as the BMC sees it."),
        ("ipmi_power_watts", "watts", "Power as the BMC sees it."),
    ):
        found = [({"name": part.name}, part.value) for part in reading.parts if part.unit == unit]
        samples = [(labels, value) for labels, value in found if value is not None]
        if samples:
            yield Family(name, help_, samples)
