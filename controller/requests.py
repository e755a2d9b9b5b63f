"""What the API asks of a running controller: a look, an operator's word, the end of a node's log."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from controller import __version__
from controller.core import Core
from controller.errors import NotFound, Refused, Unavailable
from controller.state import automation, diagnostics, membership, views
from controller.state.events import events
from controller.state.operations import Actor
from controller.state.why import why
from remediations.pipeline import RulingReason
from remediations.playbook import Playbook
from wire.api import (
    AutomationView,
    ClearRequest,
    ControllerView,
    DiagnoseRequest,
    EventView,
    FigureView,
    IncidentView,
    JobView,
    Mode,
    NodeView,
    OrderView,
    RunView,
    WhyView,
)
from wire.messages import ReadLog
from wire.specs import JobSpec
from wire.version import Version

LOG_TIMEOUT_S = 10.0


class Requests:
    """Implements :class:`controller.api.operations.Operations`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def submit_job(self, actor: Actor, spec: JobSpec) -> JobView:
        job = await self._core.operate(actor, lambda operator: operator.submit_job(spec))
        return await self.job(job)

    async def stop_job(self, actor: Actor, ref: str) -> JobView:
        job = await self._core.operate(actor, lambda operator: operator.stop_job(ref))
        return await self.job(job)

    async def cordon(self, actor: Actor, node: str, reason: str, expires_at: datetime | None) -> NodeView:
        await self._core.operate(actor, lambda operator: operator.cordon(node, reason, expires_at))
        return await self.node(node)

    async def uncordon(self, actor: Actor, node: str) -> NodeView:
        await self._core.operate(actor, lambda operator: operator.uncordon(node))
        return await self.node(node)

    async def drain(self, actor: Actor, node: str, reason: str) -> NodeView:
        await self._core.operate(actor, lambda operator: operator.drain(node, reason))
        return await self.node(node)

    async def retire(self, actor: Actor, node: str, reason: str, machine_is_off: bool) -> NodeView:
        await self._core.operate(actor, lambda operator: operator.retire(node, reason, machine_is_off))
        self._core.recognise(node, "", "retired")
        return await self.node(node)

    async def repair(self, actor: Actor, node: str) -> NodeView:
        await self._core.operate(actor, lambda operator: operator.repair(node, self._core.engine))
        return await self.node(node)

    async def clear(self, actor: Actor, node: str, request: ClearRequest) -> OrderView:
        await self.node(node)
        if not self._core.in_contact(node):
            raise Unavailable(f"{node} is out of contact: its conditions are its agent's to clear; try again later")
        type_, components, reason = request.type, request.components, request.reason
        key = await self._core.operate(actor, lambda operator: operator.clear(node, type_, components, reason))
        return await self.order(node, key)

    async def order(self, node: str, key: str) -> OrderView:
        view = await self._core.look(lambda session, _: views.order_view(session, key))
        if view is None or view.node != node:
            raise NotFound(f"no order {key!r} to {node}")
        return view

    async def diagnose(self, actor: Actor, node: str, wanted: DiagnoseRequest) -> RunView:
        run = await self._core.operate(actor, lambda operator: operator.diagnose(node, wanted, self._core.engine))
        return await self.run(run)

    async def diagnostics(self, node: str, run: int | None) -> list[FigureView]:
        await self.node(node)
        return await self._core.look(lambda session, _: diagnostics.of_node(session, node, run))

    async def check_may_join(self, node: str) -> None:
        if self._core.in_contact(node):
            mend = f"stop the agent there, or `mainstay node retire {node}`"
            raise Refused(f"{node}: a machine of that name is in contact; {mend}", RulingReason.NODE_IN_CONTACT)
        await self._core.store.read(lambda session: membership.check_may_join(session, node))

    async def register_node(self, node: str, fingerprint: str, address: str) -> None:
        now = self._core.clock.utc()
        await self.check_may_join(node)
        await self._core.store.run(lambda session: membership.register(session, node, fingerprint, address, now))
        self._core.recognise(node, fingerprint, "joined again with a new certificate")

    async def nodes(self) -> list[NodeView]:
        return await self._core.look(views.node_views)

    async def node(self, name: str) -> NodeView:
        view = await self._core.look(lambda session, seen: views.node_view(session, name, seen))
        if view is None:
            raise NotFound(f"no node {name!r}; `mainstay node list` shows those there are")
        return view

    async def jobs(self) -> list[JobView]:
        return await self._core.look(views.job_views)

    async def job(self, ref: str) -> JobView:
        return await self._core.look(lambda session, seen: views.job_view(session, ref, seen))

    async def runs(self) -> list[RunView]:
        return await self._core.look(lambda session, _: views.run_views(session))

    async def run(self, run: int) -> RunView:
        view = await self._core.look(lambda session, _: views.run_view(session, run))
        if view is None:
            raise NotFound(f"no run {run}; `mainstay run list` shows those there are")
        return view

    async def approve_run(self, actor: Actor, run: int, lives: timedelta) -> RunView:
        await self._core.operate(actor, lambda operator: operator.approve_run(run, lives))
        return await self.run(run)

    async def reject_run(self, actor: Actor, run: int, reason: str) -> RunView:
        await self._core.operate(actor, lambda operator: operator.reject_run(run, reason))
        return await self.run(run)

    async def abort_run(self, actor: Actor, run: int, reason: str) -> RunView:
        await self._core.operate(actor, lambda operator: operator.abort_run(run, reason))
        return await self.run(run)

    async def incidents(self) -> list[IncidentView]:
        return await self._core.look(lambda session, _: views.incident_views(session))

    async def incident(self, incident: int) -> IncidentView:
        view = await self._core.look(lambda session, _: views.incident_view(session, incident))
        if view is None:
            raise NotFound(f"no incident {incident}; `mainstay incident list` shows those there are")
        return view

    async def acknowledge(self, actor: Actor, incident: int, note: str) -> IncidentView:
        await self._core.operate(actor, lambda operator: operator.acknowledge(incident, note))
        return await self.incident(incident)

    async def automation(self) -> AutomationView:
        return await self._core.look(lambda session, _: automation.view(session))

    async def set_automation(self, actor: Actor, mode: Mode) -> AutomationView:
        await self._core.operate(actor, lambda operator: operator.set_automation(mode))
        return await self.automation()

    def playbooks(self) -> Sequence[Playbook]:
        return tuple(self._core.engine.playbooks.values())

    async def events(
        self,
        after: int,
        limit: int,
        job: str | None,
        node: str | None,
        kinds: Collection[str] = (),
        last: bool = False,
        routine: bool = True,
    ) -> list[EventView]:
        return await self._core.look(lambda session, _: events(session, after, limit, node, job, kinds, last, routine))

    async def why(self, kind: str, ref: str) -> WhyView:
        return await self._core.look(lambda session, seen: why(session, kind, ref, seen))

    async def faults_by_type(self) -> dict[tuple[str, str], int]:
        return await self._core.look(lambda _, seen: views.faults_by_type(seen))

    async def decisions_by_reason(self) -> dict[tuple[str, str, str], int]:
        return await self._core.look(lambda session, _: views.decisions_by_reason(session))

    async def status(self) -> ControllerView:
        known, active = await self._core.look(lambda session, _: views.counts(session))
        return ControllerView(
            version=__version__,
            protocol=str(Version()),
            epoch=self._core.epoch,
            started_at=self._core.started_at,
            database=self._core.store.url.render_as_string(hide_password=True),
            nodes_connected=sum(node.connected for node in self._core.live.snapshot().values()),
            nodes=known,
            jobs_active=active,
            automation=await self.automation(),
        )

    async def log_tail(self, job: str, node: str | None, attempt: int | None, max_bytes: int) -> str:
        part = await self._core.look(lambda session, _: views.part_with_log(session, job, node, attempt))
        session = self._core.live.node(part.node).session
        if session is None:
            raise Unavailable(f"node {part.node} is out of contact; its log is in its own state directory")
        reply = await session.ask(ReadLog(0, part.job, part.attempt, max_bytes), LOG_TIMEOUT_S)
        if reply.error:
            raise NotFound(reply.error)
        return reply.data.decode(errors="replace")
