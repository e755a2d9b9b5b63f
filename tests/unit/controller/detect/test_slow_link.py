"""A bad link is told from a bad node."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import Timing
from controller.detect import slow_link
from controller.detect._links import of_links, troubles
from controller.facts import Cluster, Link, NodeFacts, Path
from controller.state.live import Live
from controller.tournament import pair
from wire.api import Health, NodePhase
from wire.peers import MOST, PeerFigure, PeerReport

AT = datetime(2026, 1, 1, tzinfo=UTC)
USUAL, LOSSY = Path(30, 30, 0.0002), Path(30, 20, 0.0002)
NAMES = [f"n{number}" for number in range(1, 7)]


def fleet(*bad: tuple[str, str], path: Path = LOSSY) -> dict[tuple[str, str], Path]:
    every = {pair(one, other): USUAL for one in NAMES for other in NAMES if one < other}
    return every | {pair(*each): path for each in bad}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (Path(30, 28, 0.0002), None),
        (Path(30, 27, 0.0002), "echoes_lost"),
        (Path(30, 0, None), "echoes_lost"),
        (Path(9, 0, None), None),  # hardly asked
        (Path(30, 30, 0.0012), None),
        (Path(30, 30, 0.0013), "echoes_slow"),
    ],
)
def test_a_pair(path: Path, reason: str | None) -> None:
    found = troubles(fleet(("n1", "n2"), path=path)).get(("n1", "n2"))
    assert (found.reason if found else None) == reason


def test_a_fleet_that_is_slow_as_a_whole_has_no_slow_pair() -> None:
    assert troubles({each: Path(30, 30, 0.02) for each in fleet()}) == {}


@pytest.mark.parametrize(
    ("bad", "links"),
    [
        ([("n1", "n2")], {("n1", "n2")}),
        ([("n1", "n2"), ("n3", "n4")], {("n1", "n2"), ("n3", "n4")}),
        ([("n1", name) for name in NAMES[1:]], set()),  # it is n1
        ([("n1", name) for name in NAMES[1:4]], set()),  # it is n1 still
        ([("n1", "n2"), ("n1", "n3")], {("n1", "n2"), ("n1", "n3")}),  # well with three others
    ],
)
def test_a_link_is_bad_when_both_do_well_with_others(bad: list[tuple[str, str]], links: set[tuple[str, str]]) -> None:
    known = {each: each in bad for each in fleet()}
    assert of_links(bad, known) == links


def test_two_nodes_alone_accuse_nobody() -> None:
    assert of_links([("n1", "n2")], {("n1", "n2"): True}) == set()


SILENT = st.builds(Path, st.integers(0, 100), st.just(0), st.none())
HEARD = st.integers(1, 100).flatmap(
    lambda asked: st.builds(Path, st.just(asked), st.integers(1, asked), st.floats(0, 10))
)


@given(st.dictionaries(st.sampled_from(sorted(fleet())), SILENT | HEARD))
def test_no_figures_make_it_raise(paths: dict[tuple[str, str], Path]) -> None:
    found = troubles(paths)
    assert of_links(found, {each: each in found for each in paths}) <= found.keys()


def cluster(*links: Link, names: tuple[str, ...] = ("n1", "n2")) -> Cluster:
    nodes = {name: NodeFacts(name, NodePhase.READY, Health.HEALTHY, True, 0.0, "b", 1, None) for name in names}
    return Cluster(0.0, AT, nodes, (), links=links)


BAD = Link("n1", "n2", True, "echoes_lost", "3 of 30 echoes lost", AT)


def test_a_bad_link_is_a_finding_that_accuses_no_node() -> None:
    (found,) = slow_link.detect(cluster(BAD), Timing())
    assert (found.subject, found.node, found.reason) == ("link:n1:n2", None, "echoes_lost")
    assert found.message == "between n1 and n2: 3 of 30 echoes lost, and both do well with others"
    assert list(slow_link.detect(cluster(BAD), Timing())) == [found]  # the same occurrence


def test_one_that_is_well_again_or_of_a_node_that_is_gone_is_none() -> None:
    well = Link("n1", "n2", False, "", "", AT)
    assert list(slow_link.detect(cluster(well), Timing())) == []
    assert list(slow_link.detect(cluster(BAD, names=("n1",)), Timing())) == []


FIGURE = st.builds(PeerFigure, st.text(max_size=3), st.integers(0, 99), st.integers(0, 99), st.none() | st.floats())


@given(st.lists(st.lists(FIGURE, max_size=MOST), max_size=4))
def test_what_nodes_say_of_each_other_is_never_too_much_and_never_nonsense(looks: list[list[PeerFigure]]) -> None:
    live = Live()
    for figures in looks:
        live.hear_peers("n1", PeerReport(1, 5, figures))
    met = live.node("n1").met
    assert len(met) <= MOST
    assert all(path.answered <= path.asked and (path.seconds is None) == (not path.answered) for path in met.values())
    troubles({pair("n1", name): path for name, path in met.items()})
