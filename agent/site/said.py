"""What a site's check reads: the verdict itself. One sensor and one check, made anew for each file and command."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.checks import Judged, Timed, Verdict
from agent.settling import NODE

COMPONENTS = 256
TEXT = 500


class Reading(msgspec.Struct, frozen=True):
    """By component; "" is the node as a whole. Empty: there is nothing to judge."""

    verdicts: dict[str, Verdict]


def reading(judged: object) -> Reading:
    """Of what a site's ``judge`` returned, which may be anything. Raises TypeError."""
    found = {NODE: judged} if isinstance(judged, Verdict) else judged
    if not isinstance(found, Mapping):
        raise TypeError(f"judge returned {type(judged).__name__}; it must be a Verdict, or a dict of them")
    return Reading({str(name): _verdict(each) for name, each in list(found.items())[:COMPONENTS]})


def judge(window: Sequence[Timed[Any]], _thresholds: object) -> Judged:
    verdicts: dict[str, Verdict] = window[-1].reading.verdicts
    return verdicts


def _verdict(found: object) -> Verdict:
    if not isinstance(found, Verdict):
        raise TypeError(f"judge returned a dict of {type(found).__name__}; each must be a Verdict")
    plain = msgspec.structs.replace(
        found,
        reason=str(found.reason)[:TEXT],
        message=str(found.message)[:TEXT],
        suggested_action=str(found.suggested_action)[:TEXT],
    )
    return msgspec.convert(msgspec.to_builtins(plain), Verdict)
