"""The API's listener: uvicorn on the controller's own event loop, with the controller's own TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from litestar import Litestar

STOP_TIMEOUT_S = 2


class ApiServer:
    """``listening`` is a bound TCP socket."""

    def __init__(self, app: Litestar, context: ssl.SSLContext, listening: socket.socket) -> None:
        self._listening = listening
        self._server = _Server(_config(app, context))
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """On return it accepts connections."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listening]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Let requests under way end, then close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the controller's, not uvicorn's."""
        yield


def _config(app: Litestar, context: ssl.SSLContext) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=512,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        ssl_context_factory=lambda _config, _default: context,
    )
