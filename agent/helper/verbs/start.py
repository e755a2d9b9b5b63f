"""Start a part's shim in a scope of its own, as the agent's user, able to become the job's user."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.clock import read_boot_id
from agent.helper import enter
from agent.helper.caller import Caller, Denied, open_directory
from agent.helper.protocol import Answer, Start
from agent.helper.runtime import SLICE
from agent.workers import account
from agent.workers.account import Account
from agent.workers.launch import Home, make_spec
from agent.workers.permit import permit
from agent.workers.runtime import SHIM_ENVIRONMENT
from agent.workers.shim import records
from agent.workers.shim.group import SCOPE_PREFIX
from agent.workers.shim.records import Spec
from wire.names import attempt_id

HANDLES = Start
SPECS = Path("/run/mainstay-parts")
START_S = 15.0


def carry_out(request: Start, caller: Caller) -> Answer:
    part = attempt_id(request.launch.job, request.launch.attempt)
    user = _permitted(request, caller)
    home = Home(Path(caller.config.state_dir), caller.config.node, request.boot_id)
    spec = make_spec(request.launch, home, request.shim, user, Path(request.pythonpath))
    with caller.directory("attempts", part) as directory:
        _give_work_dir(directory, user, caller)
    with _spec_file(part, spec, caller) as path:
        return _run(part, [str(caller.uid), str(caller.gid), str(home.part_dir(part)), str(path)])


def _permitted(request: Start, caller: Caller) -> Account:
    """Raises Denied; the same judgement as the agent's, by root's own reading of the configuration."""
    if request.boot_id != read_boot_id(Path(caller.config.boot_id_file)):
        raise Denied("this launch was decided about another boot; decide again")
    if caller.config.held:
        raise Denied(f"{caller.config.hold_file} is there: nothing is started on this node; remove it to go on")
    if (refusal := permit(request.launch, caller.config.workers, caller.config.node, any_user=True)) is not None:
        raise Denied(refusal.message)
    user = account.find(request.launch.user)
    if user is None or user.uid in (0, caller.uid):
        raise Denied(f'user "{request.launch.user}": jobs run neither as root nor as the agent; name another user')
    return user


def _give_work_dir(part_dir: int, user: Account, caller: Caller) -> None:
    descriptor = open_directory(records.WORK_DIR, part_dir)
    try:
        if os.fstat(descriptor).st_uid not in (caller.uid, user.uid):
            raise Denied(f"{records.WORK_DIR}: neither the agent's nor {user.name}'s; remove the part")
        os.fchown(descriptor, user.uid, user.gid)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _spec_file(part: str, spec: Spec, caller: Caller) -> Iterator[Path]:
    """What to run, where only root can write it and only the shim needs to read it, once."""
    SPECS.mkdir(mode=0o711, exist_ok=True)
    path = SPECS / f"{part}.json"
    spec.save(str(path))
    os.chown(path, 0, caller.gid)
    path.chmod(0o640)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _run(part: str, arguments: list[str]) -> Answer:
    """Returns when the shim has gone into the background: it has read its spec then."""
    command = [
        "systemd-run", "--scope", "--quiet", "--collect",
        f"--unit={SCOPE_PREFIX}{part}.scope", f"--slice={SLICE}", f"--description=Mainstay part {part}",
        "--property=Delegate=yes", "--property=TimeoutStopSec=30",
        "--", sys.executable, "-I", "-S", enter.__file__, *arguments,
    ]  # fmt: skip
    with tempfile.TemporaryFile() as errors:  # no pipe: the shim keeps it open
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=SHIM_ENVIRONMENT,
                timeout=START_S,
                check=True,
            )
        except subprocess.TimeoutExpired:
            return Answer(f"systemd-run did not start {part} within {START_S:g} s; see journalctl")
        except subprocess.CalledProcessError as error:
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            return Answer(f"{part}: {last or f'exit status {error.returncode}'}")
    return Answer()
