"""A node's parts, with real shims and real workers."""

import asyncio
import errno
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from workers_harness import IS_ROOT, USER, TestNode, eventually, free_port, node_directory, running_node

from agent.workers import account, part_files
from agent.workers import launch as launching
from agent.workers.account import Account
from agent.workers.permit import Refusal
from agent.workers.shim import procfs
from wire.attempts import End, FailureKind, PartState, PartStatus
from wire.orders import OutcomeReason, OutcomeStatus
from wire.specs import Limits, LogSpec

FOREVER = ("--steps", "100000")


@pytest.fixture
def base() -> Iterator[Path]:
    with node_directory() as path:
        yield path


def on_node(base: Path, story: Callable[[TestNode], Awaitable[None]]) -> None:
    async def run() -> None:
        async with running_node(base) as node:
            await story(node)

    asyncio.run(run())


def test_a_gang_that_ends_well(base: Path) -> None:
    async def story(node: TestNode) -> None:
        launched = await node.launched(node.order("--steps", "6", "--checkpoint-every", "2"))
        assert launched.state is PartState.RUNNING

        ended = await node.ended()

        assert ended.exit is not None
        assert (ended.exit.end, ended.exit.exit_code, ended.exit.first_failure) == (End.SUCCEEDED, 0, None)
        assert [(checkpoint.step, checkpoint.name) for checkpoint in ended.checkpoints] == [
            (2, "step-2.pt"),
            (4, "step-4.pt"),
            (6, "step-6.pt"),
        ]
        assert [(rank.rank, rank.first_step, rank.step) for rank in ended.ranks] == [(0, 1, 6), (1, 1, 6)]
        assert b"step 6" in node.parts.tail("gang-1", 1, 1000)
        assert node.changes[-1] == ended
        assert not node.processes()

    on_node(base, story)


def test_the_same_launch_twice_is_one_part(base: Path) -> None:
    async def story(node: TestNode) -> None:
        order = node.order("--steps", "2")
        first, second = await asyncio.gather(node.launched(order), node.launched(order))
        assert first.id == second.id
        await node.ended()
        assert (await node.launched(order)).exit is not None
        assert node.parts.tail("gang-1", 1, 10_000).count(b"step 1\n") == 2  # two ranks, once each

    on_node(base, story)


def test_an_exception_names_its_rank_and_peers_do_not_hide_it(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order("--fail-at-step", "3", "--fail-rank", "1"))

        ended = await node.ended()

        assert ended.exit is not None
        assert ended.exit.end is End.FAILED
        failure = ended.exit.first_failure
        assert failure is not None
        assert (failure.kind, failure.rank, failure.local_rank) == (FailureKind.EXCEPTION, 1, 1)
        assert (failure.error, failure.message, failure.exit_code) == ("ValueError", "told to fail at step 3", 1)
        assert "ValueError: told to fail at step 3" in ended.exit.log_tail
        assert any(status.rank_failure for status in node.changes)

    on_node(base, story)


