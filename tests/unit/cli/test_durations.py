import pytest

from cli.durations import parse_duration
from cli.errors import Invalid


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)])
def test_durations_as_people_type_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "0s", "-1s", "1.5h", "2h30m"])
def test_anything_else_is_refused_with_the_mend(text):
    with pytest.raises(Invalid, match="write 90s, 30m, 2h or 7d"):
        parse_duration(text)
