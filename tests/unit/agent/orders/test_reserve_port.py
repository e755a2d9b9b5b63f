import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agent.orders import reserve_port
from agent.ports import REST_S, PortBook
from wire.orders import Order, OutcomeReason, OutcomeStatus, ReservePort

KIND = ReservePort("job-1", 1)


def node(clock: Any, address: str) -> Any:
    return SimpleNamespace(clock=clock, ports=PortBook(), config=SimpleNamespace(address=address))


def test_the_port_is_free_and_not_handed_out_twice(run: Callable[[Any], Any], clock: Any) -> None:
    where = node(clock, "127.0.0.11")
    ports = [run(reserve_port.execute(Order("k", 1, KIND, 1), KIND, where)).port for _ in range(20)]
    assert len(set(ports)) == 20
    with socket.socket() as probe:
        probe.bind(("127.0.0.11", ports[0]))


def test_an_address_that_is_not_this_machines_is_named(run: Callable[[Any], Any], clock: Any) -> None:
    outcome = run(reserve_port.execute(Order("k", 1, KIND, 1), KIND, node(clock, "192.0.2.1")))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.FAILED, OutcomeReason.INTERNAL)
    assert "192.0.2.1" in outcome.message


def test_a_port_rests_a_minute() -> None:
    book = PortBook()
    assert [book.claim(1, 0.0), book.claim(1, REST_S - 1), book.claim(1, REST_S)] == [True, False, True]


def test_a_slow_name_server_keeps_nobody_waiting(
    run: Callable[[Any], Any], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free_port(_address: str) -> int:
        assert threading.current_thread() is not threading.main_thread()
        return 4711

    monkeypatch.setattr(reserve_port, "_free_port", free_port)
    assert run(reserve_port.execute(Order("k", 1, KIND, 1), KIND, node(clock, "node.example"))).port == 4711
