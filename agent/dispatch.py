"""Takes orders: gate, memory, execution, outcome."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping

import msgspec

from agent.orders import Execute
from agent.orders.gate import Answered, Facts, Proceed, Refusal, judge
from agent.outbox import Outbox
from agent.pulse import Pulse
from agent.services import NodeServices
from wire.orders import LaunchAttempt, Order, OrderKind, Outcome, OutcomeReason, OutcomeStatus, StopAttempt

log = logging.getLogger(__name__)


class Dispatcher:
    """Orders run beside each other as tasks; they pass the gate one after another, in the order they came.

    ``take`` never blocks. An order received in an earlier life of the process (see :class:`Pulse`) is dropped without
    an answer: who gave it asks again if it still wants it.
    """

    def __init__(
        self,
        node: NodeServices,
        outbox: Outbox,
        pulse: Pulse,
        tasks: asyncio.TaskGroup,
        handlers: Mapping[type[OrderKind], Execute],
    ) -> None:
        self._node, self._outbox, self._pulse, self._tasks = node, outbox, pulse, tasks
        self._handlers = handlers
        self._gate = asyncio.Lock()
        self._running: set[str] = set()
        self.answers: Counter[tuple[str, str]] = Counter()  # verb and outcome, since the agent's start

    def take(self, order: Order, life: int) -> None:
        """Begin; the same key while it runs joins what runs."""
        if order.key in self._running:
            return
        self._running.add(order.key)
        self._tasks.create_task(self._guarded(order, life), name=f"order-{order.key}")

    def refuse_unknown(self, key: str, message: str) -> None:
        """An order this version cannot read is answered by name."""
        self._tasks.create_task(self._answer_unknown(key, message), name=f"order-{key}")

    async def resume(self, life: int) -> None:
        """Take up what a crash interrupted."""
        for order in await self._outbox.unfinished():
            log.info("order %s was interrupted; judged again", order.key)
            self.take(order, life)

    async def _guarded(self, order: Order, life: int) -> None:
        try:
            await self._carry_out(order, life)
        except Exception as error:  # one order that breaks must not end the agent
            log.error("order %s: no outcome recorded: %s: %s", order.key, type(error).__name__, error)
        finally:
            self._running.discard(order.key)

    async def _carry_out(self, order: Order, life: int) -> None:
        async with self._gate:
            if not (self._alive(order, life) and await self._pass_gate(order)):
                return
        if not self._alive(order, life):
            return
        outcome = await self._execute(order)
        self.answers[_kind(order), outcome.status] += 1
        await self._outbox.finish(outcome, order)
        log.info("order %s (%s): %s, %s", order.key, _kind(order), outcome.status, outcome.message or outcome.reason)

    def _alive(self, order: Order, life: int) -> bool:
        if self._pulse.observe() == life:
            return True
        log.warning("order %s dropped: this process was suspended since it came", order.key)
        return False

    async def _pass_gate(self, order: Order) -> bool:
        """True: accepted, on disk, to be executed now. Otherwise it is answered here."""
        memory = await self._outbox.recall(order.key)
        match judge(order, memory, self._facts(order, accepted=memory is not None)):
            case Answered(outcome):
                await self._outbox.finish(outcome, order)
                return False
            case Refusal(reason, message):
                log.warning("order %s (%s) refused: %s", order.key, _kind(order), message)
                self.answers[_kind(order), OutcomeStatus.REFUSED] += 1
                await self._refuse(order, reason, message, accepted=memory is not None)
                return False
            case Proceed():
                await self._keep(order)
                return True

    async def _keep(self, order: Order) -> None:
        """On disk before it is done; but a stop, which can be repeated, does not wait until a full disk is mended."""
        try:
            await self._outbox.saw_epoch(order.epoch)
            await self._outbox.accept(order)
        except Exception as error:
            if not isinstance(order.kind, StopAttempt):
                raise
            log.error("order %s is carried out though it cannot be written down: %s", order.key, error)

    async def _refuse(self, order: Order, reason: OutcomeReason, message: str, accepted: bool) -> None:
        """An old epoch says something about who asks and nothing about the order: it is not remembered, and what was
        accepted before stays so until the controller in force asks again."""
        outcome = Outcome(order.key, OutcomeStatus.REFUSED, reason, message, self._node.clock.utc())
        if reason is not OutcomeReason.OLD_EPOCH:
            await self._outbox.finish(outcome, order)
        elif not accepted:
            self._outbox.post(outcome)

    def _facts(self, order: Order, accepted: bool) -> Facts:
        return Facts(
            boot_id=self._node.boot_id,
            highest_epoch=self._outbox.highest_epoch,
            now=self._node.clock.utc(),
            held=self._node.config.held,
            begun=accepted and self._begun(order),
        )

    def _begun(self, order: Order) -> bool:
        kind = order.kind
        return isinstance(kind, LaunchAttempt) and any(
            (part.job, part.attempt) == (kind.job, kind.attempt) for part in self._node.parts.statuses()
        )

    async def _execute(self, order: Order) -> Outcome:
        try:
            outcome = await self._handlers[type(order.kind)](order, order.kind, self._node)
        except Exception as error:  # an order's own mistake is an answer, and a bug to be found in the log
            log.exception("order %s (%s) broke", order.key, _kind(order))
            outcome = Outcome(
                order.key, OutcomeStatus.FAILED, OutcomeReason.INTERNAL, f"{type(error).__name__}: {error}"
            )
        return msgspec.structs.replace(outcome, at=self._node.clock.utc())

    async def _answer_unknown(self, key: str, message: str) -> None:
        async with self._gate:
            memory = await self._outbox.recall(key)
            outcome = Outcome(key, OutcomeStatus.REFUSED, OutcomeReason.UNKNOWN_ORDER, message, self._node.clock.utc())
            await self._outbox.finish(memory.outcome if memory and memory.outcome else outcome, None)


def _kind(order: Order) -> str:
    return str(order.kind.__struct_config__.tag)
