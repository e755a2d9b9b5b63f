"""What the agent costs, and node_exporter beside it: both at work at once, both scraped once a second."""

import statistics
import time
from collections.abc import Sequence

import msgspec

from bench.agent.looks import Look
from bench.agent.meter import Cost, Meter, between
from bench.agent.place import Place, with_metrics
from bench.agent.scrape import Scraped, Scraper
from cli import local

WARM_UP_S = 30.0
MEMORY_EVERY_S = 5.0
ALONE_LOOKS = 3


class Side(msgspec.Struct, frozen=True):
    """``pss_mib``: at several instants, by name of process. ``alone_mib``: each page once, whoever else has it; None
    when not to be seen. ``scraped``: None when there is no page."""

    cost: Cost
    pss_mib: list[dict[str, float]]
    alone_mib: float | None
    scraped: Scraped | None

    @property
    def median_pss_mib(self) -> float:
        return statistics.median(self._sums())

    @property
    def most_pss_mib(self) -> float:
        return max(self._sums())

    def _sums(self) -> list[float]:
        return [sum(each.values()) for each in self.pss_mib]


class Outcome(msgspec.Struct, frozen=True):
    seconds: float
    agent: Side
    exporter: Side
    looks: list[Look]


class _Watched:
    def __init__(self, pid: int, port: int | None) -> None:
        self.meter = Meter(pid)
        self.scraper = Scraper(local.LOOPBACK, port) if port else None
        self.pss: list[dict[str, float]] = []
        self.alone: list[float] = []

    def begin(self) -> None:
        self.usage = self.meter.usage()

    def finish(self) -> Cost:
        return between(self.usage, self.meter.usage())

    def side(self, cost: Cost) -> Side:
        alone = statistics.median(self.alone) if self.alone else None
        return Side(cost, self.pss, alone, self.scraper.end() if self.scraper else None)


def measure(place: Place, seconds: float) -> Outcome:
    page, exporter_page = local.free_ports(2)
    metrics = with_metrics(page)
    node = place.new_node(metrics)
    exporter = place.start_exporter(exporter_page)
    process = place.start_agent(node)
    sides = _Watched(process.pid, page if metrics else None), _Watched(exporter, exporter_page)
    for side in sides:
        if side.scraper:
            side.scraper.start()
    time.sleep(WARM_UP_S)
    costs = _observe(sides, seconds)
    agent, other = (side.side(cost) for side, cost in zip(sides, costs, strict=True))
    place.end(process)
    looks = msgspec.json.decode(place.look_at_looks(node), type=list[Look])
    return Outcome(seconds, agent, other, looks)


def _observe(sides: Sequence[_Watched], seconds: float) -> list[Cost]:
    for side in sides:
        side.begin()
    end = time.monotonic() + seconds
    instants = 0
    while (left := end - time.monotonic()) > 0:
        for side in sides:
            side.pss.append(side.meter.pss_mib())
            if instants < ALONE_LOOKS and (alone := side.meter.alone_mib()) is not None:
                side.alone.append(alone)
        instants += 1
        time.sleep(min(MEMORY_EVERY_S, left))
    return [side.finish() for side in sides]
