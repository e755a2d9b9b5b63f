"""Single keys from the terminal."""

import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unbuffered() -> Iterator[None]:
    """Keys arrive as they are pressed and are not shown. Ctrl-C still interrupts."""
    stdin = sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin)
    try:
        yield
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


def key_within(seconds: float) -> str:
    """What was pressed meanwhile; empty if nothing was."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.read(1) if ready else ""
