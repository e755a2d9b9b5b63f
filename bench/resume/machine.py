"""The machine that is measured on, and whether it is quiet."""

import os
import platform
from pathlib import Path

import msgspec
import psutil

SAMPLE_S = 1.0
QUIET_SHARE = 0.1
MIB = 2**20


class Machine(msgspec.Struct, frozen=True):
    processor: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    torch: str
    load: float  # of the last minute
    busy: float  # share of all cores, now

    @property
    def quiet(self) -> bool:
        return self.busy <= QUIET_SHARE

    def lines(self) -> list[str]:
        told = [
            f"machine   {self.cores} cores, {self.processor}, {self.memory_mib:,} MiB",
            f"software  Linux {self.kernel}, Python {self.python}, torch {self.torch}",
            f"load      {self.load:.2f} over the last minute; {self.busy:.0%} busy now",
        ]
        return told if self.quiet else [*told, "WARNING   not a quiet machine: the times come out too long"]


def describe(torch: str) -> Machine:
    """Takes a second, to see what others are doing."""
    return Machine(
        processor=_processor(Path("/proc/cpuinfo").read_text()),
        cores=os.cpu_count() or 1,
        memory_mib=psutil.virtual_memory().total // MIB,
        kernel=platform.release(),
        python=platform.python_version(),
        torch=torch,
        load=os.getloadavg()[0],
        busy=busy(),
    )


def busy() -> float:
    """Share of all cores at work during one second."""
    return psutil.cpu_percent(SAMPLE_S) / 100


def _processor(cpuinfo: str) -> str:
    names = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
