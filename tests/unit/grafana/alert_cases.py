"""For every alert: series under which it must fire, and series that look most like them and must not.

A series is "NAME{LABELS} VALUES" in promtool's notation, one value a minute. A case fires with a severity after so many
minutes; a quiet one is looked at after as many.
"""

from typing import NamedTuple


class Case(NamedTuple):
    alert: str
    after_min: int
    severity: str  # empty: it must not fire
    series: tuple[str, ...]


LONG = "x120"


def fires(alert: str, after_min: int, severity: str, *series: str) -> Case:
    return Case(alert, after_min, severity, series)


def quiet(alert: str, after_min: int, *series: str) -> Case:
    return Case(alert, after_min, "", series)


def said(type_: str, severity: str, status: str = "true") -> str:
    labels = f'instance="n1",job="mainstay-agent",type="{type_}",status="{status}",severity="{severity}"'
    return f"mainstay_condition{{{labels}}} 1{LONG}"


def of_condition(alert: str, after_min: int, *types: str) -> list[Case]:
    """It takes its severity from what was judged; FALSE and UNKNOWN do not fire it, nor does another type."""
    return [
        *(fires(alert, after_min, severity, said(types[0], severity)) for severity in ("warning", "critical")),
        *(fires(alert, after_min, "critical", said(type_, "critical")) for type_ in types[1:]),
        quiet(alert, after_min, *(said(type_, "info", "false") for type_ in types)),
        quiet(alert, after_min, *(said(type_, "warning", "unknown") for type_ in types)),
        quiet(alert, after_min, said("ZombieProcesses", "critical")),
    ]


UP = 'up{job="mainstay-agent",instance="n1"}'
CONTROLLER = 'up{job="mainstay-controller",instance="c1"}'
AGENT = 'instance="n1",job="mainstay-agent"'
LOOKS = f'mainstay_sensor_looks_total{{{AGENT},sensor="smart",outcome="%s"}}'
STEP = 'mainstay_job_step{instance="c1",job="mainstay-controller",job_id="lm-1"}'
BREAKER = 'mainstay_decisions_total{action="relaunch_job",verdict="wait",reason="%s"}'
STARTED = f"process_start_time_seconds{{{AGENT}}}"

