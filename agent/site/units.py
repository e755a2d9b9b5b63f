"""Sensors and checks made of a site's own, in the shape of Mainstay's."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from agent.checks import Check, Clears, Count, Steadiness
from agent.errors import Invalid
from agent.sensors import Cadence, Host, Seconds, Sensor, Source
from agent.site import broken, said, trusted
from agent.site.command import Command, verdict
from agent.site.files import Described, File, FileSource
from agent.site.looking import Settings, SiteChecks
from agent.site.minded import GRACE_S, Ended, Minded
from wire.conditions import Severity

SLACK_S = 5.0  # so that a command's own deadline is over before the prober's


class CommandSource:
    """One run for each look; see :class:`agent.sensors.Source`."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._minded = Minded(command.argv, command.deadline_s)

    def read(self) -> said.Reading:
        try:
            trusted.demand_program(self._command.argv[0])
            ended = self._minded.run()
        except Invalid as error:
            ended = Ended(None, error=str(error).removeprefix(f"{self._command.argv[0]}: "))
        return said.reading(verdict(self._command, ended))

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def site_sensors(settings: Settings, found: SiteChecks) -> dict[str, Sensor]:
    """By name. Cheap: nothing of the site's own is run before a sensor is attached, in the prober."""
    files = {name: _file_sensor(settings, name, file) for name, file in found.files.items()}
    commands = {name: _command_sensor(name, command) for name, command in found.commands.items()}
    return files | commands | ({broken.NAME: broken.sensor(found.broken)} if found.broken else {})


def site_checks(found: SiteChecks) -> dict[str, Check]:
    """By the name of what they read; each has its thresholds as defaults already."""
    files = {name: _file_check(name, file) for name, file in found.files.items()}
    commands = {name: _command_check(name, command) for name, command in found.commands.items()}
    return files | commands | ({broken.NAME: broken.check()} if found.broken else {})


def _file_sensor(settings: Settings, name: str, file: Described) -> Sensor:
    attach = partial(_attach_file, file.path, settings.sensors.get(name, {}), settings.thresholds.get(name, {}))
    return _sensor(name, _cadence(file.enabled, file.every_s, file.deadline_s), attach)


def _attach_file(path: str, options: Any, thresholds: Any, _cadence: Cadence, _host: Host) -> Source:
    return FileSource(File(path, options, thresholds))


def _command_sensor(name: str, command: Command) -> Sensor:
    deadline_s = command.deadline_s + GRACE_S + SLACK_S
    return _sensor(name, _cadence(command.enabled, command.every_s, deadline_s), partial(_attach_command, command))


def _attach_command(command: Command, _cadence: Cadence, _host: Host) -> Source:
    return CommandSource(command)


def _sensor(name: str, options: type[Cadence], attach: Any) -> Sensor:
    return Sensor(name=name, options=options, reading=said.Reading, attach=attach, follow=None, metrics=None)


def _file_check(name: str, file: Described) -> Check:
    thresholds = _steadiness(file.bad, file.of, file.good)
    return _check(name, file.condition, thresholds, file.clears, file.action)


def _command_check(name: str, command: Command) -> Check:
    thresholds = _steadiness(command.bad, command.of, command.good)
    check = _check(name, command.condition, thresholds, Clears.FACT, command.suggested_action)
    return replace(check, worst=Severity(command.severity))


def _check(name: str, condition: str, thresholds: type[Steadiness], clears: Clears, action: str) -> Check:
    """One reading is enough, for it was judged where the window is."""
    return Check(
        name=name,
        condition=condition,
        reads=(name,),
        window=1,
        thresholds=thresholds,
        judge=said.judge,
        clears=clears,
        action=action,
    )


def _cadence(enabled: bool, every_s: float, deadline_s: float) -> type[Cadence]:
    fields = {"enabled": (bool, enabled), "every_s": (Seconds, every_s), "deadline_s": (Seconds, deadline_s)}
    made: type[Cadence] = _with_defaults(Cadence, fields)
    return made


def _steadiness(bad: int, of: int, good: int) -> type[Steadiness]:
    fields = {"bad": (Count, bad), "of": (Count, of), "good": (Count, good)}
    made: type[Steadiness] = _with_defaults(Steadiness, fields)
    return made


def _with_defaults(base: type[Any], fields: Mapping[str, tuple[Any, Any]]) -> Any:
    """The rest of the node's table is for the site's own Struct, which was filled and checked already."""
    named = [(name, kind, default) for name, (kind, default) in fields.items()]
    return msgspec.defstruct(f"Site{base.__name__}", named, bases=(base,), frozen=True, forbid_unknown_fields=False)
