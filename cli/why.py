"""`mainstay why`."""

from typing import Annotated

import typer

from cli import completion
from cli.client import Client
from cli.connection import connected
from cli.errors import Invalid, NotFound
from cli.render import why as render
from cli.terminal import Output, OutputOption
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import WhyView

KINDS = ("node", "job", "run")


def explain(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[node|job|run] REF",
            help="What to explain: `n2`, `job bytes-lm`, `run 3`.",
            autocompletion=completion.subjects,
        ),
    ],
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """The chain from reading to decision, oldest first."""
    kinds, ref = candidates(words)
    with connected(context) as client:
        display(lambda: _first(client, kinds, ref), render.why, output, watch, interval)


def candidates(words: list[str]) -> tuple[list[str], str]:
    """Kinds to ask for, in order, and the name. Raises Invalid."""
    match words:
        case [kind, ref] if kind in KINDS:
            return [kind], ref
        case [ref] if ref.isdigit():
            return ["run"], ref
        case [ref]:
            return ["node", "job"], ref
    raise Invalid(f"why {' '.join(words)}: expected one of {', '.join(KINDS)} and a name, or just a name")


def _first(client: Client, kinds: list[str], ref: str) -> WhyView:
    for kind in kinds[:-1]:
        try:
            return client.why(kind, ref)
        except NotFound:
            continue
    try:
        return client.why(kinds[-1], ref)
    except NotFound as error:
        raise error if len(kinds) == 1 else NotFound(f"no {' and no '.join(kinds)} called {ref!r}") from None
