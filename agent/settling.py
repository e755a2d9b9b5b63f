"""One check's judgements over time, settled for each component and folded into what its condition says. Pure."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from agent.checks import Clears, Judged, Verdict
from agent.hysteresis import Memory, Rule, settle
from wire.conditions import COMPONENTS, Severity, Status

NODE = ""  # the component of a verdict on the node as a whole
MESSAGES = 4  # of components in one message
MESSAGE_CHARACTERS = 500
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Folded(msgspec.Struct, frozen=True):
    """What a condition says. ``components``: those it is TRUE of (or UNKNOWN of, if it is UNKNOWN)."""

    verdict: Verdict
    components: list[str] = []


class Settled(msgspec.Struct, frozen=True):
    """One component: ``said`` is the newest verdict that agrees with what is settled; None before there is one."""

    memory: Memory = Memory()
    said: Verdict | None = None


class Absent(StrEnum):
    NOT_PRESENT = "not_present"


NOT_PRESENT = Verdict(Status.FALSE, Severity.INFO, Absent.NOT_PRESENT, "this machine has no such thing (any more)")


def observe(before: Mapping[str, Settled], judged: Judged, rule: Rule, clears: Clears) -> dict[str, Settled]:
    """After one more judgement. A component that is not judged any more is forgotten, unless its fault is one that only
    a reboot or a person clears."""
    verdicts = {NODE: judged} if isinstance(judged, Verdict) else judged
    kept = {name: state for name, state in before.items() if name not in verdicts and _sticks(state, clears)}
    return kept | {name: _after(before.get(name, Settled()), each, rule, clears) for name, each in verdicts.items()}


def unknown(before: Mapping[str, Settled], verdict: Verdict, clears: Clears) -> dict[str, Settled]:
    """Nothing could be read: that holds for each component that was known, or for the node. What sticks, stays."""
    states = {
        name: state if _sticks(state, clears) else Settled(settle(state.memory, Status.UNKNOWN, Rule(1, 1, 1)), verdict)
        for name, state in before.items()
    }
    return states or {NODE: Settled(Memory(Status.UNKNOWN, (Status.UNKNOWN,)), verdict)}


def fold(states: Mapping[str, Settled]) -> Folded | None:
    """The worst of all components; None when nothing is settled yet."""
    said = {name: state.said for name, state in states.items() if state.said is not None}
    for status in (Status.TRUE, Status.UNKNOWN):
        of_status = {name: verdict for name, verdict in said.items() if verdict.status is status}
        if of_status:
            return _together(of_status)
    return Folded(next(iter(said.values()))) if len(said) == 1 else _all_well(said)


def _after(before: Settled, verdict: Verdict, rule: Rule, clears: Clears) -> Settled:
    if _sticks(before, clears) and verdict.status is not Status.TRUE:
        return before
    memory = settle(before.memory, verdict.status, rule)
    return Settled(memory, verdict if memory.settled is verdict.status else before.said)


def _sticks(state: Settled, clears: Clears) -> bool:
    return clears is not Clears.FACT and state.memory.settled is Status.TRUE


def _together(verdicts: Mapping[str, Verdict]) -> Folded:
    worst = sorted(verdicts.items(), key=lambda pair: (_mildness(pair[1].severity), pair[0]))
    components = [name for name, _ in worst if name != NODE]
    hides = min((verdict.hides for verdict in verdicts.values()), key=_mildness)
    said = msgspec.structs.replace(worst[0][1], message=_message(worst), hides=hides)
    return Folded(said, components[:COMPONENTS])


def _message(worst: Iterable[tuple[str, Verdict]]) -> str:
    """Components alike are told once."""
    by_text: dict[str, list[str]] = {}
    for name, verdict in worst:
        by_text.setdefault(verdict.message, []).append(name)
    told = [_named(names, text) for text, names in by_text.items()]
    more = f"; and {len(told) - MESSAGES} more" if len(told) > MESSAGES else ""
    return ("; ".join(told[:MESSAGES]) + more)[:MESSAGE_CHARACTERS]


def _named(names: list[str], text: str) -> str:
    """A UUID tells a person nothing that the text does not: a GPU's has its number and address."""
    shown = [name for name in names if name != NODE and name not in text and not UUID.search(name)]
    more = f" and {len(shown) - MESSAGES} more" if len(shown) > MESSAGES else ""
    return f"{', '.join(shown[:MESSAGES])}{more}: {text}" if shown else text


def _all_well(said: Mapping[str, Verdict]) -> Folded | None:
    if not said:
        return None
    first = next(iter(said.values()))
    return Folded(msgspec.structs.replace(first, message=f"all {len(said)} well; {first.message}"[:MESSAGE_CHARACTERS]))


def _mildness(severity: Severity) -> int:
    return [Severity.CRITICAL, Severity.WARNING, Severity.INFO].index(severity)
