from bench.resume import course
from bench.resume.faults import Fault
from bench.resume.figures import Outcome

BOTH = ("mainstay", "torchrun")


def test_who_goes_first_alternates():
    order = list(course.order([Fault.WORKER_KILL, Fault.NODE_KILL], BOTH, 2))

    assert [name for _, _, name in order[::2]] == ["mainstay", "torchrun", "torchrun", "mainstay"]
    assert len(order) == len(set(order)) == 8


def test_a_never_is_run_once_and_others_as_often_as_told():
    ran = []

    def run(fault, name, number):
        ran.append((name, number))
        return Outcome(None if name == "torchrun" else 1.0)

    results = course.all_runs([Fault.SILENT_NODE], BOTH, 3, run)

    assert sorted(ran) == [("mainstay", 0), ("mainstay", 1), ("mainstay", 2), ("torchrun", 0)]
    assert len(results[Fault.SILENT_NODE]["mainstay"]) == 3
    assert course.unfinished(results) == []


def test_what_mainstay_never_recovered_from_is_named():
    results = {Fault.NODE_KILL: {"mainstay": [Outcome(None)], "torchrun": []}}

    assert course.unfinished(results) == ["node-kill"]
