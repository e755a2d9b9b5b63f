"""What the kernel's files say, in the form that proc(5) gives."""

import array

import pytest

from bench.agent import proc

STAT = "4242 (a (b) c) S 17 4242 4242 0 -1 4194304 100 200 0 0 51 7 30 4 20 0 9 0 123456 1000 500"
ROLLUP = "55d0-7ffc ---p 00000000 00:00 0   [rollup]\nRss:   30000 kB\nPss:   21504 kB\nPss_Dirty:   18000 kB\n"
MAPS = """\
00400000-00402000 r-xp 00000000 08:01 131 /usr/bin/x
7f0000000000-7f0000003000 rw-p 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


def test_a_name_may_hold_anything():
    assert proc.stat(STAT) == proc.Stat("a (b) c", parent=17, ended_children_ticks=34)


def test_what_is_no_stat_line_is_refused():
    with pytest.raises(ValueError, match="not a stat line"):
        proc.stat("")


def test_memory_is_the_line_of_pss_alone():
    assert proc.pss_kib(ROLLUP) == 21504
    assert proc.pss_kib("") == 0  # a process that is ending


def test_time_on_a_cpu():
    assert proc.ran_ns("1234567 89 10\n") == 1234567


def test_descendants_are_found_at_any_depth():
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 11, 20: 1}
    assert sorted(proc.descendants(10, parents)) == [10, 11, 12, 13]


def test_mappings_without_the_kernels_own():
    assert proc.ranges(MAPS) == [(0x400000, 0x402000), (0x7F0000000000, 0x7F0000003000)]


def test_a_page_counts_once_and_only_when_it_is_resident():
    swapped = 7
    entries = array.array("Q", [proc.PRESENT | 5, proc.PRESENT | 5, proc.PRESENT | 6, swapped, proc.PRESENT])
    assert proc.frames(memoryview(entries)) == {5, 6}
