"""The TPU sensor against a real gRPC server that speaks the documented protocol, built by the real protobuf library."""

import os
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from agent.checks import Timed, tpu_lost, tpu_runtime_silent
from agent.sensors import Host, protobuf, tpu
from agent.sensors.tpu import Chip, Reading, Service
from wire.conditions import Status

PACKAGE = "tpu.monitoring.runtime"
GIB = 2**30
TYPES = {"double": 1, "int64": 3, "bool": 8, "string": 9}
MESSAGES = {  # of tpu_metric_service.proto, as far as it is spoken here: name to fields (number, type, repeated)
    "Gauge": {"as_double": (1, "double"), "as_int": (2, "int64")},
    "AttrValue": {"string_attr": (1, "string"), "int_attr": (3, "int64")},
    "Attribute": {"key": (1, "string"), "value": (2, "AttrValue")},
    "Metric": {"attribute": (1, "Attribute"), "gauge": (3, "Gauge")},
    "TPUMetric": {"name": (1, "string"), "description": (2, "string"), "metrics": (3, "Metric", "repeated")},
    "MetricRequest": {"metric_name": (1, "string"), "skip_node_aggregation": (2, "bool")},
    "MetricResponse": {"metric": (1, "TPUMetric")},
}


def built() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="tpu.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *repeated) in fields.items():
            label = 3 if repeated else 1
            if kind in TYPES:
                message.field.add(name=field, number=number, label=label, type=TYPES[kind])
            else:
                message.field.add(name=field, number=number, label=label, type=11, type_name=f".{PACKAGE}.{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


TYPE = built()


class Runtime(grpc.GenericRpcHandler):
    """libtpu's service: figures by metric and device."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[int, float]] = {}
        self.asked: list[str] = []

    def service(self, details: Any) -> Any:
        assert details.method == f"/{PACKAGE}.RuntimeMetricService/GetRuntimeMetric"
        return grpc.unary_unary_rpc_method_handler(
            self._answer, TYPE["MetricRequest"].FromString, TYPE["MetricResponse"].SerializeToString
        )

    def _answer(self, request: Any, context: Any) -> Any:
        self.asked.append(request.metric_name)
        if request.metric_name not in self.figures:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such metric")
        response = TYPE["MetricResponse"]()
        response.metric.name = request.metric_name
        for device, value in self.figures[request.metric_name].items():
            metric = response.metric.metrics.add()
            metric.attribute.key = "device-id"
            metric.attribute.value.int_attr = device
            if isinstance(value, float):
                metric.gauge.as_double = value
            else:
                metric.gauge.as_int = value
        return response


@pytest.fixture
def runtime() -> Iterator[tuple[Runtime, str]]:
    served, server = Runtime(), grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((served,))
    port = server.add_insecure_port("127.0.0.66:0")
    server.start()
    yield served, f"127.0.0.66:{port}"
    server.stop(None).wait(10)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PCI bus with four chips of a TPU v5e, one of them without a driver, and something else."""
    for number in range(5):
        entry = tmp_path / "pci" / f"0000:00:0{number}.0"
        entry.mkdir(parents=True)
        (entry / "vendor").write_text("0x1ae0\n" if number < 4 else "0x8086\n")
        (entry / "device").write_text("0x0063\n")
        (entry / "subsystem_device").write_text("0x0000\n")
        if number:
            (entry / "driver").symlink_to("/sys/bus/pci/drivers/vfio-pci")
    fds = tmp_path / "proc" / "4711" / "fd"
    fds.mkdir(parents=True)
    (fds / "3").symlink_to("/dev/vfio/0")
    (tmp_path / "proc" / "4712" / "fd").mkdir(parents=True)
    (tmp_path / "proc" / "4712" / "fd" / "3").symlink_to("/dev/vfio/vfio")
    return tmp_path


def look(machine: Path, address: str, **options: Any) -> Any:
    places = {"pci_devices": str(machine / "pci"), "proc": str(machine / "proc"), "address": address}
    return tpu.attach(tpu.Options(**places, **options), Host(state_dir=str(machine))).read()


def test_what_the_runtime_says(machine: Path, runtime: tuple[Runtime, str]) -> None:
    served, address = runtime
    served.figures = {
        tpu.DUTY: {0: 12.5, 1: 0.0},
        tpu.USED: {0: 3 * GIB, 1: 0},
        tpu.TOTAL: {0: 16 * GIB, 1: 16 * GIB},
    }
    reading = look(machine, address)
    assert [chip.driver for chip in reading.chips] == ["", "vfio-pci", "vfio-pci", "vfio-pci"]
    assert {chip.model for chip in reading.chips} == {"TPU v5e"}
    assert (reading.most, reading.service, reading.holders) == (4, Service.ANSWERS, [4711])
    assert reading.cores == [tpu.Core(0, 12.5, 3 * GIB, 16 * GIB), tpu.Core(1, 0.0, 0, 16 * GIB)]
    assert served.asked == [tpu.DUTY, tpu.USED, tpu.TOTAL]
    names = {family.name: family.samples for family in tpu.metrics(reading)}
    assert names["mainstay_tpu_duty_cycle_ratio"] == [({"tpu": "0"}, 0.125), ({"tpu": "1"}, 0.0)]
    assert len(tpu.accelerators(reading)) == 3


def test_two_cores_of_a_chip_share_its_duty(machine: Path, runtime: tuple[Runtime, str]) -> None:
    served, address = runtime
    served.figures = {tpu.DUTY: {0: 50.0, 1: 70.0}, tpu.USED: dict.fromkeys(range(4), 1), tpu.TOTAL: {}}
    assert [core.duty_percent for core in look(machine, address).cores] == [50.0, 50.0, 70.0, 70.0]


def test_a_runtime_that_is_not_there_or_knows_not_the_question(machine: Path, runtime: tuple[Runtime, str]) -> None:
    _, address = runtime
    assert look(machine, address).service is Service.SILENT
    assert look(machine, "127.0.0.66:1").service is Service.ABSENT


def test_a_machine_without_tpus(tmp_path: Path) -> None:
    (tmp_path / "pci").mkdir()
    assert look(tmp_path, "127.0.0.66:1") is None


def test_a_chip_that_was_there_is_missed(machine: Path) -> None:
    look(machine, "127.0.0.66:1")
    (machine / "pci" / "0000:00:01.0" / "vendor").unlink()
    assert look(machine, "127.0.0.66:1").most == 4
    assert look(machine, "127.0.0.66:1", expected=3).most == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="another user may not look into the processes of this one")
