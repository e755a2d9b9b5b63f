"""InfiniBand and RoCE ports: state, rate, what they lose. A machine without RDMA devices has no reading.

https://www.kernel.org/doc/Documentation/ABI/stable/sysfs-class-infiniband
"""

import os
import time
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from agent.sensors.boot_memory import BootMemory
from agent.sensors.lately import Lately
from agent.sensors.pseudofiles import names, number, word

MOST = 64
GIGABIT_BYTES = 125_000_000
MEMORY_FILE = "infiniband-seen.json"

# what is read, by directory; the metric's name is node_exporter's, or in its manner, and its factor
COUNTERS = {
    "counters": {
        "symbol_error": ("symbol_error", 1),
        "link_error_recovery": ("link_error_recovery", 1),
        "link_downed": ("link_downed", 1),
        "port_rcv_errors": ("port_errors_received", 1),
        "port_rcv_remote_physical_errors": ("port_receive_remote_physical_errors", 1),
        "port_rcv_switch_relay_errors": ("port_receive_switch_relay_errors", 1),
        "port_rcv_constraint_errors": ("port_constraint_errors_received", 1),
        "port_xmit_constraint_errors": ("port_constraint_errors_transmitted", 1),
        "port_xmit_discards": ("port_discards_transmitted", 1),
        "port_xmit_wait": ("port_transmit_wait", 1),
        "local_link_integrity_errors": ("local_link_integrity_errors", 1),
        "excessive_buffer_overrun_errors": ("excessive_buffer_overrun_errors", 1),
        "VL15_dropped": ("vl15_dropped", 1),
        "port_rcv_data": ("port_data_received_bytes", 4),
        "port_xmit_data": ("port_data_transmitted_bytes", 4),
    },
    "hw_counters": {
        "out_of_sequence": ("out_of_sequence_packets_received", 1),
        "packet_seq_err": ("packet_sequence_errors", 1),
        "local_ack_timeout_err": ("local_ack_timeout_errors", 1),
        "rnr_nak_retry_err": ("rnr_nak_retry_packets_received", 1),
        "roce_slow_restart": ("roce_slow_restart_used", 1),
        "rx_icrc_encapsulated": ("rx_icrc_encapsulated_errors", 1),
    },
}
NAMES = {name: metric for group in COUNTERS.values() for name, metric in group.items()}
TRAFFIC = frozenset({"port_rcv_data", "port_xmit_data", "port_xmit_wait"})


class Options(Cadence, frozen=True):
    """``ports`` (``mlx5_0/1``) must be active. Empty: those that were since the machine started. ``at_least``: so many
    ports must be active, whichever. ``rate_gbps``: what each active port must have; not set: its best since the machine
    started. ``flaps_over_s``: how far back lost links are counted. ``ignore``: ports that are looked past.
    ``root``: where the kernel shows the devices.
    """

    every_s: Seconds = 10.0
    ports: tuple[str, ...] = ()
    at_least: int = 0
    rate_gbps: float | None = None
    flaps_over_s: Seconds = 43_200.0
    ignore: tuple[str, ...] = ()
    root: str = "/sys/class/infiniband"


class Port(msgspec.Struct, frozen=True):
    """``name`` is DEVICE/PORT. ``present`` is false for one that is required, or was there since the machine started,
    and isn't. ``state`` 4 is active, ``phys_state`` 5 link up; None where it doesn't say. ``had_link``: active since
    the machine started. ``counters`` since the driver was loaded, those the device has; ``last_hour``: how much those
    of errors grew. ``downed_lately``: links lost within ``flaps_over_s``.
    """

    name: str
    present: bool
    required: bool
    had_link: bool = False
    link_layer: str = ""
    state: int | None = None
    state_name: str = ""
    phys_state: int | None = None
    phys_state_name: str = ""
    rate_gbps: float | None = None
    rate_name: str = ""
    expected_gbps: float | None = None
    counters: dict[str, int] = {}
    last_hour: dict[str, int] = {}
    downed_lately: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """Sorted by name, at most MOST. ``at_least`` and ``flaps_over_s``: of the options. ``most_active``: as many ports
    as were active at once since the machine started."""

    ports: list[Port]
    at_least: int = 0
    flaps_over_s: float = 43_200.0
    most_active: int = 0


