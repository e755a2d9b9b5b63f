"""Network interfaces: is there a link, how fast is it, how often did it go, what does it lose.

Looked at are those named in ``interfaces``, or else all physical ones, all bonds, and the one that carries the node's
address. https://docs.kernel.org/admin-guide/abi-testing.html (sysfs-class-net, sysfs-class-net-statistics)
"""

import os
import time
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from agent.sensors.boot_memory import BootMemory
from agent.sensors.carriers import carrying
from agent.sensors.lately import Lately
from agent.sensors.pseudofiles import SYS, names, number, word

IFF_UP = 1
MOST = 64
MEGABIT_BYTES = 125_000
MEMORY_FILE = "network-seen.json"


class Options(Cadence, frozen=True):
    """``interfaces`` must be there and up. Empty: physical ones, bonds, and the one with the node's address are looked
    at, and those that had a link since the machine started must keep it.

    ``speed_mbps``: by interface, what it must have; not set: the fastest that it was since the machine started.
    ``flaps_over_s``: how far back lost links are counted.
    """

    every_s: Seconds = 10.0
    interfaces: tuple[str, ...] = ()
    speed_mbps: dict[str, int] = msgspec.field(default_factory=dict)
    flaps_over_s: Seconds = 600.0


class Bond(msgspec.Struct, frozen=True):
    """``slaves`` are those it has or had since the machine started, ``active`` those that carry traffic: with a link
    and, in mode 802.3ad, in the aggregator in use."""

    mode: str
    slaves: list[str]
    active: list[str]


class Interface(msgspec.Struct, frozen=True):
    """``present`` is false for one that is named but isn't there; then, and where a driver doesn't say, the rest is
    None. Counters since the interface was made.

    ``expected_mbps``: configured, or the best seen. ``had_link``: since the machine started. ``downs_lately``: how
    often its link was lost within ``flaps_over_s``. ``master``: the bond it belongs to.
    """

    name: str
    present: bool
    required: bool
    carries_address: bool = False
    admin_up: bool = False
    operstate: str = ""
    carrier: bool | None = None
    had_link: bool = False
    speed_mbps: int | None = None
    expected_mbps: int | None = None
    duplex: str = ""
    mtu_bytes: int | None = None
    master: str = ""
    bond: Bond | None = None
    carrier_changes: int | None = None
    carrier_ups: int | None = None
    carrier_downs: int | None = None
    downs_lately: int | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    rx_packets: int | None = None
    tx_packets: int | None = None
    rx_errors: int | None = None
    tx_errors: int | None = None
    rx_dropped: int | None = None
    tx_dropped: int | None = None
    rx_missed_errors: int | None = None
    rx_crc_errors: int | None = None
    collisions: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """Sorted by name, at most MOST. ``flaps_over_s``: of the options."""

    interfaces: list[Interface]
    flaps_over_s: float = 600.0


COUNTERS = (
    "rx_bytes",
    "tx_bytes",
    "rx_packets",
    "tx_packets",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "rx_missed_errors",
    "rx_crc_errors",
    "collisions",
)


class Watch:
    """Looks again and again, and remembers what was best since the machine started. ``sys``: a tree like /sys."""

    def __init__(self, options: Options, host: Host, sys: str = SYS) -> None:
        self._options, self._address, self._root = options, host.address, f"{sys}/class/net"
        self._flaps = Lately(options.flaps_over_s)
        path = os.path.join(host.state_dir, MEMORY_FILE) if host.state_dir else ""
        self._memory = BootMemory(path, host.boot_id)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        carriers = carrying(self._address)
        wanted = self._options.interfaces or self._chosen(carriers)
        if not wanted:
            return None
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        found = [self._look(name, name in carriers, now) for name in sorted(wanted)[:MOST]]
        self._memory.save()
        return Reading(found, self._options.flaps_over_s)

    def _chosen(self, carriers: set[str]) -> set[str]:
        return {
            name
            for name in names(self._root)
            if name in carriers or any(os.path.exists(f"{self._root}/{name}/{it}") for it in ("device", "bonding"))
        }

    def _look(self, name: str, carries: bool, now: float) -> Interface:
        directory, required = f"{self._root}/{name}", name in self._options.interfaces
        if not os.path.exists(directory):
            return Interface(name, present=False, required=required, carries_address=carries)
        carrier = number(f"{directory}/carrier")
        changes, downs = number(f"{directory}/carrier_changes"), number(f"{directory}/carrier_down_count")
        speed = _speed(directory)
        had_link = bool(carrier) or self._memory.flag(f"link {name}", bool(number(f"{directory}/carrier_up_count")))
        if had_link:
            self._memory.flag(f"link {name}", True)
        lost = downs if downs is not None or changes is None else changes // 2  # before Linux 4.16
        return Interface(
            name=name,
            present=True,
            required=required,
            carries_address=carries,
            admin_up=_admin_up(directory),
            operstate=word(f"{directory}/operstate") or "",
            carrier=None if carrier is None else bool(carrier),
            had_link=had_link,
            speed_mbps=speed,
            expected_mbps=self._options.speed_mbps.get(name) or self._memory.best(f"speed {name}", speed),
            duplex=word(f"{directory}/duplex") or "",
            mtu_bytes=number(f"{directory}/mtu"),
            master=_master(directory),
            bond=self._bond(name, directory),
            carrier_changes=changes,
            carrier_ups=number(f"{directory}/carrier_up_count"),
            carrier_downs=downs,
            downs_lately=self._flaps.grown(name, lost, now),
            **{counter: number(f"{directory}/statistics/{counter}") for counter in COUNTERS},
        )

    def _bond(self, name: str, directory: str) -> Bond | None:
        slaves = word(f"{directory}/bonding/slaves")
        if slaves is None:
            return None
        mode = (word(f"{directory}/bonding/mode") or "").partition(" ")[0]
        aggregator = number(f"{directory}/bonding/ad_aggregator") if mode == "802.3ad" else None
        active = [slave for slave in slaves.split() if self._carries(slave, aggregator)]
        return Bond(mode, self._memory.names(f"slaves {name}", slaves.split()), active)

    def _carries(self, slave: str, aggregator: int | None) -> bool:
        directory = f"{self._root}/{slave}/bonding_slave"
        own = number(f"{directory}/ad_aggregator_id")
        return word(f"{directory}/mii_status") == "up" and (aggregator is None or own is None or own == aggregator)


