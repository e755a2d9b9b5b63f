"""`mainstay node`."""

from typing import Annotated

import typer

from cli.connection import connected
from cli.durations import parse_duration
from cli.render import node as render
from cli.terminal import Output, OutputOption, show
from wire.api import CordonRequest

app = typer.Typer(help="The machines: what they are fit for, and who holds them.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The node's name.")]


@app.command("list")
def list_nodes(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """All nodes, with phase, health and holds."""
    with connected(context) as client:
        views = client.nodes()
    show(views, lambda _: render.nodes(views), output)


@app.command("show")
def show_node(context: typer.Context, name: Name, output: OutputOption = Output.TABLE) -> None:
    """One node, with its holds and conditions."""
    with connected(context) as client:
        view = client.node(name)
    show(view, lambda now: render.node(view, now), output)


@app.command("cordon")
def cordon_node(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; shown wherever the hold is.")],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="30m, 2h, 7d; else until lifted.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Hold the node: it takes no new work. What runs on it goes on."""
    request = CordonRequest(reason, None if lasting is None else parse_duration(lasting))
    with connected(context) as client:
        view = client.cordon(name, request)
    show(view, lambda now: render.node(view, now), output)


@app.command("uncordon")
def uncordon_node(context: typer.Context, name: Name, output: OutputOption = Output.TABLE) -> None:
    """Lift people's holds on the node; Mainstay's own stay."""
    with connected(context) as client:
        view = client.uncordon(name)
    show(view, lambda now: render.node(view, now), output)
