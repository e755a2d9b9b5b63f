import pytest
from fakes.views import NOW, ago

from cli.render.words import clock, duration, youngest


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(-3, "0s"), (12, "12s"), (119, "119s"), (180, "3m"), (7_199, "119m"), (7_200, "2h"), (200_000, "2d")],
)
def test_ages(seconds, word):
    assert duration(seconds) == word


def test_a_clock_has_the_date_once_it_is_a_day_ago():
    assert clock(ago(3_600), NOW) == "02:00:00"
    assert clock(ago(90_000), NOW) == "Jun 30 02:00"


def test_the_shortest_age_comes_first():
    assert sorted([ago(9), ago(1), ago(5)], key=youngest) == [ago(1), ago(5), ago(9)]
    assert youngest(None) is None
