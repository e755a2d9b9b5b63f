from bench.resume import gangs
from bench.resume.gangs import Gang

FRESH = """\
W1124 02:00:00.000 12 torch/distributed/run.py:852] Setting OMP_NUM_THREADS
12:00:00 +1.9s world 2 on cpu, 276,480 parameters
12:00:00 +1.9s fresh start
12:00:00 +2.0s step 1 loss 5.561
12:00:01 +2.2s step 2 loss 5.500
"""
RESUMED = """\
E1124 02:00:09.000 12 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: -9) step 9 of nothing
12:00:10 +1.9s world 1 on cpu, 276,480 parameters
12:00:10 +1.9s resumed from /ckpt/step-20.pt at step 20
12:00:11 +2.0s step 21 loss 4.1
"""


def test_each_start_of_rank_0_is_a_gang():
    assert gangs.parse(FRESH + RESUMED) == [Gang(2, 0, [1, 2]), Gang(1, 20, [21])]


def test_a_line_still_being_written_does_not_count():
    assert gangs.parse(FRESH + "12:00:01 +2.4s step 3 loss 5.")[0].steps == [1, 2]


def test_a_gang_that_made_no_step_is_a_gang_too():
    assert gangs.parse("12:00:10 +1.9s world 2 on cpu, 276,480 parameters\n") == [Gang(2)]
    assert gangs.parse("") == []


def test_it_lives_after_some_steps():
    assert not Gang(2, 20, [21, 22, 23, 24]).lives
    assert Gang(2, 20, [21, 22, 23, 24, 25]).lives


def test_furthest():
    assert gangs.furthest([Gang(2, 0, [1, 2]), Gang(2), Gang(1, 20, [21])]) == 21
    assert gangs.furthest([]) == 0


def test_born_since_knows_new_gangs_in_old_logs_and_new_logs():
    before = {"a": [Gang(2, 0, [1])], "b": []}
    now = {"a": [Gang(2, 0, [1, 2]), Gang(1, 0, [1])], "b": [], "c": [Gang(2)]}

    assert gangs.born_since(now, before) == {("a", 1): Gang(1, 0, [1]), ("c", 0): Gang(2)}
    assert gangs.only_old(now, before) == {"a": [Gang(2, 0, [1, 2])], "b": [], "c": []}
