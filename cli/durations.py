"""Durations as people type them."""

import re

from cli.errors import Invalid

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM = re.compile(r"^(?P<number>[0-9]+)(?P<unit>[smhd])$")


def parse_duration(text: str) -> float:
    """Seconds of "90s", "30m", "2h", "7d". Raises Invalid."""
    match = _FORM.match(text)
    if match is None or int(match["number"]) == 0:
        raise Invalid(f"{text!r} is no duration; write 90s, 30m, 2h or 7d")
    return float(int(match["number"]) * _SECONDS[match["unit"]])
