"""`mainstay up`."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from cli import local, processes
from cli.demo import account, keep
from cli.demo.account import Account
from cli.errors import Failed
from cli.processes import Daemon
from cli.terminal import say
from cli.up.log import Logs
from cli.up.place import Place, default_directory, prepare
from wire.api import Mode

CONTROLLER, AGENT = "controller", "agent"
START_S = 60.0
GRACE_S = 10.0
LOOK_S = 0.25


class _Ended(Exception):
    """A person, or a signal, said so."""


def up(
    directory: Annotated[Path | None, typer.Option("--dir", help="Where to keep everything; made if need be.")] = None,
    automation: Annotated[
        Mode | None, typer.Option(help="What a new cluster's automation may do; shadow unless told.")
    ] = None,
) -> None:
    """A controller and an agent on this machine, in the foreground; the next start goes on where this one ended."""
    user = account.choose(os.environ)
    place = prepare(directory or default_directory(), user, automation)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    with place.alone():
        _Running(place, user).go()


class _Running:
    """Two processes, noted on disk: what a killed `up` has left is ended by the next."""

    def __init__(self, place: Place, user: Account) -> None:
        self._place, self._user = place, user
        self._daemons: dict[str, Daemon] = {}
        self._logs = Logs({name: place.log(name) for name in (CONTROLLER, AGENT)})

    def go(self) -> None:
        """Until a signal ends it. Raises Failed when one of both ends by itself."""
        processes.end(self._left(), GRACE_S)
        try:
            self._start(CONTROLLER, self._place.controller_config)
            self._until("the controller to answer", lambda: local.answers(self._place.connect))
            if not self._place.joined:
                self._join()
            self._start(AGENT, self._place.agent_config)
            self._until("the agent's link", self._linked)
            self._explain()
            self._watch()
        except _Ended:
            pass
        finally:
            self._stop()

    def _start(self, name: str, config: Path) -> None:
        self._daemons[name] = processes.start(name, f"{name}.main", config, self._place.log(name))
        self._note.write_bytes(msgspec.json.encode(list(self._daemons.values())))

    def _join(self) -> None:
        token = self._place.root / "join.token"
        with closing(self._place.connect()) as client:
            process = local.start_joining(client, self._place.node, self._place.agent_config, token)
        _, errors = process.communicate(timeout=START_S)
        token.unlink(missing_ok=True)
        if process.returncode != 0:
            raise Failed(f"the agent could not join: {errors.strip()}")

    def _linked(self) -> bool:
        with closing(self._place.connect()) as client:
            return any(node.name == self._place.node and node.last_contact_s is not None for node in client.nodes())

    def _until(self, what: str, look: Callable[[], bool]) -> None:
        end = time.monotonic() + START_S
        while not look():
            self._check()
            if time.monotonic() > end:
                raise Failed(f"waited {START_S:.0f} s for {what}; the logs are in {self._place.root}")
            time.sleep(LOOK_S)

    def _watch(self) -> None:
        while True:
            self._logs.follow()
            self._check()
            time.sleep(LOOK_S)

    def _check(self) -> None:
        for name, daemon in self._daemons.items():
            if daemon.process is None:
                raise Failed(f"the {name} ended: {local.last_line(self._place.log(name))}")

    def _explain(self) -> None:
        place = self._place
        print(f"controller  https://{place.api}")
        print(f"agent       {place.node}; jobs run as {self._user.name}")
        print(f"files       {place.root}: {place.agent_config.name} says what jobs may use here")
        print(f"\nto talk to it, in another terminal:\n  {keep.exports(place.environment)}")
        print("\nCtrl-C stops both; what runs by then goes on, and the next start finds it again\n", flush=True)

    def _stop(self) -> None:
        """The agent first: it has something to tell."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name in (AGENT, CONTROLLER):
            if daemon := self._daemons.get(name):
                processes.end([daemon], GRACE_S)
        self._note.unlink(missing_ok=True)
        if parts := processes.parts(self._place.agent_state):
            say(f"stopped; {', '.join(parts)} goes on without us until the next `mainstay up`, or its own end")
        elif self._daemons:
            say("stopped")

    def _left(self) -> list[Daemon]:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=list[Daemon])
        except (OSError, msgspec.DecodeError):
            return []

    @property
    def _note(self) -> Path:
        return self._place.root / "daemons.json"


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended
