"""Tokens are made by person:admin, or on the controller's own machine."""

from datetime import timedelta

from litestar import Router, post
from litestar.params import JSONBody

from controller.api.dependencies import Authority, Caller, Desk
from controller.api.errors import RESPONSES
from controller.errors import Refused
from controller.state.operations import Actor
from controller.state.tokens import FIRST_TOKEN, NewToken
from wire.api import TokenRequest, TokenResponse


@post("/", responses=RESPONSES)
async def create_token(desk: Desk, authority: Authority, caller: Caller, data: JSONBody[TokenRequest]) -> TokenResponse:
    _check_may_create(caller)
    life = None if data.expires_s is None else timedelta(seconds=data.expires_s)
    issued = await desk.create(NewToken(data.kind, data.name, data.user, life), caller.name)
    return TokenResponse(issued.secret, authority.ca_fingerprint, issued.expires_at)


def _check_may_create(caller: Actor) -> None:
    """A token could otherwise make one for any Unix user, and so become it."""
    if caller.name != f"person:{FIRST_TOKEN}":
        line = f"only person:{FIRST_TOKEN} makes tokens, or `token create` on the controller's machine"
        raise Refused(f"{line}; this token is {caller.name}'s", "not_admin")


router = Router("/tokens", route_handlers=[create_token], tags=["tokens"])
