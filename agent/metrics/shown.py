"""What the page shows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agent.probe import Look
from agent.sensors import Family, Metrics


class Left(NamedTuple):
    """Why samples of a sensor are not on the page: too_many, same_name (another sensor says that family), failed."""

    sensor: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """``sensors``: what each makes of a reading; ``newest``: the readings, by sensor; ``own``: what else there is,
    told how much of the page is left out."""

    sensors: Callable[[], Mapping[str, Metrics]]
    newest: Callable[[], Mapping[str, Look]]
    own: Callable[[Mapping[Left, int]], Iterable[Family]]
