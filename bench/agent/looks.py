"""What one look of each sensor costs, and one judgement of each check: run apart, in a process of its own, as the
agent's user and with the agent's configuration. Prints JSON, a list of :class:`Look`.

    python -m bench.agent.looks CONFIG

Not the prober's own work: frames, threads and the pipe are left out.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from agent.binding import BoundCheck, BoundSensor, bind_checks, bind_sensors
from agent.checks import Timed
from agent.clock import read_boot_id
from agent.config import load
from agent.prober.protocol import encode
from agent.runner import ABSENT_S
from agent.sensors import Host
from agent.site import SiteChecks

LOOKS, LONG_S = 5, 2.0
JUDGEMENTS = 20


class Look(msgspec.Struct, frozen=True):
    """Milliseconds of CPU: ``look_ms`` of one look as it is in the end, with processes that it started; ``first_ms`` of
    the first one; ``judge_ms`` of decoding it and of all checks that read it. ``size``: bytes over the pipe."""

    sensor: str
    every_s: float
    first_ms: float
    look_ms: float
    judge_ms: float
    size: int
    error: str = ""

    @property
    def millicores(self) -> float:
        return self.look_ms / self.every_s

    @property
    def judging_millicores(self) -> float:
        return self.judge_ms / self.every_s


def main() -> None:
    config = load(Path(sys.argv[1]))
    host = Host(config.node, config.address, read_boot_id(Path(config.boot_id_file)), config.state_dir, config.helper)
    checks = bind_checks(config, SiteChecks())
    sensors = bind_sensors(config, SiteChecks()).values()
    found = [_look(sensor, host, checks) for sensor in sensors if sensor.attach is not None]
    print(msgspec.json.encode(found).decode(), flush=True)
    os._exit(0)  # threads that hang must not keep it


def _look(sensor: BoundSensor, host: Host, checks: list[BoundCheck]) -> Look:
    assert sensor.attach is not None
    every_s, costs, readings, error = sensor.cadence.every_s, [], [], ""
    try:
        source = sensor.attach(host)
        for number in range(1 + LOOKS):
            cost, reading = _cost(lambda: encode(source.read()))
            costs.append(cost)
            readings.append(reading)
            if cost > LONG_S:
                break
            if number:
                time.sleep(0.2)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"[:200]
    absent = not readings or readings[-1] == encode(None)
    judge_ms = 0.0 if absent else _judging(sensor, checks, readings)
    return Look(
        sensor.name,
        max(every_s, ABSENT_S) if absent else every_s,
        costs[0] * 1000 if costs else 0.0,
        sorted(costs[1:] or costs or [0.0])[len(costs[1:]) // 2] * 1000,
        judge_ms,
        len(readings[-1]) if readings else 0,
        error,
    )


def _judging(sensor: BoundSensor, checks: list[BoundCheck], readings: list[bytes]) -> float:
    decoder = msgspec.msgpack.Decoder(sensor.reading)
    own = [check for check in checks if check.reads == sensor.name]
    longest = max((check.window for check in own), default=1)
    decoded = [decoder.decode(reading) for reading in readings]
    window = [Timed(float(number), decoded[number % len(decoded)]) for number in range(longest)]

    def once() -> None:
        decoder.decode(readings[-1])
        for check in own:
            with suppress(Exception):
                check.judge(window[-check.window :])

    return sum(_cost(once)[0] for _ in range(JUDGEMENTS)) / JUDGEMENTS * 1000


def _cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process and of children that ended."""
    began, before = time.process_time(), os.times()
    result = work()
    after = os.times()
    children = after.children_user + after.children_system - before.children_user - before.children_system
    return time.process_time() - began + children, result


if __name__ == "__main__":
    main()
