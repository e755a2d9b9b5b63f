"""The prober with a real process of sensors that hang, crash and raise."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from fakes import prober_child

from agent.clock import SystemClock
from agent.config import parse
from agent.prober import prober as prober_module
from agent.prober import process
from agent.prober.prober import Failed, Hung, Prober
from agent.prober.protocol import Begin, frame
from agent.sensors import Batch, Host
from agent.site import SiteChecks

DEADLINE_S = 0.3
WAIT_S = 20.0


class Stage:
    def __init__(self, state: Path) -> None:
        self.state = state
        self.batches: list[Batch] = []
        self.lost: list[str] = []
        self.hear: Callable[[Batch], None] = self.batches.append
        self.prober = self.begin(*prober_child.SENSORS, "nobody")

    def begin(self, *sensors: str) -> Prober:
        state = self.state
        config = parse(f'node = "n1"\naddress = "127.0.0.1"\nstate_dir = "{state}"', "test")
        begin = Begin(config, SiteChecks(), Host(node="n1", state_dir=str(state)))
        return Prober(
            begin,
            dict.fromkeys(sensors, DEADLINE_S) | {"slow": WAIT_S},
            SystemClock(),
            lambda: {"ticks": self.batches[-1].position} if self.batches else {},
            lambda _sensor, batch: self.hear(batch),
            lambda _sensor, error: self.lost.append(error),
        )

    def flag(self, name: str, *lines: str) -> None:
        (self.state / name).write_text("\n".join(lines))

    def unflag(self, name: str) -> None:
        (self.state / name).unlink()

    async def pid(self, sensor: str = "lively") -> int:
        return (await self.reading(sensor)).pid

    async def reading(self, sensor: str) -> prober_child.Reading:
        found = (await self.prober.read(sensor)).reading
        assert found.reading is not None
        return msgspec.msgpack.decode(found.reading, type=prober_child.Reading)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(process, "ARGV", prober_child.ARGV)
    monkeypatch.setattr(prober_module, "PAUSE_S", (0.01, 0.05))
    monkeypatch.setattr(prober_module, "RESTART_S", (0.01, 0.05))
    (tmp_path / "ticks").touch()
    return Stage(tmp_path)


def play(stage: Stage, story: Callable[[], object]) -> None:
    async def to_its_end() -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                await story()  # type: ignore[misc]
        finally:
            await stage.prober.close()

    asyncio.run(to_its_end())


async def until(truth: Callable[[], bool]) -> None:
    while not truth():
        await asyncio.sleep(0.01)


async def answers(stage: Stage, sensor: str) -> bool:
    try:
        await stage.prober.read(sensor)
    except Hung:
        return False
    return True


def test_sensors_run_in_another_process(stage: Stage) -> None:
    async def story() -> None:
        assert await stage.pid() != os.getpid()
        assert await stage.pid("stuck") == await stage.pid()

    play(stage, story)


def test_what_raises_and_what_is_not_there(stage: Stage) -> None:
    async def story() -> None:
        with pytest.raises(Failed, match="no such device"):
            await stage.prober.read("broken")
        assert (await stage.prober.read("absent")).reading.reading is None

    play(stage, story)


def test_one_that_hangs_is_killed_and_the_others_go_on(stage: Stage) -> None:
    async def story() -> None:
        old = await stage.pid()
        stage.flag("stuck")
        asking = asyncio.create_task(stage.prober.read("stuck"))
        for _ in range(3):
            assert await stage.pid() == old  # while it hangs
        with pytest.raises(Hung):
            await asking
        fresh = await stage.pid()
        assert fresh != old
        await until(lambda: not psutil.pid_exists(old))
        for _ in range(5):  # hanging on, again and again
            with pytest.raises(Hung):
                await stage.prober.read("stuck")
        assert await stage.pid() == fresh  # nobody else is disturbed
        children = psutil.Process().children(recursive=True)
        assert len(children) <= 2  # nothing piles up

    play(stage, story)


def test_the_others_go_on_while_the_fresh_process_starts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        old = await stage.pid()
        starting, may_start, start = asyncio.Event(), asyncio.Event(), process.Process.start

        async def held_up(*arguments: Any) -> process.Process:
            starting.set()
            await may_start.wait()
            return await start(*arguments)

        monkeypatch.setattr(prober_module.Process, "start", held_up)
        stage.flag("stuck")
        asking = asyncio.create_task(stage.prober.read("stuck"))
        await starting.wait()
        assert await stage.pid() == old
        may_start.set()
        with pytest.raises(Hung):
            await asking
        assert await stage.pid() != old

    play(stage, story)


def test_one_that_hung_answers_again(stage: Stage) -> None:
    async def story() -> None:
        stage.flag("stuck")
        with pytest.raises(Hung):
            await stage.prober.read("stuck")
        stage.unflag("stuck")
        while not await answers(stage, "stuck"):
            await asyncio.sleep(0.01)
        assert await stage.pid("stuck") == await stage.pid()

    play(stage, story)


def test_a_program_that_a_sensor_runs_takes_no_frame_of_the_agent_s(stage: Stage) -> None:
    async def story() -> None:
        assert await stage.pid("greedy") == await stage.pid()

    play(stage, story)


def test_a_crash_costs_one_round(stage: Stage) -> None:
    async def story() -> None:
        old = await stage.pid()
        stage.flag("crash")
        with pytest.raises(Failed, match="SIGSEGV"):
            await stage.prober.read("crash")
        stage.unflag("crash")
        assert await stage.pid() not in (old, os.getpid())

    play(stage, story)


def test_who_is_asked_while_another_hangs_is_asked_again_in_the_fresh_process(stage: Stage) -> None:
    async def story() -> None:
        stage.flag("stuck")
        stage.flag("slow")
        hung, slow = (asyncio.create_task(stage.prober.read(name)) for name in ("stuck", "slow"))
        with pytest.raises(Hung):
            await hung
        stage.unflag("slow")
        assert (await slow).reading.reading is not None

    play(stage, story)


def test_who_brings_the_process_down_is_asked_apart_and_the_others_go_on(stage: Stage) -> None:
    async def story() -> None:
        stage.flag("crash")
        with pytest.raises(Failed, match="SIGSEGV"):
            await stage.prober.read("crash")
        pid = await stage.pid()
        with pytest.raises(Failed, match="SIGSEGV"):  # in a process of its own
            await stage.prober.read("crash")
        assert await stage.pid() == pid
        stage.unflag("crash")

        async def answers() -> bool:
            try:
                await stage.prober.read("crash")
            except (Failed, Hung):
                return False
            return True

        while not await answers():
            await asyncio.sleep(0.01)
        assert await stage.pid("crash") == await stage.pid() == pid

    play(stage, story)


def test_a_sensor_that_is_not_there(stage: Stage) -> None:
    async def story() -> None:
        await stage.prober.start()
        stage.prober.tell("nobody", b"news")
        with pytest.raises(Failed, match="no sensor nobody"):
            await stage.prober.read("nobody")
        await stage.pid()

    play(stage, story)


def test_news_reach_a_sensor_and_the_process_that_takes_its_place(stage: Stage) -> None:
    async def story() -> None:
        await stage.prober.start()
        stage.prober.tell("lively", b"peers")
        assert (await stage.reading("lively")).news == "peers"
        psutil.Process(await stage.pid()).kill()
        while True:
            try:
                again = await stage.reading("lively")
                break
            except Failed:
                await asyncio.sleep(0.01)
        assert again.news == "peers"

    play(stage, story)


def test_what_is_followed_goes_on_where_it_was_after_a_replacement(stage: Stage) -> None:
    async def story() -> None:
        await stage.prober.start()
        stage.flag("ticks", "one", "two")
        await until(lambda: len(stage.batches) == 2)
        stage.flag("stuck")
        with pytest.raises(Hung):
            await stage.prober.read("stuck")
        stage.flag("ticks", "one", "two", "three")
        await until(lambda: len(stage.batches) == 3)
        assert [batch.sightings[0].code for batch in stage.batches] == ["one", "two", "three"]

    play(stage, story)


def test_a_bug_in_who_hears_is_not_the_process_s(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_batch: Batch) -> None:
        raise RuntimeError("a bug in here")

    async def story() -> None:
        pid = await stage.pid()
        stage.hear = refuse
        stage.flag("ticks", "one")
        await until(lambda: "a bug in here" in caplog.text)
        assert await stage.pid() == pid

    play(stage, story)


def test_an_agent_that_goes_leaves_no_traceback(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        begin = frame(Begin(parse('node = "n1"\naddress = "127.0.0.1"', "test"), SiteChecks(), Host()))
        read, write = os.pipe()
        child = await asyncio.create_subprocess_exec(*prober_child.ARGV, stdin=asyncio.subprocess.PIPE, stdout=write)
        os.close(write)
        os.close(read)  # nobody hears
        assert child.stdin is not None
        child.stdin.write(begin)
        assert await child.wait() == 0

    play(stage, story)
    assert capfd.readouterr().err == ""


def test_threads_are_named_after_sensors(stage: Stage) -> None:
    async def story() -> None:
        tasks = Path(f"/proc/{await stage.pid()}/task")
        assert "lively" in [(task / "comm").read_text().strip() for task in tasks.iterdir()]

    play(stage, story)


def test_a_source_that_is_gone_is_told_and_followed_again(stage: Stage) -> None:
    async def story() -> None:
        stage.unflag("ticks")
        await stage.prober.start()
        await until(lambda: bool(stage.lost))
        assert "No such file" in stage.lost[0]
        stage.flag("ticks", "one")
        await until(lambda: bool(stage.batches))

    play(stage, story)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[process.Process]:
    """Every process, as it is started."""
    all_, start = list[process.Process](), process.Process.start

    async def noted(*arguments: Any) -> process.Process:
        all_.append(await start(*arguments))
        return all_[-1]

    monkeypatch.setattr(prober_module.Process, "start", noted)
    return all_


def test_one_that_was_starting_when_sensing_ends_is_gone(stage: Stage, started: list[process.Process]) -> None:
    async def story() -> None:
        starting = asyncio.create_task(stage.prober.start())
        await until(lambda: bool(started))
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await stage.prober.close()
        await started[0].gone()
        assert not psutil.pid_exists(started[0].pid)

    play(stage, story)


def test_one_that_is_ready_after_sensing_ended_is_gone(stage: Stage, started: list[process.Process]) -> None:
    async def story() -> None:
        await stage.pid()
        stage.flag("stuck")
        asking = asyncio.create_task(stage.prober.read("stuck"))
        await until(lambda: len(started) == 2)
        await stage.prober.close()
        stage.flag("ticks", "one")
        with pytest.raises((Hung, Failed)):
            await asking
        await started[1].gone()
        assert not psutil.pid_exists(started[1].pid)
        assert stage.batches == []  # the next prober tells of it

    play(stage, story)


def test_one_that_two_ask_hangs_once(stage: Stage, started: list[process.Process]) -> None:
    async def story() -> None:
        await stage.pid()
        stage.flag("stuck")
        both = [asyncio.create_task(stage.prober.read("stuck")) for _ in range(2)]
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert [type(end) for end in ends] == [Hung, Hung]
        assert len(started) == 2
        stage.unflag("stuck")
        await asyncio.sleep(prober_module.PAUSE_S[1])
        await started[0].gone()
        await asyncio.gather(stage.pid("stuck"), stage.pid("stuck"))
        assert len(started) == 3  # one trial is enough

    play(stage, story)


def test_what_is_stuck_in_the_kernel_keeps_nobody_else_waiting(
    stage: Stage, started: list[process.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        old = await stage.pid()
        stage.flag("stuck")
        stage.flag("slow")
        hung, slow = (asyncio.create_task(stage.prober.read(name)) for name in ("stuck", "slow"))
        while "slow" not in _threads(old):
            await asyncio.sleep(0.01)
        with monkeypatch.context() as patch:
            patch.setattr(process.Process, "_end", lambda self: os.kill(self.pid, signal.SIGSTOP))
            with pytest.raises(Hung):
                await hung
        stage.unflag("slow")
        try:
            assert (await asyncio.wait_for(slow, WAIT_S / 2)).reading.reading is not None
        finally:
            os.kill(old, signal.SIGKILL)
            await started[0].gone()

    play(stage, story)


def test_what_was_left_behind_is_waited_for_after_a_change_of_configuration(
    stage: Stage, started: list[process.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        old = await stage.pid()
        stage.flag("stuck")
        with monkeypatch.context() as patch:
            patch.setattr(process.Process, "_end", lambda self: os.kill(self.pid, signal.SIGSTOP))
            with pytest.raises(Hung):
                await stage.prober.read("stuck")
        before, stage.prober = stage.prober, stage.begin(*prober_child.SENSORS)
        await before.close()
        stage.prober.take_over(before)
        try:
            with pytest.raises(Hung, match=f"hangs in the kernel .process {old}."):
                await stage.prober.read("stuck")
            assert len(started) == 2  # nothing piles up
        finally:
            os.kill(old, signal.SIGKILL)
            await started[0].gone()
        stage.unflag("stuck")
        while not await answers(stage, "stuck"):
            await asyncio.sleep(0.01)

    play(stage, story)


def test_what_hung_is_asked_apart_after_a_change_of_configuration(stage: Stage, started: list[process.Process]) -> None:
    async def story() -> None:
        stage.flag("stuck")
        with pytest.raises(Hung):
            await stage.prober.read("stuck")
        before, stage.prober = stage.prober, stage.begin("lively", "stuck")
        await before.close()
        stage.prober.take_over(before)
        main = await stage.pid()
        with pytest.raises(Hung):
            await stage.prober.read("stuck")
        assert await stage.pid() == main  # nobody else was disturbed

    play(stage, story)


def test_one_that_cannot_be_started_is_no_end_of_the_agent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ARGV", ("/nowhere",))

    async def story() -> None:
        await stage.prober.start()
        with pytest.raises(Failed, match="No such file"):
            await stage.prober.read("lively")

    play(stage, story)


def _threads(pid: int) -> list[str]:
    return [(task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()]
