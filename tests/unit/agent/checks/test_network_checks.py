"""Every judgement of links, ports, peers and far places, from readings made by hand."""

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import (
    Timed,
    Verdict,
    infiniband_down,
    infiniband_errors,
    infiniband_flapping,
    infiniband_slow,
    network_bond_degraded,
    network_down,
    network_drops,
    network_errors,
    network_flapping,
    network_slow,
    peer_slow,
    peer_unreachable,
    wan_slow,
    wan_unreachable,
)
from agent.sensors import infiniband, lan_peers, network, wan
from wire.conditions import Status
from wire.peers import PeerFigure

LINKS = [network_bond_degraded, network_down, network_drops, network_errors, network_flapping, network_slow]
PORTS = [infiniband_down, infiniband_errors, infiniband_flapping, infiniband_slow]
PEERS = [peer_slow, peer_unreachable]
WAN = [wan_slow, wan_unreachable]
UP: dict[str, Any] = {
    "name": "eth0", "present": True, "required": False, "admin_up": True, "operstate": "up", "carrier": True,
    "had_link": True,
}  # fmt: skip
ACTIVE: dict[str, Any] = {
    "name": "mlx5_0/1", "present": True, "required": False, "had_link": True, "state": 4, "state_name": "ACTIVE",
    "phys_state": 5, "phys_state_name": "LinkUp", "rate_gbps": 400.0,
}  # fmt: skip


def links(**facts: Any) -> network.Reading:
    return network.Reading([network.Interface(**UP | facts)])


def ports(**facts: Any) -> infiniband.Reading:
    return infiniband.Reading([infiniband.Port(**ACTIVE | facts)])


def judged(check: ModuleType, *readings: Any, **thresholds: Any) -> Any:
    window = [Timed(10.0 * number, reading) for number, reading in enumerate(readings)]
    return check.judge(window, check.Thresholds(**thresholds))


def said(verdict: Verdict | None) -> str | None:
    """Reason, and severity unless all is well; None where nothing was judged."""
    if verdict is None:
        return None
    return str(verdict.reason) if verdict.status is Status.FALSE else f"{verdict.reason} {verdict.severity}"


GONE: dict[str, Any] = {"carrier": False, "operstate": "down"}


@pytest.mark.parametrize(
    ("check", "facts", "expected"),
    [
        (network_down, {}, "link_up"),
        (network_down, GONE, "no_link warning"),
        (network_down, GONE | {"required": True}, "no_link critical"),
        (network_down, GONE | {"carries_address": True}, "no_link critical"),
        (network_down, GONE | {"had_link": False}, None),  # nobody ever plugged a cable in
        (network_down, GONE | {"had_link": False, "required": True}, "no_link critical"),
        (network_down, GONE | {"master": "bond0"}, None),
        (network_down, {"admin_up": False, "carrier": None}, None),  # somebody took it down
        (network_down, {"admin_up": False, "required": True}, "taken_down critical"),
        (network_down, {"present": False, "required": True}, "interface_missing critical"),
        (network_down, {"present": False}, None),
        (network_down, {"carrier": None}, "link_unknown warning"),
        (network_down, {"operstate": "unknown"}, "link_up"),  # a driver that does not say, with a link
        (network_down, {"operstate": "lowerlayerdown"}, "no_link warning"),
        (network_slow, {"speed_mbps": 100_000, "expected_mbps": 100_000}, "full_speed"),
        (network_slow, {"speed_mbps": 99_999, "expected_mbps": 100_000}, "under_expected_speed warning"),
        (network_slow, {"speed_mbps": 100, "duplex": "half"}, "half_duplex warning"),
        (network_slow, {"speed_mbps": None, "expected_mbps": 100_000}, None),
        (network_slow, {"speed_mbps": 10, "expected_mbps": 100, "carrier": False}, None),
        (network_flapping, {"downs_lately": 1}, "link_steady"),
        (network_flapping, {"downs_lately": 2}, "link_flaps warning"),
        (network_flapping, {"downs_lately": None}, None),
        (network_bond_degraded, {}, None),
        (network_bond_degraded, {"bond": network.Bond("802.3ad", ["a", "b"], ["b", "a"])}, "bond_whole"),
        (network_bond_degraded, {"bond": network.Bond("802.3ad", ["a", "b"], ["b"])}, "slaves_inactive warning"),
        (network_bond_degraded, {"bond": network.Bond("802.3ad", ["a", "b"], [])}, "no_slave_active critical"),
        (network_bond_degraded, {"bond": network.Bond("802.3ad", [], [])}, None),
    ],
)
def test_one_interface(check: ModuleType, facts: dict[str, Any], expected: str | None) -> None:
    assert said(judged(check, links(**facts)).get("eth0")) == expected


