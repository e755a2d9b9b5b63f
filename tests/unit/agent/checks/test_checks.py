"""What holds for every sensor and every check, whoever wrote it."""

import importlib
import inspect
import pkgutil

import msgspec
import pytest

from agent import checks, sensors
from agent.binding import bind_checks, bind_sensors
from agent.config import parse
from agent.sensors import Host
from agent.site import SiteChecks
from wire.conditions import Severity

CONFIG = parse('node = "n1"\naddress = "127.0.0.1"', "test")
SENSORS, CHECKS = sensors.discover(), checks.discover()


def test_every_check_reads_a_sensor_that_is_there() -> None:
    assert {sensor for check in CHECKS.values() for sensor in check.reads} <= set(SENSORS)
    assert len({check.condition for check in CHECKS.values()}) == len(CHECKS)


def test_every_sensor_and_check_is_bound() -> None:
    assert set(bind_sensors(CONFIG, SiteChecks())) == set(SENSORS)
    assert {check.condition for check in bind_checks(CONFIG, SiteChecks())} == {c.condition for c in CHECKS.values()}


@pytest.mark.parametrize("name", sorted(name for name, sensor in SENSORS.items() if sensor.attach is not None))
def test_every_sensor_reads_this_machine(name: str, tmp_path: object) -> None:
    """A reading, or None where the machine has no such thing; never an error."""
    bound = bind_sensors(CONFIG, SiteChecks())[name]
    assert bound.attach is not None
    assert bound.reading is not None
    reading = bound.attach(Host("n1", "127.0.0.1", "boot", str(tmp_path))).read()
    if reading is not None:
        assert type(reading).__struct_config__.frozen
        packed = msgspec.msgpack.encode(reading)
        assert msgspec.msgpack.decode(packed, type=bound.reading) == reading


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_check_says_what_to_do_and_what_it_looks_at(name: str) -> None:
    check = CHECKS[name]
    assert check.condition[0].isupper()
    assert check.condition.isalnum()
    assert check.action
    assert "\n" not in check.action
    assert inspect.getdoc(check.thresholds)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_check_tells_the_worst_that_it_says(name: str) -> None:
    """What may hide behind it when its sensor falls silent is judged by that."""
    says_critical = "Severity.CRITICAL" in inspect.getsource(importlib.import_module(f"agent.checks.{name}"))
    assert CHECKS[name].worst is (Severity.CRITICAL if says_critical else Severity.WARNING)


def test_every_module_in_the_rooms_is_found_or_shared() -> None:
    """A check with a misspelt name would never be asked."""
    shared = {
        "amd",
        "boot_memory",
        "carriers",
        "echo",
        "kernel",
        "lately",
        "nvidia",
        "pairs",
        "protobuf",
        "storage",
        "pseudofiles",
        "mount_question",
        "mount_table",
    }
    for package, found in ((checks, CHECKS), (sensors, SENSORS)):
        modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
        assert modules - set(found) - shared == set()
