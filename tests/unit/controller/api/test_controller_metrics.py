"""The controller's page for Prometheus."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from fakes.played_api import Api, Play

from controller.state.facts import Moment
from controller.state.live import LiveNode
from controller.state.views import Seen, faults_by_type
from wire.conditions import Condition, Severity, Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def node(*conditions: Condition) -> LiveNode:
    return LiveNode(conditions={condition.type: condition for condition in conditions})


def condition(type_: str, status: Status = Status.TRUE, expires_at: datetime = LATER) -> Condition:
    return Condition(type_, status, Severity.CRITICAL, "reason", "message", NOW, 1, expires_at)


@pytest.mark.parametrize(
    ("nodes", "counted"),
    [
        ([], {}),
        ([node(condition("GpuHot")), node(condition("GpuHot"), condition("DiskFull"))], {"GpuHot": 2, "DiskFull": 1}),
        ([node(condition("GpuHot", Status.FALSE), condition("GpuLost", Status.UNKNOWN))], {}),
        ([node(condition("GpuHot", expires_at=NOW))], {}),
    ],
    ids=["no node", "two nodes", "not there, or unknown", "expired"],
)
def test_what_is_true_now_is_counted(nodes: list[LiveNode], counted: dict[str, int]) -> None:
    moment = Moment(0.0, NOW, {f"n{number}": each for number, each in enumerate(nodes)}, 0.0)
    assert faults_by_type(Seen(moment, {})) == {(type_, "critical"): count for type_, count in counted.items()}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_promtool_finds_nothing_to_say(with_api: Play) -> None:
    async def scene(api: Api) -> None:
        await api.join("n1")
        await api.post("/v1/jobs", {"name": "lm", "script": "/srv/lm.py", "nodes": 2})
        page = (await api.get("/metrics")).text
        said = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True, timeout=30)
        assert (said.returncode, said.stdout + said.stderr) == (0, "")

    with_api(scene)
