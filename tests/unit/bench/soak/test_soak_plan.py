"""The course of faults follows from the seed."""

from collections import Counter

from bench.soak.plan import LONGEST, SHORTEST, Kind, faults


def test_a_seed_gives_the_same_faults_again_and_another_seed_others():
    assert faults(7, 20, 600) == faults(7, 20, 600)
    assert faults(7, 20, 600) != faults(8, 20, 600)


def test_faults_come_at_their_interval_and_no_later_than_the_length():
    found = faults(1, 20, 600)
    assert [fault.at_s for fault in found] == [20.0 * number for number in range(1, 31)]
    assert [fault.number for fault in found] == list(range(1, 31))


def test_each_is_taken_back_with_time_to_recover_before_the_next():
    assert all(SHORTEST * 5 <= fault.lasts_s <= LONGEST * 5 for fault in faults(1, 5, 600))


def test_every_kind_comes_before_any_comes_again():
    kinds = [fault.kind for fault in faults(3, 20, 20 * 2 * len(Kind))]
    assert Counter(kinds[: len(Kind)]) == Counter(Kind)
    assert Counter(kinds) == Counter(dict.fromkeys(Kind, 2))


def test_a_length_without_room_for_a_fault_has_none():
    assert faults(1, 20, 19) == []


def test_only_the_kinds_that_were_asked_for_come():
    assert {fault.kind for fault in faults(1, 20, 600, [Kind.NODE_KILL, Kind.SHIM_KILL])} == {
        Kind.NODE_KILL,
        Kind.SHIM_KILL,
    }
