"""Sensors and checks: what a node looks at, and when that is a fault."""

import importlib
import inspect

from agent import checks, sensors
from agent.checks import Check
from scripts.reference.kinds import Struct, within
from scripts.reference.markdown import code, heading, paragraphs, prose
from scripts.reference.structs import about, answered, fields

PATH = "reference/checks.md"
INTRODUCTION = """
A sensor reads, a check judges what was read, and what it says is a condition: TRUE when the fault that it names is
there, FALSE when not, UNKNOWN when it cannot tell. Options and thresholds are set in
[the agent's configuration](agent-config.md). `mainstay-agent check` runs all of them once;
[add a check](../checklists/add-a-check.md) says how to write one.
"""


def render() -> list[str]:
    lines = [*heading(1, "Sensors and checks"), *paragraphs(INTRODUCTION)]
    for name, check in sorted(checks.discover().items()):
        lines += _check(name, check)
    for name in sorted(sensors.discover()):
        lines += _sensor(name)
    return lines


def _check(name: str, check: Check) -> list[str]:
    module = importlib.import_module(f"{checks.__name__}.{name}")
    reads = f"The condition `{check.condition}`, judged from the sensor [{check.reads}](#sensor-{check.reads})."
    reasons = ", ".join(code(reason) for reason in module.Reason)
    return [
        *heading(2, check.condition),
        *paragraphs(inspect.getdoc(module) or ""),
        *paragraphs(f"{reads} Its reasons: {reasons}. Set by `[thresholds.{name}]`:"),
        *about(check.thresholds),
        *fields(check.thresholds),
    ]


def _sensor(name: str) -> list[str]:
    found = sensors.discover()[name]
    module = importlib.import_module(f"{sensors.__name__}.{name}")
    options = fields(found.options)
    return [
        *heading(2, f"Sensor {name}"),
        *paragraphs(prose(inspect.getdoc(module) or "")),
        *([f"Set by `[sensors.{name}]`:", "", *about(found.options), *options] if options else []),
        "What it reads:",
        "",
        *(line for struct in within(module.Reading) for line in _reading(struct, module.Reading)),
    ]


def _reading(struct: Struct, outermost: Struct) -> list[str]:
    title = [] if struct is outermost else heading(3, struct.__name__)
    return [*title, *about(struct), *answered(struct)]
