"""What a site has of its own checks: read when the agent starts and when its configuration is read anew."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Protocol

import msgspec

from agent import checks, sensors
from agent.errors import Invalid
from agent.faults import table
from agent.site import trusted
from agent.site.command import Command
from agent.site.describing import describe
from agent.site.files import Described

MOST = 64
AT_ONCE = 4
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Settings(Protocol):
    """Of the node's configuration; see :class:`agent.config.Config`."""

    @property
    def site_checks(self) -> str: ...
    @property
    def commands(self) -> Mapping[str, Command]: ...
    @property
    def sensors(self) -> Mapping[str, Any]: ...
    @property
    def thresholds(self) -> Mapping[str, Any]: ...
    @property
    def faults(self) -> str | None: ...


class SiteChecks(msgspec.Struct, frozen=True):
    """Plain values, so that the prober is told by the agent and both know the same. ``files``, ``commands``: by the
    name of their sensor. ``broken``: by file or table, what is wrong with it; it is left out."""

    files: dict[str, Described] = {}
    commands: dict[str, Command] = {}
    broken: dict[str, str] = {}


def look(settings: Settings) -> SiteChecks:
    """Blocks while the files are loaded, a process each. Never raises for what is wrong with them."""
    from concurrent.futures import ThreadPoolExecutor

    paths = names(settings.site_checks)
    own = sensors.discover().keys() | checks.discover().keys()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda name: _describe(settings, name, paths[name], own), paths))
    files = {name: each for name, each in zip(paths, found, strict=True) if isinstance(each, Described)}
    broken = {paths[name]: each for name, each in zip(paths, found, strict=True) if isinstance(each, str)}
    commands = {f"command_{name}": command for name, command in settings.commands.items()}
    return _without_doubles(SiteChecks(files, commands, broken), _own_types(settings))


def examine(settings: Settings) -> None:
    """For `config check`. Raises Invalid for the first that is wrong."""
    for error in look(settings).broken.values():
        raise Invalid(error)
    for name, command in settings.commands.items():
        try:
            trusted.demand_program(command.argv[0])
        except Invalid as error:
            raise Invalid(f"commands.{name}: {error}") from None


def names(directory: str) -> dict[str, str]:
    """The files that are checks, by name; without those that begin with a dot or an underscore."""
    try:
        found = sorted(name for name in os.listdir(directory) if name.endswith(".py") and name[0] not in "._")
    except OSError:
        return {}  # most sites have none
    return {Path(name).stem: os.path.join(directory, name) for name in found[:MOST]}


def _describe(settings: Settings, name: str, path: str, own: Set[str]) -> Described | str:
    """Or what is wrong with it. ``own``: names that are Mainstay's."""
    if not NAME.fullmatch(name):
        return f"{path}: not a name of small letters, digits and underscores; rename it"
    if name in own:
        return f"{path}: a check or sensor of Mainstay's own has this name; rename it"
    try:
        return describe(path, settings.sensors.get(name, {}), settings.thresholds.get(name, {}))
    except Invalid as error:
        text = str(error)
        return text if text.startswith(path) else f"{path}: {text}"


def _own_types(settings: Settings) -> Set[str]:
    """Conditions that are Mainstay's own; a table of faults that is wrong is not this one's to tell."""
    try:
        told = table.load(settings).types()
    except Invalid:
        told = table.own().types()
    return {check.condition for check in checks.discover().values()} | set(table.OWN_TYPES) | told


def _without_doubles(found: SiteChecks, own: Set[str]) -> SiteChecks:
    """Two checks can't speak for one condition, nor one for a condition of Mainstay's own."""
    count = Counter(type_ for _, _, type_ in _types(found))
    wrong = {sensor: (where, type_) for sensor, where, type_ in _types(found) if type_ in own or count[type_] > 1}
    return SiteChecks(
        {name: file for name, file in found.files.items() if name not in wrong},
        {name: command for name, command in found.commands.items() if name not in wrong},
        found.broken | {where: _taken(where, type_, own) for where, type_ in wrong.values()},
    )


def _types(found: SiteChecks) -> Iterator[tuple[str, str, str]]:
    """Sensor, where it is defined, and its condition."""
    for name, file in found.files.items():
        yield name, file.path, file.condition
    for name, command in found.commands.items():
        yield name, f"commands.{name.removeprefix('command_')}", command.condition


def _taken(where: str, type_: str, own: Set[str]) -> str:
    whose = "one of Mainstay's own" if type_ in own else "claimed by another check too"
    return f"{where}: the condition {type_} is {whose}; give it another name"
