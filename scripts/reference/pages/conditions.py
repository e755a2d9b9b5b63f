"""Every condition: what it means, when it turns, what clears it, what to do, how to set it."""

import importlib
import inspect
from collections.abc import Iterable, Iterator
from types import ModuleType

from agent import checks, sensors, spool_full
from agent.checks import Check, Clears, Steadiness
from agent.faults import table as faults
from agent.faults.rows import Row
from agent.faults.watch import SOURCE_LOST
from agent.runner import PROBE_HUNG
from agent.site import broken
from scripts.reference.markdown import anchor, code, fence, heading, paragraphs, prose, table
from scripts.reference.pages.faults import PATH as FAULTS
from scripts.reference.pages.sensors import PATH as SENSORS
from scripts.reference.pages.sensors import title
from scripts.reference.structs import about, fields
from wire.conditions import Severity

PATH = "conditions.md"
INTRODUCTION = """
A condition is TRUE when the fault that it names is there, FALSE when not, UNKNOWN when nobody can tell. It names what
it befell: GPUs, disks, interfaces. A node says only what its hardware can have. A critical fault makes a node
unhealthy, a warning makes it degraded. `mainstay-agent check` judges everything once, here and now
([the agent](agent.md)); [the run book](runbook.md) says what to do, step by step.

Every threshold is a field of `[thresholds.NAME]` in `/etc/mainstay/agent.toml`. `mainstay-agent config check` says
whether it is right, `systemctl reload mainstay-agent` takes it:
"""
EXAMPLE = ["[thresholds.disk_full]", "warning = 0.10", "bad = 2", "of = 3", "", "[sensors.disk]", "every_s = 30.0"]
STEADINESS = "So that one odd reading turns nothing, each table has these fields too; their defaults are said below."
SUBJECTS = {
    "Accelerators": ("gpu", "amd", "tpu"),
    "Processors, memory, heat": ("cpu", "memory", "pressure", "temperature", "bmc", "hugepages"),
    "Disks and file systems": ("disk", "smart", "mount", "nfs", "file"),
    "Network": ("network", "infiniband", "lan", "wan", "peers", "link"),
    "Storage services": ("postgres", "mysql", "redis", "mongo", "hdfs", "s3", "probe", "storage"),
}
OTHERS = "System and services"
CLEARED = {
    Clears.FACT: "by itself, when it is no longer so",
    Clears.REBOOT: "when it is no longer so after a reboot, or by a person (`mainstay node clear`)",
    Clears.PERSON: "by a person and nothing else (`mainstay node clear`)",
}
OWN = {
    PROBE_HUNG: ("A sensor does not answer within its deadline.", "look for a dead mount or a hung driver"),
    spool_full.TYPE: (
        inspect.getdoc(spool_full) or "",
        "free space below `state_dir`; bring a controller within reach",
    ),
    SOURCE_LOST: (
        "A source of faults, the kernel's log for one, can't be followed: what it tells is missed.",
        "give the agent CAP_SYSLOG, or `enabled = false` in `[sensors.NAME]` where there is no such source",
    ),
    broken.TYPE: (inspect.getdoc(broken) or "", broken.ACTION),
}
TOLD = """
What the kernel or a driver tells, once, when it happens ([faults](faults.md)). Which faults make which condition, how
many of them within what time, and what ends it, is in [the table of faults](reference/faults.md), and every row of it
can be changed. A condition of which nothing was ever told is not spoken of.
"""
SITE = """
A Python file in `/etc/mainstay/checks.d`, or a program that `[commands.NAME]` names:
[add a check](checklists/add-a-check.md). Their conditions, thresholds and actions are what they say of themselves.
"""


def render() -> list[str]:
    found = sorted(checks.discover().values(), key=lambda check: check.condition)
    lines = [*heading(1, "Conditions"), *paragraphs(INTRODUCTION), *fence("toml", EXAMPLE)]
    lines += [*paragraphs(STEADINESS), *fields(Steadiness)]
    for subject in [*SUBJECTS, OTHERS]:
        if of_subject := [check for check in found if subject_of(check.reads[0]) == subject]:
            lines += [*heading(2, subject), *_index(of_subject)]
            lines += [line for check in of_subject for line in _check(check)]
    return [*lines, *_told(), *_own(), *heading(2, "A site's own"), *paragraphs(SITE)]


def subject_of(sensor: str) -> str:
    return next((subject for subject, begins in SUBJECTS.items() if sensor.startswith(begins)), OTHERS)


def _index(found: Iterable[Check]) -> list[str]:
    return table(
        ("condition", "means"), [(f"[{each.condition}]({anchor(each.condition)})", _first(each)) for each in found]
    )


def _check(check: Check) -> list[str]:
    return [
        *heading(3, check.condition),
        *paragraphs(_meaning(check)),
        *(f"- {line}" for line in _facts(check)),
        "",
        *about(check.thresholds),
        *fields(check.thresholds, without=Steadiness),
    ]


def _facts(check: Check) -> Iterator[str]:
    steady = check.thresholds()
    yield f"**Do**: {prose(check.action)}"
    yield f"**Clears** {CLEARED[check.clears]}"
    yield f"**Read** by {'; '.join(_read_by(name) for name in check.reads)}"
    yield f"**Turns** TRUE {_when(steady)}"
    yield f"**Reasons**: {', '.join(code(reason) for reason in _module(check).Reason)}"
    yield f"**Set by** `[thresholds.{check.name}]`"


def _read_by(name: str) -> str:
    return f"[{name}]({SENSORS}{anchor(title(name))}), every {sensors.discover()[name].options().every_s:g} s"


def _when(steady: Steadiness) -> str:
    bad = "at once" if steady.bad == 1 else f"when {steady.bad} of {steady.of} looks say so"
    return f"{bad}, FALSE after {steady.good} good {'look' if steady.good == 1 else 'looks in a row'}"


def _told() -> list[str]:
    rows = [row for row in faults.own().rows.values() if row.condition]
    of = {type_: [row for row in rows if row.condition == type_] for type_ in sorted(faults.own().types())}
    told = [(f"[{type_}]({FAULTS}{anchor(type_)})", _kinds(each), _severities(each)) for type_, each in of.items()]
    return [*heading(2, "Faults that were told"), *paragraphs(TOLD), *table(("condition", "kinds", "severity"), told)]


def _kinds(rows: Iterable[Row]) -> str:
    return ", ".join(code(kind) for kind in dict.fromkeys(row.kind for row in rows))


def _severities(rows: Iterable[Row]) -> str:
    rows = list(rows)
    said = {row.severity for row in rows} | {row.repeat.severity for row in rows if row.repeat}
    return ", ".join(severity for severity in Severity if severity in said)


def _own() -> list[str]:
    lines = heading(2, "The agent itself")
    for type_, (means, action) in OWN.items():
        lines += [*heading(3, type_), *paragraphs(means), f"- **Do**: {prose(action)}", ""]
    return lines


def _first(check: Check) -> str:
    return prose(_meaning(check).split("\n\n")[0])


def _meaning(check: Check) -> str:
    return inspect.getdoc(_module(check)) or ""


def _module(check: Check) -> ModuleType:
    return importlib.import_module(f"{checks.__name__}.{check.name}")