CASES = [
    fires("MainstayControllerSilent", 3, "critical", f"{CONTROLLER} 0{LONG}"),
    fires("MainstayControllerSilent", 3, "critical", f"{UP} 1{LONG}"),
    quiet("MainstayControllerSilent", 3, f"{CONTROLLER} 1{LONG}"),
    quiet("MainstayControllerSilent", 3, f"{CONTROLLER} 0{LONG}", CONTROLLER.replace("c1", "c2") + f" 1{LONG}"),
    quiet("MainstayControllerSilent", 10, f"{CONTROLLER} 1 1 0 1{LONG}"),
    fires("MainstayNodeLost", 1, "critical", f'mainstay_nodes_health{{health="lost"}} 1{LONG}'),
    quiet("MainstayNodeLost", 1, f'mainstay_nodes_health{{health="suspect"}} 9{LONG}'),
    quiet("MainstayNodeLost", 1, f'mainstay_nodes_health{{health="lost"}} 0{LONG}'),
    fires("MainstayNodeSuspect", 6, "warning", f'mainstay_nodes_health{{health="suspect"}} 2{LONG}'),
    quiet("MainstayNodeSuspect", 6, 'mainstay_nodes_health{health="suspect"} 1 1 0 1x9'),
    fires("MainstayJobStalled", 31, "critical", f"{STEP} 7{LONG}"),
    quiet("MainstayJobStalled", 31, f"{STEP} 0+1{LONG}"),
    quiet("MainstayJobStalled", 8, f"{STEP} 7{LONG}"),
    quiet("MainstayJobStalled", 40, f"{STEP} 0+1x20 21x9 30{LONG}"),
    fires("MainstayJobRecovering", 16, "critical", f'mainstay_jobs{{phase="recovering"}} 1{LONG}'),
    quiet("MainstayJobRecovering", 16, f'mainstay_jobs{{phase="running"}} 1{LONG}'),
    quiet("MainstayJobRecovering", 16, 'mainstay_jobs{phase="recovering"} 1x8 0 1x20'),
    fires("MainstayJobWaiting", 31, "warning", f'mainstay_jobs{{phase="pending"}} 1{LONG}'),
    quiet("MainstayJobWaiting", 31, f'mainstay_jobs{{phase="succeeded"}} 1{LONG}'),
    fires("MainstayRestartsMany", 60, "warning", f"mainstay_attempts_total 0+0.2{LONG}"),
    quiet("MainstayRestartsMany", 60, f"mainstay_attempts_total 0+0.05{LONG}"),
    fires("MainstayBreakerOpen", 12, "critical", f"{BREAKER % 'breaker_open'} 3x10 4{LONG}"),
    fires("MainstayBreakerOpen", 12, "critical", f"{BREAKER % 'breaker_open'} _x10 1{LONG}"),
    quiet("MainstayBreakerOpen", 30, f"{BREAKER % 'breaker_open'} 3{LONG}"),
    quiet("MainstayBreakerOpen", 12, f"{BREAKER % 'allowed'} 3x10 4{LONG}"),
    fires("MainstayAgentSilent", 3, "warning", f"{UP} 0{LONG}"),
    quiet("MainstayAgentSilent", 3, f"{UP} 1{LONG}"),
    quiet("MainstayAgentSilent", 3, f"{CONTROLLER} 0{LONG}"),
    fires("MainstayAgentUnlinked", 6, "warning", f"mainstay_link_up{{{AGENT}}} 0{LONG}"),
    quiet("MainstayAgentUnlinked", 6, f"mainstay_link_up{{{AGENT}}} 0 0 0 1 0 0 0"),
    fires("MainstayAgentRestarting", 30, "warning", f"{STARTED} 1 2x5 3x5 4x5 5{LONG}"),
    quiet("MainstayAgentRestarting", 30, f"{STARTED} 1x10 2{LONG}"),
    quiet("MainstayAgentRestarting", 30, STARTED.replace("agent", "other") + f" 0+1{LONG}"),
    fires("MainstaySpoolDropping", 1, "warning", f"mainstay_spool_dropped_messages{{{AGENT}}} 5{LONG}"),
    quiet("MainstaySpoolDropping", 1, f"mainstay_spool_dropped_messages{{{AGENT}}} 0{LONG}"),
    fires("MainstaySensorHung", 1, "critical", said("ProbeHung", "critical")),
    quiet("MainstaySensorHung", 1, said("ProbeHung", "info", "false")),
    fires("MainstaySensorFailing", 30, "warning", f"{LOOKS % 'failed'} 0+1{LONG}"),
    quiet("MainstaySensorFailing", 30, f"{LOOKS % 'failed'} 0+1{LONG}", f"{LOOKS % 'answered'} 0+4{LONG}"),
    quiet("MainstaySensorFailing", 60, f"{LOOKS % 'failed'} 7{LONG}"),
    fires("MainstayProberRestarting", 60, "warning", f"mainstay_prober_starts_total{{{AGENT}}} 1+1{LONG}"),
    quiet("MainstayProberRestarting", 60, f"mainstay_prober_starts_total{{{AGENT}}} 1x9 2 3{LONG}"),
    fires("MainstayMetricsCut", 16, "info", f'mainstay_metrics_left_out{{{AGENT},reason="too_many"}} 3{LONG}'),
    quiet("MainstayMetricsCut", 16, f'mainstay_metrics_left_out{{{AGENT},reason="too_many"}} 0{LONG}'),
    *of_condition("MainstayGpuLost", 1, "GpuLost", "GpuXidOffBus", "TpuLost"),
    *of_condition("MainstayGpuHot", 2, "GpuHot", "GpuSlowdown"),
    quiet("MainstayGpuHot", 0, said("GpuHot", "critical")),
    *of_condition(
        "MainstayGpuEccUncorrected", 1, "GpuEccUncorrected", "GpuXidMemory", "GpuRowRemapFailed", "GpuBadPages"
    ),
    fires("MainstayGpuXidCritical", 1, "critical", said("GpuXidHardware", "critical")),
    fires("MainstayGpuXidCritical", 1, "critical", said("GpuXidFirmware", "critical")),
    quiet("MainstayGpuXidCritical", 1, said("GpuXidApplication", "warning")),
    quiet("MainstayGpuXidCritical", 1, said("GpuXidOffBus", "critical")),
    quiet("MainstayGpuXidCritical", 1, said("GpuXidHardware", "info", "false")),
    *of_condition("MainstayGpuLinkBad", 1, "GpuNvlinkDown", "GpuXgmiDown", "GpuFabric", "GpuPcieDegraded"),
    *of_condition("MainstayDiskFull", 1, "DiskFull"),
    *of_condition("MainstayDiskFailing", 1, "DiskFailing", "DiskReadOnly", "RaidDegraded", "FilesystemCorrupt"),
    *of_condition("MainstayMountDead", 2, "MountDead", "MountMissing"),
    *of_condition("MainstayMemoryFaulty", 1, "MemoryEccUncorrected", "MemoryCorrupted", "MachineCheck"),
    *of_condition("MainstayClockDrift", 6, "ClockOffset", "ClockUnsynchronised"),
    quiet("MainstayClockDrift", 4, said("ClockOffset", "critical")),
    *of_condition("MainstayNetworkBad", 1, "NetworkDown", "NetworkFlapping", "InfinibandDown", "PeerUnreachable"),
    *of_condition("MainstayStorageServiceDown", 2, "StorageServiceDown", "HdfsDegraded"),
    fires("MainstayConditionCritical", 1, "critical", said("ServiceFailed", "critical")),
    fires("MainstayConditionCritical", 1, "critical", said("OfTheSite", "critical")),
    quiet("MainstayConditionCritical", 1, said("ServiceFailed", "warning")),
    quiet("MainstayConditionCritical", 1, said("ServiceFailed", "critical", "unknown")),
    fires("MainstayConditionWarning", 31, "warning", said("ServiceFailed", "warning")),
    fires("MainstayConditionWarning", 31, "warning", said("GpuXidApplication", "warning")),
    quiet("MainstayConditionWarning", 29, said("ServiceFailed", "warning")),
    quiet("MainstayConditionWarning", 31, said("ServiceFailed", "info", "false")),
    fires("MainstayConditionUnknown", 31, "warning", said("GpuHot", "warning", "unknown")),
    quiet("MainstayConditionUnknown", 29, said("GpuHot", "warning", "unknown")),
    quiet("MainstayConditionUnknown", 31, said("GpuHot", "critical", "true")),
]
