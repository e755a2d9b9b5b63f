"""What operators ask for: each takes the pipeline's way to an action (law 1)."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.config import Limits, Timing
from controller.errors import Invalid, NotFound
from controller.state.facts import Memory, Moment, read_cluster
from controller.state.models import Job, Node
from controller.state.world import SqlWorld
from remediations.actions import ActionCall, catalogue
from remediations.operator import carry_out
from remediations.pipeline import Proposal
from wire.specs import JobSpec

CONTROLLER_ENVIRONMENT = "MAINSTAY_"


class Actor(msgspec.Struct, frozen=True):
    """Who asks. ``user`` is the Unix user that jobs submitted by it run as."""

    name: str  # "person:NAME"
    user: str | None = None


class Operator:
    """One operator's request on one transaction."""

    def __init__(
        self, session: Session, moment: Moment, epoch: int, timing: Timing, limits: Limits, actor: Actor
    ) -> None:
        self.session, self.actor = session, actor
        cluster = read_cluster(session, moment, Memory())
        self.world = SqlWorld(session, moment, cluster, epoch, timing, limits)

    def cordon(self, node: str, reason: str, expires_at: datetime | None) -> None:
        self._known_node(node)
        self._do("hold", reason, {"expires_at": expires_at}, node=node)

    def uncordon(self, node: str) -> None:
        """Lift every person's hold on the node; automation's own stay until it has put the node right."""
        self._known_node(node)
        self._do("unhold", "", {"owner_prefix": "person:"}, node=node)

    def submit_job(self, spec: JobSpec) -> str:
        check_spec(spec)
        self._do("submit_job", "", {"spec": spec, "user": self.actor.user})
        newest = select(Job.id).where(Job.name == spec.name).order_by(Job.created_at.desc(), Job.id.desc())
        return self.session.scalars(newest.limit(1)).one()

    def stop_job(self, ref: str) -> str:
        job = find_job(self.session, ref)
        self._do("stop_job", "", {}, job=job.id)
        return job.id

    def _known_node(self, name: str) -> None:
        if self.session.get(Node, name) is None:
            raise NotFound(f"no node {name!r}; `mainstay node list` shows those there are")

    def _do(
        self, action: str, reason: str, params: dict[str, Any], node: str | None = None, job: str | None = None
    ) -> None:
        proposal = Proposal(self.actor.name, action, catalogue()[action].DISTURBS, node, job)
        call = ActionCall(self.actor.name, 0, "person", reason, node=node, job=job, params=params)
        carry_out(self.world, proposal, call)


def find_job(session: Session, ref: str) -> Job:
    """A job by its id, or the newest of that name."""
    job = session.get(Job, ref)
    if job is None:
        newest = select(Job).where(Job.name == ref).order_by(Job.created_at.desc(), Job.id.desc()).limit(1)
        job = session.scalars(newest).first()
    if job is None:
        raise NotFound(f"no job {ref!r}; `mainstay job list` shows those there are")
    return job


def check_spec(spec: JobSpec) -> None:
    """What the types can't say. Raises Invalid naming the field."""
    reserved = sorted(name for name in spec.environment if name.startswith(CONTROLLER_ENVIRONMENT))
    if reserved:
        raise Invalid(f"environment.{reserved[0]}: names that begin with MAINSTAY_ are set by Mainstay; remove it")
