"""Who asks: a bearer token on every call, on loopback too."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from controller.clock import Clock
from controller.errors import Refused, Unauthorized
from controller.state import tokens
from controller.state.operations import Actor
from controller.state.store import Store
from controller.state.tokens import FIRST_TOKEN, Holder, IssuedToken, NewToken
from wire.api import TokenView

PUBLIC = {"public": True}  # a handler's opt: no API token asked


class TokenDesk:
    """Tokens, each call in a transaction of its own. Raises Unauthorized and Invalid as state.tokens does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def actor(self, secret: str) -> Actor:
        holder: Holder = await self._store.run(lambda session: tokens.verify_api(session, secret, self._clock.utc()))
        return Actor(f"person:{holder.name}", holder.user)

    async def check_join(self, secret: str, node: str) -> None:
        await self._store.run(lambda session: tokens.verify_join(session, secret, node, self._clock.utc()))

    async def redeem(self, secret: str, node: str) -> None:
        await self._store.run(lambda session: tokens.redeem(session, secret, node, self._clock.utc()))

    async def list(self) -> list[TokenView]:
        return await self._store.run(lambda session: tokens.views(session, self._clock.utc()))

    async def revoke(self, token: str, by: str) -> TokenView:
        return await self._store.run(lambda session: tokens.revoke(session, token, by, self._clock.utc()))

    async def create(self, new: NewToken, by: str) -> IssuedToken:
        return await self._store.run(lambda session: tokens.create(session, new, by, self._clock.utc()))


class TokenMiddleware(AbstractAuthenticationMiddleware):
    """Sets ``request.user`` to the Actor, or answers 401."""

    def __init__(self, app: ASGIApp, desk: TokenDesk) -> None:
        super().__init__(app, exclude_from_auth_key="public", exclude_http_methods=[])
        self._desk = desk

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        return AuthenticationResult(user=await self._desk.actor(bearer(connection)), auth=None)


def check_admin(caller: Actor, does: str) -> None:
    """Raises Refused; ``does`` says what only person:admin does."""
    if caller.name != f"person:{FIRST_TOKEN}":
        raise Refused(f"only person:{FIRST_TOKEN} {does}; this token is {caller.name}'s", "not_admin")


def bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The token that came with the request. Raises Unauthorized."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized("no token; send it as `Authorization: Bearer TOKEN`")
    return secret.strip()
