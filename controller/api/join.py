"""How a node gets its certificate: a join token, bound to its name and used once, and a signing request."""

from typing import Any

from litestar import MediaType, Request, get, post
from litestar.params import JSONBody

from controller.api.authentication import PUBLIC, bearer
from controller.api.dependencies import Authority, Core, Desk, LinkAddress, Now
from controller.api.errors import RESPONSES
from wire.api import JoinRequest, JoinResponse


@get("/ca", media_type=MediaType.TEXT, opt=PUBLIC, security=[{}], tags=["join"])
async def show_ca(authority: Authority) -> str:
    """The authority's certificate, PEM. Whoever fetches it compares its fingerprint with one got elsewhere."""
    return authority.ca_pem


@post("/join", opt=PUBLIC, responses=RESPONSES, tags=["join"])
async def join(
    request: Request[Any, Any, Any],
    core: Core,
    desk: Desk,
    authority: Authority,
    link_address: LinkAddress,
    now: Now,
    data: JSONBody[JoinRequest],
) -> JoinResponse:
    """The bearer is a join token for ``node``. A request that can't be signed leaves the token unused.

    Refused with ``node_in_contact`` or ``node_busy`` while another machine of that name is in contact or may run work.
    """
    secret = bearer(request)
    await desk.check_join(secret, data.node)
    await core.check_may_join(data.node)
    certificate, fingerprint = authority.sign_node(data.csr, data.node, now)
    await desk.redeem(secret, data.node)
    await core.register_node(data.node, fingerprint, request.client.host if request.client else "")
    return JoinResponse(certificate, authority.ca_pem, link_address)
