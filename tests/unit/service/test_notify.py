"""Words for the service manager, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.notify import Notifier


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.bind(address.replace("@", "\0", 1))
        self.address = address

    def heard(self, count: int) -> list[str]:
        return [self.socket.recv(4096).decode() for _ in range(count)]

    def heard_nothing_more(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        return False


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify") if request.param == "path" else f"@mainstay-test-{os.getpid()}")
    yield made
    made.socket.close()


def test_a_service_says_how_it_stands(manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.address})
    notifier.status("one\nline")
    notifier.status("one\nline")
    notifier.ready()
    notifier.stopping()
    assert manager.heard(3) == ["STATUS=one line", "READY=1", "STOPPING=1"]
    assert manager.heard_nothing_more()


def test_the_watchdog_is_fed_twice_in_its_period(manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    for now in range(100, 146):
        notifier.alive(now)
    assert manager.heard(4) == ["WATCHDOG=1"] * 4  # at 100, 115, 130, 145
    assert manager.heard_nothing_more()


@pytest.mark.parametrize(
    "watchdog", [{}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}]
)
def test_no_watchdog_is_fed_that_is_not_there_or_another_processes(manager: Manager, watchdog: dict[str, str]) -> None:
    Notifier({"NOTIFY_SOCKET": manager.address, **watchdog}).alive(1.0)
    assert manager.heard_nothing_more()


def test_children_do_not_inherit_the_right_to_speak() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Notifier(environment)
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_there_is_no_trouble(environment: dict[str, str]) -> None:
    notifier = Notifier({**environment, "WATCHDOG_USEC": "1"})
    notifier.ready()
    notifier.alive(1.0)
