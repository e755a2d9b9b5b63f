"""Interfaces and InfiniBand ports as the kernel shows them: trees like its own, and real links in network
namespaces."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.deadline import eventually
from fakes.network_reader import NetworkReader

from agent.checks import Timed, Verdict, network_down, network_flapping
from agent.sensors import Host, infiniband, network
from agent.sensors.boot_memory import BootMemory
from agent.sensors.lately import Lately

Files = dict[str, str]
Tree = Callable[[Files], str]

NIC = {
    "device/vendor": "0x15b3\n", "flags": "0x1003\n", "operstate": "up\n", "carrier": "1\n", "speed": "100000\n",
    "duplex": "full\n", "mtu": "9000\n", "carrier_changes": "4\n", "carrier_up_count": "2\n",
    "carrier_down_count": "2\n", "statistics/rx_bytes": "10\n", "statistics/rx_packets": "5\n",
    "statistics/rx_errors": "3\n", "statistics/rx_crc_errors": "2\n", "statistics/tx_errors": "1\n",
    "statistics/rx_dropped": "7\n", "statistics/tx_dropped": "8\n", "statistics/rx_missed_errors": "9\n",
    "statistics/collisions": "0\n",
}  # fmt: skip
PORT = {
    "state": "4: ACTIVE\n", "phys_state": "5: LinkUp\n", "rate": "400 Gb/sec (4X NDR)\n", "link_layer": "InfiniBand\n",
    "counters/symbol_error": "10\n", "counters/link_downed": "1\n", "counters/port_rcv_data": "1000\n",
    "counters/VL15_dropped": "2\n", "hw_counters/out_of_sequence": "3\n",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    def make(files: Files) -> str:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return str(tmp_path)

    return make


def nic(name: str, **files: str) -> Files:
    return {f"class/net/{name}/{key}": value for key, value in (NIC | files).items()}


def port(name: str, **files: str) -> Files:
    device, _, number = name.partition("/")
    return {f"{device}/ports/{number}/{key}": value for key, value in (PORT | files).items()}


def seen(root: str, host: Host | None = None, **options: object) -> dict[str, network.Interface]:
    reading = network.Watch(network.Options(**options), host or Host(), root).read()  # type: ignore[arg-type]
    return {} if reading is None else {each.name: each for each in reading.interfaces}


def ports(root: str, host: Host | None = None, **options: object) -> dict[str, infiniband.Port]:
    reading = infiniband.Watch(infiniband.Options(root=root, **options), host or Host()).read()  # type: ignore[arg-type]
    return {} if reading is None else {each.name: each for each in reading.ports}


def test_an_interface_is_told_with_all_that_it_counts(tree: Tree) -> None:
    found = seen(tree(nic("eth0")))["eth0"]
    assert (found.speed_mbps, found.mtu_bytes, found.duplex) == (100_000, 9000, "full")
    assert (found.rx_errors, found.rx_crc_errors, found.tx_errors, found.rx_missed_errors) == (3, 2, 1, 9)
    assert (found.carrier, found.admin_up, found.had_link, found.downs_lately) == (True, True, True, 0)
    assert found.tx_bytes is None  # a counter that this driver lacks


def test_only_physical_ones_and_bonds_are_looked_at_unless_they_are_named(tree: Tree) -> None:
    virtual = {f"class/net/veth1/{key}": value for key, value in NIC.items() if key != "device/vendor"}
    root = tree(nic("eth0") | virtual | {"class/net/bond0/bonding/slaves": "\n"})
    assert list(seen(root)) == ["bond0", "eth0"]
    named = seen(root, interfaces=("veth1", "eth9"))
    assert (named["veth1"].present, named["eth9"].present, named["eth9"].required) == (True, False, True)


def test_a_machine_without_any_has_no_reading(tree: Tree) -> None:
    assert network.Watch(network.Options(), Host(), tree({})).read() is None


@pytest.mark.parametrize("speed", ["-1\n", "4294967295\n", "", "fast\n"])
def test_a_speed_that_is_none(tree: Tree, speed: str) -> None:
    assert seen(tree(nic("eth0", speed=speed)))["eth0"].speed_mbps is None


def test_the_best_speed_is_remembered_until_the_machine_starts_anew(tree: Tree, tmp_path: Path) -> None:
    host = Host(state_dir=str(tmp_path), boot_id="one")
    seen(tree(nic("eth0")), host)
    slower = tree(nic("eth0", speed="25000\n"))
    assert seen(slower, host)["eth0"].expected_mbps == 100_000
    assert seen(slower, host, speed_mbps={"eth0": 200_000})["eth0"].expected_mbps == 200_000
    assert seen(slower, Host(state_dir=str(tmp_path), boot_id="two"))["eth0"].expected_mbps == 25_000


def test_a_bond_tells_which_links_carry(tree: Tree) -> None:
    bond = {"bonding/slaves": "eth0 eth1 eth2\n", "bonding/mode": "802.3ad 4\n", "bonding/ad_aggregator": "1\n"}
    slaves = {
        "eth0": {"bonding_slave/mii_status": "up\n", "bonding_slave/ad_aggregator_id": "1\n"},
        "eth1": {"bonding_slave/mii_status": "down\n", "bonding_slave/ad_aggregator_id": "1\n"},
        "eth2": {"bonding_slave/mii_status": "up\n", "bonding_slave/ad_aggregator_id": "2\n"},
    }
    files = {f"class/net/bond0/{key}": value for key, value in bond.items()}
    root = tree(files | {key: value for name, more in slaves.items() for key, value in nic(name, **more).items()})
    found = network.Watch(network.Options(), Host(), root)
    reading = found.read()
    assert reading is not None
    assert reading.interfaces[0].bond == network.Bond("802.3ad", ["eth0", "eth1", "eth2"], ["eth0"])
    tree({"class/net/bond0/bonding/slaves": "eth0\n"})
    after = found.read()
    assert after is not None
    assert after.interfaces[0].bond == network.Bond("802.3ad", ["eth0", "eth1", "eth2"], ["eth0"])


def test_links_lost_are_counted_over_a_while() -> None:
    lately = Lately(600.0)
    assert [lately.grown("eth0", count, at) for at, count in [(0, 5), (10, 7), (20, 7), (605, 8), (615, 8)]] == [
        0, 2, 2, 3, 1,
    ]  # fmt: skip
    assert lately.grown("eth0", 2, 620) == 3  # began anew, and has 2 already
    assert lately.grown("eth1", None, 0) is None


@pytest.mark.parametrize("content", ["", "[]", '{"boot_id": "b"}', '{"boot_id": "b", "seen": 3}', "\0"])
def test_what_can_not_be_read_is_forgotten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "seen.json"
    path.write_text(content)
    memory = BootMemory(str(path), "b")
    assert (memory.best("a", None), memory.flag("b", False), memory.names("c", ["x"])) == (None, False, ["x"])


def test_a_port_is_told_with_all_that_it_counts(tree: Tree) -> None:
    found = ports(tree(port("mlx5_0/1")))["mlx5_0/1"]
    assert (found.state, found.state_name, found.phys_state_name) == (4, "ACTIVE", "LinkUp")
    assert (found.rate_gbps, found.rate_name, found.link_layer) == (400.0, "4X NDR", "InfiniBand")
    assert found.counters == {
        "symbol_error": 10, "link_downed": 1, "port_rcv_data": 1000, "VL15_dropped": 2, "out_of_sequence": 3,
    }  # fmt: skip
    assert found.last_hour == {"symbol_error": 0, "link_downed": 0, "VL15_dropped": 0, "out_of_sequence": 0}


def test_a_machine_without_rdma_devices_has_no_reading(tmp_path: Path) -> None:
    assert ports(str(tmp_path / "nowhere")) == {}


def test_a_port_that_was_there_is_missed_and_one_that_is_ignored_is_not(tree: Tree, tmp_path: Path) -> None:
    host = Host(state_dir=str(tmp_path / "state"), boot_id="one")
    (tmp_path / "state").mkdir()
    root = tree(port("mlx5_0/1") | port("mlx5_1/1"))
    assert list(ports(root, host, ignore=("mlx5_1/1",))) == ["mlx5_0/1"]
    shutil.rmtree(tmp_path / "mlx5_0")
    found = ports(root, host)["mlx5_0/1"]
    assert (found.present, found.had_link) == (False, True)


def test_errors_grow_within_the_hour_and_a_rate_is_measured_at_its_best(tree: Tree) -> None:
    root = tree(port("mlx5_0/1"))
    watch = infiniband.Watch(infiniband.Options(root=root), Host())
    watch.read()
    more = {"counters/symbol_error": "15\n", "counters/link_downed": "2\n", "rate": "200 Gb/sec (4X HDR)\n"}
    tree(port("mlx5_0/1", **more))
    reading = watch.read()
    assert reading is not None
    (found,) = reading.ports
    assert (found.last_hour["symbol_error"], found.downed_lately) == (5, 1)
    assert (found.rate_gbps, found.expected_gbps) == (200.0, 400.0)


@pytest.mark.parametrize("text", ["", "?", "ACTIVE", "x: y"])
def test_a_port_that_does_not_say(tree: Tree, text: str) -> None:
    found = ports(tree(port("mlx5_0/1", state=text, rate=text)))["mlx5_0/1"]
    assert (found.state, found.rate_gbps) == (None, None)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def far_apart() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a link between them: ``near0`` here, ``far0`` there."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces: needs root and iproute2")
    here, there = f"mst-near-{os.getpid()}", f"mst-far-{os.getpid()}"
    try:
        for name in (here, there):
            ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces: not allowed here ({error.stderr.decode().strip()})")
    try:
        ip("link", "add", "near0", "netns", here, "type", "veth", "peer", "name", "far0", "netns", there)
        ip("-n", here, "link", "set", "near0", "up")
        ip("-n", there, "link", "set", "far0", "up")
        yield here, there
    finally:
        for name in (here, there):
            ip("netns", "del", name)


def test_a_real_link_goes_and_comes(far_apart: tuple[str, str]) -> None:
    here, there = far_apart
    reader = NetworkReader(here, {"interfaces": ["near0"]})

    def judged(check: object) -> Verdict:
        reading = reader.read()
        assert reading is not None
        verdict = check.judge([Timed(0.0, reading)], check.Thresholds())["near0"]  # type: ignore[attr-defined]
        assert isinstance(verdict, Verdict)
        return verdict

    def says(check: object, reason: str) -> None:
        eventually(lambda: judged(check).reason == reason, f"near0: {reason}")

    try:
        says(network_down, "link_up")
        says(network_flapping, "link_steady")
        ip("-n", there, "link", "set", "far0", "down")
        says(network_down, "no_link")
        ip("-n", there, "link", "set", "far0", "up")
        says(network_down, "link_up")
        assert judged(network_flapping).reason == "link_steady"
        ip("-n", there, "link", "set", "far0", "down")
        ip("-n", there, "link", "set", "far0", "up")  # back before anybody looked
        says(network_flapping, "link_flaps")
        ip("-n", here, "link", "set", "near0", "down")
        says(network_down, "taken_down")
        ip("-n", here, "link", "del", "near0")
        says(network_down, "interface_missing")
    finally:
        reader.close()


def test_as_many_ports_as_were_active_at_once_are_remembered(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    host = Host(state_dir=str(tmp_path / "state"), boot_id="one")
    root = tree(port("mlx5_0/1") | port("mlx5_1/1"))
    assert ports(root, host).keys() == {"mlx5_0/1", "mlx5_1/1"}
    (tmp_path / "mlx5_1").rename(tmp_path / "mlx5_7")
    reading = infiniband.Watch(infiniband.Options(root=root), host).read()
    assert reading is not None
    assert reading.most_active == 2
    assert [(each.name, each.present) for each in reading.ports] == [
        ("mlx5_0/1", True),
        ("mlx5_1/1", False),
        ("mlx5_7/1", True),
    ]
