"""File systems as they are: tables of mounts of several kinds, and real mounts that fill, turn read-only and hang."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.deadline import eventually

from agent.checks import Timed, disk_full, disk_read_only, mount_dead, mount_missing
from agent.sensors import Host, disk
from agent.sensors.disk import FileSystems, Mount, Options, Reading, State
from agent.sensors.mount_question import Leftover, Question
from agent.sensors.mount_table import Entry, fstab_writable, parse
from wire.conditions import Severity, Status

DEADLINE_S = 15.0
DAEMON = Path(__file__).parents[3] / "fakes" / "fuse_daemon.py"
GIB = 2**30

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
needs_fuse = pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/dev/fuse"), reason="needs root and /dev/fuse")

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 254:0 /srv /srv/bound rw,relatime - ext4 /dev/vda rw,discard
41 27 259:2 / /scratch rw,relatime - xfs /dev/nvme1n1 rw,attr2
42 27 259:3 / /broken rw,relatime - ext4 /dev/nvme2n1 ro,errors=remount-ro
43 27 259:4 / /emergency rw,relatime - ext4 /dev/nvme3n1 rw,emergency_ro
44 27 259:5 / /meant ro,relatime - ext4 /dev/nvme4n1 ro
45 27 0:50 / /home\040of\040all rw - nfs4 server:/home rw,vers=4.2,hard,addr=10.0.0.1
46 27 0:51 / /lustre rw - lustre 10.0.0.2@o2ib:/fs rw,flock
47 27 0:52 / /s3 rw,nosuid - fuse.s3fs s3fs rw,user_id=0
48 27 0:53 / /dev/shm rw - tmpfs tmpfs rw
49 27 0:54 / /run/user/1000 rw - tmpfs tmpfs rw
50 27 7:1 / /snap/core ro - squashfs /dev/loop1 ro
51 27 0:55 / /var/lib/docker/overlay2/x rw - overlay overlay rw
52 27 0:56 / /net rw - autofs auto rw
broken line
"""


def test_what_keeps_data_is_looked_at_once() -> None:
    table = parse(TABLE)
    kept = {path for path, entry in table.items() if entry.keeps_data}
    assert kept == {
        "/", "/srv/bound", "/scratch", "/broken", "/emergency", "/meant", "/home of all", "/lustre", "/s3", "/dev/shm"
    }  # fmt: skip
    assert {path for path, entry in table.items() if entry.remote} == {"/home of all", "/lustre", "/s3"}
    assert table["/home of all"].device == "server:/home"


@pytest.mark.parametrize(
    ("path", "machine", "fstab", "lost"),
    [
        ("/", "rw", "", False),
        ("/broken", "rw", "", True),  # the error left the mount's own options as they were
        ("/emergency", "rw", "", True),  # as kernels since 6.15 tell it
        ("/meant", "ro", "", False),
        ("/meant", "rw", "", True),  # an error; a sandbox hides the mount's own options from the agent
        ("/meant", "ro", "/dev/nvme4n1 /meant ext4 defaults 0 2", False),  # remount,ro by hand
        ("/broken", None, "", True),
        ("/meant", None, "", False),  # None: the machine's first process hides its mounts
        ("/meant", None, "/dev/nvme4n1 /meant ext4 defaults 0 2", True),
        ("/meant", None, "/dev/nvme4n1 /meant ext4 ro,noatime 0 2", False),
        ("/meant", None, "# /dev/nvme4n1 /meant ext4 defaults 0 2", False),
    ],
)
def test_read_only_by_an_error_or_by_somebodys_wish(
    path: str, machine: str | None, fstab: str, lost: bool, tmp_path: Path
) -> None:
    source, entry = FileSystems(Options(), fstab=str(tmp_path / "fstab")), parse(TABLE)[path]
    seen = None if machine is None else msgspec.structs.replace(entry, options=frozenset({machine}))
    assert source._lost_writes(entry, seen, fstab_writable(fstab)) is lost


def test_one_that_could_be_written_before_is_missed() -> None:
    source = FileSystems(Options())
    writable, not_writable = parse(TABLE)["/"], parse(TABLE)["/meant"]
    assert source._lost_writes(writable, None, frozenset()) is False
    now = Entry("/", "ext4", "/dev/vda", "254:0", not_writable.options, not_writable.super_options)
    assert source._lost_writes(now, None, frozenset()) is True


def test_this_machines_root_is_read() -> None:
    source = disk.attach(Options(), Host())
    (root,) = [mount for mount in source.read().mounts if mount.path == "/"]
    assert root.state is State.ANSWERED
    assert root.bytes
    assert root.bytes >= root.bytes_free > 0
    assert {family.name for family in disk.metrics(Reading([root]))} >= {"node_filesystem_avail_bytes"}


