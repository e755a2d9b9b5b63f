"""Temperatures that drivers tell: processors, memory, network cards, disks, the board (hwmon); where there are none,
the firmware's thermal zones. Accelerators have sensors of their own."""

from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds
from agent.sensors.pseudofiles import SYS, names, number, word

MOST = 256
MILLI = 1000
ACCELERATORS = frozenset({"amdgpu", "nouveau", "nvidia"})
SENSIBLE_C = range(20, 200)  # what a limit can be: boards tell 0, -128 or 65261 where they have none


class Options(Cadence, frozen=True):
    """``ignore``: sensors as their condition names them (``coretemp_0/Core 3``), for a board that tells nonsense."""

    every_s: Seconds = 30.0
    ignore: tuple[str, ...] = ()


class Heat(msgspec.Struct, frozen=True):
    """Degrees Celsius. ``critical_c``: the driver's own limit, where the hardware protects itself; None: it has
    none. https://docs.kernel.org/hwmon/sysfs-interface.html"""

    chip: str
    sensor: str
    celsius: float
    critical_c: float | None = None


class Reading(msgspec.Struct, frozen=True):
    """Sorted by chip and sensor, at most MOST."""

    heats: list[Heat]


class _Place(msgspec.Struct, frozen=True):
    """What doesn't change of a sensor."""

    path: str
    chip: str
    sensor: str
    critical_c: float | None


class Thermometers:
    """Finds them once and again when their chips change (a driver was loaded); then reads one small file each."""

    def __init__(self, options: Options, sys: str = SYS) -> None:
        self._options, self._sys = options, sys
        self._chips: list[str] = []
        self._places: list[_Place] = []

    def read(self) -> Reading | None:
        chips = names(f"{self._sys}/class/hwmon") + names(f"{self._sys}/class/thermal")
        if chips != self._chips:
            self._chips = chips
            places = _hwmon(self._sys) or _zones(self._sys)
            ignored = self._options.ignore
            self._places = [place for place in places if f"{place.chip}/{place.sensor}" not in ignored][:MOST]
        if not self._places:
            return None
        heats = [(place, number(place.path)) for place in self._places]
        return Reading([_heat(place, value) for place, value in heats if value is not None])

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, _host: Host) -> Thermometers:
    return Thermometers(options)


def _heat(place: _Place, value: int) -> Heat:
    return Heat(place.chip, place.sensor, value / MILLI, place.critical_c)


def _hwmon(sys: str) -> list[_Place]:
    """Chips of one driver are told apart by their order, which is that of their buses."""
    found, seen = [], dict[str, int]()
    for entry in sorted(names(f"{sys}/class/hwmon"), key=lambda name: (len(name), name)):
        directory = f"{sys}/class/hwmon/{entry}"
        driver = word(f"{directory}/name") or entry
        if driver in ACCELERATORS:
            continue
        chip = f"{driver}_{seen.setdefault(driver, 0)}"
        seen[driver] += 1
        inputs = [name for name in names(directory) if name.startswith("temp") and name.endswith("_input")]
        found += [_place(directory, chip, name.removesuffix("_input")) for name in inputs]
    return found


def _place(directory: str, chip: str, sensor: str) -> _Place:
    limit = number(f"{directory}/{sensor}_crit")
    critical = None if limit is None or limit // MILLI not in SENSIBLE_C else limit / MILLI
    return _Place(f"{directory}/{sensor}_input", chip, word(f"{directory}/{sensor}_label") or sensor, critical)


def _zones(sys: str) -> list[_Place]:
    zones = [name for name in names(f"{sys}/class/thermal") if name.startswith("thermal_zone")]
    return [_zone(f"{sys}/class/thermal/{name}", name) for name in zones]


def _zone(directory: str, name: str) -> _Place:
    """Its trip points say where the machine is switched off."""
    for point in range(12):
        kind = word(f"{directory}/trip_point_{point}_type")
        limit = number(f"{directory}/trip_point_{point}_temp")
        if kind == "critical" and limit is not None and limit // MILLI in SENSIBLE_C:
            return _Place(f"{directory}/temp", name, word(f"{directory}/type") or name, limit / MILLI)
    return _Place(f"{directory}/temp", name, word(f"{directory}/type") or name, None)


def metrics(reading: Reading) -> Iterable[Family]:
    heats = [({"chip": heat.chip, "sensor": heat.sensor}, heat.celsius) for heat in reading.heats]
    yield Family("node_hwmon_temp_celsius", "Temperature as a driver tells it.", heats)
