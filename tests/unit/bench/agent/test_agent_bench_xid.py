"""Which condition belongs to which Xid."""

from pathlib import Path

from bench.agent.fake import component
from bench.agent.journal import Change, Fault, Journal
from bench.agent.xid import KERNEL_LOG, NVML, Asked, Told, matched

ASKED = [Asked(10.0, NVML, 79, 3), Asked(11.0, KERNEL_LOG, 79, 4), Asked(12.0, NVML, 48, 3)]


def journal(changes, faults=()):
    made = Journal(Path("nowhere"))
    made.changes, made.faults = list(changes), list(faults)
    return made


def change(at, type_, *gpus, node="n1"):
    return Change(at, node, type_, "TRUE", frozenset(map(component, gpus)))


def fault(at, code, gpu, node="n1"):
    return Fault(at, node, "xid", str(code), component(gpu), "kernel_log")


def test_it_is_the_first_that_names_the_gpu_newly():
    changes = [
        change(10.5, "GpuXidOffBus", 3),
        change(11.25, "GpuXidOffBus", 3, 4),
        change(12.125, "GpuXidMemory", 3),
    ]
    faults = [fault(10.25, 79, 3), fault(11.125, 79, 4), fault(12.0625, 48, 3)]

    assert matched(ASKED, journal(changes, faults), "n1") == [
        Told(NVML, 79, 3, 0.25, 0.5),
        Told(KERNEL_LOG, 79, 4, 0.125, 0.25),
        Told(NVML, 48, 3, 0.0625, 0.125),
    ]


def test_other_nodes_and_other_conditions_are_not_meant():
    changes = [change(10.5, "GpuXidOffBus", 3, node="n2"), change(10.5, "GpuLost", 3)]

    told = matched(ASKED[:1], journal(changes, [fault(10.5, 79, 3, node="n2")]), "n1")

    assert told == [Told(NVML, 79, 3, None, None)]


def test_one_that_comes_too_late_never_came():
    told = matched(ASKED[:1], journal([change(15.5, "GpuXidOffBus", 3)]), "n1")
    assert told == [Told(NVML, 79, 3, None, None)]
