"""What agents and the controller say to each other."""

import inspect

from msgspec.inspect import StructType, type_info

from scripts.reference.kinds import Struct, within
from scripts.reference.markdown import heading, paragraphs
from scripts.reference.structs import about, answered
from wire import messages, version

PATH = "reference/messages.md"
INTRODUCTION = f"""
One WebSocket for each agent, over mutual TLS; each binary frame is one message in MessagePack, told apart by its field
`type`. Version {version.MAJOR}.{version.MINOR}: {{rule}} A message is a table of the fields below; one that is at its
default may be left out. How they are used: [wire](../wire.md).
"""


def render() -> list[str]:
    rule = (inspect.getdoc(version) or "").split("\n\n")[0].partition(". ")[2]
    lines = [*heading(1, "Messages"), *paragraphs(INTRODUCTION.format(rule=rule)), *paragraphs(messages.__doc__ or "")]
    seen: list[Struct] = []
    for title, union in (("From the agent", messages.FromAgent), ("From the controller", messages.FromController)):
        lines += heading(2, title)
        for kind in union.__args__:
            lines += [line for struct in within(kind) if struct not in seen for line in _section(struct)]
            seen += within(kind)
    return lines


def _section(struct: Struct) -> list[str]:
    found = type_info(struct)
    assert isinstance(found, StructType)
    tag = [f"`{found.tag_field}` is `{found.tag}`.", ""] if found.tag else []
    return [*heading(3, struct.__name__), *about(struct), *tag, *answered(struct)]
