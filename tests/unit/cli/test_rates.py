from fakes import views
from msgspec.structs import replace

from cli.rates import SPAN_S, Rates
from wire.api import JobPhase


def job(step, **fields):
    return replace(views.JOB, step=step, **fields)


def test_two_looks_tell_a_rate():
    rates = Rates()
    assert rates.after([job(100)], 0.0) == {}
    assert rates.after([job(120)], 10.0) == {"bytes-lm-1": 2.0}


def test_only_the_last_span_counts():
    rates = Rates()
    rates.after([job(0)], 0.0)
    rates.after([job(1_000)], SPAN_S + 1)
    assert rates.after([job(1_010)], SPAN_S + 11) == {"bytes-lm-1": 1.0}


def test_another_attempt_begins_afresh_and_what_does_not_run_has_no_rate():
    rates = Rates()
    rates.after([job(100)], 0.0)
    assert rates.after([job(90, attempt=3)], 10.0) == {}
    assert rates.after([job(95, attempt=3, phase=JobPhase.RECOVERING)], 20.0) == {}