def test_a_killed_worker_is_the_cause_though_its_peer_complains_first(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        await node.signal_rank(1, signal.SIGKILL)

        ended = await node.ended()

        assert ended.exit is not None
        failure = ended.exit.first_failure
        assert failure is not None
        assert (failure.kind, failure.rank, failure.error) == (FailureKind.SIGNAL, 1, "SIGKILL")
        assert failure.exit_code == -signal.SIGKILL

    on_node(base, story)


def test_a_lost_peer_elsewhere_is_told_as_that(base: Path) -> None:
    async def story(node: TestNode) -> None:
        with socket.create_server(("127.0.0.1", 0)) as rank_0:
            port = rank_0.getsockname()[1]
            await node.launched(node.order(nodes=2, node_rank=1, workers_per_node=1, master_port=port))
            rank_0.settimeout(10)
            rank_0.accept()[0].close()
        ended = await node.ended()
        assert ended.exit is not None
        assert ended.exit.first_failure is not None
        assert (ended.exit.first_failure.kind, ended.exit.first_failure.rank) == (FailureKind.PEER, 1)

    on_node(base, story)


def test_a_taken_rendezvous_port_is_told_as_that(base: Path) -> None:
    async def story(node: TestNode) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            await node.launched(node.order(master_port=taken.getsockname()[1]))
            ended = await node.ended()
        assert ended.exit is not None
        assert ended.exit.first_failure is not None
        assert ended.exit.first_failure.kind is FailureKind.PORT_TAKEN

    on_node(base, story)


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.environ.clear()
    os.execve(sys.executable, [sys.executable, "-c", "import time; " + sys.argv[1]], {})
time.sleep(0.3)
print("daemon below", os.getpid(), flush=True)
"""


def test_a_daemonised_grandchild_without_environment_is_swept(base: Path) -> None:
    async def story(node: TestNode) -> None:
        mark = f"time.sleep(600.{os.getpid()})"
        await node.launched(node.order(mark, script=node.script(DAEMON), workers_per_node=1))
        ended = await node.ended()
        assert ended.exit is not None
        assert (ended.exit.end, ended.exit.swept) == (End.SUCCEEDED, 1)
        assert not [process for process in procfs.everything() if mark.encode() in _command_line(process.pid)]

    on_node(base, story)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_stop_ends_a_worker_that_ignores_sigterm_within_2_s(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER, "--ignore-sigterm"))
        await node.stepping()
        began = time.monotonic()

        stopped = await node.parts.stop("gang-1", 1, grace_s=1.0)

        assert time.monotonic() - began < 2.0
        assert stopped.state is PartState.ENDED
        assert stopped.exit is not None
        assert (stopped.exit.end, stopped.exit.first_failure) == (End.STOPPED, None)
        assert stopped.rank_failure is None
        assert not node.processes()

    on_node(base, story)


def test_stop_lets_a_worker_end_in_order(base: Path) -> None:
    async def story(node: TestNode) -> None:
        witness = base / "witness"
        await node.launched(node.order(*FOREVER, "--witness", str(witness)))
        await node.stepping()
        stopped = await node.parts.stop("gang-1", 1, grace_s=10.0)
        assert stopped.exit is not None
        assert stopped.exit.end is End.STOPPED
        assert sorted(line.split()[0] for line in witness.read_text().splitlines()) == ["start"] * 2 + ["stop"] * 2

    on_node(base, story)


def test_a_failure_before_the_stop_stays_the_cause(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER, "--fail-at-step", "2", "--ignore-sigterm"))
        await node.until(lambda status: status.rank_failure is not None)
        stopped = await node.parts.stop("gang-1", 1, grace_s=0.2)
        assert stopped.exit is not None
        assert stopped.exit.end is End.FAILED
        assert stopped.exit.first_failure is not None
        assert stopped.exit.first_failure.kind is FailureKind.EXCEPTION

    on_node(base, story)


def test_a_stopped_worker_is_seen_and_can_be_ended(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        await node.signal_rank(1, signal.SIGSTOP)

        seen = await node.until(lambda status: status.ranks[1].stopped_s > 0.5)

        assert (seen.ranks[1].process_state, seen.ranks[0].stopped_s) == ("T", 0.0)
        stopped = await node.parts.stop("gang-1", 1, grace_s=1.0)
        assert stopped.state is PartState.ENDED
        assert not node.processes()

    on_node(base, story)


def test_an_agent_that_comes_back_finds_the_part_running(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            await before.launched(before.order(*FOREVER))
            then = await before.stepping()
        async with running_node(base) as after:
            assert after.status().state is PartState.RUNNING
            now = await after.until(lambda status: (status.ranks[0].step or 0) > (then.ranks[0].step or 0))
            assert [rank.pid for rank in now.ranks] == [rank.pid for rank in then.ranks]
            assert (await after.parts.stop("gang-1", 1, grace_s=1.0)).state is PartState.ENDED
            assert not after.processes()

    asyncio.run(story())


def test_an_agent_that_comes_back_learns_how_the_part_ended(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            await before.launched(before.order("--fail-at-step", "4", "--checkpoint-every", "3"))
            part_dir = before.part_dir
        await eventually((part_dir / "exit.json").exists)
        async with running_node(base) as after:
            ended = after.status()
            assert ended.state is PartState.ENDED
            assert ended.exit is not None
            assert ended.exit.first_failure is not None
            assert ended.exit.first_failure.message == "told to fail at step 4"
            assert ended.ranks[0].step == 3
            assert _steps(ended) == [3]
            assert not after.changes

    asyncio.run(story())


def test_a_part_of_a_former_boot_is_over(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            await before.launched(before.order(*FOREVER))
            os.kill(before.shim_pid(), signal.SIGKILL)
        async with running_node(base, boot_id="boot-2") as after:
            ended = await after.ended()
            assert ended.exit is not None
            assert ended.exit.end is End.REBOOTED
            assert not after.processes()

    asyncio.run(story())


def test_a_killed_shim_leaves_nothing(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER, "--ignore-sigterm"))
        await node.stepping()
        os.kill(node.shim_pid(), signal.SIGKILL)

        ended = await node.ended()

        assert ended.exit is not None
        assert ended.exit.end is End.SHIM_LOST
        assert ended.exit.swept <= 2
        assert not node.processes()

    on_node(base, story)


def test_a_shim_that_does_not_answer_is_overruled(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER, "--ignore-sigterm"))
        await node.stepping()
        os.kill(node.shim_pid(), signal.SIGSTOP)
        stopped = await node.parts.stop("gang-1", 1, grace_s=0.5)
        assert stopped.exit is not None
        assert stopped.exit.end is End.STOPPED
        assert not node.processes()

    on_node(base, story)


def test_sigterm_to_the_shim_is_a_stop(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        await node.stepping()
        os.kill(node.shim_pid(), signal.SIGTERM)
        ended = await node.ended()
        assert ended.exit is not None
        assert ended.exit.end is End.STOPPED

    on_node(base, story)


def test_a_stop_before_the_launch_forbids_it_for_good(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            answer = await before.parts.stop("gang-1", 1, grace_s=1.0)
            assert answer.state is PartState.ENDED
            assert answer.exit is not None
            assert answer.exit.end is End.NEVER_STARTED
        async with running_node(base) as after:
            refusal = await after.parts.launch(after.order())
            assert isinstance(refusal, Refusal)
            assert (refusal.reason, refusal.status) == (OutcomeReason.STOPPED_BEFORE, OutcomeStatus.REFUSED)
            assert not after.processes()

    asyncio.run(story())


def test_a_checkpoint_is_told_while_the_part_runs(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER, "--checkpoint-every", "2"))
        await eventually(lambda: any(2 in _steps(status) for status in node.changes))
        await eventually(lambda: any(len(_steps(status)) > 3 for status in node.changes))
        await node.parts.stop("gang-1", 1, grace_s=0.0)

    on_node(base, story)


def _steps(status: PartStatus) -> list[int]:
    return [checkpoint.step for checkpoint in status.checkpoints]


def test_resuming_goes_on_after_the_checkpoint(base: Path) -> None:
    async def story(node: TestNode) -> None:
        published = base / "step-40.pt"
        published.write_text("40\n")
        published.chmod(0o644)
        await node.launched(node.order("--steps", "42", resume_from=str(published), resume_step=40))
        ended = await node.ended()
        assert [(rank.first_step, rank.step) for rank in ended.ranks] == [(41, 42), (41, 42)]

    on_node(base, story)


TALKER = """
line = "x" * 1023
for number in range(8 * 1024):
    print(line)
print("the end", flush=True)
"""


def test_the_log_keeps_its_bound_and_its_end(base: Path) -> None:
    async def story(node: TestNode) -> None:
        log = LogSpec(max_mib=1, files=3)
        await node.launched(node.order(script=node.script(TALKER), workers_per_node=1, log=log))
        ended = await node.ended()
        files = sorted((node.part_dir / "log").iterdir())
        assert [file.name for file in files] == ["worker.log", "worker.log.1", "worker.log.2"]
        assert sum(file.stat().st_size for file in files) <= 3 * 2**20
        assert ended.exit is not None
        assert ended.exit.log_tail.endswith("the end\n")
        assert len(ended.exit.log_tail.encode()) <= 4096
        tail = node.parts.tail("gang-1", 1, 1_500_000)
        assert (len(tail), tail[-8:]) == (1_500_000, b"the end\n")

    on_node(base, story)


LOOK = """
import json, os, resource
names = ("RANK", "WORLD_SIZE", "MAINSTAY_NODE", "MAINSTAY_JOB", "SPELL", "CUDA_VISIBLE_DEVICES", "HOME")
print(json.dumps({
    "ids": [os.getresuid(), os.getresgid()],
    "groups": os.getgroups(),
    "cwd": os.getcwd(),
    "umask": os.umask(0),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "names": {name: os.environ.get(name) for name in names},
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:3],
    "spec": os.access(os.path.join(os.environ["MAINSTAY_WORKER_DIR"], "..", "spec.json"), os.R_OK),
    "write": os.access(os.path.join(os.environ["MAINSTAY_WORKER_DIR"], ".."), os.W_OK),
}))
"""


def test_workers_get_the_given_user_directory_environment_and_limits(base: Path) -> None:
    async def story(node: TestNode) -> None:
        order = node.order(
            script=node.script(LOOK),
            workers_per_node=1,
            directory=str(base),
            environment={"SPELL": "abra", "RANK": "7", "MAINSTAY_NODE": "elsewhere"},
            accelerators=["GPU-1", "GPU-2"],
            limits=Limits(open_files=99),
        )
        await node.launched(order)
        await node.ended()
        seen = json.loads(node.parts.tail("gang-1", 1, 10_000))
        assert seen["names"]["SPELL"] == "abra"
        assert (seen["names"]["RANK"], seen["names"]["MAINSTAY_NODE"]) == ("0", node.name)
        assert seen["names"]["CUDA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"
        assert (seen["cwd"], seen["umask"], seen["files"]) == (str(base), 0o022, [99, 99])
        if IS_ROOT:
            assert seen["ids"] == [[65534] * 3, [65534] * 3]
            assert 0 not in seen["groups"]
            assert (seen["spec"], seen["write"]) == (False, False)

    on_node(base, story)


def test_a_checkpoint_directory_that_cannot_be_made_fails_the_launch_in_one_line(base: Path) -> None:
    async def story(node: TestNode) -> None:
        (base / "file").write_text("")
        refusal = await node.parts.launch(node.order(checkpoint_dir=str(base / "file" / "attempt-1")))
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.status) == (OutcomeReason.SPAWN_FAILED, OutcomeStatus.FAILED)
        assert "checkpoint directory" in refusal.message
        assert not node.processes()

    on_node(base, story)


@pytest.mark.skipif(not IS_ROOT, reason="takes another user")
def test_a_script_closed_to_the_user_fails_the_launch_in_one_line(base: Path) -> None:
    async def story(node: TestNode) -> None:
        script = node.script("print('never')")
        script.chmod(0o600)
        refusal = await node.parts.launch(node.order(script=script))
        assert isinstance(refusal, Refusal)
        assert refusal.message.startswith(f"{script}: not open to user")

    on_node(base, story)


def test_a_user_who_is_not_listed_is_refused_and_nothing_is_kept(base: Path) -> None:
    async def story(node: TestNode) -> None:
        refusal = await node.parts.launch(node.order(user="somebody-else"))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is OutcomeReason.NOT_PERMITTED
        assert "workers.users" in refusal.message
        assert node.parts.statuses() == []

    on_node(base, story)


def test_only_the_newest_ended_parts_are_kept(base: Path) -> None:
    async def story(node: TestNode) -> None:
        for attempt in range(1, 6):
            await node.parts.stop("gang-1", attempt, grace_s=0.0)
        assert node.parts.prune(keep=2) == 3
        assert [status.attempt for status in node.parts.statuses()] == [4, 5]
        assert len(list((base / "n1" / "attempts").iterdir())) == 2

    on_node(base, story)


def test_what_former_parts_left_is_named(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        await node.stepping()
        assert await node.parts.leftovers() == []
        pids = node.processes()
        told = await TestNode(base).parts.leftovers()  # the same node, its memory lost
        assert sorted(told) == sorted(f"process {pid} of gang-1.1" for pid in pids)
        await node.parts.stop("gang-1", 1, grace_s=0.0)

    on_node(base, story)


def test_files_made_by_a_hostile_worker_harm_nobody(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(script=node.script(HOSTILE), workers_per_node=1))
        await eventually(lambda: b"ready" in node.parts.tail("gang-1", 1, 100))
        status = await node.until(lambda status: status.ranks[0].process_state != "?")
        assert (status.rank_failure, status.ranks[0].step) == (None, None)
        stopped = await node.parts.stop("gang-1", 1, grace_s=0.5)
        assert stopped.state is PartState.ENDED

    on_node(base, story)


HOSTILE = """
import os, time
os.chdir(os.environ["MAINSTAY_WORKER_DIR"])
os.mkfifo("progress-0")
os.unlink("rank-0.json")
open("rank-0.json", "w").write('{"pid": 1e400, "start_time": 1}')
os.symlink("/proc/1/environ", "failure-0.json")
print("ready", flush=True)
time.sleep(600)
"""


def test_the_socket_answers_another_major_version_with_an_error(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        answers = await asyncio.to_thread(
            _ask, node.part_dir, [b'{"v": [2, 0], "op": "status"}', b"[]", b'{"v": [1, 7], "op": "status"}']
        )
        assert "this shim speaks protocol 1, not 2" in answers[0]["error"]
        assert "not a request" in answers[1]["error"]
        assert answers[2]["state"] == "running"
        await node.parts.stop("gang-1", 1, grace_s=0.0)

    on_node(base, story)


def _ask(part_dir: Path, lines: list[bytes]) -> list[dict[str, str]]:
    directory = os.open(part_dir, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(f"/proc/self/fd/{directory}/shim.sock")
        os.close(directory)
        client.sendall(b"\n".join(lines) + b"\n")
        with client.makefile("rb") as answers:
            return [json.loads(answers.readline()) for _ in lines]


def test_a_directory_longer_than_a_socket_name_can_be(base: Path) -> None:
    async def story() -> None:
        deep = base / ("d" * 120)
        deep.mkdir()
        deep.chmod(0o755)
        async with running_node(deep) as node:
            await node.launched(node.order("--steps", "1", checkpoint=None, checkpoint_dir=""))
            ended = await node.ended()
            assert ended.exit is not None
            assert ended.exit.end is End.SUCCEEDED

    asyncio.run(story())


def test_two_nodes_make_one_gang(base: Path) -> None:
    async def story() -> None:
        port = free_port()
        async with running_node(base, "n1") as first, running_node(base, "n2") as second:
            for rank, node in enumerate((first, second)):
                await node.launched(node.order("--steps", "3", nodes=2, node_rank=rank, master_port=port))
            for node in (first, second):
                ended = await node.ended()
                assert ended.exit is not None
                assert ended.exit.end is End.SUCCEEDED
            assert [rank.rank for rank in second.status().ranks] == [2, 3]

    asyncio.run(story())


def test_the_user_of_the_tests_is_not_root() -> None:
    assert USER != "root"


UNMARKED = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.execve(sys.executable, [sys.executable, "-c", sys.argv[1] + "0)"], {})
time.sleep(0.5)
os.execve(sys.executable, [sys.executable, "-c", "print('unmarked', flush=True); " + sys.argv[1] + ")"], {})
"""


