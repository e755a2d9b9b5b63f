"""What runs in the prober: each sensor in a thread of its own, so that one that hangs holds up no other."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from agent.binding import BoundSensor, bind_sensors
from agent.prober.protocol import (
    HEADER,
    Answer,
    Ask,
    Begin,
    Follow,
    FromChild,
    Ready,
    Tell,
    Told,
    decode_to_child,
    encode,
    frame,
)
from agent.sensors import Host, Source

AGAIN_S = (1.0, 60.0)  # pauses before a source that failed is followed anew: the first, and the longest
ERROR_CHARACTERS = 300

Say = Callable[[FromChild], None]


def main() -> None:
    """Until the agent closes the pipe. Whatever a sensor prints goes to stderr, and a program that it runs reads
    nothing: stdin and stdout are for frames."""
    messages, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    say = _speaker(output)
    begin = _next(messages)
    if not isinstance(begin, Begin):
        raise SystemExit("the prober is started by the agent")
    desk = Desk(bind_sensors(begin.config, begin.site), begin.host, say)
    say(Ready())
    while (message := _next(messages)) is not None:
        desk.take(message)
    os._exit(0)  # threads that hang must not keep it


class Desk:
    """Hands what the agent says to the sensors' threads, started when first asked."""

    def __init__(self, sensors: dict[str, BoundSensor], host: Host, say: Say) -> None:
        self._sensors, self._host, self._say = sensors, host, say
        self._threads: dict[str, queue.SimpleQueue[Ask | Tell]] = {}

    def take(self, message: object) -> None:
        match message:
            case Ask(sensor, number) if sensor not in self._sensors:
                self._say(
                    Answer(number, time.clock_gettime(time.CLOCK_BOOTTIME), 0.0, error=f"no sensor {sensor} here")
                )
            case Ask(sensor) | Tell(sensor) if sensor in self._sensors:
                self._queue(sensor).put(message)
            case Follow(positions):
                self._follow(positions)

    def _queue(self, name: str) -> "queue.SimpleQueue[Ask | Tell]":
        if name not in self._threads:
            self._threads[name] = queue.SimpleQueue()
            looker = _Looker(self._sensors[name], self._host, self._say, self._threads[name])
            _start(looker.run, name)
        return self._threads[name]

    def _follow(self, positions: dict[str, str]) -> None:
        for name, sensor in self._sensors.items():
            if sensor.follow is not None:
                follower = _Follower(sensor, self._host, self._say, positions.get(name, ""))
                _start(follower.run, name)


class _Looker:
    def __init__(self, sensor: BoundSensor, host: Host, say: Say, messages: "queue.SimpleQueue[Ask | Tell]") -> None:
        self._sensor, self._host, self._say, self._messages = sensor, host, say, messages
        self._source: Source | None = None

    def run(self) -> None:
        while True:
            message = self._messages.get()
            if isinstance(message, Ask):
                self._say(self._answer(message.id))
            else:
                self._pass_on(message.news)

    def _answer(self, number: int) -> Answer:
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        reading, error = None, ""
        try:
            found = self._attached().read()
            reading = None if found is None else encode(found)
        except Exception as failure:  # whatever a sensor raises means: nothing known
            error = _one_line(failure)
        ended = time.clock_gettime(time.CLOCK_BOOTTIME)
        return Answer(number, ended, ended - began, reading, error)

    def _pass_on(self, news: bytes) -> None:
        try:
            self._attached().tell(news)
        except Exception as failure:  # what it can't take it will miss when it is read
            print(f"sensor {self._sensor.name}: {_one_line(failure)}", file=sys.stderr)

    def _attached(self) -> Source:
        if self._source is None:
            assert self._sensor.attach is not None
            self._source = self._sensor.attach(self._host)
        return self._source


class _Follower:
    def __init__(self, sensor: BoundSensor, host: Host, say: Say, position: str) -> None:
        self._sensor, self._host, self._say, self._position = sensor, host, say, position

    def run(self) -> None:
        pause, longest = AGAIN_S
        while True:
            if self._until_it_ends():
                pause = AGAIN_S[0]
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def _until_it_ends(self) -> bool:
        """Whether it had anything to tell."""
        assert self._sensor.follow is not None
        told = False
        try:
            for batch in self._sensor.follow(self._host, self._position):
                self._say(Told(self._sensor.name, encode(batch)))
                self._position, told = batch.position, True
        except Exception as failure:  # the source ended; the agent is told, and it is tried again
            self._say(Told(self._sensor.name, error=_one_line(failure)))
        return told


def _start(work: Callable[[], None], sensor: str) -> None:
    threading.Thread(target=_named, args=(work, sensor), name=sensor, daemon=True).start()


def _named(work: Callable[[], None], name: str) -> None:
    """For ``top -H``, which shows 15 characters: Python itself names threads for the kernel only since 3.14."""
    with suppress(OSError):
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)
    work()


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:ERROR_CHARACTERS]


def _speaker(output: BinaryIO) -> Say:
    lock = threading.Lock()

    def say(message: FromChild) -> None:
        data = memoryview(frame(message))
        with lock:
            try:
                while data:
                    data = data[output.write(data) :]
            except BrokenPipeError:  # the agent has gone
                os._exit(0)

    return say


def _next(stream: BinaryIO) -> Any:
    """None when the agent has gone."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body = stream.read(HEADER.unpack(header)[0])
    try:
        return decode_to_child(body)
    except msgspec.MsgspecError as error:
        raise SystemExit(f"the prober can't read its agent: {error}; are both of one version?") from None
