"""The HTTP API, put together: resources under /v1, /metrics, and OpenAPI generated from the types."""

from http import HTTPStatus
from typing import Any

from litestar import Litestar, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from controller.api import (
    automation,
    errors,
    events,
    incidents,
    jobs,
    join,
    metrics,
    nodes,
    playbooks,
    runs,
    status,
    tokens,
    why,
)
from controller.api.authentication import TokenDesk, TokenMiddleware
from controller.api.dependencies import provide_caller
from controller.api.operations import Operations
from controller.clock import Clock
from controller.errors import MainstayError, NotFound
from controller.state.store import Store
from controller.trust import Trust

MAX_BODY_BYTES = 1024 * 1024
VERSION = "1"
BEARER = "token"


def create_app(core: Operations, store: Store, trust: Trust, clock: Clock, link_address: str) -> Litestar:
    """``link_address`` is what a joining agent is told: HOST:PORT of the link."""
    desk = TokenDesk(store, clock)
    return Litestar(
        route_handlers=[_version_1(), metrics.show_metrics],
        middleware=[DefineMiddleware(TokenMiddleware, desk=desk)],
        dependencies={
            "core": _always(core),
            "desk": _always(desk),
            "authority": _always(trust),
            "link_address": _always(link_address),
            "caller": Provide(provide_caller),
            "now": Provide(clock.utc, sync_to_thread=False),
        },
        exception_handlers={
            MainstayError: errors.told,
            HTTPException: errors.http,
            Exception: errors.unexpected,
        },
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=_openapi(),
        security=[{BEARER: []}],
        logging_config=None,
    )


def _version_1() -> Router:
    return Router(
        "/v1",
        route_handlers=[
            nodes.router,
            jobs.router,
            runs.router,
            incidents.router,
            playbooks.router,
            automation.router,
            events.router,
            why.router,
            tokens.router,
            join.show_ca,
            join.join,
            status.show_status,
        ],
    )


def _always(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def _plain_not_found(response: Response[Any]) -> Response[Any]:
    """The framework would answer with a page."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFound("no such path; /v1/openapi.json names those there are")
    return response


def _openapi() -> OpenAPIConfig:
    """/v1/openapi.json and no pages: those would fetch scripts from elsewhere."""
    return OpenAPIConfig(
        title="Mainstay",
        version=VERSION,
        openapi_router=Router("/v1", route_handlers=[], include_in_schema=False, after_request=_plain_not_found),
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
        components=Components(security_schemes={BEARER: SecurityScheme(type="http", scheme="bearer")}),
    )
