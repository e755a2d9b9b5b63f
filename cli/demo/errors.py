"""What can end the demo before its summary."""

from pathlib import Path

from cli.errors import Failed


class DemoFailed(Failed):
    pass


class Awaited(DemoFailed):
    """Something did not happen in time; the line says what, and where to look."""

    def __init__(self, what: str, deadline_s: float, logs: Path) -> None:
        super().__init__(f"waited {deadline_s:.0f} s for {what}; the logs are below {logs}")
