"""What the bench gives the agent is what the agent takes."""

import os

import pytest

from agent.prober.protocol import encode
from agent.sensors.kernel import kmsg
from agent.site.files import File, FileSource
from bench.agent import hang
from bench.agent.place import KernelLog


@pytest.fixture
def ticker(tmp_path):
    checks, stamps = tmp_path / "checks", tmp_path / "stamps"
    stamps.mkdir()
    hang.write_tickers(checks, stamps)
    return File(str(checks / "ticker_100.py"), {}, {}), stamps / "ticker_100"


def test_a_ticker_is_a_check_of_a_site_that_notes_each_look(ticker):
    file, stamps = ticker
    source = FileSource(file)
    for _ in range(3):
        encode(source.read())

    assert file.options.every_s == 0.1
    assert stamps.stat().st_size == 3 * 8


def test_the_pipe_plays_the_kernels_log(tmp_path):
    log = KernelLog(tmp_path / "kmsg")
    reader = os.open(log.path, os.O_RDONLY | os.O_NONBLOCK)
    log.write("NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus.")
    (line,) = kmsg.lines(os.read(reader, kmsg.SIZE))
    os.close(reader)
    log.close()

    assert (line.facility, line.seq, line.text) == (0, 1, "NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus.")
