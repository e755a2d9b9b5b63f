"""Every family on the pages of an agent and of a controller."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.core import Metric

from agent import sensors
from agent.clock import SystemClock
from agent.conditions import Book
from agent.faults import Sighting, table
from agent.faults.log import Kept
from agent.faults.watch import FaultWatch
from agent.metrics.own import Channel, Own
from agent.metrics.shown import Left
from agent.probe import Look
from agent.sensors import Family, Kind, Sensor, infiniband
from agent.sensors.storage import reading as storage
from agent.tally import LookEnd, Tally
from controller.api import metrics as controllers
from scripts.reference.markdown import anchor, code, heading, paragraphs
from scripts.reference.markdown import table as columns
from scripts.reference.pages import sensors as sensors_page
from scripts.reference.specimen import specimen
from wire.conditions import Condition, Severity, Status

PATH = "reference/metrics.md"
INTRODUCTION = """
What Prometheus reads of an agent and of a controller; [metrics](../metrics.md) says how. What a machine does not have
is not there. A family of an agent has at most 512 samples.
"""
SERVICE = "SERVICE"
WORDS: Mapping[str, Mapping[str, Sequence[str]]] = {  # that decide which families there are
    "bmc": {"unit": ["celsius", "rpm", "volts", "amperes", "watts"]},
    "infiniband": {"counters": list(infiniband.NAMES)},
}
Row = tuple[str, str, str, str]


def render() -> list[str]:
    found = {name: sensor for name, sensor in sensors.discover().items() if sensor.reading and sensor.metrics}
    services = [name for name, sensor in found.items() if sensor.reading is storage.Reading]
    lines = [*heading(1, "Metrics"), *paragraphs(INTRODUCTION)]
    lines += [*heading(2, "An agent, of itself and its node"), *_table(of_agent())]
    for name in sorted(set(found) - set(services)):
        title = sensors_page.title(name)
        lines += [
            *heading(2, title),
            f"What [it reads](sensors.md{anchor(title)}).",
            "",
            *_table(of_sensor(found[name])),
        ]
    lines += [*heading(2, "Storage services"), *paragraphs(f"{code(SERVICE)} is one of {_services(services)}.")]
    lines += _table(of_sensor(found[services[0]]))
    return [*lines, *heading(2, "A controller"), *_rows(map(_of_metric, controllers.families([], {}, [], {})))]


def of_sensor(sensor: Sensor) -> list[Family]:
    """What it makes of a reading that has everything."""
    assert sensor.reading is not None
    assert sensor.metrics is not None
    words = {"service": [SERVICE], **WORDS.get(sensor.name, {})}
    return [family for family in sensor.metrics(specimen(sensor.reading, words)) if family.samples]


def of_agent() -> list[Family]:
    """Of an agent on whose node everything happened once."""
    clock, tally = SystemClock(), Tally()
    tally.looks["", LookEnd.ANSWERED] += 1
    now = clock.utc()
    bad = Condition("", Status.TRUE, Severity.INFO, "", "", now, 1, now + timedelta(days=1), components=["GPU"])
    kept = Kept(1, "", datetime(2026, 1, 1, tzinfo=UTC).timestamp(), Sighting("", "", "", 0.0, "", ""))
    faults = FaultWatch(table.own(), [kept], 2, {}, "", clock, _Nowhere(), 1.0)
    faults.counted["", "", Severity.INFO] += 1
    channel = Channel(lambda: True, lambda: 1, lambda: 0, lambda: 0, {("", ""): 1})
    newest = {"": Look(0.0, 0.0, None)}
    return list(Own("", clock, Book(timedelta(1), [bad]), faults, tally, lambda: newest, channel)({Left("", ""): 1}))


class _Nowhere:
    """Nothing is kept."""

    def keep_faults(self, *_: Any) -> None: ...
    def forget_faults(self, *_: Any) -> None: ...


def _services(names: Iterable[str]) -> str:
    words = sorted(code(name.removeprefix("storage_").removesuffix("_service")) for name in names)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _table(families: Iterable[Family]) -> list[str]:
    return _rows(_of_family(family) for family in families)


def _of_family(family: Family) -> Row:
    name = f"{family.name}_total" if family.kind is Kind.COUNTER else family.name
    labels = list(family.samples[0][0])
    return code(name), family.kind.value, ", ".join(map(code, labels)), family.help


def _of_metric(metric: Metric) -> Row:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    labels: Sequence[str] = getattr(metric, "_labelnames", ())
    return code(name), metric.type, ", ".join(map(code, labels)), metric.documentation


def _rows(rows: Iterable[Row]) -> list[str]:
    return columns(("family", "type", "labels", "meaning"), rows)
