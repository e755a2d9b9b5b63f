"""Which rank failed first, and what that failure is. Pure but for reading the ranks' own notes."""

import os
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.workers.shim import untrusted

EXCEPTION = "exception"
PEER = "peer"
SIGNAL = "signal"
CRASH = "crash"
EXIT_CODE = "exit_code"
PORT_TAKEN = "port_taken"
SPAWN = "spawn"
UNKNOWN = "unknown"

NOTED_KINDS = frozenset({EXCEPTION, PEER, PORT_TAKEN})
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
NOTE_LIMIT = 64 * 1024
MESSAGE_LIMIT = 2000

# What torch's background threads print before they abort a rank whose peer is lost.
_PEER_TEXT = re.compile(
    r"gloo/transport|gloo::IoException|Connection (?:closed|reset) by peer|ncclRemoteError|ncclSystemError"
    r"|Watchdog caught collective operation timeout|DistNetworkError|DistStoreError|Broken pipe"
)
_IN_USE = re.compile(r"EADDRINUSE|address already in use", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """The fields of wire.attempts.RankFailure."""

    kind: str
    at: str
    rank: int | None = None
    local_rank: int | None = None
    pid: int | None = None
    exit_code: int | None = None  # negative: minus the signal's number
    error: str = ""
    message: str = ""


def of_exit(
    code: int, at: str, rank: int | None = None, local_rank: int | None = None, pid: int | None = None
) -> Failure:
    """Of a process that ended with ``code``, not 0."""
    if code > 0:
        return Failure(EXIT_CODE, at, rank, local_rank, pid, code)
    kind = CRASH if -code in CRASHES else SIGNAL
    return Failure(kind, at, rank, local_rank, pid, code, error=_signal_name(-code))


def explained(failure: Failure, log: str, master_port: int) -> Failure:
    """What the log says about a crash, or about a launcher that failed without a failing rank."""
    if failure.kind == CRASH and failure.exit_code == -signal.SIGABRT and _PEER_TEXT.search(log):
        return replace(failure, kind=PEER)
    if failure.kind != EXIT_CODE or failure.rank is not None:
        return failure
    line = log.rstrip().rpartition("\n")[2][:MESSAGE_LIMIT]
    if _IN_USE.search(log) and re.search(rf"\b{master_port}\b", log):
        return replace(failure, kind=PORT_TAKEN, message=line)
    return replace(failure, kind=PEER if _PEER_TEXT.search(log) else EXIT_CODE, message=line)


def first(failures: Iterable[Failure]) -> Failure | None:
    """The cause among failures of one node.

    A kill from outside goes first: it is noticed after the errors it gives the others. What peers get goes last.
    """
    return min(failures, key=lambda failure: (failure.kind == PEER, failure.kind != SIGNAL, failure.at), default=None)


def merge(noted: Iterable[Failure], seen: Iterable[Failure]) -> list[Failure]:
    """A rank's own note, with the exit code and pid its parent saw; for ranks without a note what the parent saw."""
    by_rank = {failure.rank: failure for failure in seen}
    merged = []
    for note in noted:
        exit_seen = by_rank.pop(note.rank, None)
        merged.append(replace(note, exit_code=exit_seen.exit_code) if exit_seen is not None else note)
    return merged + list(by_rank.values())


def notes(worker_dir: str, ranks: Iterable[int], uid: int) -> list[Failure]:
    """The failure-RANK.json files that are there and make sense."""
    found = []
    for rank in ranks:
        try:
            note = untrusted.read_json(os.path.join(worker_dir, f"failure-{rank}.json"), NOTE_LIMIT, uid)
            found.append(_noted(note, rank))
        except (OSError, ValueError, TypeError, OverflowError):
            continue
    return found


def _noted(note: dict[str, Any], rank: int) -> Failure:
    at = datetime.fromisoformat(note.get("at", "")).astimezone(UTC)
    return Failure(
        kind=note["kind"] if note.get("kind") in NOTED_KINDS else UNKNOWN,
        at=min(at, datetime.now(UTC)).isoformat(timespec="microseconds"),
        rank=rank,
        local_rank=_integer(note.get("local_rank")),
        pid=_integer(note.get("pid")),
        error=_text(note.get("error"), 200),
        message=_text(note.get("message"), MESSAGE_LIMIT),
    )


def _integer(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None


def _text(value: Any, limit: int) -> str:
    """JSON can hold half a surrogate pair, which no encoder downstream takes."""
    return value[:limit].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# torchrun's report, as torch.distributed.elastic.multiprocessing.errors prints it. The root cause comes last.
_ENTRY = re.compile(
    r"time\s+: (?P<time>\S+)\n\s+host\s+: [^\n]*\n\s+rank\s+: (?P<rank>\d+) \(local_rank: (?P<local_rank>\d+)\)\n"
    r"\s+exitcode\s+: (?P<code>-?\d+) \(pid: (?P<pid>\d+)\)"
)


def of_torchrun(log: str) -> list[Failure]:
    """The ranks that failed first by torchrun's report: its root cause, and those it saw within the same second.

    torchrun looks every 0.1 s and may see a killed rank and its peers' errors at once, in no order. What it
    terminated itself afterwards is in its report too, and left out here.
    """
    report = log.rpartition("Failures:")[2]
    entries = [match for match in _ENTRY.finditer(report) if int(match["code"]) != 0]
    if not entries:
        return []
    *others, root = entries
    limit = _local_time(root["time"]) + timedelta(seconds=1)
    early = [entry for entry in others if _local_time(entry["time"]) <= limit and int(entry["code"]) != -signal.SIGTERM]
    return [_of_entry(entry) for entry in (*early, root)]


def _of_entry(entry: re.Match[str]) -> Failure:
    at = _local_time(entry["time"]).isoformat(timespec="microseconds")
    return of_exit(int(entry["code"]), at, int(entry["rank"]), int(entry["local_rank"]), int(entry["pid"]))


def _local_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("_", "T")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