@pytest.mark.parametrize(
    ("check", "grows", "expected"),
    [
        (network_errors, {"rx_errors": 10, "rx_packets": 1000}, "errors_few"),  # just 1 %
        (network_errors, {"rx_errors": 11, "rx_packets": 1000}, "receive_errors warning"),
        (network_errors, {"rx_errors": 9, "rx_packets": 9}, "errors_few"),  # a few in a quiet interval
        (network_errors, {"tx_errors": 11, "tx_packets": 1000, "rx_packets": 10**6}, "transmit_errors warning"),
        (network_errors, {"rx_errors": -50, "rx_packets": -50}, "receive_errors warning"),  # began anew, has 50 of 50
        (network_drops, {"rx_dropped": 200, "rx_packets": 9_800}, "drops_few"),  # just 2 %
        (network_drops, {"rx_dropped": 201, "rx_packets": 9_800}, "receive_drops warning"),
        (network_drops, {"rx_dropped": 101, "rx_missed_errors": 100, "rx_packets": 9_800}, "receive_drops warning"),
        (network_drops, {"rx_dropped": 199, "rx_packets": 0}, "drops_few"),
        (network_drops, {"tx_dropped": 300, "tx_packets": 9_700}, "transmit_drops warning"),
    ],
)
def test_counters_that_grow(check: ModuleType, grows: dict[str, int], expected: str) -> None:
    before = dict.fromkeys(network.COUNTERS, 100)
    now = {name: count + grows.get(name, 0) for name, count in before.items()}
    assert said(judged(check, links(**before), links(**now))["eth0"]) == expected


@pytest.mark.parametrize("check", [network_errors, network_drops])
def test_an_interface_that_counts_nothing_or_is_new_is_not_judged(check: ModuleType) -> None:
    assert judged(check, links(), links()) == {}
    assert judged(check, network.Reading([]), links(rx_errors=5)) == {}


DOWN: dict[str, Any] = {"state": 1, "state_name": "DOWN", "phys_state": 2, "phys_state_name": "Polling"}


@pytest.mark.parametrize(
    ("check", "facts", "expected"),
    [
        (infiniband_down, {}, "port_active"),
        (infiniband_down, DOWN, "no_link critical"),
        (infiniband_down, DOWN | {"had_link": False}, None),
        (infiniband_down, DOWN | {"had_link": False, "required": True}, "no_link critical"),
        (infiniband_down, {"state": 2, "state_name": "INIT"}, "not_active critical"),  # no subnet manager
        (infiniband_down, {"present": False}, "port_missing critical"),
        (infiniband_down, {"state": None}, "state_unknown warning"),
        (infiniband_slow, {}, "full_rate"),
        (infiniband_slow, {"expected_gbps": 400.0}, "full_rate"),
        (infiniband_slow, {"rate_gbps": 200.0, "expected_gbps": 400.0}, "under_expected_rate critical"),
        (infiniband_slow, DOWN | {"rate_gbps": 10.0, "expected_gbps": 400.0}, None),
        (infiniband_slow, {"rate_gbps": None, "expected_gbps": 400.0}, None),
        (infiniband_flapping, {"downed_lately": 2}, "link_steady"),
        (infiniband_flapping, {"downed_lately": 3}, "link_flaps critical"),
        (infiniband_flapping, {}, None),
        (infiniband_errors, {}, None),
        (infiniband_errors, {"last_hour": {"symbol_error": 120, "link_error_recovery": 5}}, "errors_few"),
        (infiniband_errors, {"last_hour": {"symbol_error": 121}}, "signal_bad warning"),
        (infiniband_errors, {"last_hour": {"link_error_recovery": 6}}, "signal_bad warning"),
        (infiniband_errors, {"last_hour": {"port_rcv_errors": 121}}, "signal_bad warning"),
        (infiniband_errors, {"last_hour": {"port_xmit_discards": 360_001}}, "signal_bad warning"),
        (infiniband_errors, {"last_hour": {"local_link_integrity_errors": 1}}, "link_broken critical"),
        (infiniband_errors, {"last_hour": {"excessive_buffer_overrun_errors": 1}}, "link_broken critical"),
        (infiniband_errors, {"last_hour": {"out_of_sequence": 10**9, "VL15_dropped": 10**9}}, "errors_few"),
    ],
)
def test_one_port(check: ModuleType, facts: dict[str, Any], expected: str | None) -> None:
    assert said(judged(check, ports(**facts)).get("mlx5_0/1")) == expected


@pytest.mark.parametrize(
    ("others", "most", "facts", "expected"),
    [
        (2, 2, {}, "port_renamed warning"),  # two of other names are there instead
        (1, 2, {}, "port_missing critical"),
        (2, 2, {"required": True}, "port_missing critical"),
        (0, 0, {}, "port_missing critical"),
    ],
)
def test_a_port_of_another_name(others: int, most: int, facts: dict[str, Any], expected: str) -> None:
    there = [infiniband.Port(**ACTIVE | {"name": f"mlx5_{10 + number}/1"}) for number in range(others)]
    gone = infiniband.Port(**ACTIVE | {"present": False, "state": None} | facts)
    verdicts = judged(infiniband_down, infiniband.Reading([gone, *there], most_active=most))
    assert said(verdicts["mlx5_0/1"]) == expected
    assert {said(verdict) for name, verdict in verdicts.items() if name != "mlx5_0/1"} <= {"port_active"}


