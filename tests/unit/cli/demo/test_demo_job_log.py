from cli.demo.job_log import JobLog, consecutive, parse, read

LOG = """\
12:00:00 +1.0s world 3 on cpu, 100 parameters
12:00:00 +1.0s resumed from /c/attempt-1/step-40.pt at step 40
12:00:01 +1.2s step 41 loss 2.500
[rank1]: some warning about step 99
12:00:01 +1.4s step 42 loss 2.4
12:00:01 +1.6s step 43 lo"""


def test_steps_and_the_resume_point_are_read_from_whole_lines():
    assert parse(LOG) == JobLog([41, 42], "/c/attempt-1/step-40.pt", 40)


def test_no_log_yet_is_an_empty_one(tmp_path):
    assert read(tmp_path / "worker.log") == JobLog()


def test_rotated_parts_come_first(tmp_path):
    (tmp_path / "worker.log").write_text("x step 3 loss 1\n")
    (tmp_path / "worker.log.1").write_text("x step 2 loss 1\n")
    (tmp_path / "worker.log.2").write_text("x step 1 loss 1\n")
    assert read(tmp_path / "worker.log").steps == [1, 2, 3]


def test_consecutive_means_every_step_once_in_order():
    assert consecutive([3, 4, 5], 3)
    assert not consecutive([3, 5], 3)
    assert not consecutive([3, 3, 4], 3)
    assert not consecutive([4, 5], 3)
    assert not consecutive([], 3)
