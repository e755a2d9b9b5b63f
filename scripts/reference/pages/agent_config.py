"""The node's configuration."""

from agent.config import DEFAULT_PATH, Config, units
from agent.site.command import Command
from scripts.reference.kinds import Struct, fields_of
from scripts.reference.markdown import code, heading, paragraphs, table
from scripts.reference.structs import about, fields, toml

PATH = "reference/agent-config.md"
INTRODUCTION = f"""
`{DEFAULT_PATH}` on each node, TOML, read when the agent starts. `mainstay-agent config sample` prints one with every
field commented, `mainstay-agent config check` says whether a file is right, `mainstay-agent config show` how it is
understood. An unknown field is refused.
"""

UNITS = """
[Conditions](../conditions.md) says what each field of a threshold means, and its default; [sensors](sensors.md) says it
of their options.
"""


def render() -> list[str]:
    rows = [
        (code(f"[{group}.{name}]"), _fields(struct)) for group, each in units().items() for name, struct in each.items()
    ]
    return [
        *heading(1, "The agent's configuration"),
        *paragraphs(INTRODUCTION),
        *toml(Config),
        *heading(2, "Command"),
        *about(Command),
        *fields(Command),
        *heading(2, "Sensors and checks"),
        *paragraphs(UNITS),
        *table(("table", "fields"), [row for row in rows if row[1]]),
    ]


def _fields(struct: Struct) -> str:
    return ", ".join(code(field.encode_name) for field in fields_of(struct))
