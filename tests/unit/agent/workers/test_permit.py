"""What a node lets jobs run."""

import os
import pwd
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.workers import permit as permits
from agent.workers.permit import Refusal, permit
from agent.workers.policy import WorkerPolicy
from wire.orders import LaunchAttempt, OutcomeReason
from wire.specs import Launcher

OWN = pwd.getpwuid(os.geteuid()).pw_name
USER = "nobody" if OWN == "root" else OWN


@pytest.fixture
def launch(tmp_path: Path) -> LaunchAttempt:
    (tmp_path / "train.py").write_text("")
    return LaunchAttempt(
        job="gang-1",
        attempt=1,
        node_rank=0,
        nodes=1,
        workers_per_node=1,
        launcher=Launcher.DIRECT,
        interpreter=sys.executable,
        script=str(tmp_path / "train.py"),
        args=[],
        directory=str(tmp_path),
        environment={},
        user=USER,
        master_address="127.0.0.1",
        master_port=1,
    )


def refusal(launch: LaunchAttempt, tmp_path: Path, **policy: Any) -> Refusal | None:
    values = {"interpreters": [sys.executable], "roots": [str(tmp_path)], "users": [USER], **policy}
    return permit(launch, WorkerPolicy(**values), "n2", any_user=os.geteuid() == 0)


def test_what_the_policy_names_is_allowed(launch: LaunchAttempt, tmp_path: Path) -> None:
    assert refusal(launch, tmp_path) is None


def test_nothing_is_allowed_by_default(launch: LaunchAttempt) -> None:
    assert permit(launch, WorkerPolicy(), "n2", any_user=os.geteuid() == 0) is not None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user": "stranger"}, 'user "stranger" may not run jobs on n2: add it to workers.users in agent.toml there'),
        ({"interpreter": "/bin/sh"}, 'add "/bin/sh" to workers.interpreters in agent.toml on n2'),
        ({"script": "/etc/passwd"}, 'add "/etc" to workers.roots in agent.toml on n2'),
        ({"directory": "/etc"}, "directory /etc lies below none of the allowed roots"),
        ({"checkpoint_dir": "/etc/attempt-1"}, "checkpoint.dir /etc/attempt-1 lies below none"),
    ],
)
def test_what_it_does_not_name_is_refused_with_the_mend(
    launch: LaunchAttempt, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    refused = refusal(msgspec.structs.replace(launch, **changes), tmp_path)
    assert refused is not None
    assert refused.reason is OutcomeReason.NOT_PERMITTED
    assert said in refused.message


def test_dots_and_links_do_not_lead_out(launch: LaunchAttempt, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    for script in (f"{tmp_path}/../../../etc/passwd", f"{tmp_path}/link/passwd"):
        refused = refusal(msgspec.structs.replace(launch, script=script), tmp_path)
        assert refused is not None
        assert refused.reason is OutcomeReason.NOT_PERMITTED


def test_root_is_refused_even_when_listed(launch: LaunchAttempt, tmp_path: Path) -> None:
    refused = refusal(msgspec.structs.replace(launch, user="root"), tmp_path, users=["root"])
    assert refused is not None
    assert refused.reason is OutcomeReason.NOT_PERMITTED
    assert "never run as root" in refused.message


def test_an_agent_that_is_not_root_only_has_its_own_user(
    launch: LaunchAttempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits.os, "geteuid", lambda: 12345)
    refused = refusal(launch, tmp_path)
    assert refused is not None
    assert "can only use its own user" in refused.message


@pytest.mark.parametrize("field", ["script", "directory"])
def test_what_is_not_there_is_not_found(launch: LaunchAttempt, tmp_path: Path, field: str) -> None:
    refused = refusal(msgspec.structs.replace(launch, **{field: str(tmp_path / "gone")}), tmp_path)
    assert refused is not None
    assert refused.reason is OutcomeReason.NOT_FOUND
    assert f"{field} {tmp_path}/gone" in refused.message


def test_a_user_the_node_does_not_have_is_not_found(launch: LaunchAttempt, tmp_path: Path) -> None:
    refused = refusal(msgspec.structs.replace(launch, user="no-such-user"), tmp_path, users=["no-such-user"])
    assert refused is not None
    assert refused.reason is OutcomeReason.NOT_FOUND


def test_an_interpreter_is_taken_as_written(launch: LaunchAttempt, tmp_path: Path) -> None:
    """By its text it is the one that is allowed; exec goes through the link."""
    (tmp_path / "elsewhere" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "below")
    other = msgspec.structs.replace(launch, interpreter=f"{tmp_path}/link/../python")
    refused = refusal(other, tmp_path, interpreters=[f"{tmp_path}/python"])
    assert refused is not None
    assert refused.reason is OutcomeReason.NOT_PERMITTED
