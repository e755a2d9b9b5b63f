"""The shim's parts that decide, without processes."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agent.workers.shim import failures, records
from agent.workers.shim.environment import command, environment
from agent.workers.shim.failures import Failure
from agent.workers.shim.log import RotatingLog
from agent.workers.shim.records import Spec
from agent.workers.shim.torchrun import Listener
from agent.workers.shim.verdict import Evidence, cause, exit_record

AT = "2026-01-01T00:00:0{}.000000+00:00"


def spec(**changes: Any) -> Spec:
    values: dict[str, Any] = {
        "job": "lm-1",
        "attempt": 2,
        "node": "n2",
        "boot_id": "b",
        "shim": "s",
        "node_rank": 1,
        "nodes": 3,
        "workers_per_node": 2,
        "launcher": "torchrun",
        "interpreter": "/usr/bin/python3",
        "script": "/t.py",
        "args": ["--x"],
        "directory": "/",
        "environment": {},
        "user": "u",
        "uid": os.getuid(),
        "gid": 1,
        "groups": [1],
        "home": "/home/u",
        "master_address": "10.0.0.1",
        "master_port": 29500,
        "pythonpath": "/ours",
        "worker_dir": "/w",
    }
    return Spec(**{**values, **changes})


def test_torchrun_command() -> None:
    assert command(spec())[1:] == [
        "-m",
        "torch.distributed.run",
        "--nnodes=3",
        "--node-rank=1",
        "--nproc-per-node=2",
        "--rdzv-backend=static",
        "--rdzv-id=lm-1.2",
        "--master-addr=10.0.0.1",
        "--master-port=29500",
        "--max-restarts=0",
        "/t.py",
        "--x",
    ]


def test_the_job_cannot_take_mainstays_names_and_adds_to_the_python_path() -> None:
    job = {"MAINSTAY_SHIM": "forged", "MAINSTAY_MORE": "x", "RANK": "0", "PYTHONPATH": "/theirs", "HOME": "/elsewhere"}
    merged = environment(spec(environment=job, launcher="direct"), 1)
    assert (merged["MAINSTAY_SHIM"], merged["RANK"], merged["WORLD_SIZE"], merged["GROUP_RANK"]) == ("s", "3", "6", "1")
    assert "MAINSTAY_MORE" not in merged
    assert (merged["PYTHONPATH"], merged["HOME"]) == ("/ours:/theirs", "/elsewhere")
    assert "RANK" not in environment(spec(environment=job), None)


def test_a_spec_survives_the_disk_and_a_newer_writer(tmp_path: Path) -> None:
    path = str(tmp_path / "spec.json")
    spec().save(path)
    assert Spec.load(path) == spec()
    records.write_json(path, {"not": "a spec"}, durable=False)
    with pytest.raises(ValueError, match="not a spec"):
        Spec.load(path)


def test_one_claim_wins(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    assert records.claim_json(path, 1)
    assert not records.claim_json(path, 2)
    assert Path(path).read_text() == "1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def failure(kind: str, second: int, rank: int | None = 0, **fields: Any) -> Failure:
    return Failure(kind, AT.format(second), rank, **fields)


def test_a_kill_goes_before_what_it_causes_and_peers_go_last() -> None:
    peer, exception = failure("peer", 1), failure("exception", 3, 1)
    later, kill = failure("exception", 4, 2), failure("signal", 5, 3)
    assert failures.first([peer, exception, later]) == exception
    assert failures.first([peer, exception, kill]) == kill
    assert failures.first([peer]) == peer
    assert failures.first([]) is None


@pytest.mark.parametrize(
    ("code", "kind", "error"),
    [
        (3, "exit_code", ""),
        (-signal.SIGKILL, "signal", "SIGKILL"),
        (-signal.SIGTERM, "signal", "SIGTERM"),
        (-signal.SIGSEGV, "crash", "SIGSEGV"),
        (-signal.SIGABRT, "crash", "SIGABRT"),
    ],
)
def test_kinds_of_exits(code: int, kind: str, error: str) -> None:
    seen = failures.of_exit(code, AT.format(1), 0)
    assert (seen.kind, seen.error) == (kind, error)


def test_an_abort_that_the_log_blames_on_a_peer_is_the_peers() -> None:
    crash = failures.of_exit(-signal.SIGABRT, AT.format(1), 0)
    assert failures.explained(crash, "terminate called: gloo::IoException", 1).kind == "peer"
    assert failures.explained(crash, "assertion failed", 1).kind == "crash"


def test_a_launcher_that_found_the_port_taken() -> None:
    seen = failures.of_exit(1, AT.format(1))
    log = "DistNetworkError: failed to listen. port: 29500, code: -98, name: EADDRINUSE\n"
    assert failures.explained(seen, log, 29500).kind == "port_taken"
    assert failures.explained(seen, log, 2950).kind == "peer"
    assert failures.explained(seen, "No module named torch\n", 29500).message == "No module named torch"


REPORT = """
Failures:
[1]:
  time      : 2026-11-23_23:36:28
  host      : localhost
  rank      : 2 (local_rank: 0)
  exitcode  : {other} (pid: 23405)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-23_23:36:28
  host      : localhost
  rank      : 3 (local_rank: 1)
  exitcode  : {root} (pid: 23407)  (SIGKILL)
  error_file: <N/A>
