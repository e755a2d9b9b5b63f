"""What a training script reports, and what it costs."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mainstay
from agent.workers import progress
from mainstay._report import _Reporter
from mainstay.progress_file import LAYOUT, ProgressFile


@pytest.fixture
def reporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Reporter:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("MAINSTAY_WORKER_DIR", str(tmp_path))
    monkeypatch.setenv("MAINSTAY_RANK_PID", str(os.getpid()))
    return _Reporter()


def read(directory: Path) -> progress.Progress | None:
    return progress.read(str(directory / "progress-3"), os.getuid())


def test_the_agent_reads_what_the_script_reports(reporter: _Reporter, tmp_path: Path) -> None:
    reporter.report(41, 2.5)
    reporter.report(42, None)
    seen = read(tmp_path)
    assert seen is not None
    assert (seen.first_step, seen.step, seen.loss) == (41, 42, None)
    assert seen.reported_at is not None
    assert abs(seen.reported_at.timestamp() - time.time()) < 5


def test_nothing_reported_is_no_progress(tmp_path: Path) -> None:
    ProgressFile(str(tmp_path / "progress-3"))
    assert read(tmp_path) is None


def test_a_half_written_report_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "progress-3"
    file.write_bytes(LAYOUT.pack(b"MSTPROG1", 1, 3, 7, 1, 0.5, 1.0))
    assert read(tmp_path) is None
    file.write_bytes(LAYOUT.pack(b"MSTPROG1", 1, 4, 7, 1, math.nan, 1e300)[:-1])
    assert read(tmp_path) is None
    file.write_bytes(LAYOUT.pack(b"MSTPROG1", 1, 4, 7, 1, math.nan, 1e300))
    assert read(tmp_path) == progress.Progress(7, 1, None, None)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    real = ProgressFile(str(tmp_path / "elsewhere"))
    real.write(1, 0.0, 0.0)
    (tmp_path / "progress-3").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path) is None


class _DeviceTensor:
    """Fetching it would wait for the device."""

    class device:
        type = "cuda"

    def __float__(self) -> float:
        raise AssertionError("fetched")


def test_a_tensor_on_a_device_is_not_fetched(reporter: _Reporter, tmp_path: Path) -> None:
    reporter.report(1, _DeviceTensor())
    seen = read(tmp_path)
    assert seen is not None
    assert (seen.step, seen.loss) == (1, None)


def test_nonsense_is_swallowed() -> None:
    mainstay.report(step="soon", loss=object())  # type: ignore[arg-type]
    mainstay.report(step=None)  # type: ignore[arg-type]


def test_a_missing_directory_is_swallowed(reporter: _Reporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAY_WORKER_DIR", str(tmp_path / "gone"))
    with pytest.raises(OSError, match="gone"):
        reporter.report(1, None)  # what mainstay.report swallows
    reporter.report(2, None)  # off from then on


FORKING = """
import os, sys, mainstay
mainstay.report(step=1)
child = os.fork()
mainstay.report(step=2 if child else 99)
if child:
    os.waitpid(child, 0)
    if len(sys.argv) == 1:
        os.execv(sys.executable, [sys.executable, "-c", "import mainstay; mainstay.report(step=3)"])
"""


def test_children_do_not_report_for_their_rank(tmp_path: Path) -> None:
    environment = {
        "RANK": "3",
        "MAINSTAY_WORKER_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(mainstay.__file__).parents[1]),
    }
    subprocess.run([sys.executable, "-S", "-c", FORKING, "stay"], env=environment, check=True, timeout=30)
    seen = read(tmp_path)
    assert seen is not None
    assert seen.step == 2
    subprocess.run([sys.executable, "-S", "-c", FORKING], env=environment, check=True, timeout=30)
    seen = read(tmp_path)
    assert seen is not None
    assert (seen.first_step, seen.step) == (3, 3)


def test_a_report_costs_microseconds(reporter: _Reporter) -> None:
    reporter.report(0, 0.5)
    count = 20_000
    best = min(_time(reporter, count) for _ in range(3))
    assert best / count < 20e-6


def _time(reporter: _Reporter, count: int) -> float:
    began = time.perf_counter()
    for step in range(count):
        reporter.report(step, 0.5)
    return time.perf_counter() - began
