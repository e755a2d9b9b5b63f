from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import BASE_S, CAP_S, delay

chances = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), chances)
def test_never_longer_than_the_cap(tries: int, chance: float) -> None:
    assert 0 <= delay(tries, chance) <= CAP_S


@given(chances)
def test_the_first_wait_is_short(chance: float) -> None:
    assert delay(0, chance) <= BASE_S


def test_doubles_up_to_the_cap() -> None:
    assert [delay(tries, 0.5) for tries in range(6)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]


@given(st.integers(0, 10_000))
def test_jitter_is_full(tries: int) -> None:
    assert delay(tries, 0.0) == 0.0