"""


def test_torchruns_report() -> None:
    both = failures.of_torchrun(REPORT.format(other=-9, root=1))
    assert [(entry.rank, entry.local_rank, entry.pid, entry.exit_code) for entry in both] == [
        (2, 0, 23405, -9),
        (3, 1, 23407, 1),
    ]
    assert [entry.rank for entry in failures.of_torchrun(REPORT.format(other=-15, root=-9))] == [3]
    assert failures.of_torchrun("no report") == []


def test_torchrun_is_heard_across_pieces_once() -> None:
    listener = Listener()
    heard = [
        listener.feed(piece) for piece in (b"x" * 300 + b"Sending pro", b"cess 12 closing", b" signal SIGTERM", b"x")
    ]
    assert heard == [False, False, True, False]


def test_notes_that_make_no_sense_are_skipped(tmp_path: Path) -> None:
    contents = ["{", "[]", '{"at": 5}', '{"at": "2026-01-01T00:00:00+00:00", "kind": ["x"]}', "[" * 100_000]
    for rank, content in enumerate(contents):
        (tmp_path / f"failure-{rank}.json").write_text(content)
    surrogate = '{"at": "2999-01-01T00:00:00+00:00", "kind": "spawn", "message": "\\ud800", "pid": 1e99, "error": 7}'
    (tmp_path / "failure-9.json").write_text(surrogate)
    (noted,) = failures.notes(str(tmp_path), range(10), os.getuid())
    assert (noted.rank, noted.kind, noted.message, noted.pid, noted.error) == (9, "unknown", "?", None, "")
    assert noted.at < records.utc_now()


def test_a_stop_by_order_is_no_failure_unless_one_came_before() -> None:
    launcher = failures.of_exit(-signal.SIGTERM, AT.format(2))
    assert cause(Evidence(launcher=launcher, ordered=True), "", 1) is None
    before = failure("exception", 1)
    assert cause(Evidence(noted=[before], launcher=launcher, ordered=True), "", 1) == before
    assert cause(Evidence(launcher=launcher), "", 1) == launcher


def test_the_rank_tells_why_and_its_parent_how() -> None:
    seen = failures.of_exit(1, AT.format(2), 0)
    found = cause(Evidence(noted=[failure("exception", 1, message="why")], seen=[seen]), "", 1)
    assert found is not None
    assert (found.kind, found.message, found.exit_code) == ("exception", "why", 1)


def test_the_tail_in_the_record_is_bounded() -> None:
    record = exit_record(None, ordered=False, exit_code=0, swept=0, log="\u00e4" * 5000, at=AT.format(1))
    assert record["end"] == "succeeded"
    assert len(record["log_tail"].encode()) == 4096


def test_the_log_never_takes_more_than_its_bound(tmp_path: Path) -> None:
    log = RotatingLog(str(tmp_path / "worker.log"), 100, 3)
    for number in range(50):
        log.write(b"%09d\n" % number)
    log.write(b"y" * 250)
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == {"worker.log": 50, "worker.log.1": 100, "worker.log.2": 100}
    assert log.tail(3) == "yyy"


def test_a_log_of_one_file_starts_over(tmp_path: Path) -> None:
    log = RotatingLog(str(tmp_path / "worker.log"), 100, 1)
    log.write(b"x" * 130)
    log.close()
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [30]


def test_a_log_that_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    log = RotatingLog(str(tmp_path / "gone" / "worker.log"), 100, 2)
    log.write(b"said")
    assert log.tail() == "said"


@pytest.mark.parametrize("at", ['"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', "1e999", '"now"'])
def test_a_note_of_an_impossible_time_is_no_note(tmp_path: Path, at: str) -> None:
    (tmp_path / "failure-0.json").write_text(f'{{"kind": "exception", "at": {at}}}')
    assert failures.notes(str(tmp_path), [0], os.geteuid()) == []