def test_a_directory_stands_for_the_mount_it_is_in(tmp_path: Path) -> None:
    found = FileSystems(Options(mounts=(str(tmp_path),))).read()
    assert [mount.path for mount in found.mounts] == [str(tmp_path)]
    assert found.mounts[0].bytes == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


def test_one_that_is_required_and_not_mounted_is_missing(tmp_path: Path) -> None:
    found = FileSystems(Options(mounts=("/",), required=(str(tmp_path), "/"))).read()
    assert {mount.path: mount.state for mount in found.mounts} == {
        str(tmp_path): State.MISSING,
        "/": State.ANSWERED,
    }
    verdicts = mount_missing.judge([Timed(0, found)], mount_missing.Thresholds())
    assert [verdict.status for verdict in verdicts.values()] == [Status.TRUE, Status.FALSE]
    assert str(tmp_path) not in disk_full.judge([Timed(0, found)], disk_full.Thresholds())


def test_a_deadline_longer_than_the_sensors_own_is_refused() -> None:
    with pytest.raises(ValueError, match="answer_s"):
        Options(answer_s=5.0)


@contextmanager
def mounted(kind: str, place: Path, options: str) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", kind, "-o", options, "test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def bound(place: Path, second: Path) -> Iterator[Path]:
    second.mkdir()
    subprocess.run(["mount", "--bind", place, second], check=True)
    try:
        yield second
    finally:
        subprocess.run(["umount", "-l", second], check=True)


@needs_root
def test_a_full_tmpfs_is_told_of(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "small", "size=1m") as place:
        source = FileSystems(Options(mounts=(str(place),)))
        empty = disk_full.judge([Timed(0, source.read())], disk_full.Thresholds())
        (place / "file").write_bytes(b"x" * 1_048_576)
        full = disk_full.judge([Timed(1, source.read())], disk_full.Thresholds())
    assert empty[str(place)].status is Status.FALSE
    assert (full[str(place)].reason, full[str(place)].severity) == ("space_low", Severity.CRITICAL)


@needs_root
def test_one_that_is_made_read_only_by_hand_is_left_out(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "turns", "size=1m") as place:
        source = FileSystems(Options(mounts=(str(place),)))
        before = disk_read_only.judge([Timed(0, source.read())], disk_read_only.Thresholds())
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        after = disk_read_only.judge([Timed(1, source.read())], disk_read_only.Thresholds())
    assert before[str(place)].status is Status.FALSE
    assert after == {}


@needs_root
def test_one_whose_file_system_alone_turned_read_only_is_told_of(tmp_path: Path) -> None:
    """As an error leaves it: ``remount,ro`` of a second mount turns it and leaves the first mount at rw."""
    with mounted("tmpfs", tmp_path / "turns", "size=1m") as place, bound(place, tmp_path / "second") as second:
        source = FileSystems(Options(mounts=(str(place),)))
        before = disk_read_only.judge([Timed(0, source.read())], disk_read_only.Thresholds())
        subprocess.run(["mount", "-o", "remount,ro", second], check=True)
        after = disk_read_only.judge([Timed(1, source.read())], disk_read_only.Thresholds())
    assert before[str(place)].status is Status.FALSE
    assert (after[str(place)].reason, after[str(place)].severity) == ("turned_read_only", Severity.CRITICAL)


