"""What disks say about their own health: SMART and NVMe's health log, through smartctl, as root or by root's helper."""

import re
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from agent.sensors.pseudofiles import SYS, names, number

MOST = 32
REAL = re.compile(r"(sd[a-z]{1,3}|nvme\d{1,3}n\d{1,3})$")
HOUR_S = 3600
REALLOCATED, PENDING, UNCORRECTABLE = 5, 197, 198


class Options(Cadence, frozen=True):
    """A disk's health changes by the day. ``ignore``: disks that aren't asked, such as ``sdb``."""

    every_s: Seconds = 3600.0
    deadline_s: Seconds = 600.0
    ignore: tuple[str, ...] = ()


class Disk(msgspec.Struct, frozen=True):
    """None: this kind of disk doesn't tell it. ``passed``: its own verdict. ``critical_warning``: NVMe's bits.
    ``spare``: share of NVMe's reserve; ``used``: of its rated endurance (may pass 1; NVMe and SAS flash).
    ``media_errors``: data that could not be read back or written (NVMe, SAS). ``reallocated``: sectors replaced (SATA,
    SAS); ``pending``, ``uncorrectable``: that can't be read (SATA). ``error``: why nothing else is known."""

    name: str
    model: str = ""
    passed: bool | None = None
    celsius: float | None = None
    critical_warning: int | None = None
    spare: float | None = None
    spare_least: float | None = None
    used: float | None = None
    media_errors: int | None = None
    reallocated: int | None = None
    pending: int | None = None
    uncorrectable: int | None = None
    power_on_s: int | None = None
    error: str = ""


class Reading(msgspec.Struct, frozen=True):
    """Disks that have a health to tell, and those that could not be asked; at most MOST."""

    disks: list[Disk]


class Disks:
    def __init__(self, options: Options, helper: str | None, sys: str = SYS) -> None:
        self._options, self._helper, self._sys = options, helper, sys
        self._known: dict[str, Disk] = {}

    def read(self) -> Reading | None:
        """None without smartctl, without a disk that has it, or where nobody may ask."""
        from agent.helper.looking import permitted
        from agent.helper.tools import find

        devices = self._devices()
        if not devices or find("smartctl") is None or not permitted(self._helper):
            return None
        disks = [disk for name in devices if (disk := self._disk(name)) is not None]
        return Reading(disks) if disks else None

    def _disk(self, name: str) -> Disk | None:
        """What it said last, while it sleeps."""
        disk = _disk(name, self._helper) or self._known.get(name)
        if disk is not None and not disk.error:
            self._known[name] = disk
        return disk

    def _devices(self) -> list[str]:
        """Whole disks with a medium in them."""
        block = f"{self._sys}/block"
        found = [name for name in names(block) if REAL.match(name) and name not in self._options.ignore]
        return [name for name in found if number(f"{block}/{name}/size") != 0][:MOST]

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, host: Host) -> Disks:
    return Disks(options, host.helper)


def _disk(name: str, helper: str | None) -> Disk | None:
    from agent.helper.looking import look
    from agent.helper.protocol import Smart
    from agent.helper.tools import ToolError

    try:
        return parse(name, look(Smart(name), helper))
    except ToolError as error:
        return Disk(name, error=str(error))


class _Status(msgspec.Struct, frozen=True):
    passed: bool | None = None


class _Temperature(msgspec.Struct, frozen=True):
    current: float | None = None


class _Raw(msgspec.Struct, frozen=True):
    value: int | None = None


class _Attribute(msgspec.Struct, frozen=True):
    id: int = 0
    raw: _Raw = _Raw()


class _Attributes(msgspec.Struct, frozen=True):
    table: list[_Attribute] = []


class _Hours(msgspec.Struct, frozen=True):
    hours: int | None = None


class _Nvme(msgspec.Struct, frozen=True):
    critical_warning: int | None = None
    available_spare: int | None = None
    available_spare_threshold: int | None = None
    percentage_used: int | None = None
    media_errors: int | None = None


class _Uncorrected(msgspec.Struct, frozen=True):
    total_uncorrected_errors: int = 0


class _Said(msgspec.Struct, frozen=True):
    """What is wanted of smartctl's JSON (its format 1)."""

    model_name: str = ""
    scsi_model_name: str = ""
    smart_status: _Status | None = None
    temperature: _Temperature = _Temperature()
    power_on_time: _Hours = _Hours()
    ata_smart_attributes: _Attributes = _Attributes()
    nvme_smart_health_information_log: _Nvme = _Nvme()
    scsi_grown_defect_list: int | None = None
    scsi_percentage_used_endurance_indicator: int | None = None
    scsi_error_counter_log: dict[str, _Uncorrected] | None = None


def parse(name: str, output: str) -> Disk | None:
    """None when the disk has no health to tell: virtual, asleep, or behind a controller that hides it."""
    try:
        said = msgspec.json.decode(output, type=_Said)
    except msgspec.MsgspecError as error:
        return Disk(name, error=f"smartctl's answer is not understood: {error}")
    if said.smart_status is None or said.smart_status.passed is None:
        return None
    sectors = {attribute.id: attribute.raw.value for attribute in said.ata_smart_attributes.table}
    nvme = said.nvme_smart_health_information_log
    return Disk(
        name,
        said.model_name or said.scsi_model_name,
        said.smart_status.passed,
        said.temperature.current,
        nvme.critical_warning,
        _share(nvme.available_spare),
        _share(nvme.available_spare_threshold),
        _share(_first(nvme.percentage_used, said.scsi_percentage_used_endurance_indicator)),
        _first(nvme.media_errors, _uncorrected(said.scsi_error_counter_log)),
        sectors.get(REALLOCATED, said.scsi_grown_defect_list),
        sectors.get(PENDING),
        sectors.get(UNCORRECTABLE),
        None if said.power_on_time.hours is None else said.power_on_time.hours * HOUR_S,
    )


def _uncorrected(log: dict[str, _Uncorrected] | None) -> int | None:
    return None if log is None else sum(kind.total_uncorrected_errors for kind in log.values())


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _share(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


def metrics(reading: Reading) -> Iterable[Family]:
    for name, field, help_, kind in (
        ("smartctl_device_smart_status", "passed", "General smart status.", Kind.GAUGE),
        ("smartctl_device_temperature_celsius", "celsius", "Device temperature.", Kind.GAUGE),
        ("smartctl_device_critical_warning", "critical_warning", "NVMe's critical warnings, as bits.", Kind.GAUGE),
        ("smartctl_device_available_spare_ratio", "spare", "What is left of NVMe's reserve.", Kind.GAUGE),
        ("smartctl_device_used_ratio", "used", "How much of its rated endurance is used up.", Kind.GAUGE),
        ("smartctl_device_media_errors", "media_errors", "Data that could not be read back.", Kind.COUNTER),
        ("smartctl_device_reallocated_sectors", "reallocated", "Sectors that were replaced.", Kind.GAUGE),
        ("smartctl_device_pending_sectors", "pending", "Sectors that can't be read.", Kind.GAUGE),
        ("smartctl_device_power_on_seconds", "power_on_s", "How long it has been switched on.", Kind.GAUGE),
    ):
        known = [(disk.name, getattr(disk, field)) for disk in reading.disks]
        samples = [({"device": disk}, float(value)) for disk, value in known if value is not None]
        if samples:
            yield Family(name, help_, samples, kind)