def test_a_worker_that_lost_its_mark_does_not_outlive_a_killed_shim(base: Path) -> None:
    """setproctitle, and what is like it, writes over the environment that /proc shows."""

    async def story(node: TestNode) -> None:
        mark = await _unmarked_part(node)
        (worker,) = [process for process in _with_command(mark) if b"unmarked" in _command_line(process.pid)]
        os.kill(node.shim_pid(), signal.SIGKILL)
        ended = await node.ended()
        assert ended.exit is not None
        assert ended.exit.end is End.SHIM_LOST
        left = _with_command(mark)
        for process in left:  # the daemon: without a shim nothing tells whose it is
            procfs.send(process, signal.SIGKILL)
        assert worker.pid not in [process.pid for process in left]

    on_node(base, story)


def test_a_stop_that_overrules_the_shim_leaves_nothing_unmarked(base: Path) -> None:
    async def story(node: TestNode) -> None:
        mark = await _unmarked_part(node)
        os.kill(node.shim_pid(), signal.SIGSTOP)
        stopped = await node.parts.stop("gang-1", 1, grace_s=0.5)
        assert stopped.state is PartState.ENDED
        await eventually(lambda: not _with_command(mark), 2.0, lambda: str(_with_command(mark)))

    on_node(base, story)


async def _unmarked_part(node: TestNode) -> str:
    """A worker and its daemon, both without environment; what stands in their command lines."""
    mark = f"import time; time.sleep(700.{os.getpid()}"
    script = node.script(UNMARKED)
    await node.launched(node.order(mark, script=script, workers_per_node=1))
    await eventually(lambda: b"unmarked" in node.parts.tail("gang-1", 1, 100))
    return mark