def test_the_holders_are_looked_for_in_proc() -> None:
    assert tpu.holders(Path("/proc")) == []


@pytest.mark.parametrize(
    ("chips", "most", "expected"),
    [
        ([Chip("a", "TPU v4", "accel")], 1, {"tpus": "tpu_present", "a": "tpu_present"}),
        ([Chip("a", "TPU v4")], 1, {"tpus": "tpu_present", "a": "tpu_without_driver"}),
        ([Chip("a", "TPU v4", "accel")], 4, {"tpus": "tpu_missing", "a": "tpu_present"}),
        ([], 0, {"tpus": "tpu_present"}),
    ],
)
def test_tpu_lost(chips: list[Chip], most: int, expected: dict[str, str]) -> None:
    verdicts = tpu_lost.judge([Timed(0, Reading(chips, most, Service.ABSENT))], tpu_lost.Thresholds())
    assert {name: str(verdict.reason) for name, verdict in verdicts.items()} == expected


@pytest.mark.parametrize(
    ("service", "holders", "served", "reason", "status"),
    [
        (Service.ANSWERS, [1], True, "runtime_answers", Status.FALSE),
        (Service.ABSENT, [], True, "tpu_idle", Status.FALSE),
        (Service.ABSENT, None, True, "tpu_idle", Status.FALSE),
        (Service.ABSENT, [1], False, "not_served", Status.FALSE),
        (Service.ABSENT, [1], True, "runtime_absent", Status.TRUE),
        (Service.SILENT, [], False, "runtime_silent", Status.TRUE),
        (Service.LIBRARY_MISSING, [1], True, "library_missing", Status.UNKNOWN),
    ],
)
def test_tpu_runtime_silent(
    service: Service, holders: list[int] | None, served: bool, reason: str, status: Status
) -> None:
    reading = Reading([], 0, service, "so it says", holders)
    verdict = tpu_runtime_silent.judge([Timed(0, reading)], tpu_runtime_silent.Thresholds(served=served))
    assert (str(verdict.reason), verdict.status) == (reason, status)


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff" * 12, b"\x09\x00"])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(protobuf.Malformed):
        list(protobuf.fields(data))
