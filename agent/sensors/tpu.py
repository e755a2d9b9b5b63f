"""Google's TPUs: which chips are there, who holds them, and what the runtime's own metrics service says of them.

libtpu serves metrics on localhost while a workload runs (gRPC, RuntimeMetricService, port 8431; the messages are
tpu_metric_service.proto of https://github.com/google/cloud-accelerator-diagnostics). Without a workload nobody serves,
which is no fault.
"""

import os
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds, protobuf
from wire.messages import Accelerator
from wire.names import AbsolutePath, HostPort

FILE = "tpus-seen.json"
GOOGLE = "0x1ae0"
MODELS = {  # by PCI device id
    "0x005e": "TPU v4",
    "0x0062": "TPU v5p",
    "0x0063": "TPU v5e",
    "0x006f": "TPU v6e",
}
OLD = {"0x004e": "TPU v2", "0x004f": "TPU v3"}  # device id 0x0027; by subsystem id
DEVICE = re.compile(r"/dev/(accel|vfio/)[0-9]+$")
SERVICE = "/tpu.monitoring.runtime.RuntimeMetricService"
DUTY, USED, TOTAL = (
    "tpu.runtime.tensorcore.dutycycle.percent",
    "tpu.runtime.hbm.memory.usage.bytes",
    "tpu.runtime.hbm.memory.total.bytes",
)


class Service(StrEnum):
    """The metrics service."""

    ANSWERS = "answers"
    ABSENT = "absent"  # nobody listens
    SILENT = "silent"  # somebody does, and does not answer, or not as documented
    LIBRARY_MISSING = "library_missing"


class Options(Cadence, frozen=True):
    """``address`` of the metrics service, which has ``within_s`` seconds to answer. ``expected``: how many chips this
    node must have. Not set: as many as were ever seen; a person accepts a smaller number by setting it, or by deleting
    tpus-seen.json in the agent's state directory. ``pci_devices``, ``proc``: where the kernel lists them, and
    processes."""

    every_s: Seconds = 15.0
    deadline_s: Seconds = 10.0
    address: HostPort = "localhost:8431"
    within_s: Seconds = 2.0
    expected: int | None = None
    pci_devices: AbsolutePath = "/sys/bus/pci/devices"
    proc: AbsolutePath = "/proc"


class Chip(msgspec.Struct, frozen=True):
    """On the PCI bus. ``driver`` is the kernel's that has it; empty: none."""

    pci: str
    model: str
    driver: str = ""


class Core(msgspec.Struct, frozen=True):
    """What the runtime counts: a chip, or a core of a chip that has two. None: not told."""

    number: int
    duty_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_bytes: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """``most`` is how many chips there must be. ``holders`` are processes that have a chip's device open; None when
    that can't be seen."""

    chips: list[Chip]
    most: int
    service: Service
    error: str = ""
    holders: list[int] | None = None
    cores: list[Core] = []


class Watch:
    """Remembers how many chips there were."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options = options
        self._file = Path(host.state_dir) / FILE if host.state_dir else None

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        chips, seen = chips_of(Path(self._options.pci_devices)), self._seen()
        if not (chips or seen or self._options.expected):
            return None
        if len(chips) > seen:
            self._remember(len(chips))
        most = max(len(chips), seen) if self._options.expected is None else self._options.expected
        service, error, cores = ask(self._options.address, self._options.within_s)
        return Reading(chips, most, service, error, holders(Path(self._options.proc)), cores)

    def _seen(self) -> int:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=int) if self._file else 0
        except (OSError, msgspec.MsgspecError):
            return 0

    def _remember(self, count: int) -> None:
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(count))
            os.replace(fresh, self._file)


attach = Watch


def chips_of(devices: Path) -> list[Chip]:
    entries = sorted(devices.iterdir()) if devices.is_dir() else []
    return [chip for entry in entries if (chip := _chip(entry)) is not None]


def _chip(entry: Path) -> Chip | None:
    """None for what is no TPU, or unplugged this moment."""
    try:
        if (entry / "vendor").read_text().strip() != GOOGLE:
            return None
        device = (entry / "device").read_text().strip()
        model = MODELS.get(device) or OLD.get((entry / "subsystem_device").read_text().strip(), "")
    except OSError:
        return None
    driver = (entry / "driver").readlink().name if (entry / "driver").is_symlink() else ""
    return Chip(entry.name, model, driver) if model else None


def holders(proc: Path) -> list[int] | None:
    """Processes that have a chip's device open. None when this user may look into none but its own."""
    own, found, hidden = os.geteuid(), [], False
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if any(DEVICE.match(str(link.readlink())) for link in (entry / "fd").iterdir()):
                found.append(int(entry.name))
        except PermissionError:
            hidden = True
        except OSError:
            continue  # gone this moment
    return None if hidden and own != 0 and not found else sorted(found)


