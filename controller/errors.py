"""Errors a person or a peer is told about; each says whether trying again can help.

MainstayError
+-- Retryable
|   `-- Unavailable
`-- Permanent
    +-- Invalid         the request is malformed: HTTP 400, exit status 2
    +-- Unauthorized    no valid token: HTTP 401, exit status 4
    +-- NotFound        HTTP 404, exit status 3
    `-- Refused         a rule says no: HTTP 409, exit status 4
"""


class MainstayError(Exception):
    """``reason`` is a fixed word, str() one line that names the mend."""

    reason = "error"

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class Retryable(MainstayError):
    pass


class Unavailable(Retryable):
    reason = "unavailable"


class Permanent(MainstayError):
    pass


class Invalid(Permanent):
    reason = "invalid"


class Unauthorized(Permanent):
    reason = "unauthorized"


class NotFound(Permanent):
    reason = "not_found"


class Refused(Permanent):
    reason = "refused"
