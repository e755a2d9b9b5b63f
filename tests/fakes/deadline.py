"""Every wait has a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T | None], what: str, within_s: float = 10.0, every_s: float = 0.02) -> T:
    """Ask until the answer is neither None nor False and give it; fail with ``what`` when time is up."""
    deadline = time.monotonic() + within_s
    while True:
        answer = question()
        if answer is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(every_s)
