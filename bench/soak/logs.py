"""What the daemons' own logs admit. Pure."""

import re
from collections import Counter
from collections.abc import Iterator

from bench.soak.violation import Violation

_CARRIED_OUT = re.compile(r"^INFO agent\.dispatch: order (\S+) \(\w+\): ", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"
_ERROR = re.compile(r"^(?:[\d-]+ [\d:,]+ )?(?:ERROR|CRITICAL) .*", re.MULTILINE)  # the controller's with a time


def violations(daemon: str, text: str) -> Iterator[Violation]:
    """An agent writes a line for each order that it carried out; under one key there can only be one."""
    for key, count in Counter(_CARRIED_OUT.findall(text)).items():
        if count > 1:
            yield Violation("an order done twice", f"{daemon} carried out {key} {count} times")
    for line in _ERROR.findall(text):
        yield Violation("an error in a log", f"{daemon}: {line[:200]}")
    if count := text.count(_TRACEBACK):
        yield Violation("a traceback in a log", f"{daemon}: {count}")
