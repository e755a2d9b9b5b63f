"""The root helper: what it does for the agent, and what it does for nobody."""

import asyncio
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.clock import read_boot_id
from agent.helper.protocol import Answer, Kill, Remove, Start
from wire.orders import LaunchAttempt
from wire.specs import Launcher

REPOSITORY = Path(__file__).parents[4]
NOBODY = pwd.getpwnam("nobody")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the helper is root's")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """A node whose agent is ``nobody``, with a configuration that only root can change."""
    root = Path("/run") / f"mainstay-test-{os.getpid()}"
    state = root / "state"
    (state / "attempts" / "gang-1.1" / "work").mkdir(parents=True)
    for path in (state, *state.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    (root / "agent.toml").write_text(
        f'node = "n1"\naddress = "127.0.0.1"\nstate_dir = "{state}"\nhold_file = "{root}/hold"\n'
        '[workers]\nusers = ["daemon"]\ninterpreters = ["/usr/bin/python3"]\nroots = ["/usr/lib"]\n'
    )
    yield root
    subprocess.run(["rm", "-rf", root], check=True)


def asked(node: Path, request: bytes | msgspec.Struct) -> Answer:
    """As systemd does it: the accepted connection is standard input and output."""
    ours, theirs = socket.socketpair()
    line = request if isinstance(request, bytes) else msgspec.json.encode(request)
    with ours, theirs:
        ours.sendall(line + b"\n")
        command = [sys.executable, "-c", _AS_NOBODY, str(node / "agent.toml")]
        subprocess.run(command, stdin=theirs, stdout=theirs, cwd=REPOSITORY, check=True, timeout=30)
        return msgspec.json.decode(ours.recv(65536), type=Answer)


# The peer of a socketpair is who made it, root here: the credentials are what a connection of nobody's would show.
_AS_NOBODY = f"""
import sys
from pathlib import Path
from agent.helper import serve
serve.peer = lambda _: ({NOBODY.pw_uid}, {NOBODY.pw_gid})
serve.serve(Path(sys.argv[1]))
"""


def launch(**fields: Any) -> Start:
    values: dict[str, Any] = {
        "job": "gang-1",
        "attempt": 1,
        "node_rank": 0,
        "nodes": 1,
        "workers_per_node": 1,
        "launcher": Launcher.DIRECT,
        "interpreter": "/usr/bin/python3",
        "script": "/usr/lib/os-release",
        "args": [],
        "directory": "/",
        "environment": {},
        "user": "daemon",
        "master_address": "127.0.0.1",
        "master_port": 7000,
    }
    boot_id = fields.pop("boot_id", read_boot_id())
    return Start(LaunchAttempt(**{**values, **fields}), "0" * 32, boot_id, "/nowhere")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (launch(user="root"), 'user "root" may not run jobs on n1'),
        (launch(user="nobody"), 'user "nobody" may not run jobs on n1'),
        (launch(interpreter="/bin/sh"), "interpreter /bin/sh is not allowed"),
        (launch(script="/etc/passwd"), "lies below none of the allowed roots"),
        (launch(boot_id="another"), "another boot"),
        (launch(attempt=2), "gang-1.2: No such file or directory"),
        (b'{"verb": "start"}', "not a request: Object missing required field"),
        (b'{"verb": "kill", "part": "../init"}', "not a request: Expected `str` matching regex"),
        (b'{"verb": "reboot"}', "not a request: Invalid value"),
        (b"\xff", "not a request"),
    ],
)
def test_what_is_refused(node: Path, request_: bytes | Start, told: str) -> None:
    assert told in asked(node, request_).error


def test_nothing_is_started_while_a_person_holds_the_node(node: Path) -> None:
    (node / "hold").touch()

    assert "is there: nothing is started" in asked(node, launch()).error


@pytest.mark.parametrize("place", ["attempts", "attempts/gang-1.1", "attempts/gang-1.1/work"])
def test_no_link_of_the_agents_is_followed(node: Path, place: str) -> None:
    target = node / "state" / place
    elsewhere = node / "elsewhere"
    target.rename(elsewhere)
    target.symlink_to(elsewhere)

    assert "Not a directory" in asked(node, launch()).error
    assert elsewhere.stat().st_uid == NOBODY.pw_uid


def test_a_state_directory_of_another_user_is_refused(node: Path) -> None:
    os.chown(node / "state", 0, 0)

    assert "not the agent's" in asked(node, launch()).error


def test_a_configuration_that_others_can_change_is_not_believed(node: Path) -> None:
    (node / "agent.toml").chmod(0o664)

    assert "chown root and chmod go-w" in asked(node, Remove()).error


def test_removing_stays_below_forgotten(node: Path) -> None:
    forgotten, precious = node / "state" / "forgotten", node / "precious"
    (forgotten / "gang-1.0.ab" / "work").mkdir(parents=True)
    precious.mkdir()
    (precious / "file").touch()
    (forgotten / "gang-1.0.ab" / "link").symlink_to(precious)
    (forgotten / "link").symlink_to(precious)

    answer = asked(node, Remove())

    assert "link: cannot be removed" in answer.error  # rmtree takes no link for a tree
    assert [path.name for path in forgotten.iterdir()] == ["link"]
    assert (precious / "file").exists()


def test_a_part_without_a_scope_has_nothing_to_kill(node: Path) -> None:
    assert asked(node, Kill("gang-1.1")) == Answer()


def test_an_agent_without_a_helper_says_so(tmp_path: Path) -> None:
    from agent.helper.client import HelperError, ask

    with pytest.raises(HelperError, match=r"is mainstay-helper\.socket active\?"):
        asyncio.run(ask(tmp_path / "none.sock", Remove()))
