from bench.resume.machine import Machine

QUIET = Machine("EPYC", 2, 24_000, "6.1", "3.11.2", "2.13.0", load=0.1, busy=0.02)


def test_a_busy_machine_is_warned_of():
    busy = Machine("EPYC", 2, 24_000, "6.1", "3.11.2", "2.13.0", load=3.0, busy=0.72)

    assert not any("WARNING" in line for line in QUIET.lines())
    assert "load      3.00 over the last minute; 72% busy now" in busy.lines()
    assert "WARNING" in busy.lines()[-1]
