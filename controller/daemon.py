"""The running controller: its parts put together, started in order, stopped in reverse."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from controller import durable
from controller.api.app import create_app
from controller.api.serving import ApiServer
from controller.clock import Clock, SystemClock
from controller.config import Address, Config
from controller.core import Core
from controller.errors import Permanent
from controller.link import LinkServer
from controller.peering import Peering
from controller.requests import Requests
from controller.schedule import Schedule
from controller.state import automation, tokens
from controller.state.opening import explained
from controller.state.store import Store
from controller.trust import Trust
from service.notify import Notifier

RENEWAL_CHECK_S = 24 * 3600
BACKLOG = 1024  # agents that come back all at once wait here and not in a refused connection


class CannotStart(Permanent):
    reason = "cannot_start"


async def run(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. ``announce`` gets one line once everything listens. Raises CannotStart,
    DatabaseUnusable and BrokenTrust."""
    os.umask(0o077)
    stop = _stop_signal()
    clock = SystemClock()
    with contextlib.ExitStack() as held:
        held.enter_context(_only_controller_of(config.state))
        api = held.enter_context(_listen(config.api.address, "api.listen"))
        link = held.enter_context(_listen(config.link.address, "link.listen"))
        store = held.enter_context(_prepared_store(config, clock))
        trust = Trust(config.state, config.server_names, clock.utc())
        notifier = Notifier(os.environ)
        core = Core(store, clock, config.timing, config.limits, config.link.heartbeat_s, notifier.alive)
        schedule = Schedule(core, config.diagnostics)
        async with (
            _serving(core, store, trust, clock, (api, link), _link_address(config, link)),
            _by_the_clock(schedule),
            _peering(Peering(core, config.peers)),
        ):
            announce(
                f"mainstay controller ready: api https://{_bound(api)} link {_bound(link)} "
                f"epoch {core.epoch} ca {trust.ca_fingerprint}"
            )
            notifier.status(f"epoch {core.epoch}, api {_bound(api)}, link {_bound(link)}")
            notifier.ready()
            await stop.wait()
            notifier.stopping()


@contextlib.asynccontextmanager
async def _serving(
    core: Core,
    store: Store,
    trust: Trust,
    clock: Clock,
    listening: tuple[socket.socket, socket.socket],
    link_address: str,
) -> AsyncIterator[None]:
    """The core first up and last down: nobody is answered by half a controller."""
    api = ApiServer(create_app(Requests(core), store, trust, clock, link_address), trust.api_context(), listening[0])
    link = LinkServer(core, trust.link_context(), listening[1])
    async with contextlib.AsyncExitStack() as running:
        await core.start()
        running.push_async_callback(core.stop)
        await link.start()
        running.push_async_callback(link.stop)
        await api.start()
        running.push_async_callback(api.stop)
        renewal = asyncio.create_task(_renew_daily(trust, clock))
        running.callback(renewal.cancel)
        yield


@contextlib.asynccontextmanager
async def _by_the_clock(schedule: Schedule) -> AsyncIterator[None]:
    schedule.start()
    try:
        yield
    finally:
        schedule.stop()


@contextlib.asynccontextmanager
async def _peering(peering: Peering) -> AsyncIterator[None]:
    task = asyncio.create_task(peering.run(), name="peering")
    try:
        yield
    finally:
        task.cancel()


async def _renew_daily(trust: Trust, clock: Clock) -> None:
    while True:
        await asyncio.sleep(RENEWAL_CHECK_S)
        trust.renew(clock.utc())


@contextlib.contextmanager
def _only_controller_of(state: Path) -> Iterator[None]:
    """Two controllers on one state directory would give every order twice."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state / "lock").open("w")
    except OSError as error:
        raise CannotStart(f"state_dir: {state} cannot be written ({error.strerror}); mend its permissions") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"state_dir: another controller runs on {state}; stop it first") from None
        yield


@contextlib.contextmanager
def _listen(address: Address, field: str) -> Iterator[socket.socket]:
    try:
        family, *_, target = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(target[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        line = f"{field}: cannot listen on {address} ({error.strerror})"
        raise CannotStart(f"{line}; stop what uses it, or choose another address") from None
    with listening:
        yield listening


@contextlib.contextmanager
def _prepared_store(config: Config, clock: Clock) -> Iterator[Store]:
    """The database at this version's schema, with the first token made."""
    with explained(config.database_shown):
        store = Store(config.database_url)
        store.migrate()
        store.transact(lambda session: tokens.expire(session, clock.utc()))
        store.transact(lambda session: automation.ensure_first(session, config.automation.first_mode, clock.utc()))
        store.transact(
            lambda session: tokens.ensure_first(session, config.admin_user, clock.utc(), _keep_first(config.state))
        )
    try:
        yield store
    finally:
        store.close()


def _keep_first(state: Path) -> Callable[[str], None]:
    return lambda secret: durable.write(state / "admin.token", f"{secret}\n".encode())


def _link_address(config: Config, listening: socket.socket) -> str:
    """What a joining agent is told."""
    host = config.names[0] if config.link.address.wildcard else config.link.address.host
    return str(Address(host, listening.getsockname()[1]))


def _bound(listening: socket.socket) -> Address:
    host, port = listening.getsockname()[:2]
    return Address(host, port)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
