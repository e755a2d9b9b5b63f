"""Memory that grows is told from memory that fills up and stays."""

import pytest

from bench.soak.growth import Sample, per_ten_minutes

WARM_UP_S = 90


def incarnation(start_mib, per_s, length_s=600):
    return [Sample(float(age), start_mib + per_s * age) for age in range(length_s)]


def test_growth_is_told_for_ten_minutes():
    assert per_ten_minutes([incarnation(50, 0.01)], WARM_UP_S) == pytest.approx(6.0)


def test_a_restart_at_another_level_is_no_growth():
    assert per_ten_minutes([incarnation(50, 0.0), incarnation(80, 0.0)], WARM_UP_S) == pytest.approx(0.0)


def test_filling_up_in_the_warm_up_is_no_growth():
    filling = [Sample(age, 50 + min(age, WARM_UP_S)) for age, _ in incarnation(0, 0)]
    assert per_ten_minutes([filling], WARM_UP_S) == pytest.approx(0.0)


def test_a_life_too_short_says_nothing():
    assert per_ten_minutes([incarnation(50, 1.0, length_s=380)], WARM_UP_S) is None
    assert per_ten_minutes([], WARM_UP_S) is None
