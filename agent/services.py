"""What an order may use of its node."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.config import Config
from agent.examiner import Examiner
from agent.ports import PortBook
from agent.probe import Look
from agent.settling import Folded
from agent.workers.parts import Parts
from wire.conditions import Condition

Survey = Callable[[], Awaitable[list[tuple[str, Folded]]]]  # every check once; by type of condition
Tell = Callable[[str, bytes], None]  # a sensor's name, and news for it
Clear = Callable[[str, list[str], str], Awaitable[None]]  # a condition's type, components (none: all), who says so
Newest = Callable[[], Mapping[str, Look]]  # the newest look of each sensor


def _nobody_listens(_sensor: str, _news: bytes) -> None:
    pass


async def _nothing_is_kept(_type: str, _components: list[str], _words: str) -> None:
    pass


def _nothing_is_said(_type: str) -> Condition | None:
    return None


@dataclass(frozen=True)
class NodeServices:
    config: Config
    clock: Clock
    boot_id: str
    parts: Parts
    survey: Survey
    ports: PortBook
    tell: Tell = _nobody_listens
    examiner: Examiner = field(default_factory=Examiner)
    newest: Newest = dict
    clear: Clear = _nothing_is_kept
    condition: Callable[[str], Condition | None] = _nothing_is_said  # what is said of a type
