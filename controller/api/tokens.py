"""Tokens are made, listed and revoked by person:admin; made on the controller's own machine too."""

from datetime import timedelta
from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.authentication import check_admin
from controller.api.dependencies import Authority, Caller, Desk
from controller.api.errors import RESPONSES
from controller.state.tokens import NewToken
from wire.api import TokenRequest, TokenResponse, TokenView


@post("/", responses=RESPONSES)
async def create_token(desk: Desk, authority: Authority, caller: Caller, data: JSONBody[TokenRequest]) -> TokenResponse:
    """Make a token; its secret is shown this once. Whoever is not person:admin is refused with ``not_admin``."""
    # a token could otherwise make one for any Unix user, and so become it
    check_admin(caller, "makes tokens, or `token create` on the controller's machine")
    life = None if data.expires_s is None else timedelta(seconds=data.expires_s)
    issued = await desk.create(NewToken(data.kind, data.name, data.user, life), caller.name)
    return TokenResponse(issued.secret, authority.ca_fingerprint, issued.expires_at)


@get("/", responses=RESPONSES)
async def list_tokens(desk: Desk, caller: Caller) -> list[TokenView]:
    """All tokens that are valid, oldest first, without their secrets. For person:admin only."""
    check_admin(caller, "sees tokens")
    return await desk.list()


@post("/{token:str}/revoke", status_code=HTTPStatus.OK, responses=RESPONSES)
async def revoke_token(desk: Desk, caller: Caller, token: FromPath[str]) -> TokenView:
    """Make a token invalid, from the next call on; it is named by its id. For person:admin only."""
    check_admin(caller, "revokes tokens")
    return await desk.revoke(token, caller.name)


router = Router("/tokens", route_handlers=[create_token, list_tokens, revoke_token], tags=["tokens"])
