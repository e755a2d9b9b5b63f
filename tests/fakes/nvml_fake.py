"""NVML as a test wants it: a library that speaks its real ABI (tests/fakes/nvml/nvml.c), told what to say in words.

    fake = Nvml.build(folder, gpus=8)
    environment = {**os.environ, **fake.environment}      # for the process that is to see these GPUs
    fake.gpu(3, temperature_c=95)
    fake.xid(3, 79)
    fake.lose(3)
    fake.call("nvmlDeviceGetTemperature", gpu=2, hang=True)

The loader finds the library through LD_LIBRARY_PATH, so a process sees it that is started with ``environment``. What
is said takes effect at once, in processes that run too. ``fake.pci`` is the same GPUs as /sys/bus/pci/devices has them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

SOURCE = Path(__file__).parent / "nvml"
XID = 0x8

# Microseconds a call takes on a data-centre GPU with persistence mode on. No public source lists them call by call. The
# fixed point is a measurement of nvmlDeviceGetPowerUsage on a Tesla K40m, 2,743 calls a second, 365 us
# (https://github.com/wookayin/gpustat/issues/76). From it, by what a call does: what the library remembers costs next
# to nothing; one request to the driver as much as that; a request that the GPU's own controller must answer (clocks,
# utilisation) twice; a walk over the processes four times; a batch of fields half a request for each field.
REQUEST_US = 365
LATENCY_US = {
    "nvmlInitWithFlags": 20 * REQUEST_US,
    "nvmlShutdown": 5 * REQUEST_US,
    "nvmlDeviceGetHandleByIndex_v2": 10 * REQUEST_US,
    "nvmlDeviceGetTemperature": REQUEST_US,
    "nvmlDeviceGetPowerUsage": REQUEST_US,
    "nvmlDeviceGetEnforcedPowerLimit": REQUEST_US,
    "nvmlDeviceGetUtilizationRates": 2 * REQUEST_US,
    "nvmlDeviceGetClockInfo": 2 * REQUEST_US,
    "nvmlDeviceGetCurrentClocksThrottleReasons": 2 * REQUEST_US,
    "nvmlDeviceGetMemoryInfo": REQUEST_US,
    "nvmlDeviceGetMemoryInfo_v2": REQUEST_US,
    "nvmlDeviceGetFieldValues": 4 * REQUEST_US,
    "nvmlDeviceGetMigMode": REQUEST_US,
    "nvmlDeviceGetPersistenceMode": REQUEST_US,
    "nvmlDeviceGetGpuFabricInfoV": REQUEST_US,
    "nvmlDeviceGetCurrPcieLinkGeneration": REQUEST_US,
    "nvmlDeviceGetCurrPcieLinkWidth": REQUEST_US,
    "nvmlDeviceGetRemappedRows": REQUEST_US,
    "nvmlDeviceGetNvLinkState": REQUEST_US,
    "nvmlDeviceGetComputeRunningProcesses_v3": 4 * REQUEST_US,
    "nvmlDeviceGetGraphicsRunningProcesses_v3": 4 * REQUEST_US,
}


def build_library(folder: Path) -> Path:
    """libnvidia-ml.so.1 in ``folder``; some hundred milliseconds of gcc."""
    library = folder / "libnvidia-ml.so.1"
    flags = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Wno-format-truncation", "-shared", "-fPIC", "-pthread"]
    subprocess.run(["gcc", *flags, "-o", library, SOURCE / "nvml.c"], check=True)
    return library


def can_build() -> bool:
    return shutil.which("gcc") is not None


class Nvml:
    """``gpus`` is how many there are. Every method says one thing more, or otherwise, and writes the file anew."""

    def __init__(self, library: Path, folder: Path, gpus: int = 8) -> None:
        self.library, self.file, self.pci = library, folder / "nvml.txt", folder / "pci"
        self.trace = folder / "calls"
        self.gpus = gpus
        self._head: dict[str, str] = {"count": str(gpus)}
        self._facts: dict[tuple[int, str], str] = {}
        self._processes: dict[tuple[int, str], list[tuple[int, int]]] = {}
        self._calls: dict[tuple[str, str], str] = {}
        self._latencies: dict[str, int] = {}
        self._events: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.plug(*range(gpus))
        self._write()

    @classmethod
    def build(cls, folder: Path, gpus: int = 8) -> "Nvml":
        folder.mkdir(parents=True, exist_ok=True)
        return cls(build_library(folder), folder, gpus)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_LIBRARY_PATH": str(self.library.parent), "MAINSTAY_FAKE_NVML": str(self.file)}

    @property
    def options(self) -> dict[str, str]:
        """What the sensors of NVIDIA's GPUs must be told of this machine."""
        return {"pci_devices": str(self.pci), "release_file": str(self.file.parent / "release")}

    def gpu(self, index: int | None = None, **facts: int | str | None) -> None:
        """Facts of one GPU (None: of all), by the names of nvml/facts.def, and uuid, name, bus. A fact that is None is
        not supported by it."""
        for each in range(self.gpus) if index is None else [index]:
            for name, value in facts.items():
                self._facts[each, name] = "none" if value is None else str(value)
        self._write()

    def lose(self, index: int) -> None:
        """It has fallen off the bus: every call answers GPU_IS_LOST, getting a handle too; a session counts it still,
        and a new one does while the PCI bus shows it (nvidia-smi then says "Unable to determine the device handle").
        """
        self.gpu(index, lost=1)

    def uncount(self, index: int) -> None:
        """The driver did not take it: a new session does not count it, and the PCI bus shows it."""
        self.gpu(index, uncounted=1)

    def find(self, index: int) -> None:
        self.gpu(index, lost=0, uncounted=0)

    def plug(self, *indices: int) -> None:
        """Show these GPUs on the PCI bus."""
        for index in indices:
            folder = self.pci / pci_name(index)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "vendor").write_text("0x10de\n")
            (folder / "class").write_text("0x030200\n")

    def unplug(self, *indices: int) -> None:
        for index in indices:
            shutil.rmtree(self.pci / pci_name(index))

    def xid(self, index: int, code: int) -> None:
        """An Xid, for those who wait for events."""
        self.event(index, XID, code)

    def event(self, index: int, kind: int, data: int = 0) -> None:
        self._events.append(f"event {len(self._events) + 1} {index} {kind} {data}")
        self._write()

    def processes(self, index: int, of: Iterable[tuple[int, int]], kind: str = "process") -> None:
        """Process ids with the bytes each has."""
        self._processes[index, kind] = list(of)
        self._write()

    def call(
        self, name: str, gpu: int | None = None, *, error: int = 0, hang: bool = False, stuck: bool = False
    ) -> None:
        """This call (``*``: every) fails with a code, hangs, or is stuck in state D, until it is told otherwise by
        :meth:`answer`."""
        word = "stuck" if stuck else "hang" if hang else f"error {error}"
        self._calls[name, "*" if gpu is None else str(gpu)] = word
        self._write()

    def answer(self, name: str, gpu: int | None = None) -> None:
        """This call answers again."""
        self._calls.pop((name, "*" if gpu is None else str(gpu)), None)
        self._write()

    def mismatch(self) -> None:
        """Library and kernel module are of different versions."""
        self.call("nvmlInitWithFlags", error=18)

    def unload(self) -> None:
        """The kernel module is not loaded."""
        self.call("nvmlInitWithFlags", error=9)

    def slow(self, latency_us: dict[str, int] | None = None, busy_percent: int = 0) -> None:
        """Answer as slowly as the real library: :data:`LATENCY_US`. ``busy_percent`` of it is computing, as the time a
        request spends in the driver is; the rest is waiting."""
        self._latencies = LATENCY_US if latency_us is None else latency_us
        self._head["busy"] = str(busy_percent)
        self._write()

    def driver(self, version: str) -> None:
        self._head["driver"] = version
        self._write()

    def traced(self) -> None:
        """Write down the name of every call from now on."""
        self._head["trace"] = str(self.trace)
        self._write()

    def calls(self) -> list[str]:
        return self.trace.read_text().split() if self.trace.exists() else []

    def _write(self) -> None:
        lines = [f"{key} {value}" for key, value in self._head.items()]
        lines += [f"latency {name} {us}" for name, us in self._latencies.items()]
        lines += [f"call {name} {gpu} {word}" for (name, gpu), word in self._calls.items()]
        lines += [f"gpu {index} {name} {value}" for (index, name), value in self._facts.items()]
        held = [(index, kind, *each) for (index, kind), all_ in self._processes.items() for each in all_]
        lines += [f"gpu {index} {kind} {pid} {size}" for index, kind, pid, size in held]
        fresh = self.file.with_suffix(".new")
        fresh.write_text("\n".join([*lines, *self._events]) + "\n")
        os.replace(fresh, self.file)


def pci_name(index: int) -> str:
    """The GPU's name in /sys/bus/pci/devices."""
    return f"{index // 8:04x}:{0x18 + index % 8 * 0x11:02x}:00.0"


def component(index: int) -> str:
    """The GPU as the kernel log names it."""
    return pci_name(index).removesuffix(".0")


def uuid(index: int) -> str:
    return f"GPU-{index:08x}-5eed-4000-8000-{index:012x}"