attach = Watch


def _admin_up(directory: str) -> bool:
    try:
        return bool(int(word(f"{directory}/flags") or "0", 16) & IFF_UP)
    except ValueError:
        return False


def _speed(directory: str) -> int | None:
    """Drivers say -1, or nothing, where there is no link or no such thing."""
    speed = number(f"{directory}/speed")
    return speed if speed is not None and 0 < speed < 2**31 else None


def _master(directory: str) -> str:
    """The bond; a bridge is none."""
    if not os.path.exists(f"{directory}/bonding_slave"):
        return ""
    return os.path.basename(os.path.realpath(f"{directory}/master"))


GAUGES = {
    "carrier": ("carrier", "Whether there is a link.", 1),
    "mtu_bytes": ("mtu_bytes", "Largest packet.", 1),
    "speed_mbps": ("speed_bytes", "Speed of the link.", MEGABIT_BYTES),
}
COUNTS = {
    "carrier_changes": ("carrier_changes", "How often the link came or went."),
    "carrier_ups": ("carrier_up_changes", "How often the link came."),
    "carrier_downs": ("carrier_down_changes", "How often the link went."),
    "rx_bytes": ("receive_bytes", "Bytes received."),
    "tx_bytes": ("transmit_bytes", "Bytes sent."),
    "rx_packets": ("receive_packets", "Packets received."),
    "tx_packets": ("transmit_packets", "Packets sent."),
    "rx_errors": ("receive_errs", "Packets received damaged."),
    "tx_errors": ("transmit_errs", "Packets that could not be sent."),
    "rx_dropped": ("receive_drop", "Packets received and dropped."),
    "tx_dropped": ("transmit_drop", "Packets dropped instead of being sent."),
    "rx_missed_errors": ("receive_missed", "Packets that the card had no room for."),
    "rx_crc_errors": ("receive_crc", "Packets received with a wrong checksum."),
    "collisions": ("transmit_colls", "Collisions."),
}


def metrics(reading: Reading) -> Iterable[Family]:
    """node_exporter's names; of counters it lacks, names in its manner."""
    there = [interface for interface in reading.interfaces if interface.present]
    up = [({"device": each.name}, float(each.operstate == "up")) for each in there]
    yield Family("node_network_up", "Whether the interface is up.", up)
    for field, (name, text, factor) in GAUGES.items():
        yield Family(f"node_network_{name}", text, _samples(there, field, factor))
    for field, (name, text) in COUNTS.items():
        yield Family(f"node_network_{name}", text, _samples(there, field), Kind.COUNTER)
    bonds = [({"master": each.name}, each.bond) for each in there if each.bond is not None]
    yield Family("node_bonding_slaves", "Slaves of a bond.", [(labels, float(len(it.slaves))) for labels, it in bonds])
    active = [(labels, float(len(it.active))) for labels, it in bonds]
    yield Family("node_bonding_active", "Slaves of a bond that carry traffic.", active)


def _samples(interfaces: Iterable[Interface], field: str, factor: int = 1) -> list[tuple[dict[str, str], float]]:
    values = [(each.name, getattr(each, field)) for each in interfaces]
    return [({"device": name}, float(value * factor)) for name, value in values if value is not None]