def ask(address: str, within_s: float) -> tuple[Service, str, list[Core]]:
    """What the metrics service says, and what is wrong with it."""
    try:
        import grpc
    except ImportError:
        return Service.LIBRARY_MISSING, "grpcio is not installed: pip install 'mainstay[tpu]'", []
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            duty, used, total = (_metric(channel, name, within_s) for name in (DUTY, USED, TOTAL))
        except grpc.RpcError as error:
            absent = error.code() is grpc.StatusCode.UNAVAILABLE
            return Service.ABSENT if absent else Service.SILENT, f"{error.code().name}: {error.details()}", []
        except protobuf.Malformed as error:
            return Service.SILENT, f"not an answer of this protocol: {error}", []
    return Service.ANSWERS, "", _cores(duty, used, total)


def _metric(channel: Any, name: str, within_s: float) -> dict[int, float]:
    """By the number of the device. GetRuntimeMetric(MetricRequest) gives a MetricResponse."""
    call = channel.unary_unary(f"{SERVICE}/GetRuntimeMetric", request_serializer=bytes, response_deserializer=bytes)
    answer: bytes = call(protobuf.text(1, name), timeout=within_s)
    metrics_of = (value for number, value in protobuf.fields(protobuf.inner(answer, 1)) if number == 3)
    return dict(_sample(metric) for metric in metrics_of if isinstance(metric, bytes))


def _sample(metric: bytes) -> tuple[int, float]:
    """A Metric: attribute.value.int_attr, and gauge.as_double or gauge.as_int. Zero is not written."""
    device = protobuf.first(protobuf.inner(metric, 1, 2), 3)
    number, value = next(iter(protobuf.fields(protobuf.inner(metric, 3))), (2, 0))
    amount = protobuf.double(value) if isinstance(value, bytes) and number == 1 else float(value or 0)
    return int(device or 0) if not isinstance(device, bytes) else 0, amount


def _cores(duty: dict[int, float], used: dict[int, float], total: dict[int, float]) -> list[Core]:
    """Duty is told for each chip, memory for each core: the cores of a chip share its duty."""
    numbers = sorted(used.keys() | total.keys() | duty.keys())
    each = max(len(numbers) // len(duty), 1) if duty else 1
    return [
        Core(
            number=number,
            duty_percent=duty.get(number if each == 1 else place // each),
            memory_used_bytes=_whole(used.get(number)),
            memory_bytes=_whole(total.get(number)),
        )
        for place, number in enumerate(numbers)
    ]


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def accelerators(reading: Reading) -> list[Accelerator]:
    """The chips that work can be placed on: those that a driver has."""
    return [Accelerator(f"tpu-{chip.pci}", chip.model) for chip in reading.chips if chip.driver]


METRICS = (
    ("duty_percent", "mainstay_tpu_duty_cycle_ratio", "Share of time that the TensorCore computed.", 0.01),
    ("memory_used_bytes", "mainstay_tpu_memory_used_bytes", "HBM used.", 1.0),
    ("memory_bytes", "mainstay_tpu_memory_total_bytes", "HBM.", 1.0),
)


def metrics(reading: Reading) -> Iterable[Family]:
    yield Family("mainstay_tpu_chips", "TPU chips on the PCI bus.", [({}, float(len(reading.chips)))])
    for fact, name, help_, factor in METRICS:
        values = ((core, getattr(core, fact)) for core in reading.cores)
        if samples := [({"tpu": str(core.number)}, value * factor) for core, value in values if value is not None]:
            yield Family(name, help_, samples)
