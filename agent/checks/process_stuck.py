"""A process that waits for a disk, a mount or a driver and can't even be killed (state D)."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.processes import Reading
from wire.conditions import Severity

TYPE = "ProcessStuck"
READS = "processes"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "see what it waits for (cat /proc/PID/stack); a dead mount or driver; often only a reboot frees it"
NAMED = 3


class Thresholds(Steadiness, frozen=True):
    """TRUE when a process has been blocked for ``seconds`` without having run. Default: the kernel's own
    hung_task_timeout_secs, 120 s (https://docs.kernel.org/admin-guide/sysctl/kernel.html), after which it says so in
    its log, where it was built with that."""

    seconds: float = 120.0


class Reason(StrEnum):
    NONE_STUCK = "none_stuck"
    PROCESSES_STUCK = "processes_stuck"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    stuck = [process for process in window[-1].reading.blocked if process.seconds >= thresholds.seconds]
    if not stuck:
        return healthy(Reason.NONE_STUCK, "no process is stuck")
    names = ", ".join(f"{process.name}[{process.pid}] for {process.seconds:.0f} s" for process in stuck[:NAMED])
    more = f" and {len(stuck) - NAMED} more" if len(stuck) > NAMED else ""
    return fault(Severity.WARNING, Reason.PROCESSES_STUCK, f"stuck: {names}{more}", ACTION)
