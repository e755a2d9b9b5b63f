"""Makes a part's directory and starts its shim."""

import asyncio
import os
import secrets
import stat
from pathlib import Path

import msgspec

from agent.workers import account, part_files
from agent.workers.account import Account
from agent.workers.pythonpath import ensure_pythonpath
from agent.workers.runtime import Runtime
from agent.workers.shim import records
from agent.workers.shim.records import Spec
from wire.names import attempt_id
from wire.orders import LaunchAttempt
from wire.specs import Limits

SHIM_UP_S = 5.0
LOOK_AGAIN_S = 0.02
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
    spec = make_spec(launch, home, secrets.token_hex(16), user, ensure_pythonpath(home.state_dir))
    spec.save(str(part_dir / records.SPEC))
    records.sync_directory(str(part_dir.parent))
    return spec


async def start_shim(runtime: Runtime, part_dir: Path, spec: Spec, launch: LaunchAttempt) -> str | None:
    """None once the shim has claimed the part; why not, in one line, when it has not within 5 s."""
    try:
        async with asyncio.timeout(SHIM_UP_S):
            if (refusal := await runtime.start(part_dir, spec, launch)) is not None:
                return refusal
            while part_files.read_claim(part_dir) is None:  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        return f"no answer within {SHIM_UP_S:g} s"
    return None


def make_spec(launch: LaunchAttempt, home: Home, shim: str, user: Account, pythonpath: Path) -> Spec:
    """``shim``: unique, its mark on every process of the part."""
    return Spec(
        job=launch.job,
        attempt=launch.attempt,
        node=home.node,
        boot_id=home.boot_id,
        shim=shim,
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
        worker_dir=str(home.part_dir(attempt_id(launch.job, launch.attempt)) / records.WORK_DIR),
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


def _let_pass(directory: Path, user: Account) -> None:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if user.uid != os.geteuid() and not mode & stat.S_IXOTH:
        directory.chmod(mode | stat.S_IXOTH)
