"""A command as a check: ``[commands.NAME]`` of the node's configuration. What its end means is decided here, purely."""

import re
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Count, Steadiness, Verdict, healthy
from agent.sensors import Seconds
from agent.site.minded import Ended
from wire.conditions import Severity, Status
from wire.names import END, AbsolutePath, form

MESSAGE_CHARACTERS = 300
NPD_PROBLEM = 1
_NHC = re.compile(r"^(?:ERROR:\s+\S+\s+)?Health check failed:\s+(?P<text>.*)", re.MULTILINE)

ConditionType = Annotated[
    str, form(r"^[A-Z][A-Za-z0-9]{1,63}" + END, "a condition's type in CamelCase, such as ScratchSlow")
]


class Style(StrEnum):
    EXIT = "exit"  # any status but 0 is a fault
    NPD = "npd"  # node-problem-detector's custom plugins: 0 is well, 1 is a fault, all else cannot tell
    NHC = "nhc"  # Node Health Check: any status but 0 is a fault, told in lines "Health check failed: ..."


class Level(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program that judges, and the condition that it speaks for.

    ``argv``: the program by its absolute path, and its arguments; no shell is between. ``condition`` is TRUE when it
    finds a fault. ``style`` says how its exit status and its text are understood. ``severity``: a critical fault takes
    the node out of work, a warning does not. ``suggested_action`` is what a person should do about it. It is run every
    ``every_s`` seconds and killed, with all that it started, after ``deadline_s``; then the condition is UNKNOWN.
    The condition turns TRUE when ``bad`` of the last ``of`` runs say so, FALSE after ``good`` in a row.
    ``enabled`` false: it is not run.
    """

    argv: Annotated[list[str], msgspec.Meta(min_length=1, max_length=64)]
    condition: ConditionType
    style: Style = Style.EXIT
    severity: Level = Level.WARNING
    suggested_action: Annotated[str, msgspec.Meta(max_length=300)] = ""
    every_s: Seconds = 60.0
    deadline_s: Seconds = 30.0
    bad: Count = 1
    of: Count = 1
    good: Count = 2
    enabled: bool = True

    def __post_init__(self) -> None:
        try:
            msgspec.convert(self.argv[0], AbsolutePath)
        except msgspec.ValidationError:
            raise ValueError(f"argv: {self.argv[0]!r} is no absolute path") from None
        if any("\0" in word for word in self.argv):
            raise ValueError("argv: no argument can have a null byte")
        Steadiness(self.bad, self.of, self.good)  # raises the same ValueError


class Reason(StrEnum):
    COMMAND_PASSED = "command_passed"
    COMMAND_FAILED = "command_failed"
    COMMAND_UNSURE = "command_unsure"  # it says itself that it cannot tell
    COMMAND_HUNG = "command_hung"  # killed at its deadline
    COMMAND_BROKEN = "command_broken"  # it could not be run, or died of a signal


def verdict(command: Command, ended: Ended) -> Verdict:
    """What the end of one run says."""
    if ended.hung:
        text = ended.error or f"no end within {command.deadline_s:g} s; killed"
        return _unknown(Reason.COMMAND_HUNG, f"{command.argv[0]}: {text}", Severity(command.severity))
    if ended.status is None:
        return _unknown(Reason.COMMAND_BROKEN, f"{command.argv[0]}: {ended.error}", Severity.INFO)
    if ended.status < 0:
        text = ended.error or f"ended by signal {-ended.status}"
        return _unknown(Reason.COMMAND_BROKEN, f"{command.argv[0]}: {text}", Severity(command.severity))
    if ended.status == 0:
        return healthy(Reason.COMMAND_PASSED, said(command.style, ended) or "it says nothing, and that all is well")
    text = said(command.style, ended) or f"{command.argv[0]} ended with status {ended.status}"
    if command.style is Style.NPD and ended.status != NPD_PROBLEM:
        return _unknown(Reason.COMMAND_UNSURE, text, Severity.INFO)
    return Verdict(Status.TRUE, Severity(command.severity), Reason.COMMAND_FAILED, text, command.suggested_action)


def said(style: Style, ended: Ended) -> str:
    """One line: of NHC every failed check; else the first that is not empty, of its output before its errors."""
    if style is Style.NHC and (failed := _NHC.findall(f"{ended.stdout}\n{ended.stderr}")):
        return _cut("; ".join(dict.fromkeys(failed)))
    lines = (line for text in (ended.stdout, ended.stderr) for line in text.splitlines())
    return _cut(next((line for line in lines if line.strip()), ""))


def _unknown(reason: Reason, text: str, hides: Severity) -> Verdict:
    """One that can't be run, or says itself that it can't tell, hides nothing: see :class:`Verdict`."""
    return Verdict(Status.UNKNOWN, Severity.WARNING, reason, _cut(text), hides=hides)


def _cut(text: str) -> str:
    """On one line, without what a terminal would obey."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:MESSAGE_CHARACTERS]
