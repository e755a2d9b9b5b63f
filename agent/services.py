"""What an order may use of its node."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.checks import Verdict
from agent.clock import Clock
from agent.config import Config
from agent.ports import PortBook
from agent.workers.parts import Parts

Survey = Callable[[], Awaitable[list[tuple[str, Verdict]]]]  # every check once; condition types and verdicts


@dataclass(frozen=True)
class NodeServices:
    config: Config
    clock: Clock
    boot_id: str
    parts: Parts
    survey: Survey
    ports: PortBook
