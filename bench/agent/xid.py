"""Xids at known moments, through NVML and through the kernel log: how long until the controller has the condition.

Each is a code on a GPU that makes a condition which was not there, or befalls one GPU more. When every such pair is
used up, a fresh node goes on.
"""

import random
import time
from collections.abc import Sequence

import msgspec

from bench.agent.fake import component
from bench.agent.journal import Journal
from bench.agent.place import GPUS, Place

CODES = (48, 62, 74, 79, 119)  # of five conditions; one event makes each
HARMLESS = 45  # it makes none: shows that a source is followed
APART_S = (0.4, 0.7)
ARRIVE_S = 5.0
FOLLOWED_S = 30.0
NVML, KERNEL_LOG = "NVML", "kernel log"
SOURCES = {"gpu_nvml_events": NVML, "kernel_log": KERNEL_LOG}
SETTLED_S = 10.0  # for a fresh agent's first looks


class Told(msgspec.Struct, frozen=True):
    """Seconds until the controller had it; None: it never did."""

    path: str
    code: int
    gpu: int
    event_s: float | None
    condition_s: float | None


class Asked(msgspec.Struct, frozen=True):
    at: float
    path: str
    code: int
    gpu: int


def measure(place: Place, count: int, seed: int = 4) -> list[Told]:
    """At least ``count`` of them."""
    chance, told = random.Random(seed), list[Told]()
    while len(told) < count:
        told += _round(place, chance, count - len(told))
    return told


def _round(place: Place, chance: random.Random, most: int) -> list[Told]:
    node = place.new_node({})
    journal = Journal(place.layout.database)
    journal.start()
    process = place.start_agent(node)
    try:
        _followed(place, journal, node)
        time.sleep(SETTLED_S)
        pairs = [(code, gpu) for code in CODES for gpu in range(GPUS)]
        chance.shuffle(pairs)
        asked = [_ask(place, path, code, gpu, chance) for path, (code, gpu) in _alternating(pairs[:most], chance)]
        time.sleep(ARRIVE_S)
    finally:
        place.end(process)
        journal.end()
    return matched(asked, journal, node)


def _alternating(pairs: list[tuple[int, int]], chance: random.Random) -> list[tuple[str, tuple[int, int]]]:
    paths = [NVML, KERNEL_LOG] * len(pairs)
    if chance.random() < 0.5:
        paths.reverse()
    return list(zip(paths, pairs, strict=False))


def _ask(place: Place, path: str, code: int, gpu: int, chance: random.Random) -> Asked:
    asked = Asked(time.time(), path, code, gpu)
    _happen(place, path, code, gpu)
    time.sleep(chance.uniform(*APART_S))
    return asked


def _happen(place: Place, path: str, code: int, gpu: int) -> None:
    if path == NVML:
        place.nvml.xid(gpu, code)
    else:
        place.kmsg.write(f"NVRM: Xid (PCI:{component(gpu)}): {code}, pid=4242, name=python, bench")


def _followed(place: Place, journal: Journal, node: str) -> None:
    """Both sources have told of something."""
    end = time.monotonic() + FOLLOWED_S
    missing = {NVML: 0, KERNEL_LOG: 1}
    while missing and time.monotonic() < end:
        for path, gpu in missing.items():
            _happen(place, path, HARMLESS, gpu)
        time.sleep(1.0)
        heard = {SOURCES.get(fault.source) for fault in journal.faults if fault.node == node}
        missing = {path: gpu for path, gpu in missing.items() if path not in heard}


def matched(asked: Sequence[Asked], journal: Journal, node: str) -> list[Told]:
    """Each with the first of its fault events, and with the first condition that names its GPU newly."""
    return [_matched(each, journal, node) for each in asked]


def _matched(asked: Asked, journal: Journal, node: str) -> Told:
    where, code = component(asked.gpu), str(asked.code)
    events = [
        fault.at - asked.at
        for fault in journal.faults
        if (fault.node, fault.code, fault.component) == (node, code, where) and fault.at >= asked.at
    ]
    return Told(asked.path, asked.code, asked.gpu, min(events, default=None), _condition_s(asked, journal, node))


def _condition_s(asked: Asked, journal: Journal, node: str) -> float | None:
    """The first change within ARRIVE_S by which a condition of Xids names the GPU that it did not name before."""
    where, before = component(asked.gpu), dict[str, frozenset[str]]()
    for change in journal.changes:
        if change.node != node or "Xid" not in change.type:
            continue
        fresh = change.components - before.get(change.type, frozenset())
        before[change.type] = change.components
        if asked.at <= change.at <= asked.at + ARRIVE_S and where in fresh:
            return change.at - asked.at
    return None
