"""Eight GPUs that fall ill one after the other: a real agent tells the controller which, and when it is over."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from equipped import Kernel, gpu_tables, restart, see_gpus
from fakes.nvml_fake import Nvml, can_build, component, uuid
from harness import ProcessCluster, eventually, given_cluster

from wire.api import EventView
from wire.conditions import Condition, Status

QUICK = "every_s = 0.2\ndeadline_s = 2.0\n"
OFF_BUS, LINE = "GpuXidOffBus", "NVRM: Xid (PCI:%s): %d, pid=1, name=python, Ch 00000010"
LAST = 62  # by the same source: what came before it was heard too


class GpuNode:
    """n1 of a cluster, its GPUs and its kernel."""

    def __init__(self, cluster: ProcessCluster, nvml: Nvml) -> None:
        self.cluster, self.nvml, self.node = cluster, nvml, cluster.nodes["n1"]
        self.kernel = Kernel(self.node.directory / "kmsg")

    def begin(self) -> None:
        quick = {"gpu_nvml": QUICK, "gpu_nvml_health": QUICK}
        restart(self.node, gpu_tables(self.nvml, **quick) + self.kernel.table)
        eventually("the GPUs are counted", lambda: self.cluster.node("n1").accelerators == 8)
        self.then("GpuLost", Status.FALSE)

    def condition(self, type_: str) -> Condition | None:
        return next((each for each in self.cluster.node("n1").conditions if each.type == type_), None)

    def is_(self, type_: str, status: Status) -> bool:
        now = self.condition(type_)
        return now is not None and now.status is status

    def hangs(self, sensor: str) -> bool:
        now = self.condition("ProbeHung")
        return now is not None and sensor in now.components

    def then(self, type_: str, status: Status, *components: str) -> Condition:
        def so() -> Condition | None:
            now = self.condition(type_)
            return now if now and (now.status, now.components) == (status, list(components)) else None

        found = eventually(f"{type_} is {status} of {components}", so)
        assert found is not None
        return found

    def logs(self, code: int, gpu: int) -> None:
        self.kernel.says(LINE % (component(gpu), code))

    def raises(self, code: int, gpu: int) -> None:
        self.nvml.xid(gpu, code)

    def told(self, code: int, gpu: int) -> list[EventView]:
        about = {"kind": "xid", "code": str(code), "component": component(gpu)}
        return [each for each in self.cluster.events(node="n1", kind="fault") if about.items() <= each.detail.items()]

    def shown(self) -> str:
        """What `mainstay node show n1` prints."""
        state = self.cluster.state
        environment = {
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "80",
            "MAINSTAY_API": self.cluster.api,
            "MAINSTAY_TOKEN_FILE": str(state / "admin.token"),
            "MAINSTAY_CA": str(state / "ca" / "ca.pem"),
        }
        argv = [sys.executable, "-m", "cli.main", "node", "show", "n1"]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpuNode]:
    if not can_build():
        pytest.skip("no C compiler on this machine")
    nvml = Nvml.build(tmp_path_factory.mktemp("nvml"))
    with pytest.MonkeyPatch.context() as environment, given_cluster(["n1"]) as cluster:
        see_gpus(nvml, environment)
        made = GpuNode(cluster, nvml)
        made.begin()
        yield made


def test_gpus_are_part_of_the_node(machine: GpuNode) -> None:
    assert "8 accelerators" in machine.shown()
    assert "8 NVIDIA H100 80GB HBM3 of 80 GiB" in machine.shown()


@pytest.mark.parametrize(
    ("gpu", "ill", "well", "condition", "reason"),
    [
        (1, {"temperature_c": 96}, {"temperature_c": 55}, "GpuHot", "core_hot"),
        (2, {"ecc_uncorrected": 1}, {"ecc_uncorrected": 0}, "GpuEccUncorrected", "uncorrected_errors"),
        (3, {"lost": 1}, {"lost": 0}, "GpuLost", "gpu_fell_off_bus"),
        (4, {"recovery_action": 1}, {"recovery_action": 0}, "GpuRecoveryNeeded", "gpu_reset_needed"),
    ],
)
def test_one_gpu_falls_ill_and_gets_well(
    machine: GpuNode, gpu: int, ill: dict[str, int], well: dict[str, int], condition: str, reason: str
) -> None:
    machine.nvml.gpu(gpu, **ill)
    found = machine.then(condition, Status.TRUE, uuid(gpu))
    assert found.reason == reason
    assert component(gpu) in found.message
    assert uuid(gpu) in machine.shown()

    machine.nvml.gpu(gpu, **well)
    machine.then(condition, Status.FALSE)


def test_a_lost_gpu_is_no_place_for_work(machine: GpuNode) -> None:
    machine.nvml.lose(6)
    eventually("seven are left", lambda: machine.cluster.node("n1").accelerators == 7)
    machine.nvml.find(6)
    eventually("eight are back", lambda: machine.cluster.node("n1").accelerators == 8)


def test_a_call_that_errs_is_of_one_gpu(machine: GpuNode) -> None:
    machine.nvml.call("nvmlDeviceGetTemperature", gpu=2, error=999)
    found = machine.then("GpuLost", Status.TRUE, uuid(2))
    assert found.reason == "gpu_no_answer"

    machine.nvml.answer("nvmlDeviceGetTemperature", gpu=2)
    machine.then("GpuLost", Status.FALSE)


def test_a_driver_that_refuses_is_a_fault_of_the_node(machine: GpuNode) -> None:
    machine.nvml.mismatch()
    restart(machine.node, "")
    assert machine.then("GpuDriver", Status.TRUE).reason == "version_mismatch"

    machine.nvml.answer("nvmlInitWithFlags")
    machine.then("GpuDriver", Status.FALSE)
    machine.then("GpuLost", Status.FALSE)


def test_a_call_that_hangs_makes_unknown_and_holds_up_nothing_else(machine: GpuNode) -> None:
    machine.nvml.call("nvmlDeviceGetUtilizationRates", gpu=5, hang=True)
    eventually("it is told", lambda: machine.hangs("gpu_nvml"))  # who waits for the same library may hang with it
    eventually("nothing is known", lambda: machine.is_("GpuHot", Status.UNKNOWN))
    machine.logs(48, 7)
    eventually("others are heard", lambda: machine.told(48, 7))

    machine.nvml.answer("nvmlDeviceGetUtilizationRates", gpu=5)
    machine.then("ProbeHung", Status.FALSE)
    machine.then("GpuHot", Status.FALSE)


def test_an_xid_that_both_tell_is_one_event(machine: GpuNode) -> None:
    for first, second, gpu in [(machine.logs, machine.raises, 0), (machine.raises, machine.logs, 5)]:
        first(79, gpu)
        eventually("it is told", lambda gpu=gpu: machine.told(79, gpu))
        second(79, gpu)
        second(LAST, gpu)

        eventually("what came after it is told", lambda gpu=gpu: machine.told(LAST, gpu))
        assert len(machine.told(79, gpu)) == 1
    machine.then(OFF_BUS, Status.TRUE, component(0), component(5))
