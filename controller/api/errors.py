"""Every error of the API is a wire.api.ErrorResponse: one line that names the field and the mend."""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from controller.errors import Invalid, MainstayError, NotFound, Refused, Unauthorized, Unavailable
from wire.api import ErrorResponse
from wire.validation import describe_at

STATUS: dict[type[MainstayError], HTTPStatus] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    NotFound: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.CONFLICT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
RESPONSES = {
    int(status): ResponseSpec(ErrorResponse, generate_examples=False, description=kind.reason.replace("_", " "))
    for kind, status in STATUS.items()
}
log = logging.getLogger(__name__)


def told(_request: Request[Any, Any, Any], error: MainstayError) -> Response[ErrorResponse]:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _response(status, str(error), error.reason)


def http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorResponse]:
    """What the framework found wrong with the request before any of our code saw it."""
    status = HTTPStatus(error.status_code)
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return _response(status, "; ".join(_fault(fault) for fault in error.extra), Invalid.reason)
    reason = Invalid.reason if status is HTTPStatus.BAD_REQUEST else status.name.lower()
    return _response(status, error.detail or status.phrase, reason)


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorResponse]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    line = f"an error in the controller ({type(error).__name__}); its log says more"
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, line, "internal")


def _fault(fault: dict[str, str]) -> str:
    field = fault.get("key", "")
    return describe_at("" if field == "data" else field.removeprefix("data."), fault["message"])


def _response(status: HTTPStatus, line: str, reason: str) -> Response[ErrorResponse]:
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return Response(ErrorResponse(" ".join(line.split()), reason), status_code=status, headers=headers)
