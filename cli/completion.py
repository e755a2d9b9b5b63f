"""Names that exist, for the shell's completion: asked of the controller, briefly, and silent when that fails."""

from collections.abc import Callable, Iterable

import typer

from cli.client import Client
from cli.connection import connected
from cli.errors import CliError
from wire.conditions import Status

TIMEOUT_S = 1.0


def nodes(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(context, incomplete, lambda client: [view.name for view in client.nodes()])


def faults_of_node(context: typer.Context, incomplete: str) -> list[str]:
    """Types of conditions that are TRUE of the node named before."""
    name = context.params.get("name")

    def ask(client: Client) -> Iterable[str]:
        return [each.type for each in client.node(str(name)).conditions if each.status is Status.TRUE] if name else []

    return _matching(context, incomplete, ask)


def components_of_fault(context: typer.Context, incomplete: str) -> list[str]:
    """What the condition that was named before is TRUE of. Behind an option that lacks its value, the words before it
    are no parameters yet."""
    named = [context.params.get("name"), context.params.get("type_"), *context.args]
    name, type_, *_ = [*filter(None, named), "", ""]

    def ask(client: Client) -> Iterable[str]:
        found = [each for each in client.node(name).conditions if each.type == type_] if name else []
        return [component for each in found for component in each.components]

    return _matching(context, incomplete, ask)


def jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids, newest first, and names."""

    def ask(client: Client) -> Iterable[str]:
        views = client.jobs()[::-1]
        return [*(view.id for view in views), *(view.name for view in views)]

    return _matching(context, incomplete, ask)


def runs(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(context, incomplete, lambda client: [str(view.id) for view in client.runs()[::-1]])


def incidents(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(context, incomplete, lambda client: [str(view.id) for view in client.incidents()[::-1]])


def waiting_runs(context: typer.Context, incomplete: str) -> list[str]:
    """Those that wait for approval."""
    return _matching(context, incomplete, lambda client: [str(run) for run in client.automation().waiting])


def playbooks(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(context, incomplete, lambda client: [view.name for view in client.playbooks()])


def tokens(context: typer.Context, incomplete: str) -> list[str]:
    return _matching(context, incomplete, lambda client: [view.id for view in client.tokens()])


def subjects(context: typer.Context, incomplete: str) -> list[str]:
    """What `mainstay why` explains: after a kind the names of that kind, else kinds and all names."""
    by_kind = {"node": nodes, "job": jobs, "run": runs}
    kind = next((word for word in context.params.get("words") or [] if word in by_kind), None)
    if kind is not None:
        return by_kind[kind](context, incomplete)
    kinds = [word for word in by_kind if word.startswith(incomplete)]
    return [*kinds, *nodes(context, incomplete), *jobs(context, incomplete)]


def _matching(context: typer.Context, incomplete: str, ask: Callable[[Client], Iterable[str]]) -> list[str]:
    try:
        with connected(context, TIMEOUT_S) as client:
            return [name for name in dict.fromkeys(ask(client)) if name.startswith(incomplete)]
    except CliError:
        return []
