"""An InfiniBand or RoCE port that must be active is not."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.infiniband import Port, Reading
from wire.conditions import Severity, Status

TYPE = "InfinibandDown"
READS = "infiniband"
WINDOW = 1
ACTION = "check cable, transceiver, switch port and subnet manager (none leaves ports in INIT); then exchange the card"
RENAMED = "give ports names that stay (rdma-core's udev rules); look whether NCCL_IB_HCA names the old ones"
ACTIVE, LINK_UP = 4, 5


class Thresholds(Steadiness, frozen=True):
    """Two looks in a row, our judgement: NCCL gives up on a connection after some seconds, so there is nothing to wait
    for. (GPUd's ib_port_drop waits four minutes, NVSentinel tells at once.) Judged are ports named in the configuration
    and those that were active since the machine started; one that never was is taken for unused.

    One that is gone while as many ports are active as ever were was given another name (a driver loaded anew, udev): a
    warning, until the next boot, since what names ports (NCCL_IB_HCA) may look for the old one. One that the
    configuration names is missed whatever the others are called.
    """

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    PORT_ACTIVE = "port_active"
    PORT_MISSING = "port_missing"
    PORT_RENAMED = "port_renamed"
    NO_LINK = "no_link"
    NOT_ACTIVE = "not_active"
    TOO_FEW_ACTIVE = "too_few_active"
    STATE_UNKNOWN = "state_unknown"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    reading = window[-1].reading
    all_there = 0 < reading.most_active <= _active(reading)
    verdicts = {port.name: _one(port, all_there) for port in reading.ports if port.required or port.had_link}
    return verdicts | ({"": _together(reading)} if reading.at_least > 0 else {})


def _one(port: Port, all_there: bool) -> Verdict:
    if not port.present and all_there and not port.required:
        message = f"{port.name}: not on this machine any more, and as many ports are active as ever: renamed?"
        return fault(Severity.WARNING, Reason.PORT_RENAMED, message, RENAMED)
    if not port.present:
        message = f"{port.name}: not on this machine (any more)"
        return fault(Severity.CRITICAL, Reason.PORT_MISSING, message, ACTION)
    message = f"{port.name}: {port.state_name or port.state}, {port.phys_state_name or port.phys_state}"
    if port.state is None:
        return Verdict(Status.UNKNOWN, Severity.WARNING, Reason.STATE_UNKNOWN, f"{port.name}: does not say its state")
    if port.state == ACTIVE:
        return healthy(Reason.PORT_ACTIVE, message)
    reason = Reason.NOT_ACTIVE if port.phys_state == LINK_UP else Reason.NO_LINK
    return fault(Severity.CRITICAL, reason, message, ACTION)


def _together(reading: Reading) -> Verdict:
    active = _active(reading)
    message = f"{active} ports active, expected {reading.at_least} at least"
    if active >= reading.at_least:
        return healthy(Reason.PORT_ACTIVE, message)
    return fault(Severity.CRITICAL, Reason.TOO_FEW_ACTIVE, message, ACTION)


def _active(reading: Reading) -> int:
    return sum(port.present and port.state == ACTIVE for port in reading.ports)
