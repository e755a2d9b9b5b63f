"""The node's configuration: one TOML file, checked whole before anything starts."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from agent import checks, sensors
from agent.clock import BOOT_ID
from agent.errors import Invalid
from agent.metrics.options import Exposure
from agent.site import looking
from agent.site.command import Command
from agent.workers.policy import WorkerPolicy
from wire.names import END, AbsolutePath, HostPort, NodeName, form
from wire.validation import describe

DEFAULT_PATH = Path("/etc/mainstay/agent.toml")

Address = Annotated[str, form(r"^[A-Za-z0-9._:-]+" + END, "an IP address or a host name"), msgspec.Meta(max_length=255)]
Tables = dict[str, Any]  # name to table; each is checked against the Struct of the module of that name
S = TypeVar("S", bound=msgspec.Struct)


class Intervals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds. What was told counts for ``condition_life_s``, or for four looks of its sensor if that is longer, and is
    told again when half of that is over."""

    condition_life_s: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 300.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``node`` is this node's name in the cluster. ``address`` is where peers reach this node's ranks.

    ``controllers`` are links, tried in this order; empty means the one that was named when the node joined. ``api`` is
    HOST:PORT of the controller to join. ``state_dir`` keeps the node's identity, its spool and the parts of jobs.
    While ``hold_file`` exists, nothing new is started on this node, whatever a controller says. ``boot_id_file`` names
    this boot of the machine. ``helper`` is the root helper's socket; without one, workers run as the agent's own user,
    or as any user when that is root. ``sensors`` has a table for each sensor, ``thresholds`` one for each check.
    ``site_checks`` is a directory of Python files, each a check of the site's own; ``commands`` are checks that are
    programs. ``faults`` is a file with rows of the site's own for the table of faults.
    """

    node: NodeName
    address: Address
    controllers: list[HostPort] = []
    api: HostPort | None = None
    state_dir: AbsolutePath = "/var/lib/mainstay-agent"
    hold_file: AbsolutePath = "/etc/mainstay/hold"
    helper: AbsolutePath | None = None
    boot_id_file: AbsolutePath = str(BOOT_ID)
    intervals: Intervals = Intervals()
    workers: WorkerPolicy = WorkerPolicy()
    metrics: Exposure = Exposure()
    sensors: Tables = {}
    thresholds: Tables = {}
    site_checks: AbsolutePath = "/etc/mainstay/checks.d"
    faults: AbsolutePath | None = None
    commands: dict[str, Command] = {}

    @property
    def held(self) -> bool:
        """A person's hand: with this file there, nothing new is started on the node."""
        return os.path.exists(self.hold_file)


def load(path: Path) -> Config:
    """Raises Invalid with one line that names the file, the field and the mend."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        raise Invalid(f"{path}: no such file; write it, or name another with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: cannot be read as TOML: {error}") from None


def parse(text: str, source: str) -> Config:
    """``source`` is the file's name for messages. Raises Invalid with one line that names it and the field."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{source}: cannot be read as TOML: {error}") from None
    config = _convert(tables, Config, source)
    site = frozenset(looking.names(config.site_checks))  # their tables are checked with them
    for name, known in units().items():
        _check_tables(source, name, getattr(config, name), known, site)
    return config


def units() -> dict[str, dict[str, type[msgspec.Struct]]]:
    """What is set by the name of a module: ``[sensors.NAME]`` and ``[thresholds.CHECK]``."""
    return {
        "sensors": {name: found.options for name, found in sensors.discover().items()},
        "thresholds": {name: found.thresholds for name, found in checks.discover().items()},
    }


def _check_tables(
    source: str, name: str, tables: Tables, known: Mapping[str, type[msgspec.Struct]], site: frozenset[str]
) -> None:
    for key, table in tables.items():
        if key in site and key not in known:
            continue
        if key not in known:
            raise Invalid(f"{source}: {name}.{key}: no such table; known are {', '.join(sorted(known))}")
        _convert(table, known[key], source, f"{name}.{key}")


def _convert(table: Any, into: type[S], path: str, prefix: str = "") -> S:
    try:
        return msgspec.convert(table, into)
    except msgspec.ValidationError as error:
        raise Invalid(f"{path}: {describe(error, prefix)}") from None
