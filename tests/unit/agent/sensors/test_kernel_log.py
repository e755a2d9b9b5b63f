"""The kernel's log: a pipe that speaks the device's format, the device itself, and a real journal."""

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.faults import Sighting
from agent.sensors import Batch, Host
from agent.sensors.kernel import Position, Unreadable, encode, journal, kmsg, parse
from agent.sensors.kernel_log import LOST, Options, follow

KMSG = Path("/dev/kmsg")
REMOTE = shutil.which("systemd-journal-remote", path="/lib/systemd:/usr/lib/systemd")
BOOT = "5b5b-1"
XID = "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, name=python, GPU has fallen off the bus."
HOST = Host(boot_id=BOOT)


class Device:
    """A pipe in place of the device: what is written is there at once, and then there is no more."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.options = Options(source="kmsg", path=str(path))
        self._end, self._seq = os.open(path, os.O_RDWR), itertools.count()

    def say(self, *texts: str, facility: int = 0, seq: int | None = None, stamp_us: int = 1_000_000) -> None:
        for text in texts:
            number = next(self._seq) if seq is None else seq
            os.write(self._end, f"{facility << 3 | 3},{number},{stamp_us},-;{text}\n SUBSYSTEM=pci\n".encode())

    def skip(self, records: int) -> None:
        self._seq = itertools.count(next(self._seq) + records)

    def starts_anew(self, *texts: str, first: int = 0) -> None:
        """Who opens the real one begins with the oldest record."""
        self._seq = itertools.count(first)
        self.say(*texts)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "kmsg")


def told(batch: Batch) -> list[tuple[str, str, str]]:
    return [(each.kind, each.code, each.component) for each in batch.sightings]


def test_a_line_becomes_a_sighting(device: Device) -> None:
    device.say("usb 1-1: new device", XID)
    batch = next(follow(device.options, HOST, ""))
    (sighting,) = batch.sightings
    assert sighting == Sighting("xid", "79", "0000:3b:00", sighting.at, XID, "kernel_log")
    assert (parse(batch.position).boot_id, parse(batch.position).seq) == (BOOT, 1)


def test_the_same_fault_again_is_told_again(device: Device) -> None:
    device.say(XID, XID)
    assert told(next(follow(device.options, HOST, ""))) == [("xid", "79", "0000:3b:00")] * 2


def test_no_line_is_judged_twice_after_a_restart_or_missed(device: Device) -> None:
    device.say("harmless", XID)
    before = next(follow(device.options, HOST, "")).position
    device.starts_anew("harmless", XID, XID.replace("79", "48"))
    assert told(next(follow(device.options, HOST, before))) == [("xid", "48", "0000:3b:00")]


def test_after_a_reboot_the_log_is_read_from_its_beginning(device: Device) -> None:
    device.say(XID)
    before = encode(Position("another boot", 900, "", 1))
    assert told(next(follow(device.options, HOST, before))) == [("xid", "79", "0000:3b:00")]


@pytest.mark.parametrize("position", ["", "nonsense", '{"seq": "a"}', "[]"])
def test_a_position_that_says_nothing_is_the_beginning(device: Device, position: str) -> None:
    device.say(XID)
    assert len(next(follow(device.options, HOST, position)).sightings) == 1


def test_what_was_overwritten_before_it_was_read_is_told(device: Device) -> None:
    device.say("harmless")
    batches = follow(device.options, HOST, "")
    assert next(batches).sightings == []
    device.skip(40)
    device.say(XID)
    lost, xid = next(batches).sightings
    assert (lost.kind, xid.kind) == (LOST, "xid")
    assert lost.text.startswith("40 records")


def test_what_was_overwritten_while_the_agent_was_away_is_told(device: Device) -> None:
    device.starts_anew(XID, first=100)
    batch = next(follow(device.options, HOST, encode(Position(BOOT, 50, "", 1))))
    assert [each.kind for each in batch.sightings] == [LOST, "xid"]


def test_what_a_program_writes_into_the_log_does_not_count(device: Device) -> None:
    device.say(XID, facility=1)
    device.say(XID.replace("79", "48"))
    assert told(next(follow(device.options, HOST, ""))) == [("xid", "48", "0000:3b:00")]


def test_a_flood_is_told_often_enough_and_not_more(device: Device) -> None:
    device.say(*[XID.replace("79", "31")] * 500, XID)
    found = next(follow(device.options, HOST, "")).sightings
    assert [each.code for each in found] == ["31"] * 32 + ["79", "31"]
    assert "468 like it" in found[-1].text


def test_one_record_may_have_many_lines(device: Device) -> None:
    text = r"NVRM: The NVIDIA GPU 0000:8a:00.0\x0aNVRM: (PCI ID: 10de:2330) installed in this system has\x0a"
    device.say(text + r"NVRM: fallen off the bus and is not responding to commands.")
    assert told(next(follow(device.options, HOST, ""))) == [("gpu_off_bus", "", "0000:8a:00")]


def test_what_was_waited_for_is_of_now(device: Device) -> None:
    device.say("harmless")
    batches = follow(device.options, HOST, "")
    next(batches)
    device.say(XID, stamp_us=5)  # a clock of its own
    (sighting,) = next(batches).sightings
    assert abs(sighting.at - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60


def test_the_backlog_of_the_next_start_is_dated_by_what_was_learned(device: Device) -> None:
    position = encode(Position(BOOT, 1, "", 5_000_000, skew_s=7.5))
    device.starts_anew(XID, first=2)
    assert next(follow(device.options, HOST, position)).sightings[0].at == 8.5


def test_it_ends_when_the_file_does(tmp_path: Path) -> None:
    (tmp_path / "kmsg").write_text(f"3,0,1,-;{XID}\n")
    (record,) = kmsg.records(str(tmp_path / "kmsg"), BOOT, Position())
    assert record is not None
    assert record.text == XID


@pytest.mark.parametrize(
    "data", [b"", b"\n", b" DEVICE=b8:0\n", b"no record\n", b"1,2;short\n", b"a,b,c,-;text\n", b"\xff\xfe,;\n"]
)
def test_what_is_no_record_is_passed_over(data: bytes) -> None:
    assert list(kmsg.lines(data)) == []


@pytest.mark.parametrize(
    ("written", "text"),
    [(b"plain", "plain"), (rb"a\x0ab\x5cx0a", "a\nb\\x0a"), (rb"\xc3\xa9", "é"), (rb"\xff", "\ufffd")],
)
def test_escapes(written: bytes, text: str) -> None:
    assert kmsg.unescape(written) == text


def test_nothing_to_follow_is_said_with_the_mend(tmp_path: Path) -> None:
    options = Options(path=str(tmp_path / "none"), journal=str(tmp_path))
    with pytest.raises(Unreadable, match=r"none: No such file.*journalctl: .*CAP_SYSLOG"):
        next(follow(options, HOST, ""))
    with pytest.raises(Unreadable, match=r"none: No such file or directory$"):
        next(follow(Options(source="kmsg", path=str(tmp_path / "none")), HOST, ""))


@pytest.mark.skipif(not os.access(KMSG, os.W_OK), reason="needs root and /dev/kmsg")
def test_the_device_itself() -> None:
    """A program's lines have another facility than the kernel's: 1, which is let through here."""
    mark = f"mainstay test {os.getpid()} {time.monotonic_ns()}"
    options = Options(source="kmsg", facilities=(1,))
    KMSG.write_text(f"{mark} {XID}\n")
    first = _with(mark, follow(options, HOST, ""))
    KMSG.write_text(f"{mark} {XID.replace('79', '48')}\n")
    again = _with(mark, follow(options, HOST, first.position))
    assert [each.code for each in (*_marked(mark, first), *_marked(mark, again))] == ["79", "48"]


def _with(mark: str, batches: Iterator[Batch]) -> Batch:
    return next(batch for batch in batches if _marked(mark, batch))


def _marked(mark: str, batch: Batch) -> list[Sighting]:
    return [each for each in batch.sightings if mark in each.text]


class Journal:
    """Journal files, written by systemd's own program."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.options = Options(source="journal", journal=str(directory))
        self._at = itertools.count(50)
        argv = [str(REMOTE), "-o", str(directory / "system.journal"), "-"]
        self._child = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def say(self, text: str, facility: int = 0) -> None:
        at_us = next(self._at) * 1_000_000
        fields = {
            "__REALTIME_TIMESTAMP": 1_767_225_600_000_000 + at_us,
            "__MONOTONIC_TIMESTAMP": at_us,
            "_BOOT_ID": "5b" * 16,
            "_TRANSPORT": "kernel",
            "SYSLOG_FACILITY": facility,
            "_SOURCE_MONOTONIC_TIMESTAMP": at_us - 900_000,
            "MESSAGE": text,
        }
        assert self._child.stdin is not None
        self._child.stdin.write("".join(f"{name}={value}\n" for name, value in fields.items()).encode() + b"\n")
        self._child.stdin.flush()

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(10)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Journal]:
    if REMOTE is None:
        pytest.skip("needs systemd-journal-remote")
    opened = Journal(tmp_path / "journal")
    opened.say("Linux version 6.1")
    yield opened
    opened.close()


