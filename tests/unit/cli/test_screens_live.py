"""What needs a terminal, on a terminal of its own: a process that draws, is given keys, and ends as it should."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from contextlib import contextmanager

import pytest
from fakes import views

DEADLINE_S = 30.0
ALTERNATE, BACK = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture(autouse=True)
def answers(controller):
    controller.answers.update(
        {
            "/v1/nodes": [(200, views.NODES)],
            "/v1/jobs": [(200, views.JOBS)],
            "/v1/runs": [(200, views.RUNS)],
            "/v1/events": [(200, views.EVENTS)],
            "/v1/status": [(200, views.CONTROLLER)],
        }
    )


class Terminal:
    def __init__(self, process, controlling):
        self.process, self.controlling, self.shown = process, controlling, ""

    def shows(self, text):
        """Read until it is there."""
        until = time.monotonic() + DEADLINE_S
        while text not in self.shown:
            assert select.select([self.controlling], [], [], until - time.monotonic())[0], self.shown
            self.shown += os.read(self.controlling, 65_536).decode()

    def press(self, key):
        os.write(self.controlling, key.encode())

    def status(self):
        """Reads on until it has ended: a terminal that nobody reads takes no more after 4 KiB."""
        until = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < until, self.shown
            if select.select([self.controlling], [], [], 0.05)[0]:
                self.shown += os.read(self.controlling, 65_536).decode(errors="replace")
        return self.process.returncode


@pytest.fixture
def terminal(mainstay):
    @contextmanager
    def start(*arguments):
        controlling, own = pty.openpty()
        termios.tcsetwinsize(own, (40, 80))
        environment = {**os.environ, "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            stdin=own, stdout=own, stderr=own, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            yield Terminal(process, controlling)
        finally:
            process.kill()
            process.wait(DEADLINE_S)
            os.close(own)
            os.close(controlling)

    return start


def test_top_draws_in_colour_and_q_ends_it(terminal):
    with terminal("top") as screen:
        screen.shows("checkpoint_published")
        assert ALTERNATE in screen.shown
        assert "\x1b[31mlost" in screen.shown
        screen.press("q")
        screen.shows(BACK)
        assert screen.status() == 0


def test_ctrl_c_ends_top_with_0_and_a_watch_with_130(terminal):
    for arguments, status in ((("top",), 0), (("node", "list", "-w"), 130)):
        with terminal(*arguments) as screen:
            screen.shows("drained")
            screen.process.send_signal(2)
            assert screen.status() == status


def test_a_watch_is_drawn_over_itself_with_its_age(terminal):
    with terminal("node", "list", "-w", "--interval", "0.1") as screen:
        screen.shows("every 0.1 s; Ctrl-C ends")
        screen.shows("\x1b[1A")
        assert ALTERNATE not in screen.shown
