"""The node's configuration: one TOML file, checked whole before anything starts."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from agent import checks, sensors
from agent.clock import BOOT_ID
from agent.errors import Invalid
from agent.workers.policy import WorkerPolicy
from wire.names import AbsolutePath, NodeName

DEFAULT_PATH = Path("/etc/mainstay/agent.toml")

HostPort = Annotated[str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]+$", max_length=255)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Tables = dict[str, Any]  # name to table; each is checked against the Struct of the module of that name
S = TypeVar("S", bound=msgspec.Struct)


class Intervals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds. A condition is told again when half of ``condition_life_s`` is over."""

    sense_s: Seconds = 15.0
    read_deadline_s: Seconds = 5.0
    condition_life_s: Seconds = 300.0

    def __post_init__(self) -> None:
        if self.condition_life_s < 4 * self.sense_s:
            raise ValueError(f"condition_life_s must be at least four times sense_s ({self.sense_s:g})")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``address`` is where peers reach this node's ranks. ``controllers`` are links, tried in this order; empty means
    the one that was named when the node joined. ``api`` is where to join. ``[sensors.NAME]`` and
    ``[thresholds.CHECK]`` are as the module of that name says."""

    node: NodeName
    address: Address
    controllers: list[HostPort] = []
    api: HostPort | None = None
    state_dir: AbsolutePath = "/var/lib/mainstay-agent"
    hold_file: AbsolutePath = "/etc/mainstay/hold"
    boot_id_file: AbsolutePath = str(BOOT_ID)
    intervals: Intervals = Intervals()
    workers: WorkerPolicy = WorkerPolicy()
    sensors: Tables = {}
    thresholds: Tables = {}

    @property
    def held(self) -> bool:
        """A person's hand: with this file there, nothing new is started on the node."""
        return os.path.exists(self.hold_file)


def load(path: Path) -> Config:
    """Raises Invalid with one line that names the file, the field and the mend."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise Invalid(f"{path}: no such file; write it, or name another with --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path}: cannot be read as TOML: {error}") from None
    config = _convert(tables, Config, str(path))
    _check_tables(path, "sensors", config.sensors, {name: found.options for name, found in sensors.discover().items()})
    known = {name: found.thresholds for name, found in checks.discover().items()}
    _check_tables(path, "thresholds", config.thresholds, known)
    return config


def split_host_port(text: HostPort) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _check_tables(path: Path, name: str, tables: Tables, known: Mapping[str, type[msgspec.Struct]]) -> None:
    for key, table in tables.items():
        if key not in known:
            raise Invalid(f"{path}: {name}.{key}: no such table; known are {', '.join(sorted(known))}")
        _convert(table, known[key], str(path), f"{name}.{key}")


def _convert(table: Any, into: type[S], path: str, prefix: str = "") -> S:
    try:
        return msgspec.convert(table, into)
    except msgspec.ValidationError as error:
        raise Invalid(f"{path}: {_in_words(str(error), prefix)}") from None


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_PATTERN = re.compile(r"Expected `str` matching regex (?P<quoted>'.*')")
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")


_SHAPES = {
    repr(get_args(kind)[1].pattern): words
    for kind, words in (
        (NodeName, "a name of small letters, digits, dots and dashes"),
        (HostPort, "HOST:PORT"),
        (Address, "an IP address or a host name"),
        (AbsolutePath, "an absolute path"),
    )
}


def _in_words(error: str, prefix: str) -> str:
    """msgspec's message as ``field: what is wrong; the mend``."""
    place = _PLACE.search(error)
    error = _PLACE.sub("", error)
    where = [part for part in (prefix, place["place"] if place else "") if part]
    for pattern, mend in ((_UNKNOWN, "no such field; remove it or correct its name"), (_MISSING, "missing; add it")):
        if match := pattern.search(error):
            return f"{'.'.join([*where, match['field']])}: {mend}"
    error = error.replace("`object`", "a table")
    if match := _PATTERN.search(error):
        error = f"Expected {_SHAPES.get(match['quoted'], match['quoted'])}"
    return f"{'.'.join(where) or 'file'}: {error}; correct it"
