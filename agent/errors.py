"""Errors a person is told about; each says whether trying again can help.

AgentError
+-- Retryable
|   `-- Unreachable     no answer from the controller
`-- Permanent
    +-- Invalid         a wrong configuration or argument: exit status 2
    `-- Refused         a rule says no: exit status 4
"""


class AgentError(Exception):
    """str() is one line that names the mend; ``exit_status`` is what the command line ends with."""

    exit_status = 1


class Retryable(AgentError):
    pass


class Unreachable(Retryable):
    pass


class Permanent(AgentError):
    pass


class Invalid(Permanent):
    exit_status = 2


class Refused(Permanent):
    exit_status = 4
