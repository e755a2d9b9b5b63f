"""A part for each reading, bounded; one sensor's mistake costs its part."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from agent.metrics.formats import Format
from agent.metrics.page import MOST, Page
from agent.metrics.shown import Left
from agent.probe import Look
from agent.sensors import Family, Metrics


class Node:
    """Sensors, and what the agent says of itself."""

    def __init__(self, **sensors: Metrics) -> None:
        self.sensors, self.newest = dict(sensors), {name: Look(1.0, 0.1, name) for name in sensors}
        self.left: Mapping[Left, int] = {}
        self.page = Page(lambda: self.sensors, lambda: self.newest, self.own)

    def own(self, left: Mapping[Left, int]) -> Iterable[Family]:
        self.left = left
        yield Family("mainstay_own", "Own.", [({}, 1.0)])

    def text(self, format_: Format = Format.TEXT) -> str:
        return self.page.text(format_).decode()


def gauge(name: str, count: int = 1) -> Family:
    return Family(name, "Help.", [({"number": str(number)}, float(number)) for number in range(count)])


def test_a_reading_is_written_once_for_each_format() -> None:
    asked: list[Any] = []

    def metrics(reading: Any) -> Iterable[Family]:
        asked.append(reading)
        yield gauge("node_heat")

    node = Node(heat=metrics)
    assert node.text() == node.text()
    node.text(Format.OPENMETRICS)
    assert asked == ["heat"]
    node.newest["heat"] = Look(2.0, 0.1, "hotter")
    node.text()
    assert asked == ["heat", "hotter"]


def test_it_ends_as_its_format_does_and_once() -> None:
    node = Node(a=lambda _: [gauge("node_a")], b=lambda _: [gauge("node_b")])
    assert node.text(Format.OPENMETRICS).count("# EOF\n") == 1
    assert node.text(Format.OPENMETRICS).endswith("mainstay_own 1.0\n# EOF\n")
    assert "EOF" not in node.text()


def test_a_sensor_that_gives_nothing_any_more_is_gone_from_it() -> None:
    node = Node(a=lambda _: [gauge("node_a")])
    assert "node_a" in node.text()
    del node.newest["a"]
    assert "node_a" not in node.text()


def test_a_family_is_cut_and_that_is_counted() -> None:
    node = Node(a=lambda _: [gauge("node_a", MOST + 3)])
    assert node.text().count("\nnode_a{") == MOST
    assert node.left == {Left("a", "too_many"): 3}


def test_a_family_is_the_first_sensors_that_says_it() -> None:
    node = Node(a=lambda _: [gauge("node_same")], b=lambda _: [gauge("node_same", 2), gauge("node_b")])
    text = node.text()
    assert text.count("# TYPE node_same gauge") == 1
    assert "node_b" in text
    assert node.left == {Left("b", "same_name"): 2}
    assert node.text() == text


def test_a_family_said_twice_by_one_sensor_is_said_once() -> None:
    node = Node(a=lambda _: [gauge("node_same"), gauge("node_same")])
    assert node.text().count("# TYPE node_same gauge") == 1


def test_a_family_without_samples_is_not_there() -> None:
    assert "node_a" not in Node(a=lambda _: [gauge("node_a", 0)]).text()


def breaks_at_once(_reading: Any) -> Iterable[Family]:
    raise RuntimeError("no")


def breaks_when_written(_reading: Any) -> Iterable[Family]:
    return [Family("node_bad", "Help.", [({"label": None}, 1.0)])]  # type: ignore[dict-item]


@pytest.mark.parametrize("metrics", [breaks_at_once, breaks_when_written])
def test_a_sensors_mistake_costs_its_own_part(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    node = Node(a=metrics, b=lambda _: [gauge("node_b")])
    for number in range(2):
        node.newest["a"] = Look(number, 0.1, "a")
        text = node.text()
        assert "node_b" in text
        assert "mainstay_own" in text
    assert node.left == {Left("a", "failed"): 1}
    assert len(caplog.records) == 1


def test_what_the_agent_says_is_of_now() -> None:
    values = iter([1.0, 1.0, 2.0])

    def own(_left: Mapping[Left, int]) -> Iterable[Family]:
        yield Family("mainstay_own", "Own.", [({}, next(values))])

    page = Page(dict, dict, own)
    texts = [page.text(Format.TEXT).decode() for _ in range(3)]
    assert [text.splitlines()[-1] for text in texts] == ["mainstay_own 1.0", "mainstay_own 1.0", "mainstay_own 2.0"]
