"""What the node can compute with is told once it is known, and when it changes."""

from types import SimpleNamespace
from typing import Any

from agent.node import Node
from agent.probe import Look
from agent.sensors.gpu_nvml import Gpu, Reading
from agent.sensors.nvidia.device import Trouble
from wire.messages import Accelerator, AcceleratorsChanged


class Stage:
    def __init__(self, clock: Any) -> None:
        self.newest: dict[str, Look] = {}
        self.posted: list[object] = []
        config = SimpleNamespace(node="n1", address="127.0.0.1", held=False)
        parts = SimpleNamespace(statuses=list)
        services: Any = SimpleNamespace(
            config=config, parts=parts, boot_id="boot", clock=clock, newest=lambda: self.newest
        )
        book: Any = SimpleNamespace(current=lambda _now: [])
        outbox: Any = SimpleNamespace(post=self.posted.append, highest_epoch=0)
        dispatcher: Any = None
        self.node = Node(services, book, outbox, dispatcher)

    def see(self, *uuids: str) -> None:
        gpus = [Gpu(pci=uuid, uuid=uuid, model="H100") for uuid in uuids]
        reading = Reading(driver_version="", trouble=Trouble.NONE, error="", gpus=gpus)
        self.newest["gpu_nvml"] = Look(1.0, 0.1, reading)


def test_before_it_is_known_the_hello_says_so(clock: Any) -> None:
    stage = Stage(clock)
    assert stage.node.hello().accelerators is None
    stage.node.heartbeat()
    assert stage.posted == []


def test_it_is_told_once_and_again_when_it_changes(clock: Any) -> None:
    stage = Stage(clock)
    for seen in (["a", "b"], ["a", "b"], ["a"]):
        stage.see(*seen)
        stage.node.heartbeat()
    both = [Accelerator("a", "H100"), Accelerator("b", "H100")]
    assert stage.posted == [AcceleratorsChanged(both), AcceleratorsChanged(both[:1])]


def test_what_the_hello_said_is_not_told_again(clock: Any) -> None:
    stage = Stage(clock)
    stage.see("a")
    assert stage.node.hello().accelerators == [Accelerator("a", "H100")]
    stage.node.heartbeat()
    assert stage.posted == []


def test_a_change_is_told_again_on_the_next_link_where_an_older_word_may_come_late(clock: Any) -> None:
    """What is spooled and not acknowledged is sent again, after the hello."""
    stage = Stage(clock)
    for seen in (["a"], ["a", "b"]):
        stage.see(*seen)
        assert stage.node.hello().accelerators == [Accelerator(uuid, "H100") for uuid in seen]
        stage.node.heartbeat()
        stage.see("a", "b", "c")
        stage.node.heartbeat()
    lengths = [len(change.accelerators) for change in stage.posted if isinstance(change, AcceleratorsChanged)]
    assert lengths == [3, 2, 3]
