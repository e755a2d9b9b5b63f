"""What the machine says: one module per source. All of it runs in the prober (:mod:`agent.prober`), a process of its
own: a sensor may block, hang or crash there without harm to the agent.

A sensor is a module of this package that defines ``Options``, a frozen Struct derived from :class:`Cadence` with a
default for every field, filled from ``[sensors.MODULE]`` of the node's configuration, and one of

- ``read(options) -> Reading | None``: one look, without judgement. None: this machine has no such thing, and no check
  of it says anything. What it raises means: nothing known;
- ``attach(options, host) -> Source``: the same for a sensor that keeps something open between looks, or that is told
  things;
- ``follow(options, host, position) -> Iterator[Batch]``: a sensor that is told by the machine when there is something
  to tell. It blocks while there is not, begins after ``position`` (empty: it has never run), and gives
  :class:`agent.faults.Sighting` values.

``Reading`` is a frozen Struct of plain values. ``metrics(reading) -> Iterable[Family]``, if there, says how it looks on
the node's /metrics. Libraries that only some machines need are imported inside the function that uses them: the agent
itself imports every sensor for its types.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Protocol

import msgspec

from agent.discovery import modules_of
from agent.faults import Sighting

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Cadence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``enabled``: false switches a sensor and its checks off. ``every_s``: seconds from look to look. One that takes
    longer than ``deadline_s`` hangs."""

    enabled: bool = True
    every_s: Seconds = 15.0
    deadline_s: Seconds = 5.0


class Host(msgspec.Struct, frozen=True):
    """What a sensor may know of its node. ``helper``: the root helper's socket."""

    node: str = ""
    address: str = ""
    boot_id: str = ""
    state_dir: str = ""
    helper: str | None = None


class Source(Protocol):
    """A sensor with something open."""

    def read(self) -> msgspec.Struct | None: ...

    def tell(self, news: bytes) -> None:
        """What the agent passes on, MessagePack of a type of the sensor's own. Never concurrent with ``read``."""


class Batch(msgspec.Struct, frozen=True):
    """``position``: where to go on after a restart, once ``sightings`` are kept. Both or either may be news."""

    position: str
    sightings: list[Sighting] = []


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"


class Family(msgspec.Struct, frozen=True):
    """One metric: ``samples`` are labels and a value. A counter's name is without ``_total``. Names are node_exporter's
    or dcgm-exporter's where the thing is the same, with the unit in the name (seconds, bytes, ratio, celsius)."""

    name: str
    help: str
    samples: Sequence[tuple[dict[str, str], float]]
    kind: Kind = Kind.GAUGE


Metrics = Callable[[Any], Iterable[Family]]


@dataclass(frozen=True)
class Sensor:
    """A sensor as it was found. ``reading`` is None for one that follows."""

    name: str
    options: type[Cadence]
    reading: type[msgspec.Struct] | None
    attach: Callable[[Any, Host], Source] | None
    follow: Callable[[Any, Host, str], Iterator[Batch]] | None
    metrics: Metrics | None


def discover() -> dict[str, Sensor]:
    """Every sensor of this package, by name."""
    modules = modules_of(sys.modules[__name__], having="Options")
    return {name: sensor(name, module) for name, module in modules.items()}


def sensor(name: str, module: Any) -> Sensor:
    """``module`` defines a sensor, as said above."""
    return Sensor(
        name=name,
        options=module.Options,
        reading=getattr(module, "Reading", None),
        attach=_attach(module),
        follow=getattr(module, "follow", None),
        metrics=getattr(module, "metrics", None),
    )


def _attach(module: Any) -> Callable[[Any, Host], Source] | None:
    if hasattr(module, "attach"):
        attach: Callable[[Any, Host], Source] = module.attach
        return attach
    if not hasattr(module, "read"):
        return None
    return lambda options, _host: _Plain(module.read, options)


class _Plain:
    """A sensor that is one function."""

    def __init__(self, read: Callable[[Any], msgspec.Struct | None], options: Cadence) -> None:
        self._read, self._options = read, options

    def read(self) -> msgspec.Struct | None:
        return self._read(self._options)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError
