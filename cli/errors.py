"""Errors the person at the terminal is told about: one line on stderr, and an exit status.

CliError
+-- Failed      1  it was tried and did not work
+-- Invalid     2  the request, a file or a setting is malformed; the line names it and the mend
+-- NotFound    3
`-- Refused     4  a rule said no; the line names the rule
"""

from http import HTTPStatus

from wire.api import ErrorResponse


class CliError(Exception):
    exit_status = 1


class Failed(CliError):
    pass


class Invalid(CliError):
    exit_status = 2


class NotFound(CliError):
    exit_status = 3


class Refused(CliError):
    exit_status = 4


def of_response(status: int, answer: ErrorResponse) -> CliError:
    """What an error answer of the API means here."""
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(answer.error)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT):
        return Refused(f"refused ({answer.reason}): {answer.error}")
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Invalid(answer.error)
    return Failed(answer.error)
