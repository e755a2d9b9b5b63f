"""What sensors ask of root: the tools' own words, refusals, and the way there through the helper's socket."""

import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.helper import looking, tools
from agent.helper.protocol import Answer, Bmc, Smart
from agent.helper.tools import ToolError
from agent.sensors import Host, bmc, smart

REPOSITORY = Path(__file__).parents[4]
NOBODY = pwd.getpwnam("nobody")


def tool(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tools are looked for, and the kernel's list of disks."""
    monkeypatch.setattr(tools, "PLACES", (str(tmp_path),))
    (tmp_path / "block" / "sda").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("device", ["sda1", "../sda", "sda\n", "mapper/root", "vda", "nvme0", "nvme0n1p1", ""])
def test_what_is_no_whole_disk_by_its_name_is_no_request(device: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(Smart(device)), type=Smart)


def test_a_disk_that_the_kernel_does_not_know_is_refused(places: Path) -> None:
    with pytest.raises(ToolError, match="sdb: no such disk"):
        tools.smart("sdb", str(places / "block"))


def test_an_exit_status_of_smartctl_says_nothing_of_its_answer(places: Path) -> None:
    tool(places, "smartctl", "echo '{\"a\": 1}'; exit 64")
    assert tools.smart("sda", str(places / "block")) == '{"a": 1}\n'


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no such thing >&2; exit 1", "smartctl: no such thing"),
        ("exit 3", "smartctl: exit status 3"),
        ("head -c 600000 /dev/zero", "said more than"),
        ("sleep 60", "no answer within 0.2 s"),
    ],
)
def test_what_a_tool_may_do_wrong(places: Path, script: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "SMART_S", 0.2 if "sleep" in script else 15.0)
    tool(places, "smartctl", f"PATH=/bin:/usr/bin; {script}" if "sleep" not in script else "exec /bin/sleep 60")
    with pytest.raises(ToolError, match=told):
        tools.smart("sda", str(places / "block"))


def test_a_tool_gets_no_environment_of_the_agents(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD_OF_SOMEBODY", "x")
    tool(places, "smartctl", "/usr/bin/env")
    assert "SOMEBODY" not in tools.smart("sda", str(places / "block"))


def test_without_the_tool_there_is_no_such_sensor(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "has_bmc", lambda: True)
    assert bmc.attach(bmc.Options(), Host()).read() is None
    (places / "block" / "sda" / "size").write_text("100\n")
    assert smart.Disks(smart.Options(), None, str(places)).read() is None


def test_a_disk_that_falls_asleep_is_still_what_it_said(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places / "block" / "sda" / "size").write_text("100\n")
    tool(places, "smartctl", "")
    source = smart.Disks(smart.Options(), "helper.sock", str(places))
    said = iter(['{"smart_status": {"passed": false}}', '{"smartctl": {"exit_status": 2}}'])
    monkeypatch.setattr(looking, "look", lambda _request, _helper: next(said))
    assert source.read() == smart.Reading([smart.Disk("sda", passed=False)])
    assert source.read() == smart.Reading([smart.Disk("sda", passed=False)])


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[str]:
    """The helper's socket as systemd has it: each connection is a process's standard input and output."""
    path = Path("/run") / f"mainstay-looking-{os.getpid()}"
    path.mkdir()
    (path / "agent.toml").write_text(f'node = "n1"\naddress = "127.0.0.1"\nstate_dir = "{path}"\n')
    name = str(path / "helper.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(name)
        os.chmod(name, 0o666)
        listening.listen()
        threading.Thread(target=_serve, args=(listening, path / "agent.toml"), daemon=True).start()
        yield name
        listening.shutdown(socket.SHUT_RDWR)
    subprocess.run(["rm", "-rf", path], check=True)


def _serve(listening: socket.socket, config: Path) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            command = [sys.executable, "-m", "agent.helper", str(config)]
            subprocess.run(command, stdin=connection, stdout=connection, cwd=REPOSITORY, timeout=30, check=False)


ASKER = """
import sys
from agent.helper.looking import look
from agent.helper.protocol import Bmc, Smart
from agent.helper.tools import ToolError
for request in (Smart("sdzz"), Bmc()):
    try:
        print(look(request, sys.argv[1]))
    except ToolError as error:
        print("refused:", error)
"""


@pytest.mark.skipif(os.geteuid() != 0 or tools.has_bmc(), reason="needs root, and a machine without a BMC")
def test_an_agent_that_is_not_root_asks_the_real_helper(helper: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASKER, helper],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=True,
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
    )
    assert asked.stdout.splitlines() == [
        "refused: sdzz: no such disk",
        "refused: no /dev/ipmi0: this machine has no BMC, or ipmi_si and ipmi_devintf are not loaded",
    ]


def test_a_helper_that_is_not_there_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"is mainstay-helper\.socket active\?"):
        looking._ask(str(tmp_path / "none.sock"), Bmc(), 1.0)


def test_a_helper_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        with pytest.raises(ToolError, match=r"no answer within 0\.2 s"):
            looking._ask(str(tmp_path / "s"), Smart("sda"), 0.2)


def test_an_answer_is_passed_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(msgspec.json.encode(Answer(output="{}")) + b"\n")

        threading.Thread(target=answer, daemon=True).start()
        assert looking._ask(str(tmp_path / "s"), Smart("sda"), 5.0).output == "{}"
