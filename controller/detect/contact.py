"""Suspect or lost: what a broken link or silence means (section 3 of the design).

A broken link makes a node suspect. Its peers' ranks failing says its work is lost; their steps going on proves it
alive whatever its agent does; silence without either turns to lost after ``lost_after_s``, or three times the
attempt's usual time between steps where that is longer.
"""

from enum import StrEnum

import msgspec

from controller.config import Timing
from controller.facts import AttemptFacts, Cluster, NodeFacts
from wire.api import AttemptPhase

STEPS_OF_PATIENCE = 3


class Contact(StrEnum):
    IN_CONTACT = "in_contact"
    SUSPECT = "suspect"
    LOST = "lost"


class LossReason(StrEnum):
    NONE = ""
    LINK_BROKEN = "link_broken"
    SILENT = "silent"
    PEERS_FAILED = "peers_failed"
    NO_PROGRESS = "no_progress"
    SILENT_TOO_LONG = "silent_too_long"


class Assessment(msgspec.Struct, frozen=True):
    contact: Contact
    reason: LossReason


def assess(node: NodeFacts, cluster: Cluster, timing: Timing) -> Assessment:
    if node.lost_at is not None and not node.connected:
        return Assessment(Contact.LOST, LossReason(node.lost_reason))
    silence = cluster.mono - node.contact_at
    if node.connected and silence < timing.suspect_after_s:
        return Assessment(Contact.IN_CONTACT, LossReason.NONE)
    own = [attempt for attempt in cluster.attempts if _may_run_on(attempt, node.name)]
    for attempt in own:
        loss = _lost_for(attempt, node, cluster.mono, timing)
        if loss is not LossReason.NONE:
            return Assessment(Contact.LOST, loss)
    if not own and silence >= timing.lost_after_s:
        return Assessment(Contact.LOST, LossReason.SILENT_TOO_LONG)
    return Assessment(Contact.SUSPECT, LossReason.SILENT if node.connected else LossReason.LINK_BROKEN)


def _may_run_on(attempt: AttemptFacts, node: str) -> bool:
    return any(part.node == node and not part.proof for part in attempt.parts)


def _lost_for(attempt: AttemptFacts, node: NodeFacts, mono: float, timing: Timing) -> LossReason:
    peers = [part for part in attempt.parts if part.node != node.name]
    if attempt.phase is not AttemptPhase.STOPPING and any(peer.failed for peer in peers):
        return LossReason.PEERS_FAILED
    stepped = [peer.stepped_at for peer in peers if peer.stepped_at is not None]
    evidence = max([node.contact_at, *stepped])
    steps = 0 if attempt.phase is AttemptPhase.STOPPING else STEPS_OF_PATIENCE
    patience = max(timing.lost_after_s, steps * attempt.step_interval_s)
    return LossReason.NO_PROGRESS if mono - evidence >= patience else LossReason.NONE