def following(log: Journal, position: str) -> Iterator[Batch]:
    """Once there is a line: a journal without one is none."""
    for _ in range(100):
        try:
            yield from follow(log.options, HOST, position)
        except Unreadable:
            time.sleep(0.1)


def test_the_journal_tells_the_same(log: Journal) -> None:
    batches = following(log, "")
    log.say("usb 1-1: new device")
    log.say(XID)
    batch = next(each for each in batches if each.sightings)
    batches.close()
    assert told(batch) == [("xid", "79", "0000:3b:00")]
    assert batch.sightings[0].at == pytest.approx(52, abs=1)  # when the journal got it


def test_the_journal_goes_on_where_it_was_and_after_where_kmsg_was(log: Journal) -> None:
    log.say(XID)
    first = next(each for each in following(log, "") if each.sightings)
    log.say(XID.replace("79", "48"))
    after_kmsg = encode(Position(BOOT, 7, "", parse(first.position).stamp_us))
    for position in (first.position, after_kmsg):
        batches = following(log, position)
        assert told(next(each for each in batches if each.sightings)) == [("xid", "48", "0000:3b:00")]
        batches.close()


def test_its_child_is_gone_with_it(log: Journal) -> None:
    log.say(XID)
    batches = following(log, "")
    next(each for each in batches if each.sightings)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text().split()
    batches.close()
    assert len(before) - len(children.read_text().split()) == 1


@pytest.mark.parametrize(
    ("message", "text"), [("é", "é"), ([78, 255], "N\ufffd"), (["one", "two"], "one\ntwo"), (None, ""), (7, "")]
)
def test_a_journal_entry_whatever_it_holds(message: object, text: str) -> None:
    entry = {"__CURSOR": "c", "__MONOTONIC_TIMESTAMP": "5", "MESSAGE": message}
    record = journal._record(json.dumps(entry).encode(), BOOT)
    assert record is not None
    assert record.text == text
