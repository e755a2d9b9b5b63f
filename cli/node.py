"""`mainstay node`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.durations import parse_duration
from cli.errors import Failed, Refused
from cli.filters import among
from cli.render import diagnostics as render_figures
from cli.render import node as render
from cli.render import order as render_order
from cli.render import run as render_run
from cli.render.listing import ordering
from cli.render.words import because
from cli.terminal import Output, OutputOption, SortOption, YesOption, confirm, show
from cli.waiting import TimeoutOption, WaitOption, wait
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import (
    ClearRequest,
    CordonRequest,
    DiagnoseRequest,
    DrainRequest,
    Health,
    NodePhase,
    NodeView,
    OrderState,
    OrderView,
    RetireRequest,
    RunPhase,
    RunView,
)

app = typer.Typer(help="The machines: what they are fit for, and who holds them.", rich_markup_mode=None)

LATE = timedelta(seconds=30)  # after an order expired: what had begun by then is over

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


@app.command("clear")
def clear_condition(
    context: typer.Context,
    name: Name,
    type_: Annotated[
        str, typer.Argument(metavar="CONDITION", help="Its type.", autocompletion=completion.faults_of_node)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the node's events.")],
    component: Annotated[
        list[str] | None,
        typer.Option(
            "--component",
            help="Only of this one (a GPU, a disk); repeatable.",
            autocompletion=completion.components_of_fault,
        ),
    ] = None,
    until_answered: WaitOption = False,
    timeout: TimeoutOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that a fault is over. The node looks again at once; --wait says whether it is still so."""
    timeout_s = None if timeout is None else parse_duration(timeout)
    mend = f"`mainstay why node {name}` has its answer once there is one"
    with connected(context) as client:
        view = client.clear(name, ClearRequest(type_, reason, component or []))
        if until_answered:
            view = wait(lambda: client.order(name, view.key), _answered, render_order.waiting, timeout_s, mend)
    show(view, lambda now: render_order.order(view, now), output)
    if until_answered and view.state is not OrderState.DONE:
        raise (Refused if view.state is OrderState.REFUSED else Failed)(render_order.answer(view))


def _answered(view: OrderView) -> bool:
    """Or nobody will answer any more: a node that was told, and went away, refuses what has expired."""
    late = view.expires_at is not None and datetime.now(UTC) > view.expires_at + LATE
    return view.ended_at is not None or late


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


@app.command("diagnose")
def diagnose_node(
    context: typer.Context,
    name: Name,
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAMES", help="gemm,disk,...; else all that the node has.")
    ] = None,
    peer: Annotated[
        str | None,
        typer.Option("--peer", metavar="NODE", help="Measure the two together.", autocompletion=completion.nodes),
    ] = None,
    deadline: Annotated[
        str, typer.Option("--deadline", metavar="DURATION", help="The diagnostics are ended after it.")
    ] = "2m",
    during_job: Annotated[
        bool, typer.Option("--during-job", help="Though a job runs there: it will be disturbed.")
    ] = False,
    until_done: WaitOption = False,
    timeout: TimeoutOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure an idle node, and check what it computes, copies and keeps. --wait prints the figures."""
    names = [each.strip() for each in only.split(",") if each.strip()] if only else []
    request = DiagnoseRequest(names, peer, parse_duration(deadline), during_job)
    timeout_s = None if timeout is None else parse_duration(timeout)
    if during_job and not confirm(f"Run diagnostics on {name} beside its jobs? They get slower, or fail.", yes):
        raise typer.Abort
    with connected(context) as client:
        run = client.diagnose(name, request)
        if not until_done:
            show(run, lambda now: render_run.run(run, now), output)
            return
        mend = f"`mainstay run show {run.id}` says how far it is"
        ended = wait(lambda: client.run(run.id), _ended, _state, timeout_s, mend)
        figures = client.diagnostics(name, run.id)
    show(figures, lambda now: render_figures.diagnostics(figures, now, output is Output.WIDE), output)
    if ended.phase is not RunPhase.SUCCEEDED:
        raise Failed(f"{name}: {_state(ended)}; `mainstay why run {ended.id}`")


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
