"""A person clears a fault over the API: who may, of what, and what the node's answer looks like."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from fakes.played_api import DEADLINE_S, Api, Play, read, refusal

from wire.api import NodeView, OrderState, OrderView
from wire.conditions import Condition, Severity, Status
from wire.messages import FromController, Hello, Spooled, Welcome
from wire.orders import ClearCondition, Order, Outcome, OutcomeReason, OutcomeStatus
from wire.version import Version

NOW = datetime.now(UTC)
HOT = Condition(
    "GpuRowRemapFailed",
    Status.TRUE,
    Severity.CRITICAL,
    "failed",
    "m",
    NOW,
    5,
    NOW + timedelta(minutes=5),
    components=["GPU-1"],
)
WISH = {"type": HOT.type, "reason": "exchanged", "components": ["GPU-1"]}


class PlayedAgent:
    """Its side of a link, without the link."""

    def __init__(self, api: Api, node: str) -> None:
        self.node, self._core = node, api.core
        self.fingerprint = api.core._fingerprints[node]
        self.orders: list[Order] = []

    def send(self, message: FromController) -> None:
        self.orders += [message] if isinstance(message, Order) else []

    def close(self, _reason: str) -> None:
        pass

    def greet(self, *conditions: Condition) -> None:
        hello = Hello(Version(), self.node, "1", "i", "boot", "127.0.0.1", 0, conditions=list(conditions))
        assert isinstance(self._core.accept(self, hello), Welcome)

    def answer(self, order: Order, status: OutcomeStatus, reason: OutcomeReason, message: str) -> None:
        self._core.heard(self, Spooled(1, Outcome(order.key, status, reason, message)))


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await true():
            await asyncio.sleep(0.01)


async def linked(api: Api) -> PlayedAgent:
    read(await api.join("n1"), object, 201)
    agent = PlayedAgent(api, "n1")
    agent.greet(HOT)

    async def kept() -> bool:
        return bool(read(await api.get("/v1/nodes/n1"), NodeView).conditions)

    await until(kept)
    return agent


def test_a_fault_is_cleared_by_one_order_whose_answer_is_told(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        agent = await linked(api)
        view = read(await api.post("/v1/nodes/n1/clear", WISH), OrderView)
        assert (view.state, view.kind, view.asked_by) == (OrderState.PENDING, "clear_condition", "person:admin")
        assert view.expires_at is not None

        async def told() -> bool:
            return bool(agent.orders)

        await until(told)
        (order,) = agent.orders
        assert order.kind == ClearCondition(HOT.type, 5, "person:admin", "exchanged", ["GPU-1"])
        assert (order.key, order.boot_id) == (view.key, "boot")
        agent.answer(order, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "still so")

        async def answered() -> bool:
            now = read(await api.get(f"/v1/nodes/n1/orders/{view.key}"), OrderView)
            return (now.state, now.reason, now.message) == (OrderState.FAILED, "checks_failed", "still so")

        await until(answered)
        read(await api.join("n2"), object, 201)
        refusal(await api.get(f"/v1/nodes/n2/orders/{view.key}"), 404)
        refusal(await api.get("/v1/nodes/n1/orders/no-such"), 404)

    with_api(scene)


def test_what_cannot_be_cleared_is_refused_and_nobody_is_told(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        agent = await linked(api)
        path = "/v1/nodes/n1/clear"
        refusal(await api.client.post(path, json=WISH), 401)
        refusal(await api.post(path, WISH, "ms_api_wrong"), 401)
        assert "no node" in refusal(await api.post("/v1/nodes/n9/clear", WISH), 404).error
        told = refusal(await api.post(path, {**WISH, "type": "DiskFull"}), 404).error
        assert "no DiskFull on n1: there are GpuRowRemapFailed" in told
        assert "it names GPU-1" in refusal(await api.post(path, {**WISH, "components": ["GPU-9"]}), 404).error
        for field, wrong in (("reason", ""), ("type", "../x"), ("components", ["x"] * 65), ("components", [""])):
            assert refusal(await api.post(path, {**WISH, field: wrong}), 400).error.startswith(field)
        api.core.broken(agent, "cut")
        assert "n1 is out of contact" in refusal(await api.post(path, WISH), 503).error
        assert agent.orders == []

    with_api(scene)
