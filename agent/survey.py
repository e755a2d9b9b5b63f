"""Every check once, for a person who asks and for a scheduler: ``mainstay-agent check``."""

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from agent import site
from agent.binding import BoundSensor, bind_checks, bind_sensors
from agent.clock import Clock, SystemClock, read_boot_id
from agent.conditions import Book
from agent.config import Config
from agent.probe import SensorProbe
from agent.prober.prober import Prober
from agent.prober.protocol import Begin
from agent.runner import PROBE_HUNG, Runner, probe_hung
from agent.sensors import Host
from agent.settling import Folded
from wire.conditions import Condition, Severity, Status

WITHIN_S = 50.0  # Slurm kills a HealthCheckProgram after 60
FIT, UNFIT, UNSURE = 0, 1, 5  # exit statuses
REASON_CHARACTERS = 400
_ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


class Judgement(msgspec.Struct, frozen=True):
    """One check's word, here and now; the fields are a condition's."""

    type: str
    status: Status
    severity: Severity
    reason: str
    message: str
    suggested_action: str
    components: list[str]


class Survey(msgspec.Struct, frozen=True):
    """The worst first. ``unread``: why the faults that the agent was told of are not among them; empty if they are."""

    judgements: list[Judgement]
    unread: str = ""


async def once(config: Config, within_s: float = WITHIN_S) -> Survey:
    """Reads every sensor now; what takes longer than ``within_s`` is unknown. What the running agent knows and nobody
    can see now, an Xid of an hour ago or a fault that only a person clears, is read from what it keeps."""
    found = await asyncio.to_thread(site.look, config)
    sensors, clock = bind_sensors(config, found), SystemClock()
    kept, unread = _kept(Path(config.state_dir) / "agent.db", clock.utc())
    host = Host(config.node, config.address, read_boot_id(Path(config.boot_id_file)), config.state_dir, config.helper)
    deadlines = {name: min(sensor.cadence.deadline_s, within_s) for name, sensor in sensors.items()}
    prober = Prober(Begin(config, found, host), deadlines, clock, dict, lambda *_: None, lambda *_: None)
    runner = _runner(config, found, sensors, prober, clock, kept)
    try:
        surveyed = dict(await runner.survey())
    finally:
        await prober.close()
    hung = [name for name in runner.hung if sensors[name].cadence.deadline_s <= within_s]
    judged = surveyed | ({PROBE_HUNG: probe_hung(hung)} if hung else {})
    fresh = [judgement(type_, folded) for type_, folded in judged.items()]
    checked = {check.condition for check in bind_checks(config, found)} | {PROBE_HUNG}
    told = [_of(condition) for condition in kept if condition.type not in checked]
    return Survey(sorted([*fresh, *told], key=_badness), unread)


def judgement(type_: str, folded: Folded) -> Judgement:
    said = folded.verdict
    return Judgement(
        type_, said.status, said.severity, str(said.reason), said.message, said.suggested_action, folded.components
    )


def exit_status(judgements: Iterable[Judgement]) -> int:
    """UNFIT for work: a critical fault. UNSURE: none, but something could not be told. A warning is no reason not to
    work."""
    found = list(judgements)
    if any(map(_critical, found)):
        return UNFIT
    return UNSURE if any(each.status is Status.UNKNOWN for each in found) else FIT


def drain_reason(judgements: Iterable[Judgement]) -> str:
    """One line of every critical fault, for a scheduler; empty when there is none."""
    told = "; ".join(f"{each.type}: {each.message}" for each in judgements if _critical(each))
    return " ".join(told.replace('"', "'").split())[:REASON_CHARACTERS]


def _runner(
    config: Config,
    found: site.SiteChecks,
    sensors: dict[str, BoundSensor],
    prober: Prober,
    clock: Clock,
    kept: list[Condition],
) -> Runner:
    life_s = config.intervals.condition_life_s
    probes = [SensorProbe(sensor, prober) for sensor in sensors.values() if sensor.attach is not None]
    book = Book(timedelta(seconds=life_s), kept)
    return Runner(probes, bind_checks(config, found), book, clock, life_s, lambda _conditions, _news: None)


def _kept(path: Path, now: datetime) -> tuple[list[Condition], str]:
    """What the agent says of this node and still holds, read without its help; or why not."""
    if not path.exists():
        return [], ""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT body FROM conditions").fetchall()
        finally:
            connection.close()
        conditions = [msgspec.msgpack.decode(body, type=Condition) for (body,) in rows]
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        return [], f"{path}: {error}"
    return [condition for condition in conditions if condition.expires_at > now], ""


def _of(condition: Condition) -> Judgement:
    return msgspec.convert(condition, Judgement, from_attributes=True)


def _critical(each: Judgement) -> bool:
    return each.status is Status.TRUE and each.severity is Severity.CRITICAL


def _badness(each: Judgement) -> tuple[int, int, str]:
    status = (Status.TRUE, Status.UNKNOWN, Status.FALSE).index(each.status)
    return status, _ORDER.index(each.severity), each.type