def test_as_many_ports_as_were_asked_for() -> None:
    two = infiniband.Reading([infiniband.Port(**ACTIVE), infiniband.Port(**ACTIVE | DOWN | {"had_link": False})])
    for at_least, expected in ((1, "port_active"), (2, "too_few_active critical")):
        assert said(judged(infiniband_down, msgspec.structs.replace(two, at_least=at_least))[""]) == expected


def peers(*looks: tuple[int, float | None], asked: int = 5, ever: bool = True) -> lan_peers.Reading:
    """(answered, median_s) of each peer."""
    figures = [PeerFigure(f"n{number}", asked, answered, median) for number, (answered, median) in enumerate(looks)]
    return lan_peers.Reading(7402, 1, figures, ever)


GOOD, SILENT, SLOW, LOSSY = (5, 0.0002), (0, None), (5, 0.011), (4, 0.0002)


@pytest.mark.parametrize(
    ("check", "looks", "expected"),
    [
        (peer_unreachable, (GOOD, GOOD, GOOD), "peers_answer"),
        (peer_unreachable, (GOOD, GOOD, SILENT), "peers_answer"),  # that one's own fault, as like as not
        (peer_unreachable, (GOOD, SILENT, SILENT), "most_silent critical"),
        (peer_unreachable, (GOOD, SILENT), "peers_answer"),
        (peer_unreachable, (SILENT,), "few_asked"),
        (peer_slow, (GOOD, GOOD, SLOW), "peers_quick"),
        (peer_slow, (GOOD, SLOW, SLOW), "most_slow warning"),
        (peer_slow, (GOOD, LOSSY, LOSSY), "most_lossy warning"),
        (peer_slow, (SILENT, SILENT, GOOD), "peers_quick"),
        (peer_slow, (SLOW,), "few_asked"),
    ],
)
def test_peers(check: ModuleType, looks: tuple[tuple[int, float | None], ...], expected: str) -> None:
    assert said(judged(check, peers(*looks))) == expected


def test_who_was_never_answered_by_anybody_is_told_to_look_at_the_firewall() -> None:
    verdict = judged(peer_unreachable, peers(SILENT, SILENT, ever=False))
    assert said(verdict) == "none_ever_answered warning"
    assert "7402" in verdict.message


@pytest.mark.parametrize("check", PEERS)
def test_who_asked_nobody_has_no_such_condition(check: ModuleType) -> None:
    assert judged(check, lan_peers.Reading(7402)) == {}
    assert judged(check, peers((0, None), asked=0)) == {}


@pytest.mark.parametrize(
    ("check", "facts", "expected"),
    [
        (wan_unreachable, {}, "answers"),
        (wan_unreachable, {"error": "refused"}, "no_answer warning"),
        (wan_unreachable, {"status": 404}, "answers"),
        (wan_unreachable, {"status": 500}, "server_error warning"),
        (wan_slow, {}, "quick"),
        (wan_slow, {"seconds": 1.01}, "slow warning"),
        (wan_slow, {"seconds": 5.0, "error": "refused"}, None),
    ],
)
def test_a_far_place(check: ModuleType, facts: dict[str, Any], expected: str | None) -> None:
    answer = wan.Answer(**{"name": "s3", "kind": wan.Way.TCP, "seconds": 1.0} | facts)
    assert said(judged(check, wan.Reading([answer])).get("s3")) == expected


COUNTS = st.dictionaries(st.sampled_from(sorted(infiniband.NAMES)), st.integers(0, 2**64))
PORT = st.builds(infiniband.Port, counters=COUNTS, last_hour=COUNTS)
READINGS = {
    "network": st.from_type(network.Reading),
    "infiniband": st.builds(infiniband.Reading, ports=st.lists(PORT)),
    "lan_peers": st.builds(lan_peers.Reading, figures=st.lists(st.from_type(PeerFigure))),
    "wan": st.from_type(wan.Reading),
}


@pytest.mark.parametrize("check", [*LINKS, *PORTS, *PEERS, *WAN], ids=lambda check: check.TYPE)
@given(data=st.data())
def test_no_reading_makes_a_check_raise(check: ModuleType, data: st.DataObject) -> None:
    times = data.draw(st.lists(st.floats(0, 1e9), min_size=check.WINDOW, max_size=check.WINDOW))
    window = [Timed(at, data.draw(READINGS[check.READS])) for at in times]
    verdicts = check.judge(window, check.Thresholds())
    for verdict in [verdicts] if isinstance(verdicts, Verdict) else verdicts.values():
        assert verdict.message
        assert verdict.status is not Status.TRUE or verdict.suggested_action


@pytest.mark.parametrize("sensor", [network, infiniband, lan_peers, wan], ids=lambda sensor: sensor.__name__)
@given(data=st.data())
def test_no_reading_makes_metrics_raise(sensor: ModuleType, data: st.DataObject) -> None:
    for family in sensor.metrics(data.draw(READINGS[sensor.__name__.rpartition(".")[2]])):
        assert family.name
        assert family.help
        for labels, value in family.samples:
            assert labels
            float(value)
