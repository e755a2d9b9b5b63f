"""The real API on a real socket, played by one scene: a coroutine that gets an :class:`Api`."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from controller.api.app import create_app
from controller.api.serving import ApiServer
from controller.clock import SystemClock
from controller.core import Core
from controller.requests import Requests
from controller.state import tokens
from controller.state.store import Store
from controller.state.tokens import NewToken
from controller.trust import Trust
from wire.api import ErrorResponse, TokenKind

DEADLINE_S = 10.0
LINK = "127.0.0.1:7401"


class Api:
    def __init__(
        self, client: httpx.AsyncClient, app: Litestar, store: Store, core: Core, make_csr: Callable[[str], str]
    ) -> None:
        self.client, self.app, self.store, self.core, self.make_csr = client, app, store, core, make_csr
        self.admin = self.token(NewToken(TokenKind.API, tokens.FIRST_TOKEN, "ann"))

    def token(self, new: NewToken, age: timedelta = timedelta()) -> str:
        made_at = SystemClock().utc() - age
        return self.store.transact(lambda s: tokens.create(s, new, "test", made_at)).secret

    async def get(self, path: str, token: str | None = None, **query: Any) -> httpx.Response:
        return await self.client.get(path, headers=bearer(token or self.admin), params=query)

    async def put(self, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        return await self.client.put(path, headers=bearer(token or self.admin), json=body)

    async def post(self, path: str, body: Any = None, token: str | None = None) -> httpx.Response:
        return await self.client.post(path, headers=bearer(token or self.admin), json=body)

    async def join(self, node: str) -> httpx.Response:
        secret = self.token(NewToken(TokenKind.JOIN, node))
        return await self.post("/v1/join", {"node": node, "csr": self.make_csr("x")}, secret)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def read(response: httpx.Response, kind: type[Any], status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return msgspec.json.decode(response.content, type=kind)


def refusal(response: httpx.Response, status: int) -> ErrorResponse:
    """The error, which is one line of the agreed shape."""
    told: ErrorResponse = read(response, ErrorResponse, status)
    assert told.error
    assert "\n" not in told.error
    assert told.reason
    return told


Play = Callable[[Callable[[Api], Awaitable[None]]], None]


async def play(
    scene: Callable[[Api], Awaitable[None]], store: Store, trust: Trust, make_csr: Callable[[str], str]
) -> None:
    core = Core(store)
    app = create_app(Requests(core), store, trust, SystemClock(), LINK)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = ApiServer(app, trust.api_context(), listening)
        base = f"https://localhost:{listening.getsockname()[1]}"
        await core.start()
        await server.start()
        try:
            verify = ssl.create_default_context(cadata=trust.ca_pem)
            async with httpx.AsyncClient(base_url=base, verify=verify, timeout=DEADLINE_S) as client:
                await scene(Api(client, app, store, core, make_csr))
        finally:
            async with asyncio.timeout(DEADLINE_S):
                await server.stop()
                await core.stop()
