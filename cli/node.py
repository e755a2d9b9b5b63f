"""`mainstay node`."""

from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.durations import parse_duration
from cli.filters import among
from cli.render import node as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, show
from cli.waiting import TimeoutOption, WaitOption, wait
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import CordonRequest, DrainRequest, Health, NodePhase, NodeView

app = typer.Typer(help="The machines: what they are fit for, and who holds them.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The node's name.", autocompletion=completion.nodes)]


@app.command("list")
def list_nodes(
    context: typer.Context,
    phase: Annotated[list[NodePhase] | None, typer.Option("--phase", help="Only these; repeatable.")] = None,
    health: Annotated[list[Health] | None, typer.Option("--health", help="Only these; repeatable.")] = None,
    held: Annotated[bool | None, typer.Option("--held/--free", help="Only those with holds, or without.")] = None,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """All nodes, with phase, health and holds."""
    order = ordering(render.COLUMNS, sort)
    with connected(context) as client:
        display(
            lambda: order(
                [
                    view
                    for view in client.nodes()
                    if among(view.phase, phase)
                    and among(view.health, health)
                    and (held is None or held == bool(view.holds))
                ]
            ),
            render.nodes,
            output,
            watch,
            interval,
        )


@app.command("show")
def show_node(
    context: typer.Context,
    name: Name,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """One node, with its holds and conditions."""
    with connected(context) as client:
        display(lambda: client.node(name), render.node, output, watch, interval)


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


@app.command("drain")
def drain_node(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; shown wherever the hold is.")],
    until_drained: WaitOption = False,
    timeout: TimeoutOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Hold the node for good; drained when what runs on it has ended. `uncordon` gives it back."""
    timeout_s = None if timeout is None else parse_duration(timeout)
    mend = f"it is held and drains on; `mainstay job stop` or `mainstay node uncordon {name}` if that is not meant"
    with connected(context) as client:
        view = client.drain(name, DrainRequest(reason))
        if until_drained:
            view = wait(lambda: client.node(name), _drained, render.draining, timeout_s, mend)
    show(view, lambda now: render.node(view, now), output)


def _drained(view: NodeView) -> bool:
    return view.phase is not NodePhase.DRAINING


@app.command("uncordon")
def uncordon_node(context: typer.Context, name: Name, output: OutputOption = Output.TABLE) -> None:
    """Lift people's holds on the node, and end their draining; Mainstay's own holds stay."""
    with connected(context) as client:
        view = client.uncordon(name)
    show(view, lambda now: render.node(view, now), output)