def _with_command(mark: str) -> list[procfs.Process]:
    found = [process for process in procfs.everything() if mark.encode() in _command_line(process.pid)]
    return [process for process in found if not process.gone]


def test_a_damaged_state_file_still_lets_the_part_be_stopped(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            await before.launched(before.order(*FOREVER))
            await before.stepping()
            shim = procfs.read(before.shim_pid())
        (before.part_dir / "state.json").write_bytes(b"\0\xff")
        async with running_node(base) as after:
            stopped = await after.parts.stop("gang-1", 1, grace_s=0.5)
            assert stopped.exit is not None
            assert stopped.exit.end is End.STOPPED
            assert not after.processes()
        assert shim is not None
        await eventually(lambda: not procfs.is_alive(shim.pid, shim.start_time))

    asyncio.run(story())


def test_a_damaged_state_file_of_a_former_boot_is_a_part_that_is_over(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as before:
            await before.launched(before.order(*FOREVER))
            os.kill(before.shim_pid(), signal.SIGKILL)
        (before.part_dir / "state.json").write_bytes(b"")
        async with running_node(base, boot_id="boot-2") as after:
            ended = await after.ended()
            assert ended.exit is not None
            assert ended.exit.end is End.REBOOTED

    asyncio.run(story())


DEEP = """
import os
os.chdir(os.environ["MAINSTAY_WORKER_DIR"])
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
"""


def test_directories_nested_deep_by_a_worker_keep_nobody_from_forgetting_the_part(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as node:
            await node.launched(node.order(script=node.script(DEEP), workers_per_node=1))
            await node.ended()
            assert node.parts.prune(keep=0) == 1
        async with running_node(base) as again:
            assert again.parts.statuses() == []
        subprocess.run(["/bin/rm", "-rf", base / "n1"], check=True)

    asyncio.run(story())


def test_a_part_that_cannot_be_taken_up_leaves_the_others(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def story() -> None:
        async with running_node(base) as before:
            await before.parts.stop("gang-1", 1, grace_s=0.0)
            half_made = before.state_dir / "attempts" / "gang-1.0"
            half_made.mkdir()
            launching.make_spec(before.order(), before.parts._home, "0" * 32, _user(), base).save(
                str(half_made / "spec.json")
            )
        monkeypatch.setattr(part_files, "claim", full)
        async with running_node(base) as after:
            assert [status.attempt for status in after.parts.statuses()] == [1]

    asyncio.run(story())


def _user() -> Account:
    found = account.find(USER)
    assert found is not None
    return found


def test_a_launch_that_expires_while_it_is_looked_at_starts_nothing(base: Path) -> None:
    async def story(node: TestNode) -> None:
        refused = await node.parts.launch(node.order(), in_time=lambda: False)
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.reason) == (OutcomeStatus.REFUSED, OutcomeReason.EXPIRED)
        assert node.parts.statuses() == []

    on_node(base, story)


def test_a_grace_out_of_bounds_is_brought_into_them(base: Path) -> None:
    async def story(node: TestNode) -> None:
        await node.launched(node.order(*FOREVER))
        await node.stepping()
        shim = procfs.read(node.shim_pid())
        stopped = await node.parts.stop("gang-1", 1, grace_s=float("nan"))
        assert shim is not None
        assert stopped.exit is not None
        assert (stopped.exit.end, stopped.exit.swept) == (End.STOPPED, 0)

    on_node(base, story)


def test_a_part_whose_following_breaks_is_followed_again(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(node: TestNode) -> None:
        monkeypatch.setattr(part_files, "read_exit", _broken_once(part_files.read_exit))
        await node.launched(node.order("--steps", "3"))
        os.kill(node.shim_pid(), signal.SIGKILL)
        await node.ended()

    on_node(base, story)


def _broken_once(work: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[object] = []

    def broken(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:  # the first is at the launch
            raise ZeroDivisionError("by hand")
        return work(*args)

    return broken
