"""Sensors: what a node looks at, how often, and what it may be told about that."""

import importlib
import inspect

from agent import checks, sensors
from agent.sensors import Cadence, Sensor
from scripts.reference.kinds import Struct, within
from scripts.reference.markdown import anchor, heading, paragraphs, prose, table
from scripts.reference.structs import about, fields

PATH = "reference/sensors.md"
INTRODUCTION = """
A sensor reads and does not judge; [conditions](../conditions.md) are what checks make of it. All of them run in the
prober, a process beside the agent: one that hangs makes its conditions UNKNOWN and holds up nothing else. Hardware that
is not there is looked for once a minute and said nothing about. `[sensors.NAME]` in
[the agent's configuration](agent-config.md) sets the options; every sensor has these:
"""


def render() -> list[str]:
    found = sensors.discover()
    lines = [*heading(1, "Sensors"), *paragraphs(INTRODUCTION), *fields(Cadence)]
    lines += table(("sensor", "every", "deadline", "reads"), [_row(sensor) for sensor in found.values()])
    return [*lines, *(line for sensor in found.values() for line in _sensor(sensor))]


def title(name: str) -> str:
    """Of a sensor's section."""
    return f"Sensor {name}"


def _row(sensor: Sensor) -> tuple[str, str, str, str]:
    cadence = sensor.options()
    told = ("when told", "") if sensor.reading is None else (f"{cadence.every_s:g} s", f"{cadence.deadline_s:g} s")
    first = prose(inspect.getdoc(_module(sensor)) or "").split(". ")[0]
    return f"[{sensor.name}]({anchor(title(sensor.name))})", *told, first.rstrip(".")


def _sensor(sensor: Sensor) -> list[str]:
    judging = [check.condition for check in checks.discover().values() if sensor.name in check.reads]
    judged = ", ".join(f"[{type_}](../conditions.md{anchor(type_)})" for type_ in judging)
    return [
        *heading(2, title(sensor.name)),
        *paragraphs(inspect.getdoc(_module(sensor)) or ""),
        *paragraphs(f"Judged as {judged}." if judged else ""),
        *_options(sensor),
    ]


def _options(sensor: Sensor) -> list[str]:
    own = fields(sensor.options, without=Cadence)
    tables = [line for each in list(within(sensor.options))[1:] for line in _table(each)]
    return [f"Set by `[sensors.{sensor.name}]`:", "", *about(sensor.options), *own, *tables] if own else []


def _table(struct: Struct) -> list[str]:
    return [*heading(3, struct.__name__), *about(struct), *fields(struct)]


def _module(sensor: Sensor) -> object:
    return importlib.import_module(f"{sensors.__name__}.{sensor.name}")
