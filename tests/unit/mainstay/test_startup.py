"""The start-up hook, in Pythons of their own: what a worker's interpreter does."""

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.workers.pythonpath import ensure_pythonpath
from mainstay import _failure


def run(
    tmp_path: Path, code: str, *, rank: str = "2", path: str = "", **names: str
) -> subprocess.CompletedProcess[str]:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    ours = str(ensure_pythonpath(tmp_path))
    environment = {
        "RANK": rank,
        "LOCAL_RANK": "1",
        "MASTER_PORT": "29500",
        "MAINSTAY_WORKER_DIR": str(work),
        "PYTHONPATH": os.pathsep.join(filter(None, (ours, path))),
        **names,
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def failure(tmp_path: Path, rank: int = 2) -> dict[str, Any] | None:
    path = tmp_path / "work" / f"failure-{rank}.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_an_exception_is_noted_and_shown(tmp_path: Path) -> None:
    done = run(tmp_path, "raise ValueError('no such thing' + 'x' * 5000)")
    noted = failure(tmp_path)
    assert noted is not None
    assert (noted["rank"], noted["local_rank"], noted["error"], noted["kind"]) == (2, 1, "ValueError", "exception")
    assert len(noted["message"]) == 2000
    assert done.returncode == 1
    assert "ValueError: no such thing" in done.stderr


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(3)", 3), ("raise KeyboardInterrupt", -2), ("pass", 0)])
def test_other_ends_are_no_exceptions(tmp_path: Path, code: str, status: int) -> None:
    assert run(tmp_path, code).returncode == status
    assert failure(tmp_path) is None


def test_only_the_main_process_registers(tmp_path: Path) -> None:
    child = "import subprocess, sys, os; print(os.getpid()); subprocess.run([sys.executable, '-c', 'raise OSError(1)'])"
    done = run(tmp_path, child)
    registered = json.loads((tmp_path / "work" / "rank-2.json").read_text())
    assert registered["pid"] == int(done.stdout)
    assert registered["local_rank"] == 1
    assert failure(tmp_path) is None


def test_the_place_of_a_process_that_is_gone_is_taken(tmp_path: Path) -> None:
    first = run(tmp_path, "import os; print(os.getpid())")
    second = run(tmp_path, "import os; print(os.getpid())")
    registered = json.loads((tmp_path / "work" / "rank-2.json").read_text())
    assert int(first.stdout) != registered["pid"] == int(second.stdout)


def test_the_sites_own_customization_runs_too(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import builtins; builtins.of_the_site = 'here'")
    done = run(tmp_path, "print(of_the_site, __import__('sitecustomize').__file__)", path=str(site))
    assert done.stdout.split() == ["here", str(site / "sitecustomize.py")]


def test_a_broken_worker_directory_changes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "print('fine')", MAINSTAY_WORKER_DIR=str(tmp_path / "gone"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")
    done = run(tmp_path, "print('fine')", rank="none")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")


def test_an_exception_whose_text_cannot_be_made_is_noted(tmp_path: Path) -> None:
    run(tmp_path, "class E(Exception):\n def __str__(self): raise RuntimeError\nraise E()")
    noted = failure(tmp_path)
    assert noted is not None
    assert noted["error"] == "E"


class DistBackendError(RuntimeError):
    """Named as torch's."""


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("bad loss"), "exception"),
        (RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:1"), "peer"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "peer"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "peer"),
        (TimeoutError("timed out"), "peer"),
        (DistBackendError("NCCL error: ncclRemoteError"), "peer"),
        (DistBackendError("NCCL error: ncclInvalidUsage, duplicate GPU"), "exception"),
        (_caused(RuntimeError("step failed"), ConnectionError("gone")), "peer"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "exception"),
        (OSError(errno.EADDRINUSE, "address already in use: port 29500"), "port_taken"),
        (DistBackendError("failed to listen. port: 29500, code: -98, name: EADDRINUSE"), "port_taken"),
        (DistBackendError("failed to listen. port: 295001, code: -98, name: EADDRINUSE"), "peer"),
        (socket.gaierror(-2, "Name or service not known"), "exception"),
    ],
)
def test_kinds(error: Exception, kind: str) -> None:
    assert _failure.kind(error, "29500") == kind
