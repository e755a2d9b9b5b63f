from hypothesis import given
from hypothesis import strategies as st

from cli.log_tail import unseen


@given(st.lists(st.integers(0, 99), max_size=200), st.integers(0, 200), st.integers(1, 600))
def test_every_line_is_shown_once_while_the_window_slides(numbers, cut, window):
    log = "".join(f"{place} {number}\n" for place, number in enumerate(numbers))
    before, now = log[:cut][-window:], log[-window:]
    start = max(0, len(log) - window)
    assert unseen(before, now) == log[max(cut, start) :] or not before


def test_a_log_that_has_moved_on_entirely_is_shown_whole():
    assert unseen("one\ntwo\n", "eight\nnine\n") == "eight\nnine\n"


def test_nothing_new_is_nothing():
    assert unseen("one\ntwo\n", "one\ntwo\n") == ""
