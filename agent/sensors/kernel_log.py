"""What the kernel says: faults of GPUs, memory, disks, file systems, network and buses, out of memory, hung tasks.

Every line of the kernel's own is judged once, whatever is started anew meanwhile. It reads `/dev/kmsg`, which needs
CAP_SYSLOG, or else the journal.
"""

import time
from collections.abc import Iterator
from typing import Literal

from agent.faults import Sighting
from agent.faults.classify import classify
from agent.faults.damping import TEXT, Damper
from agent.sensors import Batch, Cadence, Host
from agent.sensors.kernel import Position, Record, Unreadable, encode, journal, kmsg, parse

SOURCE = "kernel_log"
LOST = "kernel_log_lost"
NOTE_S = 60.0  # between positions when there is nothing else to tell
AT_ONCE = 64  # sightings in a batch


class Options(Cadence, frozen=True):
    """``source``: kmsg, the journal, or kmsg if it can be read and else the journal. ``path`` is kmsg's,
    ``journal`` a directory of journal files other than this machine's own. ``facilities``: of lines that count; 0 is
    the kernel's, and what programs write into kmsg has another. ``every_s`` and ``deadline_s`` mean nothing here: it is
    told."""

    source: Literal["auto", "kmsg", "journal"] = "auto"
    path: str = "/dev/kmsg"
    journal: str = ""
    facilities: tuple[int, ...] = (0,)


def follow(options: Options, host: Host, position: str) -> Iterator[Batch]:
    """Ends when the source does. Raises Unreadable when there is none."""
    records = _source(options, host.boot_id, parse(position))
    return _batches(records, frozenset(options.facilities), position)


def _source(options: Options, boot_id: str, after: Position) -> Iterator[Record | None]:
    if options.source == "journal":
        yield from journal.records(options.journal, boot_id, after)
        return
    why = kmsg.refusal(options.path)
    if options.source == "kmsg" or not why:
        yield from kmsg.records(options.path, boot_id, after)
        return
    try:
        yield from journal.records(options.journal, boot_id, after)
    except Unreadable as error:
        raise Unreadable(f"{why}; {error}; give the agent CAP_SYSLOG") from None


def _batches(records: Iterator[Record | None], facilities: frozenset[int], begun: str) -> Iterator[Batch]:
    damper, pending = Damper(), list[Sighting]()
    newest, noted, noted_at = None, begun, -NOTE_S
    for record in records:
        if record is not None:
            newest = record.position
            pending += _sightings(record, facilities, damper)
            if len(pending) < AT_ONCE:
                continue
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        pending += damper.due(now)
        position = encode(newest) if newest else begun
        if pending or (position != noted and now - noted_at >= NOTE_S):
            yield Batch(position, pending)
            pending, noted, noted_at = [], position, now


def _sightings(record: Record, facilities: frozenset[int], damper: Damper) -> Iterator[Sighting]:
    if record.lost:
        text = f"{record.lost} records of the kernel's log were overwritten before they were read"
        yield Sighting(LOST, "", "", record.at, text, SOURCE)
    if record.facility not in facilities:
        return
    text = record.text.replace("\n", " ")
    if found := classify(text):
        yield from damper.take(Sighting(found.kind, found.code, found.component, record.at, text[:TEXT], SOURCE))
