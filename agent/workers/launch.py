"""Makes a part's directory and starts its shim."""

import asyncio
import os
import secrets
import stat
import sys
from pathlib import Path

import msgspec

from agent.workers import account, part_files, shim
from agent.workers.account import Account
from agent.workers.pythonpath import ensure_pythonpath
from agent.workers.shim import records
from agent.workers.shim.records import Spec
from wire.orders import LaunchAttempt
from wire.specs import Limits

SHIM_UP_S = 5.0
LOOK_AGAIN_S = 0.02
ERRORS = "shim.err"
SHIM_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
MIB = 2**20


class Home(msgspec.Struct, frozen=True):
    """The node a part runs on."""

    state_dir: Path
    node: str
    boot_id: str

    def part_dir(self, part: str) -> Path:
        return self.attempts / part

    @property
    def forgotten(self) -> Path:
        return self.state_dir / "forgotten"

    @property
    def attempts(self) -> Path:
        return self.state_dir / "attempts"


def prepare(launch: LaunchAttempt, home: Home, part_dir: Path) -> Spec:
    """Makes the directory with spec.json in it. Raises OSError, or KeyError when the user is gone."""
    user = account.find(launch.user)
    if user is None:
        raise KeyError(launch.user)
    _make_directories(home, part_dir, user)
    spec = make_spec(launch, home, part_dir, user, ensure_pythonpath(home.state_dir))
    spec.save(str(part_dir / records.SPEC))
    records.sync_directory(str(part_dir.parent))
    return spec


async def start_shim(part_dir: Path) -> bool:
    """Whether the shim has claimed the part within 5 s. It goes into the background by itself and is not ours then."""
    with (part_dir / ERRORS).open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", str(Path(shim.__file__).with_name("__main__.py")), str(part_dir)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            env=SHIM_ENVIRONMENT,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(SHIM_UP_S):
            await process.wait()
            while process.returncode == 0 and part_files.read_claim(part_dir) is None:  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        return False
    return process.returncode == 0


def why_no_shim(part_dir: Path) -> str:
    try:
        text = (part_dir / ERRORS).read_text("utf-8", "replace").strip()
    except OSError as error:
        text = str(error)
    return text.rpartition("\n")[2] or f"no answer within {SHIM_UP_S:g} s"


def make_spec(launch: LaunchAttempt, home: Home, part_dir: Path, user: Account, pythonpath: Path) -> Spec:
    return Spec(
        job=launch.job,
        attempt=launch.attempt,
        node=home.node,
        boot_id=home.boot_id,
        shim=secrets.token_hex(16),
        node_rank=launch.node_rank,
        nodes=launch.nodes,
        workers_per_node=launch.workers_per_node,
        launcher=str(launch.launcher),
        interpreter=launch.interpreter,
        script=launch.script,
        args=launch.args,
        directory=launch.directory,
        environment=launch.environment,
        user=user.name,
        uid=user.uid,
        gid=user.gid,
        groups=user.groups,
        home=user.home,
        master_address=launch.master_address,
        master_port=launch.master_port,
        pythonpath=str(pythonpath),
        worker_dir=str(part_dir / records.WORK_DIR),
        accelerators=launch.accelerators,
        limits=limits(launch.limits),
        log_max_bytes=launch.log.max_mib * MIB,
        log_files=launch.log.files,
        checkpoint_dir=launch.checkpoint_dir,
        checkpoint_pattern=launch.checkpoint.pattern if launch.checkpoint is not None else "",
        resume_from=launch.resume_from,
        resume_step=launch.resume_step,
    )


def limits(wanted: Limits) -> dict[str, int]:
    """By the names setrlimit knows, in its units."""
    values = {
        "RLIMIT_NOFILE": wanted.open_files,
        "RLIMIT_NPROC": wanted.processes,
        "RLIMIT_AS": None if wanted.address_space_mib is None else wanted.address_space_mib * MIB,
        "RLIMIT_CORE": None if wanted.core_mib is None else wanted.core_mib * MIB,
    }
    return {name: value for name, value in values.items() if value is not None}


def _make_directories(home: Home, part_dir: Path, user: Account) -> None:
    """Workers may pass through to their own directory; they read and write nothing else of Mainstay's."""
    part_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    for directory in (home.state_dir, home.state_dir / "attempts", part_dir):
        _let_pass(directory, user)
    work = part_dir / records.WORK_DIR
    work.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(work, user.uid, user.gid)


def _let_pass(directory: Path, user: Account) -> None:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if user.uid != os.geteuid() and not mode & stat.S_IXOTH:
        directory.chmod(mode | stat.S_IXOTH)
