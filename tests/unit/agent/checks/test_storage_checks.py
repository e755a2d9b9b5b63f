"""Every judgement of storage services, from readings made by hand."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import (
    Timed,
    Verdict,
    hdfs_degraded,
    storage_replication_lag,
    storage_service_down,
    storage_service_full,
    storage_service_read_only,
    storage_service_slow,
)
from agent.sensors.storage.reading import Cause, Facts, Reading, Role, Server
from wire.conditions import Severity, Status

CHECKS = [
    hdfs_degraded,
    storage_replication_lag,
    storage_service_down,
    storage_service_full,
    storage_service_read_only,
    storage_service_slow,
]
GIB = 2**30
REPLICA, PRIMARY = {"role": Role.REPLICA}, {"role": Role.PRIMARY}


def server(facts: dict[str, Any] | None = None, **known: Any) -> Server:
    return Server(service="redis", name="main", address="10.0.0.1:6379", facts=Facts(**(facts or {})), **known)


def judged(check: ModuleType, *servers: Server, **thresholds: Any) -> dict[str, Verdict]:
    found: dict[str, Verdict] = check.judge([Timed(0.0, Reading(list(servers)))], check.Thresholds(**thresholds))
    return found


def reason(check: ModuleType, one: Server, **thresholds: Any) -> str | None:
    verdict = judged(check, one, **thresholds).get("redis/main")
    return None if verdict is None else str(verdict.reason)


@pytest.mark.parametrize(
    ("check", "facts", "expected"),
    [
        (storage_replication_lag, {}, None),
        (storage_replication_lag, PRIMARY | {"lag_s": 99.0}, None),
        (storage_replication_lag, REPLICA, None),
        (storage_replication_lag, REPLICA | {"lag_s": 30.0}, "replica_current"),
        (storage_replication_lag, REPLICA | {"lag_s": 30.1}, "replica_behind"),
        (storage_replication_lag, REPLICA | {"lag_s": 30.1, "replicating": True}, "replica_behind"),
        (storage_replication_lag, REPLICA | {"replicating": False}, "replication_stopped"),
        (storage_replication_lag, REPLICA | {"replicating": True}, "replica_current"),
        (storage_service_full, {}, None),
        (storage_service_full, {"connections": 1}, None),
        (storage_service_full, {"connections": 1, "connections_most": 0}, None),
        (storage_service_full, {"connections": 79, "connections_most": 100}, "room_enough"),
        (storage_service_full, {"connections": 80, "connections_most": 100}, "connections_near_limit"),
        (storage_service_full, {"bytes_used": 89 * GIB, "bytes_most": 100 * GIB}, "room_enough"),
        (storage_service_full, {"bytes_used": 90 * GIB, "bytes_most": 100 * GIB}, "capacity_near_limit"),
        (storage_service_read_only, {}, None),
        (storage_service_read_only, PRIMARY | {"read_only": False}, "role_right"),
        (storage_service_read_only, PRIMARY | {"read_only": True}, "not_writable"),
        (storage_service_read_only, {"read_only": True}, "not_writable"),
        (storage_service_read_only, REPLICA | {"read_only": True}, "role_right"),
        (hdfs_degraded, {}, None),
        (hdfs_degraded, {"nodes_live": 3, "nodes_dead": 0, "blocks_under_replicated": 1000}, "whole"),
        (hdfs_degraded, {"nodes_live": 3, "nodes_dead": 1}, "nodes_dead"),
        (hdfs_degraded, {"blocks_missing": 1, "nodes_dead": 1}, "blocks_missing"),
        (hdfs_degraded, {"blocks_under_replicated": 1001}, "under_replicated"),
    ],
)
def test_one_server(check: ModuleType, facts: dict[str, Any], expected: str | None) -> None:
    assert reason(check, server(facts)) == expected


def test_some_dead_nodes_may_be_allowed() -> None:
    facts = {"nodes_live": 9, "nodes_dead": 1}
    assert reason(hdfs_degraded, server(facts), dead_nodes=0.1) == "whole"
    assert reason(hdfs_degraded, server(facts), dead_nodes=0.09) == "nodes_dead"


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, "quick"), (2.1, "slow")])
def test_slow(seconds: float, expected: str) -> None:
    assert reason(storage_service_slow, server(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("wanted", "role", "expected"),
    [
        (Role.PRIMARY, Role.REPLICA, "role_wrong"),
        (Role.REPLICA, Role.PRIMARY, "role_wrong"),
        (Role.PRIMARY, Role.PRIMARY, "role_right"),
        (Role.PRIMARY, Role.UNKNOWN, "role_right"),
    ],
)
def test_the_role_that_is_wanted(wanted: Role, role: Role, expected: str) -> None:
    one = server({"role": role, "read_only": role is Role.REPLICA}, wanted=wanted)
    assert reason(storage_service_read_only, one) == expected


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause])
def test_a_server_that_is_down(cause: Cause) -> None:
    verdict = judged(storage_service_down, server(cause=cause, error="so it is"))["redis/main"]
    assert verdict.reason == str(cause)
    assert verdict.severity is Severity.WARNING, "it is no fault of this node"
    assert "10.0.0.1:6379" in verdict.message
    assert verdict.status is (Status.UNKNOWN if cause.ours else Status.TRUE)
    assert bool(verdict.suggested_action) is not cause.ours
    for check in (storage_service_slow, storage_service_full, storage_replication_lag):
        other = judged(check, server({"lag_s": 1.0}, cause=cause)).get("redis/main")
        assert (other is None) is cause.ours, "what can't be asked is told once"
        assert other is None or other.status is Status.UNKNOWN


def test_every_server_is_judged_by_itself() -> None:
    verdicts = judged(storage_service_down, server(cause=Cause.REFUSED), Server(service="s3", name="main"))
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        "redis/main": Status.TRUE,
        "s3/main": Status.FALSE,
    }


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.TYPE)
@given(reading=st.from_type(Reading))
def test_no_reading_makes_a_check_raise(check: ModuleType, reading: Reading) -> None:
    for verdict in check.judge([Timed(0.0, reading)], check.Thresholds()).values():
        assert verdict.message
        assert verdict.status is not Status.TRUE or verdict.suggested_action
        assert verdict.severity is not Severity.CRITICAL
