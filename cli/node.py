"""`mainstay node`."""

from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.durations import parse_duration
from cli.errors import Failed
from cli.filters import among
from cli.render import node as render
from cli.render.listing import ordering
from cli.render.words import because
from cli.terminal import Output, OutputOption, SortOption, YesOption, confirm, show
from cli.waiting import TimeoutOption, WaitOption, wait
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import (
    CordonRequest,
    DrainRequest,
    Health,
    NodePhase,
    NodeView,
    RetireRequest,
    RunPhase,
    RunView,
)

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


@app.command("retire")
def retire_node(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the node's events.")],
    machine_is_off: Annotated[
        bool, typer.Option("--machine-is-off", help="You vouch that nothing runs on it: its jobs go on elsewhere.")
    ] = False,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take the node out of the fleet. It comes back by joining with a new token."""
    vouched = " and vouch that its machine is off" if machine_is_off else ""
    if not confirm(f"Retire {name}{vouched}? Its certificate is served no more.", yes):
        raise typer.Abort
    with connected(context) as client:
        view = client.retire(name, RetireRequest(reason, machine_is_off))
    show(view, lambda now: render.node(view, now), output)


@app.command("repair")
def repair_node(
    context: typer.Context,
    name: Name,
    until_done: WaitOption = False,
    timeout: TimeoutOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Have a node that was lost, or failed its checks, checked and put back in service."""
    timeout_s = None if timeout is None else parse_duration(timeout)
    with connected(context) as client:
        view = client.repair(name)
        if until_done:
            run = next(each for each in reversed(client.runs()) if each.subject == f"node:{name}")
            mend = f"`mainstay run show {run.id}` says how far it is"
            ended = wait(lambda: client.run(run.id), _ended, _state, timeout_s, mend)
            view = client.node(name)
            if ended.phase is not RunPhase.SUCCEEDED:
                raise Failed(f"{name} is not put back in service: {_state(ended)}; `mainstay why run {run.id}`")
    show(view, lambda now: render.node(view, now), output)


def _ended(view: RunView) -> bool:
    return view.ended_at is not None


def _state(view: RunView) -> str:
    return f"run {view.id} is {view.phase}" + (f", {because(view.reason, view.message)}" if view.reason else "")


def _drained(view: NodeView) -> bool:
    return view.phase is not NodePhase.DRAINING


@app.command("uncordon")
def uncordon_node(context: typer.Context, name: Name, output: OutputOption = Output.TABLE) -> None:
    """Lift people's holds on the node, and end their draining; Mainstay's own holds stay."""
    with connected(context) as client:
        view = client.uncordon(name)
    show(view, lambda now: render.node(view, now), output)
