"""Which fault does a line of the kernel's log tell? Most tell none."""

import re
import tomllib
from functools import cache
from pathlib import Path

import msgspec

LINES = Path(__file__).with_name("kernel.toml")
COMPONENT = 64
PCI = re.compile(r"(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})(?:\.([0-7]))?")
NVIDIA = ("xid", "sxid", "gpu_off_bus", "gpu_rminit_failed")  # addresses without the function, as in an Xid's line


class Found(msgspec.Struct, frozen=True):
    """The fields are those of :class:`agent.faults.Sighting`."""

    kind: str
    code: str = ""
    component: str = ""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See kernel.toml."""

    kind: str
    marker: str
    pattern: str
    source: str
    code: str = ""
    prefix: str = ""
    unless: str = ""


class _Pattern:
    def __init__(self, row: Row) -> None:
        self.kind, self.marker, self._row = row.kind, row.marker, row
        self._pattern = re.compile(row.pattern)
        self._unless = re.compile(row.unless) if row.unless else None

    def find(self, line: str) -> Found | None:
        match = self._pattern.search(line)
        if match is None or (self._unless and self._unless.search(line)):
            return None
        groups = {name: text for name, text in match.groupdict().items() if text}
        component = groups.get("component") or groups.get("component2", "")
        prefix = self._row.prefix if component else ""
        return Found(self.kind, groups.get("code", self._row.code), prefix + named(self.kind, component))


def classify(line: str) -> Found | None:
    """``line`` without the time stamp. None: harmless, or of no kind that is known."""
    for pattern in _patterns():
        if pattern.marker in line and (found := pattern.find(line)):
            return found
    return None


def kinds() -> frozenset[str]:
    """That lines can be of."""
    return frozenset(row.kind for row in rows())


def rows() -> list[Row]:
    return msgspec.convert(tomllib.loads(LINES.read_text("utf-8"))["line"], list[Row])


def named(kind: str, component: str) -> str:
    """A PCI address as sysfs writes it; all else as it came."""
    match = PCI.fullmatch(component)
    if match is None:
        return component[:COMPONENT]
    domain, bus, device, function = match.groups()
    address = f"{int(domain or '0', 16):04x}:{int(bus, 16):02x}:{int(device, 16):02x}"
    return f"{address}.{function}" if function and kind not in NVIDIA else address


@cache
def _patterns() -> list[_Pattern]:
    return [_Pattern(row) for row in rows()]
