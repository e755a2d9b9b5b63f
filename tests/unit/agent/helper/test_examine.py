"""Diagnostics through the root helper: as whom, for how long, and how they end early. The unit itself is tested on
machines."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from agent.helper import examination as client
from agent.helper.caller import Caller, Denied
from agent.helper.client import HelperError
from agent.helper.protocol import Examine
from agent.helper.verbs import examine
from agent.workers.account import Account
from wire.orders import Diagnose

DEADLINE_S = 20.0
ANN = Account("ann", 1000, 1000, [], "/home/ann")


class Config:
    node, hold_file = "n1", "/etc/mainstay/hold"

    def __init__(self, held=False, users=()):
        self.held, self.workers = held, type("Policy", (), {"users": list(users), "interpreters": []})


@pytest.mark.parametrize(
    ("config", "says"),
    [(Config(held=True), "remove it"), (Config(), "workers.users"), (Config(users=["root"]), "workers.users")],
)
def test_it_is_denied(config, says):
    with pytest.raises(Denied, match=says):
        examine.carry_out(Examine(Diagnose()), Caller(1, 1, config))


def test_it_runs_as_a_user_of_jobs_and_ends_at_the_deadline():
    command = examine.command(Diagnose(["gemm"], 3000.0, quick=True), ANN, "/opt/torch/bin/python")
    assert "--property=User=ann" in command
    assert f"--property=RuntimeMaxSec={examine.AT_MOST_S:g}" in command
    ours = command[command.index("--") + 1 :]
    assert ours[:2] == ["/opt/torch/bin/python", "-I"]
    assert ours[3:] == ["gemm", "--quick", "--directory=."]


def test_what_was_printed_until_the_agent_hung_up_is_kept():
    here, there = socket.socketpair()
    program = "import time; print('begun', end='', flush=True); time.sleep(600)"
    with here, there, subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 2) == b"be"
        there.shutdown(socket.SHUT_WR)
        try:
            assert examine.collect(process.stdout, here.fileno()) == b"gun"
        finally:
            process.kill()


def asked(answer, tmp_path):
    """The agent's end, told to stop at once, against a helper that answers once the agent has hung up."""

    async def serve(reader, writer):
        await reader.readline()
        assert await reader.read() == b""
        writer.write(answer)
        writer.close()

    async def both():
        path, stop = tmp_path / "socket", asyncio.Event()
        stop.set()
        async with await asyncio.start_unix_server(serve, path):
            return await client.run(path, Diagnose(), stop)

    return asyncio.run(asyncio.wait_for(both(), DEADLINE_S))


def test_the_agent_ends_them_by_closing_its_half_and_hears_what_there_was(tmp_path):
    assert asked(b'{"output": "line\\n"}\n', tmp_path) == b"line\n"


@pytest.mark.parametrize("answer", [b'{"error": "mend it"}\n', b"", b"nonsense\n"])
def test_a_helper_that_does_not_answer_is_told_in_one_line(tmp_path, answer):
    with pytest.raises(HelperError) as error:
        asked(answer, tmp_path)
    assert "\n" not in str(error.value)
