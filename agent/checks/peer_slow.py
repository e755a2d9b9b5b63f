"""Echoes to most of this node's peers take long, or get lost now and then."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors import Seconds
from agent.sensors.lan_peers import Reading
from wire.conditions import Severity
from wire.peers import PeerFigure

TYPE = "PeerSlow"
READS = "lan_peers"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look for errors and drops of this node's link, congestion, and a machine that does not keep up"


class Thresholds(Steadiness, frozen=True):
    """More than half of the peers that answer, and two at least, are slow: median beyond ``seconds``, or more than
    ``loss`` of the echoes lost. All of it is our judgement: within a data centre an echo takes 0.05 to 0.5 ms, and one
    through a busy scheduler a few, so 10 ms is far beyond; one of five echoes lost again and again is far beyond what
    a LAN loses.
    """

    seconds: Seconds = 0.01
    loss: Fraction = 0.05
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    PEERS_QUICK = "peers_quick"
    FEW_ASKED = "few_asked"
    MOST_SLOW = "most_slow"
    MOST_LOSSY = "most_lossy"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | dict[str, Verdict]:
    """Peers that do not answer at all are left to PeerUnreachable."""
    answering = [figure for figure in window[-1].reading.figures if figure.asked and figure.answered]
    if not answering:
        return {}
    slow = [it for it in answering if it.median_s is not None and it.median_s > thresholds.seconds]
    lossy = [it for it in answering if it.answered < (1 - thresholds.loss) * it.asked]
    for found, reason in ((slow, Reason.MOST_SLOW), (lossy, Reason.MOST_LOSSY)):
        if 2 * len(found) > len(answering):
            if len(found) < 2:
                return healthy(Reason.FEW_ASKED, f"{_told(found)}: one alone says nothing of this node")
            return fault(Severity.WARNING, reason, _told(found), ACTION)
    return healthy(Reason.PEERS_QUICK, _told(answering))


def _told(figures: Sequence[PeerFigure]) -> str:
    return ", ".join(f"{it.name} {(it.median_s or 0) * 1000:.2f} ms, {it.answered} of {it.asked}" for it in figures)
