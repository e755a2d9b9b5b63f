"""How fast the processors run, how fast they could, and how often heat or power held them back."""

import os
import re
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Kind, Seconds
from agent.sensors.pseudofiles import PROC, SYS, names, number, text, word

KHZ = 1000
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLED = 16  # kernels before 5.18 wake a processor and wait 10 ms for each frequency that is asked for
CPU = re.compile(r"cpu\d+$")


class Options(Cadence, frozen=True):
    every_s: Seconds = 60.0


class Reading(msgspec.Struct, frozen=True):
    """``throttled_core`` and ``throttled_package``: events since boot; None where the processor doesn't count them
    (the kernel counts Intel's only). Frequencies are None where the kernel doesn't steer them (most virtual machines).

    ``fastest_hz`` and ``mean_hz``: of at most SAMPLED processors, spread over all. ``limit_hz``: the lowest that policy
    allows any processor to reach; ``hardware_hz``: what the hardware can. ``idle_s``: seconds of all processors
    together since boot, of ``time_s``. https://docs.kernel.org/admin-guide/pm/cpufreq.html
    """

    cpus_present: int
    cpus_online: int
    throttled_core: int | None = None
    throttled_package: int | None = None
    fastest_hz: int | None = None
    mean_hz: int | None = None
    limit_hz: int | None = None
    hardware_hz: int | None = None
    microcode: str = ""
    idle_s: float | None = None
    time_s: float | None = None


def read(_options: Options, sys: str = SYS, proc: str = PROC) -> Reading | None:
    base = f"{sys}/devices/system/cpu"
    present = _count(word(f"{base}/present"))
    if not present:
        return None
    cpus = [f"{base}/{name}" for name in names(base) if CPU.match(name)]
    policies = [f"{base}/cpufreq/{name}" for name in names(f"{base}/cpufreq") if name.startswith("policy")]
    current = _known(f"{policy}/scaling_cur_freq" for policy in policies[:: len(policies) // SAMPLED + 1])
    limits = _known(f"{policy}/scaling_max_freq" for policy in policies)
    hardware = _known(f"{policy}/cpuinfo_max_freq" for policy in policies)
    core, package = _throttled(cpus)
    idle_s, time_s = _spent(text(f"{proc}/stat") or "")
    return Reading(
        cpus_present=present,
        cpus_online=_count(word(f"{base}/online")) or present,
        throttled_core=core,
        throttled_package=package,
        fastest_hz=max(current) * KHZ if current else None,
        mean_hz=sum(current) * KHZ // len(current) if current else None,
        limit_hz=min(limits) * KHZ if limits else None,
        hardware_hz=min(hardware) * KHZ if hardware else None,
        microcode=word(f"{base}/cpu0/microcode/version") or "",
        idle_s=idle_s,
        time_s=time_s,
    )


def _throttled(cpus: list[str]) -> tuple[int | None, int | None]:
    """Threads of a core tell its count each, so the sum is of threads; a package's counts once."""
    if not cpus or number(f"{cpus[0]}/thermal_throttle/core_throttle_count") is None:
        return None, None
    cores = sum(_known(f"{cpu}/thermal_throttle/core_throttle_count" for cpu in cpus))
    packages: dict[int | None, int] = {}
    for cpu in cpus:
        package = number(f"{cpu}/topology/physical_package_id")
        if package not in packages:
            packages[package] = number(f"{cpu}/thermal_throttle/package_throttle_count") or 0
    return cores, sum(packages.values())


def _spent(stat: str) -> tuple[float | None, float | None]:
    """Idle (waiting for a disk, too) and all, from the first line of /proc/stat."""
    ticks = [int(field) for field in stat.partition("\n")[0].split()[1:9]]
    return ((ticks[3] + ticks[4]) / TICKS, sum(ticks) / TICKS) if len(ticks) > 4 else (None, None)


def _known(paths: Iterable[str]) -> list[int]:
    return [value for path in paths if (value := number(path)) is not None]


def _count(ranges: str | None) -> int:
    """Of a list such as ``0-3,8-11``."""
    total = 0
    for part in (ranges or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            total += int(last or first) - int(first) + 1
    return total


def metrics(reading: Reading) -> Iterable[Family]:
    online = [({"state": "present"}, reading.cpus_present), ({"state": "online"}, reading.cpus_online)]
    yield Family("node_cpus", "Processors that are there, and that are in use.", online)
    for name, value, help_ in (
        ("node_cpu_core_throttles", reading.throttled_core, "Times a core was held back by heat."),
        ("node_cpu_package_throttles", reading.throttled_package, "Times a package was held back by heat."),
    ):
        if value is not None:
            yield Family(name, help_, [({}, value)], Kind.COUNTER)
    for name, value, help_ in (
        ("node_cpu_scaling_frequency_hertz", reading.mean_hz, "Mean frequency of the processors."),
        ("node_cpu_scaling_frequency_fastest_hertz", reading.fastest_hz, "Frequency of the fastest processor."),
        ("node_cpu_scaling_frequency_max_hertz", reading.limit_hz, "Highest frequency that policy allows to all."),
        ("node_cpu_frequency_max_hertz", reading.hardware_hz, "Highest frequency that the hardware can."),
    ):
        if value is not None:
            yield Family(name, help_, [({}, value)])
    if reading.microcode:
        yield Family("node_cpu_microcode_info", "Which microcode runs.", [({"version": reading.microcode}, 1.0)])
