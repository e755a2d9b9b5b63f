from hypothesis import assume, given
from hypothesis import strategies as st

from cli.log_tail import LEAST_OVERLAP, unseen


@given(lines=st.integers(0, 200), seen=st.integers(0, 200), window=st.integers(40, 600))
def test_every_line_is_shown_once_while_the_window_slides(lines, seen, window):
    log = "".join(f"step {number} loss {number % 3}\n" for number in range(lines))
    cut = sum(len(line) for line in log.splitlines(keepends=True)[:seen])
    start = max(0, len(log) - window)
    assume(not 0 < cut - start < LEAST_OVERLAP)
    assert unseen(log[:cut][-window:], log[-window:]) == log[max(cut, start) :]


def test_a_log_that_has_moved_on_entirely_is_shown_whole():
    assert unseen("one\ntwo\n", "eight\nnine\n") == "eight\nnine\n"


def test_nothing_new_is_nothing():
    assert unseen("one\ntwo\n", "one\ntwo\n") == ""