Served = Callable[[str], AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A real mount by a real daemon, below tmp_path."""

    @contextmanager
    def serve(name: str) -> Iterator[subprocess.Popen[str]]:
        place = tmp_path / name
        place.mkdir()
        command = [sys.executable, str(DAEMON), str(place)]
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert daemon.stdout
            assert daemon.stdout.readline() == "mounted\n"
            yield daemon
        finally:
            daemon.kill()
            daemon.wait(DEADLINE_S)
            assert daemon.stdout
            daemon.stdout.close()
            ctypes.CDLL(None).umount2(str(place).encode(), 2)  # MNT_DETACH

    return serve


def deafen(daemon: subprocess.Popen[str]) -> None:
    daemon.send_signal(signal.SIGUSR1)
    assert daemon.stdout
    assert daemon.stdout.readline() == "deaf\n"


def states(reading: Reading) -> dict[str, State]:
    return {Path(mount.path).name: mount.state for mount in reading.mounts}


@needs_fuse
def test_a_mount_whose_daemon_hangs_is_found_hung_and_hides_no_other(tmp_path: Path, served: Served) -> None:
    with served("well"), served("stopped") as daemon:
        here = [str(tmp_path / name) for name in ("stopped", "well")]
        source = FileSystems(Options(mounts=("/", *here), answer_s=0.3, remote_every_s=0.001))
        assert states(source.read()) == {"": State.ANSWERED, "stopped": State.ANSWERED, "well": State.ANSWERED}

        daemon.send_signal(signal.SIGSTOP)
        first = source.read()
        asked = question(source, here[0])
        second = source.read()

        assert states(first) == {"": State.ANSWERED, "stopped": State.HUNG, "well": State.ANSWERED}
        assert question(source, here[0]) is asked, "the hung one was asked again"
        stuck = next(mount for mount in second.mounts if mount.state is State.HUNG)
        assert stuck.silent_s > 0.3
        verdicts = mount_dead.judge([Timed(0, second)], mount_dead.Thresholds(silent_s=0.3))
        assert verdicts[here[0]].reason == "hangs"
        assert verdicts[here[1]].status is Status.FALSE

        daemon.send_signal(signal.SIGCONT)
        eventually(lambda: states(source.read())["stopped"] is State.ANSWERED, "it is so", DEADLINE_S)


@needs_fuse
def test_who_is_stuck_for_ever_holds_no_prober_and_is_found_by_the_next(tmp_path: Path, served: Served) -> None:
    place = str(tmp_path / "deaf")
    with served("deaf") as daemon:
        deafen(daemon)
        with subprocess.Popen([sys.executable, "-c", PROBER, place], stdout=subprocess.PIPE, text=True) as prober:
            assert prober.stdout
            pid = int(prober.stdout.readline())
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: state_of(pid) == "D", "it is so", DEADLINE_S)
            prober.kill()
            prober.wait(DEADLINE_S)
        assert state_of(pid) == "D", "the test's premise: no signal reaches it"

        again = FileSystems(Options(mounts=("/", place), answer_s=0.3))
        assert states(again.read()) == {"": State.ANSWERED, "deaf": State.HUNG}
        assert question(again, place).pid == pid, "another one was sent after it"

        daemon.kill()
        eventually(lambda: states(again.read())["deaf"] is State.FAILED, "it is so", DEADLINE_S)


PROBER = """
import sys, time
from agent.sensors.disk import FileSystems, Options
source = FileSystems(Options(mounts=(sys.argv[1],), answer_s=0.3))
source.read()
print(*(asked.pid for asked in source._asked.values()), flush=True)
time.sleep(60)
"""


def question(source: FileSystems, path: str) -> Question | Leftover:
    (found,) = [asked for (_, about), asked in source._asked.items() if about == path]
    return found


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


@needs_fuse
def test_a_question_that_is_killed_is_asked_again(tmp_path: Path, served: Served) -> None:
    with served("here") as daemon:
        source = FileSystems(Options(mounts=(str(tmp_path / "here"),), answer_s=0.3))
        daemon.send_signal(signal.SIGSTOP)
        source.read()
        os.kill(question(source, str(tmp_path / "here")).pid, signal.SIGKILL)
        assert states(source.read()) == {"here": State.HUNG}
        daemon.send_signal(signal.SIGCONT)
        eventually(lambda: states(source.read()) == {"here": State.ANSWERED}, "it is so", DEADLINE_S)


@needs_fuse
def test_what_was_unmounted_while_it_hung_is_not_taken_for_what_is_mounted_there_next(
    tmp_path: Path, served: Served
) -> None:
    place = str(tmp_path / "gone")
    with served("gone") as daemon:
        source = FileSystems(Options(mounts=(place,), answer_s=0.3))
        deafen(daemon)
        assert states(source.read()) == {"gone": State.HUNG}
        subprocess.run(["umount", "-l", place], check=True)
        assert states(source.read()) == {"gone": State.ANSWERED}  # the file system that the directory is in


@needs_fuse
def test_a_mount_whose_daemon_died_answers_with_an_error(tmp_path: Path, served: Served) -> None:
    with served("dead") as daemon:
        source = FileSystems(Options(mounts=(str(tmp_path / "dead"),), remote_every_s=0.001))
        daemon.kill()
        eventually(lambda: states(source.read()) == {"dead": State.FAILED}, "it is so", DEADLINE_S)
        verdict = mount_dead.judge([Timed(0, source.read())], mount_dead.Thresholds())[str(tmp_path / "dead")]
    assert verdict.reason == "fails"
    assert "not connected" in verdict.message


def test_one_that_is_silent_for_a_moment_is_unknown() -> None:
    reading = Reading([Mount("/lustre", State.HUNG, silent_s=2.0)])
    assert mount_dead.judge([Timed(0, reading)], mount_dead.Thresholds())["/lustre"].status is Status.UNKNOWN
    assert disk_full.judge([Timed(0, reading)], disk_full.Thresholds())["/lustre"].status is Status.UNKNOWN
