"""This node reaches hardly any of its peers, though its agent has a word with the controller."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.lan_peers import Reading
from wire.conditions import Severity

TYPE = "PeerUnreachable"
READS = "lan_peers"
WINDOW = 1
ACTION = "look at this node's link, switch port, routes and firewall; UDP 7402 must be open between nodes"


class Thresholds(Steadiness, frozen=True):
    """More than ``share`` of the peers that were asked gave no answer at all, and two at least: one that is silent says
    nothing about this node, for it may be the other's fault (the controller compares what all found: `slow_link`). Our
    judgement, as are three looks of four.

    Critical, unless no peer ever answered: then it is more likely a firewall than a fault, and a warning.
    """

    share: Fraction = 0.5
    bad: Count = 3
    of: Count = 4


class Reason(StrEnum):
    PEERS_ANSWER = "peers_answer"
    FEW_ASKED = "few_asked"
    MOST_SILENT = "most_silent"
    NONE_EVER_ANSWERED = "none_ever_answered"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | dict[str, Verdict]:
    reading = window[-1].reading
    asked = [figure for figure in reading.figures if figure.asked]
    if not asked:
        return {}
    silent = [figure.name for figure in asked if not figure.answered]
    message = f"{len(asked) - len(silent)} of {len(asked)} peers answer"
    message += f", not {', '.join(silent)}" if silent else ""
    if len(silent) <= thresholds.share * len(asked):
        return healthy(Reason.PEERS_ANSWER, message)
    if len(silent) < 2:
        return healthy(Reason.FEW_ASKED, f"{message}: one alone says nothing of this node")
    if not reading.ever_answered:
        message += f"; none ever did: is UDP port {reading.port} open between nodes?"
        return fault(Severity.WARNING, Reason.NONE_EVER_ANSWERED, message, ACTION)
    return fault(Severity.CRITICAL, Reason.MOST_SILENT, message, ACTION)
