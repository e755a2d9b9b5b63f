"""`mainstay install` and `mainstay uninstall`."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import Refused
from cli.install import agent, controller, own_code, systemctl
from cli.install.place import Place
from cli.install.steps import Do, File, Step, carry_out
from cli.terminal import YesOption, confirm, say

install_app = typer.Typer(help="Make this machine a node, or the controller's.", no_args_is_help=True)
uninstall_app = typer.Typer(help="Take away what install has made.", no_args_is_help=True)

StartOption = Annotated[bool, typer.Option("--start", help="Start it now, and wait until it is ready.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Into = Annotated[Path, typer.Option("--into", help="An image's directory instead of this machine.")]
Purge = Annotated[bool, typer.Option("--purge", help="Also state, logs, configuration and the user.")]
HERE = Path("/")


@install_app.command("agent")
def install_agent(
    node: Annotated[str | None, typer.Option(help="Its name; this machine's if not given.")] = None,
    address: Annotated[str | None, typer.Option(help="Where peers reach its ranks.")] = None,
    api: Annotated[str | None, typer.Option(help="HOST:PORT of the controller's API.")] = None,
    ca_fingerprint: Annotated[str | None, typer.Option(help="sha256:HEX, as the controller showed it.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the join token.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="Who may run jobs here; repeatable.")] = None,
    root: Annotated[list[str] | None, typer.Option(help="Where jobs' files may lie; repeatable.")] = None,
    interpreter: Annotated[list[str] | None, typer.Option(help="What jobs may run with; repeatable.")] = None,
    start: StartOption = False,
    dry_run: DryRun = False,
    into: Into = HERE,
) -> None:
    """Users, directories, units and a commented configuration of an agent. Run again it changes nothing."""
    place, programs = _allowed(into, dry_run, start)
    wanted = agent.Wanted(node, address, api, user or [], root or [], interpreter or [])
    steps = agent.steps(wanted, place, programs)
    if wanted != agent.Wanted():
        _warn_of_own(steps)
    if start:
        steps += agent.starting(agent.Joining(token_file, ca_fingerprint), wanted, place, programs)
    _carry_out(steps, dry_run)
    if not dry_run:
        print(_after_agent(place))


@install_app.command("controller")
def install_controller(
    listen: Annotated[str, typer.Option(help="Address of this machine that nodes reach.")] = controller.LOOPBACK,
    name: Annotated[list[str] | None, typer.Option(help="What else nodes call this machine; repeatable.")] = None,
    admin_user: Annotated[str | None, typer.Option(help="Unix user that the first token's jobs run as.")] = None,
    start: StartOption = False,
    dry_run: DryRun = False,
    into: Into = HERE,
) -> None:
    """User, directories, unit and a commented configuration of the controller. Run again it changes nothing."""
    place, programs = _allowed(into, dry_run, start)
    wanted = controller.Wanted(listen, name or [], admin_user)
    steps = controller.steps(wanted, place, programs)
    if wanted != controller.Wanted():
        _warn_of_own(steps)
    _carry_out(steps + (controller.starting() if start else []), dry_run)
    if not dry_run:
        print(_after_controller(place, programs))


@uninstall_app.command("agent")
def uninstall_agent(purge: Purge = False, yes: YesOption = False, dry_run: DryRun = False, into: Into = HERE) -> None:
    """Stop the agent and remove it. Refused while parts of jobs run here, unless --yes ends them."""
    place = _root(into, dry_run)
    parts = agent.parts(place)
    if parts and not yes and not dry_run:
        raise Refused(f"parts of jobs run here ({', '.join(parts)}); drain the node first, or end them with --yes")
    _confirm(f"Remove the agent{_with_state(purge, agent.STATE)} from this machine?", yes, dry_run)
    _carry_out([*agent.removal(place, purge=purge), _forgotten(place)], dry_run)


@uninstall_app.command("controller")
def uninstall_controller(
    purge: Purge = False, yes: YesOption = False, dry_run: DryRun = False, into: Into = HERE
) -> None:
    """Stop the controller and remove it. With --purge every node must join anew afterwards."""
    place = _root(into, dry_run)
    _confirm(f"Remove the controller{_with_state(purge, controller.STATE)} from this machine?", yes, dry_run)
    _carry_out([*controller.removal(place, purge=purge), _forgotten(place)], dry_run)


def _allowed(into: Path, dry_run: bool, start: bool) -> tuple[Place, Path]:
    """Where to install, and the programs that units start. Raises Refused."""
    place = _root(into, dry_run)
    if start and not (place.here and systemctl.runs()):
        raise Refused("--start: this machine, or --into, is not run by systemd; install without it, and start it there")
    return place, own_code.programs()


def _root(into: Path, dry_run: bool) -> Place:
    if os.geteuid() != 0 and not dry_run:
        raise Refused("only root may do that: call it with sudo, or look at what it would do with --dry-run")
    return Place(into.resolve())


def _carry_out(steps: Sequence[Step], dry_run: bool) -> None:
    if carry_out(steps, print, dry_run=dry_run) == 0:
        print("nothing to do: all is as wanted")


def _warn_of_own(steps: Sequence[Step]) -> None:
    for step in steps:
        if isinstance(step, File) and step.kept:
            say(f"{step.path} was there and stays as it is; what this installation would write differs, so compare")


def _forgotten(place: Place) -> Step:
    return Do(
        "let systemd forget the units", lambda: place.here and systemctl.remembers("mainstay-*"), systemctl.forget
    )


def _confirm(question: str, yes: bool, dry_run: bool) -> None:
    if not dry_run and not confirm(question, yes):
        raise typer.Abort


def _with_state(purge: bool, state: str) -> str:
    return f", its configuration and all below {state}" if purge else ""


def _after_agent(place: Place) -> str:
    if _runs(place, agent.SERVICE):
        return f"{agent.SERVICE} runs{_UPGRADE.format(agent.SERVICE)}; parts of jobs go on meanwhile"
    if agent.joined(place):
        return f"next: systemctl start {agent.SERVICE}"
    return (
        "next, where the controller runs:  mainstay token create --kind join --name NODE > NODE.token\n"
        "then here, with that file:        mainstay install agent --start --api HOST:PORT \\\n"
        "                                    --token-file NODE.token --ca-fingerprint sha256:HEX"
    )


def _after_controller(place: Place, programs: Path) -> str:
    if not _runs(place, controller.SERVICE):
        return f"next: systemctl start {controller.SERVICE}"
    argv = [str(programs / "mainstay"), "controller", "ca-fingerprint"]
    fingerprint = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
    reached = controller.reached(place)
    return (
        f"{controller.SERVICE} runs{_UPGRADE.format(controller.SERVICE)}\n"
        f"{_ONLY_HERE if reached.startswith(_LOOPBACK) else ''}"
        "a node joins with a token made here:\n"
        "  mainstay token create --kind join --name NODE > NODE.token\n"
        "and brought there:\n"
        f"  mainstay install agent --node NODE --api {reached} --token-file NODE.token \\\n"
        f"    --ca-fingerprint {fingerprint} --start"
    )


_LOOPBACK = ("127.", "localhost:", "[::1]:")
_ONLY_HERE = f"only this machine reaches it: `listen` of [api] and [link] in {controller.CONFIG} says so\n"
_UPGRADE = "; `mainstay doctor` looks at everything\nafter an upgrade: systemctl restart {}"


def _runs(place: Place, unit: str) -> bool:
    return place.here and systemctl.is_active(unit)
