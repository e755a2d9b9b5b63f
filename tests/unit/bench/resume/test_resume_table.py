from bench.resume import table
from bench.resume.faults import Fault
from bench.resume.figures import Outcome

OURS = [Outcome(5.25, 2, 4), Outcome(4.0, 2, 14), Outcome(6.0, 2, 4)]
THEIRS = [Outcome(None)]


def test_every_figure_is_there():
    rows = table.rows({Fault.RENDEZVOUS_NODE_KILL: {"mainstay": OURS, "torchrun": THEIRS}})

    assert [row.split() for row in rows[1:]] == [
        ["rendezvous-node-kill", "mainstay", "5.2", "s", "2", "4-14", "5.2", "4.0", "6.0"],
        ["torchrun", "never", "-", "-", "never"],
    ]


def test_it_fits_80_columns_however_many_runs():
    rows = table.rows({Fault.RENDEZVOUS_NODE_KILL: {"mainstay": [Outcome(123.45, 2, 4)] * 20, "torchrun": THEIRS}})

    assert max(map(len, rows)) < 80
    assert " ".join(rows).count("123.5") == 20 + 1 or " ".join(rows).count("123.4") == 20 + 1


def test_a_contender_that_did_not_run_has_no_line():
    rows = table.rows({Fault.NODE_KILL: {"mainstay": [], "torchrun": THEIRS}})

    assert [row.split()[:2] for row in rows[1:]] == [["node-kill", "torchrun"]]
