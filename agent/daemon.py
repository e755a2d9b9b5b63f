"""The agent, put together; runs until it is told to end. Shims and workers stay when it goes."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import ssl
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from agent import identity, orders
from agent.clock import Clock, SystemClock, read_boot_id
from agent.conditions import Book
from agent.config import Config, load
from agent.database import Database
from agent.dispatch import Dispatcher
from agent.errors import Invalid, Refused
from agent.faults import table
from agent.faults.log import FaultLog
from agent.faults.watch import FaultWatch
from agent.helper.runtime import SystemdRuntime
from agent.link import Link
from agent.memory import OrderMemory
from agent.metrics.own import Channel, Own
from agent.metrics.serving import serve as serve_metrics
from agent.metrics.shown import Shown
from agent.node import Node
from agent.outbox import Outbox
from agent.ports import PortBook
from agent.pulse import BEAT_S, Pulse
from agent.sensing import Means, Senses, after_reboot
from agent.services import NodeServices
from agent.spool import Spool
from agent.workers.parts import Parts
from agent.workers.runtime import DirectRuntime
from service.notify import Notifier
from wire.messages import PartChange
from wire.names import HostPort, split_host_port

log = logging.getLogger(__name__)

# of the configuration, what is in use for as long as the agent runs
FIXED = (
    "node",
    "address",
    "controllers",
    "api",
    "state_dir",
    "hold_file",
    "helper",
    "boot_id_file",
    "intervals",
    "workers",
    "metrics",
)


class _Ended(Exception):
    """A signal said so."""


def run(path: Path) -> None:
    """As :func:`serve`, with a log on stderr."""
    config = load(path)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    asyncio.run(serve(config, path))


async def serve(config: Config, path: Path | None = None) -> None:
    """Ends on SIGTERM and SIGINT; SIGHUP reads ``path`` anew. Raises AgentError for what a person must mend."""
    state_dir = prepare(config)
    tls = identity.client_context(state_dir)
    controllers = config.controllers or [identity.read_link(state_dir)]
    with _alone(state_dir), contextlib.closing(Database(state_dir / "agent.db")) as database:
        spool = Spool(database)
        faults = FaultLog(database, spool)
        outbox = Outbox(spool, OrderMemory(database, spool), faults)
        try:
            with contextlib.suppress(_Ended), _first_of_group():
                agent = _Agent(config, outbox, _means(config, spool, faults, outbox), Notifier(os.environ))
                await agent.work(tls, controllers, path)
        finally:
            outbox.close()


class _Agent:
    def __init__(self, config: Config, outbox: Outbox, means: Means, notifier: Notifier) -> None:
        self._config, self._outbox, self._means, self._notifier = config, outbox, means, notifier
        self._clock, self._pulse = means.clock, Pulse(means.clock)
        self._senses = Senses(config, means)
        self._parts = Parts(
            state_dir=Path(config.state_dir),
            node=config.node,
            boot_id=means.boot_id,
            policy=config.workers,
            on_change=lambda part: outbox.post(PartChange(part)),
            clock=means.clock,
            runtime=SystemdRuntime(Path(config.helper)) if config.helper else DirectRuntime(),
        )

    async def work(self, tls: ssl.SSLContext, controllers: Sequence[HostPort], path: Path | None) -> None:
        """Until a signal ends it; raises _Ended, in a group. Ready means: parts are recovered; a link is not needed."""
        services = NodeServices(
            self._config,
            self._clock,
            self._means.boot_id,
            self._parts,
            self._senses.survey,
            PortBook(),
            self._senses.tell,
            newest=lambda: self._senses.newest,
            clear=self._senses.clear,
            condition=self._senses.condition,
        )
        ending = _on_signals(self._senses, self._config, path)
        try:
            async with asyncio.TaskGroup() as tasks:
                dispatcher = Dispatcher(services, self._outbox, self._pulse, tasks, orders.discover())
                node = Node(services, self._means.book, self._outbox, dispatcher)
                link = Link([split_host_port(text) for text in controllers], tls, node, self._outbox, self._pulse)
                await self._parts.recover()
                await dispatcher.resume(self._pulse.observe())
                beat = _beat(self._pulse, self._outbox, self._clock, self._notifier)
                page = serve_metrics(self._config.metrics, self._shown(dispatcher))
                for work in (self._senses.run(), link.run(), beat, page):
                    tasks.create_task(_endless(work, ending))
                self._notifier.ready()
                await ending.wait()
                raise _Ended
        finally:
            self._notifier.stopping()
            await self._parts.close()

    def _shown(self, dispatcher: Dispatcher) -> Shown:
        """On the page of metrics."""
        outbox, means, senses = self._outbox, self._means, self._senses
        channel = Channel(
            linked=lambda: outbox.connected,
            epoch=lambda: outbox.highest_epoch,
            spooled_bytes=outbox.spooled_bytes,
            dropped=outbox.dropped,
            answers=dispatcher.answers,
        )
        own = Own(self._config.node, means.clock, means.book, means.faults, means.tally, lambda: senses.newest, channel)
        return Shown(lambda: senses.metrics, lambda: senses.newest, own)


async def _endless(work: Coroutine[None, None, None], ending: asyncio.Event) -> None:
    """An agent that lost a part of itself without an error would look well and be dumb: better it starts anew."""
    try:
        await work
    except asyncio.CancelledError:
        if ending.is_set():
            raise
    raise RuntimeError(f"{work!r} came to an end")


async def _beat(pulse: Pulse, outbox: Outbox, clock: Clock, notifier: Notifier) -> None:
    while True:
        notifier.alive(clock.boottime())
        notifier.status("linked to a controller" if outbox.connected else "no link to a controller; parts go on")
        await asyncio.sleep(BEAT_S)
        pulse.observe()


def _means(config: Config, spool: Spool, faults: FaultLog, outbox: Outbox) -> Means:
    clock, boot_id = SystemClock(), read_boot_id(Path(config.boot_id_file))
    life_s = config.intervals.condition_life_s
    rules, remembered = table.load(config), spool.conditions()
    if spool.new_boot(boot_id):
        remembered = after_reboot(config, rules, remembered)
    spool.begin_boot(boot_id, remembered)
    watch = FaultWatch(rules, faults.newest(), faults.next_number(), faults.positions(), boot_id, clock, outbox, life_s)
    return Means(boot_id, clock, Book(timedelta(seconds=life_s), remembered), outbox.tell, outbox.dropped, watch)


@contextmanager
def _first_of_group() -> Iterator[None]:
    """A task group's errors come wrapped; whoever waits for them wants the one that ended it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _on_signals(senses: Senses, config: Config, path: Path | None) -> asyncio.Event:
    """The event that is set when a signal says that it ends."""
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if path is not None:
        loop.add_signal_handler(signal.SIGHUP, _read_anew, senses, config, path)
    return ending


def _read_anew(senses: Senses, running: Config, path: Path) -> None:
    """What is wrong changes nothing. What can't change while the agent runs waits for its next start."""
    try:
        config = load(path)
        rules = table.load(config)
    except Invalid as error:
        log.error("%s; the agent goes on with what it has", error)
        return
    fixed = [name for name in FIXED if getattr(config, name) != getattr(running, name)]
    if fixed:
        log.warning("%s: a change of %s takes effect when the agent is started anew", path, ", ".join(fixed))
    senses.change(msgspec.structs.replace(config, **{name: getattr(running, name) for name in FIXED}), rules)


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
