"""What the agent says of itself: conditions, faults, sensors, link, spool, orders, its process."""

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import psutil

from agent.clock import Clock
from agent.conditions import Book
from agent.faults.watch import FaultWatch
from agent.metrics.shown import Left
from agent.probe import Look
from agent.sensors import Family, Kind
from agent.tally import Tally
from wire.conditions import Status

Labels = dict[str, str]
Samples = list[tuple[Labels, float]]


@dataclass(frozen=True)
class Channel:
    """Between this agent and a controller. ``spooled_bytes``: what no controller has acknowledged. ``answers``: of
    orders, by verb and how they ended."""

    linked: Callable[[], bool]
    epoch: Callable[[], int]
    spooled_bytes: Callable[[], int]
    dropped: Callable[[], int]
    answers: Mapping[tuple[str, str], int]


class Own:
    """Called, gives the families; ``left``: how much of the page is missing."""

    def __init__(
        self,
        node: str,
        clock: Clock,
        book: Book,
        faults: FaultWatch,
        tally: Tally,
        newest: Callable[[], Mapping[str, Look]],
        channel: Channel,
    ) -> None:
        self._node, self._clock, self._book, self._faults = node, clock, book, faults
        self._tally, self._newest, self._channel = tally, newest, channel
        self._process = psutil.Process()
        self._versions = {"version": version("mainstay"), "python": platform.python_version()}

    def __call__(self, left: Mapping[Left, int]) -> Iterator[Family]:
        info = {"node": self._node, **self._versions}
        yield Family("mainstay_agent_build_info", "Which agent this is, of which node.", [(info, 1.0)])
        yield from _of_conditions(self._book, self._clock)
        yield from _of_faults(self._faults)
        yield from _of_sensors(self._newest(), self._clock, self._tally)
        yield from _of_channel(self._channel)
        yield from _of_process(self._process)
        missing = [({"sensor": it.sensor, "reason": it.reason}, float(count)) for it, count in left.items()]
        yield Family("mainstay_metrics_left_out", "Samples that this page had to leave out.", missing)


def _of_conditions(book: Book, clock: Clock) -> Iterator[Family]:
    now = clock.utc()
    current = sorted(book.current(now), key=lambda condition: condition.type)
    states: Samples = [
        ({"type": it.type, "status": it.status.lower(), "severity": it.severity.value}, 1.0) for it in current
    ]
    yield Family("mainstay_condition", "What holds of this node: 1 for its status and severity of now.", states)
    bad = [condition for condition in current if condition.status is not Status.FALSE]
    since: Samples = [({"type": it.type}, it.since.timestamp()) for it in bad]
    yield Family("mainstay_condition_since_timestamp_seconds", "Since when a condition is not false.", since)
    befell: Samples = [({"type": it.type}, float(len(it.components))) for it in bad if it.components]
    yield Family("mainstay_condition_components", "How many GPUs, disks or interfaces a condition befell.", befell)


def _of_faults(faults: FaultWatch) -> Iterator[Family]:
    counted: Samples = [
        ({"kind": kind, "code": code, "severity": severity.value}, float(count))
        for (kind, code, severity), count in sorted(faults.counted.items())
    ]
    text = "Faults that the kernel or a driver told of, since the agent's start."
    yield Family("mainstay_fault_events", text, counted, Kind.COUNTER)
    last = {(it.sighting.kind, it.sighting.code, it.sighting.component): it.utc for it in faults.kept()}
    times: Samples = [
        ({"kind": kind, "code": code, "component": component}, utc) for (kind, code, component), utc in last.items()
    ]
    newest = sorted(times, key=lambda sample: -sample[1])
    yield Family("mainstay_fault_last_timestamp_seconds", "When a fault was last told of a component.", newest)


def _of_sensors(newest: Mapping[str, Look], clock: Clock, tally: Tally) -> Iterator[Family]:
    started = clock.utc().timestamp() - clock.boottime()
    at: Samples = [({"sensor": name}, round(started + look.at, 3)) for name, look in newest.items()]
    yield Family("mainstay_sensor_last_reading_timestamp_seconds", "When a sensor last gave a reading.", at)
    took: Samples = [({"sensor": name}, look.took_s) for name, look in newest.items()]
    yield Family("mainstay_sensor_read_seconds", "How long a sensor's last reading took.", took)
    looks: Samples = [
        ({"sensor": sensor, "outcome": end.value}, float(count)) for (sensor, end), count in tally.looks.items()
    ]
    text = "Looks at sensors: answered, absent (no such hardware), failed, hung (past its deadline)."
    yield Family("mainstay_sensor_looks", text, looks, Kind.COUNTER)
    text = "Processes started to run sensors; more than one: a sensor hung, or brought its process down."
    yield Family("mainstay_prober_starts", text, [({}, float(tally.probers))], Kind.COUNTER)


def _of_channel(channel: Channel) -> Iterator[Family]:
    for name, value, help_ in (
        ("mainstay_link_up", channel.linked(), "Whether a controller is linked."),
        ("mainstay_link_epoch", channel.epoch(), "Highest epoch of a controller that was seen."),
        ("mainstay_spool_bytes", channel.spooled_bytes(), "Messages that no controller has acknowledged."),
        ("mainstay_spool_dropped_messages", channel.dropped(), "Messages lost since the spool was last empty."),
    ):
        yield Family(name, help_, [({}, float(value))])
    ended: Samples = [
        ({"verb": verb, "outcome": outcome}, float(count)) for (verb, outcome), count in channel.answers.items()
    ]
    yield Family("mainstay_orders", "Orders of a controller, by how they ended.", ended, Kind.COUNTER)


def _of_process(process: psutil.Process) -> Iterator[Family]:
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        yield Family("process_cpu_seconds", "CPU time of the agent.", [({}, times.user + times.system)], Kind.COUNTER)
        yield Family("process_resident_memory_bytes", "Resident memory of the agent.", [({}, float(memory.rss))])
        yield Family("process_start_time_seconds", "When the agent was started.", [({}, process.create_time())])
        yield Family("process_open_fds", "Open file descriptors of the agent.", [({}, float(process.num_fds()))])
