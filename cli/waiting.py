"""--wait: until something has come true, with how far it is on stderr.

On a terminal one line with a spinner, drawn over itself; else a line each time that there is something new to say.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import typer

from cli.errors import Failed
from cli.render.words import duration
from cli.terminal import error_console, moves, say

T = TypeVar("T")
Tell = Callable[[str], None]

WaitOption = Annotated[bool, typer.Option("--wait", help="Return when it is done; exit status 1 if that fails.")]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="How long to --wait: 90s, 30m, 2h; else for ever.")
]
LOOK_S = 1.0


def wait(
    look: Callable[[], T], done: Callable[[T], bool], words: Callable[[T], str], timeout_s: float | None, mend: str
) -> T:
    """The first view that is ``done``; ``words`` says how far it is.

    Raises Failed with ``mend`` when ``timeout_s`` runs out. A controller that is away for a while is waited out.
    """
    began, view = time.monotonic(), look()
    with _progress() as tell:
        while not done(view):
            told = words(view)
            tell(told)
            if timeout_s is not None and time.monotonic() - began >= timeout_s:
                raise Failed(f"not done within {duration(timeout_s)}: {told}; {mend}")
            time.sleep(LOOK_S)
            view = _patient(look, view, tell)
    return view


def _patient(look: Callable[[], T], before: T, tell: Tell) -> T:
    try:
        return look()
    except Failed as error:
        tell(str(error))
        return before


@contextmanager
def _progress() -> Iterator[Tell]:
    console = error_console()
    if not moves(console):
        yield _once_each()
        return
    with console.status("") as status:
        yield lambda line: status.update(" ".join(line.split()))


def _once_each() -> Tell:
    said: list[str] = []

    def tell(line: str) -> None:
        if said[-1:] != [line]:
            said[:] = [line]
            say(line)

    return tell
