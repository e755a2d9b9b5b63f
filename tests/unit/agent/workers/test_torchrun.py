"""The launcher torchrun, with the real torch."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers_harness import TestNode, eventually, node_directory, running_node

from agent.workers.permit import Refusal
from wire.attempts import End, FailureKind, PartStatus
from wire.specs import Launcher

TORCH_UP_S = 60.0

SCRIPT = """
import os, sys, time
import torch
import torch.distributed as dist
import mainstay
dist.init_process_group("gloo")
for step in range(1, int(sys.argv[1]) + 1):
    value = torch.ones(1)
    dist.all_reduce(value)
    assert value.item() == dist.get_world_size()
    mainstay.report(step=step, loss=value)
    if len(sys.argv) > 2 and dist.get_rank() == 1 and step == int(sys.argv[2]):
        raise ValueError("told to fail")
    time.sleep(0.05)
dist.destroy_process_group()
"""


@pytest.fixture
def base() -> Iterator[Path]:
    pytest.importorskip("torch")
    with node_directory() as path:
        yield path


async def _launch(node: TestNode, *args: str) -> PartStatus:
    order = node.order(*args, script=node.script(SCRIPT), launcher=Launcher.TORCHRUN, interpreter=sys.executable)
    status = await node.parts.launch(order)
    if isinstance(status, Refusal):
        pytest.skip(f"the worker user cannot use this Python: {status.message}")
    return status


def test_torchrun_gang_succeeds(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as node:
            await _launch(node, "3")
            ended = await node.ended(TORCH_UP_S)
            assert ended.exit is not None
            assert ended.exit.end is End.SUCCEEDED, ended.exit
            assert [(rank.rank, rank.step, rank.loss) for rank in ended.ranks] == [(0, 3, 2.0), (1, 3, 2.0)]
            assert all(rank.pid for rank in ended.ranks)

    asyncio.run(story())


def test_torchrun_exception_is_the_cause(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as node:
            await _launch(node, "100000", "3")
            ended = await node.ended(TORCH_UP_S)
            assert ended.exit is not None
            failure = ended.exit.first_failure
            assert failure is not None, ended.exit
            assert (ended.exit.end, failure.kind, failure.rank) == (End.FAILED, FailureKind.EXCEPTION, 1)
            assert failure.message == "told to fail"
            assert failure.exit_code in (1, -signal.SIGABRT)  # torch may abort when it unwinds beside a peer that fails
            assert not node.processes()

    asyncio.run(story())


def test_torchrun_killed_rank_is_the_cause(base: Path) -> None:
    async def story() -> None:
        async with running_node(base) as node:
            await _launch(node, "100000")
            await node.until(lambda status: all(rank.step for rank in status.ranks), TORCH_UP_S)
            await node.signal_rank(1, signal.SIGKILL)
            await eventually(lambda: node.status().rank_failure is not None, 5.0)
            ended = await node.ended(TORCH_UP_S)
            assert ended.exit is not None
            failure = ended.exit.first_failure
            assert failure is not None, ended.exit
            assert (failure.kind, failure.rank, failure.error) == (FailureKind.SIGNAL, 1, "SIGKILL")
            assert not node.processes()

    asyncio.run(story())
