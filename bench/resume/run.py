"""One run: start the job, let it train, strike, and wait for the first new step of a gang that lives."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import psutil

from bench.resume import gangs
from bench.resume.contender import Contender
from bench.resume.faults import BLOWS, Blow, Fault
from bench.resume.figures import Outcome
from bench.resume.gangs import Gang
from bench.resume.job import STRIKE_AT_STEP, WORLD
from cli.demo.errors import DemoFailed

START_S = 180.0
LOOK_S = 0.02
ASK_S = 2.0

Logs = Mapping[str, list[Gang]]


class Struck(msgspec.Struct, frozen=True):
    mono: float
    at: datetime
    before: Logs


def run(contender: Contender, fault: Fault, limit_s: float) -> Outcome:
    """Raises DemoFailed when the job does not even start, or there is nobody to strike."""
    contender.start()
    await_training(contender)
    struck = strike(contender, BLOWS[fault])
    return await_resume(contender, struck, limit_s)


def await_training(contender: Contender) -> None:
    """Until the whole gang has made its STRIKE_AT_STEPth step."""

    def ready() -> bool:
        return any(gang.world == WORLD and gangs.furthest([gang]) >= STRIKE_AT_STEP for gang in _all(_read(contender)))

    end = time.monotonic() + START_S
    while not ready():
        if time.monotonic() > end:
            raise DemoFailed(f"{contender.name}: the job did not train within {START_S:g} s")
        time.sleep(LOOK_S)


def strike(contender: Contender, blow: Blow) -> Struck:
    """The clock starts with the first signal; finding whom to hit comes before."""
    prey = contender.prey(blow)
    if not prey:
        raise DemoFailed(f"{contender.name}: found nobody to send {blow.signal.name}")
    struck = Struck(time.monotonic(), datetime.now(UTC), _read(contender))
    _send(prey, blow)
    if blow.whole_node:
        for process in prey:
            with suppress(psutil.NoSuchProcess):
                _send(process.children(recursive=True), blow)
    return struck


def await_resume(contender: Contender, struck: Struck, limit_s: float) -> Outcome:
    """A gang's first step counts from when it was first seen, once the gang has shown that it lives."""
    seen: dict[tuple[str, int], float] = {}
    given_up = seldom(contender.given_up, ASK_S)
    while time.monotonic() - struck.mono < limit_s:
        logs, now = _read(contender), time.monotonic()
        for key, gang in gangs.born_since(logs, struck.before).items():
            if gang.steps:
                seen.setdefault(key, now)
            if gang.lives:
                return _resumed(contender, struck, gang, seen[key] - struck.mono, logs)
        if (why := given_up()) is not None:
            return _never(contender, struck, why)
        time.sleep(LOOK_S)
    return _never(contender, struck, f"no new step within {limit_s:g} s")


def seldom(ask: Callable[[], str | None], every_s: float) -> Callable[[], str | None]:
    """The same question, put at most once in ``every_s``; None in between."""
    last = time.monotonic()

    def asked() -> str | None:
        nonlocal last
        if time.monotonic() - last < every_s:
            return None
        last = time.monotonic()
        return ask()

    return asked


def _resumed(contender: Contender, struck: Struck, gang: Gang, seconds: float, logs: Logs) -> Outcome:
    done = gangs.furthest(_all(gangs.only_old(logs, struck.before)))
    return Outcome(seconds, gang.world, max(0, done - gang.resumed_at), contender.account(struck.at))


def _never(contender: Contender, struck: Struck, why: str) -> Outcome:
    return Outcome(None, note="; ".join(filter(None, (why, contender.account(struck.at)))))


def _send(prey: list[psutil.Process], blow: Blow) -> None:
    for process in prey:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(blow.signal)


def _read(contender: Contender) -> Logs:
    return {str(path): gangs.parse(path.read_text(errors="replace")) for path in contender.logs() if path.exists()}


def _all(logs: Logs) -> list[Gang]:
    return [gang for found in logs.values() for gang in found]
