"""The agent, put together; runs until it is told to end. Shims and workers stay when it goes."""

import asyncio
import contextlib
import fcntl
import os
import signal
import ssl
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from agent import identity, orders, spool_full
from agent.binding import bind_checks, bind_sensors
from agent.clock import Clock, SystemClock, read_boot_id
from agent.conditions import Book
from agent.config import Config
from agent.database import Database
from agent.dispatch import Dispatcher
from agent.errors import Invalid, Refused
from agent.helper.runtime import SystemdRuntime
from agent.link import Link
from agent.memory import OrderMemory
from agent.node import Node
from agent.outbox import Outbox
from agent.ports import PortBook
from agent.pulse import BEAT_S, Pulse
from agent.runner import Runner
from agent.services import NodeServices
from agent.spool import Spool
from agent.workers.parts import Parts
from agent.workers.runtime import DirectRuntime
from service.notify import Notifier
from wire.messages import PartChange
from wire.names import HostPort, split_host_port


class _Ended(Exception):
    """A signal said so."""


async def serve(config: Config) -> None:
    """Ends on SIGTERM and SIGINT. Raises AgentError for what a person must mend."""
    state_dir = prepare(config)
    tls = identity.client_context(state_dir)
    controllers = config.controllers or [identity.read_link(state_dir)]
    with _alone(state_dir), contextlib.closing(Database(state_dir / "agent.db")) as database:
        spool = Spool(database)
        outbox = Outbox(spool, OrderMemory(database, spool))
        try:
            with contextlib.suppress(_Ended), _first_of_group():
                await _work(config, tls, controllers, outbox, _book(config, spool), Notifier(os.environ))
        finally:
            outbox.close()


async def _work(
    config: Config,
    tls: ssl.SSLContext,
    controllers: Sequence[HostPort],
    outbox: Outbox,
    book: Book,
    notifier: Notifier,
) -> None:
    """Until a signal ends it; raises _Ended, in a group. Ready means: parts are recovered; a link is not needed."""
    clock = SystemClock()
    boot_id, pulse = read_boot_id(Path(config.boot_id_file)), Pulse(clock)
    parts = Parts(
        state_dir=Path(config.state_dir),
        node=config.node,
        boot_id=boot_id,
        policy=config.workers,
        on_change=lambda part: outbox.post(PartChange(part)),
        clock=clock,
        runtime=SystemdRuntime(Path(config.helper)) if config.helper else DirectRuntime(),
    )
    runner = _runner(config, book, clock, outbox)
    services = NodeServices(config, clock, boot_id, parts, runner.survey, PortBook())
    ending = _ending()
    try:
        async with asyncio.TaskGroup() as tasks:
            dispatcher = Dispatcher(services, outbox, pulse, tasks, orders.discover())
            node = Node(services, book, outbox, dispatcher)
            link = Link([split_host_port(text) for text in controllers], tls, node, outbox, pulse)
            await parts.recover()
            await dispatcher.resume(pulse.observe())
            for work in (runner.run(), link.run(), _beat(pulse, outbox, clock, notifier)):
                tasks.create_task(_endless(work, ending))
            notifier.ready()
            await ending.wait()
            raise _Ended
    finally:
        notifier.stopping()
        await parts.close()


async def _endless(work: Coroutine[None, None, None], ending: asyncio.Event) -> None:
    """An agent that lost a part of itself without an error would look well and be dumb: better it starts anew."""
    try:
        await work
    except asyncio.CancelledError:
        if ending.is_set():
            raise
    raise RuntimeError(f"{work!r} came to an end")


def _runner(config: Config, book: Book, clock: Clock, outbox: Outbox) -> Runner:
    read_spool, check_spool = spool_full.watch(outbox.dropped)
    reads = {**bind_sensors(config.sensors), spool_full.READS: read_spool}
    bound = [*bind_checks(config.thresholds), check_spool]
    return Runner(reads, bound, book, clock, config.intervals, outbox.tell)


async def _beat(pulse: Pulse, outbox: Outbox, clock: Clock, notifier: Notifier) -> None:
    while True:
        notifier.alive(clock.boottime())
        notifier.status("linked to a controller" if outbox.connected else "no link to a controller; parts go on")
        await asyncio.sleep(BEAT_S)
        pulse.observe()


def _book(config: Config, spool: Spool) -> Book:
    return Book(timedelta(seconds=config.intervals.condition_life_s), spool.conditions())


@contextmanager
def _first_of_group() -> Iterator[None]:
    """A task group's errors come wrapped; whoever waits for them wants the one that ended it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _ending() -> asyncio.Event:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    return ending


def prepare(config: Config) -> Path:
    """Others may pass through the state directory to what is theirs, and not look around."""
    state_dir = Path(config.state_dir)
    try:
        state_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"state_dir {state_dir}: {error.strerror}; name another, or give this user the right") from None
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise Invalid(f"state_dir {state_dir}: not writable for this user; give it to the agent's user")
    return state_dir


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """One agent for one state directory: two would answer for the same workers.

    Whoever can open the file can lock it: workers pass through the directory and must not.
    """
    path = state_dir / "agent.lock"
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"{state_dir}: another agent runs with this state_dir; stop it first") from None
        yield