class Watch:
    """Looks again and again, and remembers what there was since the machine started."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options = options
        self._hour, self._flaps = Lately(3600.0), Lately(options.flaps_over_s)
        path = os.path.join(host.state_dir, MEMORY_FILE) if host.state_dir else ""
        self._memory = BootMemory(path, host.boot_id)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        options = self._options
        wanted = {*self._memory.names("ports", self._there()), *options.ports} - {*options.ignore}
        if not wanted and not options.at_least:
            return None
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        ports = [self._look(name, now) for name in sorted(wanted)[:MOST]]
        most_active = self._memory.best("active", sum(port.present and port.state == 4 for port in ports)) or 0
        self._memory.save()
        return Reading(ports, options.at_least, options.flaps_over_s, most_active)

    def _there(self) -> list[str]:
        root = self._options.root
        return [f"{device}/{port}" for device in names(root) for port in names(f"{root}/{device}/ports")]

    def _look(self, name: str, now: float) -> Port:
        device, _, port = name.partition("/")
        directory, required = f"{self._options.root}/{device}/ports/{port}", name in self._options.ports
        if not os.path.isdir(directory):
            return Port(name, present=False, required=required, had_link=self._memory.flag(f"link {name}", False))
        state, state_name = _numbered(word(f"{directory}/state"))
        phys_state, phys_state_name = _numbered(word(f"{directory}/phys_state"))
        rate, rate_name = _rate(word(f"{directory}/rate"))
        counters = _counters(directory)
        return Port(
            name=name,
            present=True,
            required=required,
            had_link=self._memory.flag(f"link {name}", state == 4),
            link_layer=word(f"{directory}/link_layer") or "",
            state=state,
            state_name=state_name,
            phys_state=phys_state,
            phys_state_name=phys_state_name,
            rate_gbps=rate,
            rate_name=rate_name,
            expected_gbps=self._expected(name, rate if state == 4 else None),
            counters=counters,
            last_hour={
                each: self._hour.grown(f"{name} {each}", count, now) or 0
                for each, count in counters.items()
                if each not in TRAFFIC
            },
            downed_lately=self._flaps.grown(name, counters.get("link_downed"), now),
        )

    def _expected(self, name: str, rate: float | None) -> float | None:
        best = self._memory.best(f"mbps {name}", None if rate is None else round(rate * 1000))
        return self._options.rate_gbps or (None if best is None else best / 1000)


attach = Watch


def _numbered(text: str | None) -> tuple[int | None, str]:
    """``4: ACTIVE``."""
    value, _, name = (text or "").partition(":")
    return (int(value) if value.strip().isdecimal() else None), name.strip()


def _rate(text: str | None) -> tuple[float | None, str]:
    """``400 Gb/sec (4X NDR)``: its number, and the words in brackets."""
    value, _, rest = (text or "").partition(" ")
    try:
        return float(value), rest.partition("(")[2].rstrip(")")
    except ValueError:
        return None, ""


def _counters(directory: str) -> dict[str, int]:
    found = {name: number(f"{directory}/{group}/{name}") for group, members in COUNTERS.items() for name in members}
    return {name: count for name, count in found.items() if count is not None}


def metrics(reading: Reading) -> Iterable[Family]:
    """node_exporter's names."""
    there = [port for port in reading.ports if port.present]
    states = [(_labels(port), float(port.state)) for port in there if port.state is not None]
    yield Family("node_infiniband_state_id", "State of the port (4: active).", states)
    phys = [(_labels(port), float(port.phys_state)) for port in there if port.phys_state is not None]
    yield Family("node_infiniband_physical_state_id", "Physical state of the port (5: link up).", phys)
    rates = [(_labels(port), port.rate_gbps * GIGABIT_BYTES) for port in there if port.rate_gbps is not None]
    yield Family("node_infiniband_rate_bytes_per_second", "Signalling rate of the port.", rates)
    for counter, (name, factor) in NAMES.items():
        samples = [
            (_labels(port), float(port.counters[counter] * factor)) for port in there if counter in port.counters
        ]
        yield Family(f"node_infiniband_{name}", f"The port's counter {counter}.", samples, Kind.COUNTER)


def _labels(port: Port) -> dict[str, str]:
    device, _, number_ = port.name.partition("/")
    return {"device": device, "port": number_}
