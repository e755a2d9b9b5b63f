"""Everybody meets everybody, and nobody has more to do than the others."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from controller.tournament import pairs, partners, turn, with_again

FLEETS = st.integers(0, 40).map(lambda count: [f"n{number}" for number in range(count)])


@given(FLEETS, st.integers(0, 10**6))
def test_in_a_turn_everybody_meets_one_other(nodes, number):
    met = [name for pair in turn(nodes, number) for name in pair]
    assert len(met) == len(set(met)) == len(nodes) // 2 * 2


@given(FLEETS, st.integers(1, 8), st.integers(0, 10**6))
def test_every_pair_meets_soon_and_no_node_has_more_than_its_share(nodes, each, first):
    rounds = -(-max(len(nodes) - 1 + len(nodes) % 2, 1) // each)
    met = set()
    for number in range(first, first + rounds):
        found = pairs(nodes, number, each)
        assert all(len(others) <= each for others in partners(found).values())
        met |= found
    assert met == {tuple(sorted(pair)) for pair in combinations(nodes, 2)}
    assert rounds <= max(len(nodes) - 1, 1) or each == 1  # an odd number with one pair each pauses in turn


@given(FLEETS, st.integers(1, 8), st.integers(0, 1000), st.data())
def test_what_is_measured_again_costs_a_node_one_more_at_most(nodes, each, number, data):
    every = [tuple(sorted(pair)) for pair in combinations([*nodes, "gone"], 2)]
    again = data.draw(st.sets(st.sampled_from(every)) if every else st.just(set()))
    regular = pairs(nodes, number, each)
    chosen = with_again(regular, again, nodes)
    assert regular <= chosen <= regular | again
    assert "gone" not in partners(chosen)
    assert all(len(others) <= each + 1 for others in partners(chosen).values())


def test_the_order_that_nodes_are_named_in_changes_nothing():
    assert pairs(["b", "a", "d", "c"], 3, 2) == pairs(["a", "b", "c", "d"], 3, 2)
