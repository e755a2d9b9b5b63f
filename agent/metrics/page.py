"""The page: a part for each sensor, written once for each reading, and what is said besides.

A family has at most :data:`MOST` samples and is in one part only: a node with a thousand interfaces must not fill a
site's Prometheus, and a page that says one family twice is refused as a whole. ``mainstay_metrics_left_out`` counts
what is missing for that.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from agent.metrics.formats import END, Format, render
from agent.metrics.shown import Left
from agent.probe import Look
from agent.sensors import Family, Metrics

log = logging.getLogger(__name__)

MOST = 512  # samples of a family: eight each of 64 GPUs, disks or interfaces
OWN = "agent"


class Part:
    """What one reading makes of the page, in each format that was asked for; ``left``: how much it leaves out."""

    def __init__(self, families: list[Family], left: Counter[Left]) -> None:
        self.families, self.left = families, left
        self._texts: dict[Format, bytes] = {}

    def text(self, format_: Format) -> bytes:
        if format_ not in self._texts:
            self._texts[format_] = render(self.families, format_)
        return self._texts[format_]


class Page:
    """``sensors``: what each makes of a reading; ``newest``: the readings; ``own``: what else there is, asked anew
    for each page."""

    def __init__(
        self,
        sensors: Callable[[], Mapping[str, Metrics]],
        newest: Callable[[], Mapping[str, Look]],
        own: Callable[[Mapping[Left, int]], Iterable[Family]],
    ) -> None:
        self._sensors, self._newest, self._own = sensors, newest, own
        self._parts: dict[str, tuple[Look, Part]] = {}
        self._owners: dict[str, str] = {}  # whose a family is: the first one's to say it
        self._failing: dict[str, str] = {}
        self._told: dict[Format, dict[str, tuple[Family, bytes]]] = {}

    def text(self, format_: Format) -> bytes:
        sensors, newest = self._sensors(), self._newest()
        looks = {name: newest[name] for name in sorted(sensors) if name in newest}
        self._parts = {name: (look, self._of(name, look, sensors[name], format_)) for name, look in looks.items()}
        parts = [part for _, part in self._parts.values()]
        left: Counter[Left] = Counter()
        for part in parts:
            left.update(part.left)
        own = self._make(OWN, self._own(left)).families
        return b"".join([*(part.text(format_) for part in parts), *self._written(own, format_), END[format_]])

    def _written(self, families: list[Family], format_: Format) -> Iterator[bytes]:
        """What is made anew for each page, and mostly comes out as before: that is not written anew."""
        before, now = self._told.get(format_, {}), {}
        for family in families:
            told = before.get(family.name)
            now[family.name] = told if told and told[0] == family else (family, render([family], format_))
            yield now[family.name][1]
        self._told[format_] = now

    def _of(self, sensor: str, look: Look, metrics: Metrics, format_: Format) -> Part:
        if sensor in self._parts and self._parts[sensor][0] is look:
            return self._parts[sensor][1]
        try:
            part = self._make(sensor, metrics(look.reading))
            part.text(format_)
        except Exception as error:  # one sensor's mistake must not cost the page
            self._tell(sensor, f"{type(error).__name__}: {error}")
            return Part([], Counter({Left(sensor, "failed"): 1}))
        self._failing.pop(sensor, None)
        return part

    def _tell(self, sensor: str, text: str) -> None:
        """Once, and not for every reading."""
        if self._failing.get(sensor) != text:
            log.warning("metrics of sensor %s failed: %s", sensor, text)
        self._failing[sensor] = text

    def _make(self, sensor: str, families: Iterable[Family]) -> Part:
        left: Counter[Left] = Counter()
        return Part(list(self._bounded(sensor, families, left)), left)

    def _bounded(self, sensor: str, families: Iterable[Family], left: Counter[Left]) -> Iterator[Family]:
        """Those that have samples; counts in ``left`` what is cut."""
        said: set[str] = set()
        for family in families:
            samples = list(family.samples)
            if family.name in said or self._owners.setdefault(family.name, sensor) != sensor:
                left[Left(sensor, "same_name")] += len(samples)
                continue
            said.add(family.name)
            if len(samples) > MOST:
                left[Left(sensor, "too_many")] += len(samples) - MOST
            if samples:
                yield msgspec.structs.replace(family, samples=samples[:MOST])
