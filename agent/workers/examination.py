"""A set of diagnostics as a process: in the site's own Python, as a user that jobs may run as, killed as a whole."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec

from agent.config import Config
from agent.examiner import OUTPUT_LIMIT
from agent.workers import account
from agent.workers.account import Account
from agent.workers.policy import WorkerPolicy
from wire.orders import Diagnose

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
DIE_S = 5.0  # one that resists SIGKILL longer (state D) is left behind


class Unfit(Exception):
    """The node's configuration does not allow it; one line with the mend."""


class Examination(msgspec.Struct, frozen=True):
    interpreter: str
    user: Account
    arguments: list[str]

    @property
    def command(self) -> list[str]:
        return [self.interpreter, "-I", str(program()), *self.arguments]


def prepare(kind: Diagnose, config: Config) -> Examination:
    """Raises Unfit. May ask a directory service."""
    own = Account(str(os.geteuid()), os.geteuid(), os.getegid(), [], "/")
    user = user_of(config.workers, config.node) if os.geteuid() == 0 else own
    return Examination(interpreter_of(config.workers), user, [*arguments(kind), "--tied"])


def interpreter_of(policy: WorkerPolicy) -> str:
    """The first that jobs may use; our own, which has no torch, where there is none."""
    return policy.interpreters[0] if policy.interpreters else sys.executable


def known() -> list[str]:
    return sorted(path.stem for path in program().parent.glob("*.py") if not path.stem.startswith("_"))


def program() -> Path:
    """Found, not imported: it is for another Python."""
    spec = find_spec("agent.diagnostics")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("__main__.py")


def arguments(kind: Diagnose) -> list[str]:
    given = [*kind.names, *(["--quick"] if kind.quick else [])]
    if kind.pair is not None:
        pair = kind.pair
        given += [f"--peer={pair.peer}", f"--rank={pair.rank}", f"--address={pair.address}", f"--port={pair.port}"]
    return given


def user_of(policy: WorkerPolicy, node: str) -> Account:
    """The first of those that jobs may run as. Raises Unfit."""
    if not policy.users:
        raise Unfit(f"diagnostics never run as root: name a user in workers.users in agent.toml on {node}")
    found = account.find(policy.users[0])
    if found is None or found.uid == 0:
        raise Unfit(f'user "{policy.users[0]}" is root or does not exist on {node}: mend workers.users in agent.toml')
    return found


async def run(examination: Examination, state_dir: Path, stop: asyncio.Event) -> bytes:
    """What it printed until it ended, or was killed because ``stop`` was set or the caller gave up. Raises OSError."""
    with _scratch(state_dir, examination.user) as scratch:
        process = await _start(examination, scratch)
        assert process.stdout is not None
        output = bytearray()
        reading = asyncio.create_task(_collect(process.stdout, output))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(process)
            reading.cancel()
            stopping.cancel()
    return bytes(output)


async def _start(examination: Examination, scratch: Path) -> asyncio.subprocess.Process:
    user = examination.user
    other = {"user": user.uid, "group": user.gid, "extra_groups": user.groups} if os.geteuid() == 0 else {}
    return await asyncio.create_subprocess_exec(
        *examination.command,
        f"--directory={scratch}",
        stdin=asyncio.subprocess.PIPE,  # it ends when this does: with the agent
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**ENVIRONMENT, "HOME": user.home},
        cwd="/",
        start_new_session=True,
        **other,  # type: ignore[arg-type]
    )


async def _collect(stream: asyncio.StreamReader, output: bytearray) -> None:
    while len(output) < OUTPUT_LIMIT and (piece := await stream.read(65536)):
        output += piece


async def _end(process: asyncio.subprocess.Process) -> None:
    """All of its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), DIE_S)


@contextlib.contextmanager
def _scratch(state_dir: Path, user: Account) -> Iterator[Path]:
    """A directory of the user's own, on the disk that is measured."""
    made = Path(tempfile.mkdtemp(dir=state_dir, prefix="diagnostics-"))
    try:
        if user.uid != os.geteuid():
            os.chown(made, user.uid, user.gid)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
