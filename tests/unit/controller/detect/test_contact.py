"""Suspect or lost: what a broken link and silence mean, by the evidence."""

from datetime import UTC, datetime

import pytest

from controller.config import Timing
from controller.detect.contact import Contact, LossReason, assess
from controller.facts import AttemptFacts, Cluster, NodeFacts, PartFacts
from wire.api import AttemptPhase, Health, JobPhase, NodePhase
from wire.attempts import FailureKind, RankFailure

NOW = 100.0
UTC_NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE = RankFailure(FailureKind.PEER, UTC_NOW)


def node(silence, connected=True):
    return NodeFacts("n2", NodePhase.READY, Health.HEALTHY, connected, NOW - silence, "b", 1, None)


def cluster(*peers, phase=AttemptPhase.RUNNING, step_interval_s=0.0, own_proof=""):
    parts = (PartFacts("n2", 1, None, own_proof), *peers)
    attempt = AttemptFacts("lm-1", 1, phase, JobPhase.RUNNING, True, True, parts, 0.0, step_interval_s=step_interval_s)
    return Cluster(NOW, UTC_NOW, {}, (attempt,))


STEPPING = PartFacts("n1", 0, None, "", stepped_at=NOW - 0.5)
STANDING = PartFacts("n1", 0, None, "", stepped_at=NOW - 4.5)
FAILED = PartFacts("n1", 0, None, "", rank_failure=FAILURE)

CASES = [
    ("heard just now", node(0.5), cluster(STANDING), Contact.IN_CONTACT, LossReason.NONE),
    ("a missed heartbeat", node(2.0), cluster(STANDING), Contact.IN_CONTACT, LossReason.NONE),
    ("silence of three seconds", node(3.0), cluster(STANDING), Contact.SUSPECT, LossReason.SILENT),
    ("a broken link, just now", node(0.1, False), cluster(STEPPING), Contact.SUSPECT, LossReason.LINK_BROKEN),
    ("a broken link and peers that failed", node(0.1, False), cluster(FAILED), Contact.LOST, LossReason.PEERS_FAILED),
    ("silent and peers that failed", node(2.6), cluster(FAILED), Contact.LOST, LossReason.PEERS_FAILED),
    ("peers fail while it is in contact", node(0.6), cluster(FAILED), Contact.IN_CONTACT, LossReason.NONE),
    ("long silent, steps go on", node(60.0, False), cluster(STEPPING), Contact.SUSPECT, LossReason.LINK_BROKEN),
    ("four seconds, steps stand still", node(4.0), cluster(STANDING), Contact.LOST, LossReason.NO_PROGRESS),
    ("slow steps get three of their own", node(5.0), cluster(STANDING, step_interval_s=2.0), Contact.SUSPECT,
     LossReason.SILENT),
    ("four seconds alone", node(4.0), cluster(), Contact.LOST, LossReason.NO_PROGRESS),
    ("peers that fail because they are being stopped say nothing", node(2.6),
     cluster(FAILED, phase=AttemptPhase.STOPPING), Contact.SUSPECT, LossReason.SILENT),
    ("idle and silent", node(4.0), cluster(STEPPING, own_proof="reported_ended"), Contact.LOST,
     LossReason.SILENT_TOO_LONG),
    ("idle and silent for less", node(3.9), cluster(own_proof="reported_ended"), Contact.SUSPECT, LossReason.SILENT),
]  # fmt: skip


@pytest.mark.parametrize(("name", "facts", "others", "contact", "reason"), CASES, ids=[c[0] for c in CASES])
def test_assess(name, facts, others, contact, reason):
    assessment = assess(facts, others, Timing())
    assert (assessment.contact, assessment.reason) == (contact, reason)
