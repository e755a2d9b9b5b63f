"""What is left in parts' scopes, read from the control groups' files."""

import asyncio
from pathlib import Path

from agent.helper.runtime import SystemdRuntime


def scope(cgroups: Path, part: str, populated: int) -> None:
    workers = cgroups / "mainstay.slice" / "mainstay-parts.slice" / f"mainstay-part-{part}.scope" / "workers"
    workers.mkdir(parents=True)
    (workers / "cgroup.events").write_text(f"populated {populated}\nfrozen 0\n")


def test_workers_in_a_scope_of_no_known_part_are_strays(tmp_path: Path) -> None:
    scope(tmp_path, "lm-1.1", populated=1)
    scope(tmp_path, "lm-1.2", populated=1)
    scope(tmp_path, "lm-1.3", populated=0)
    runtime = SystemdRuntime(tmp_path / "helper.sock", cgroups=tmp_path)

    found = asyncio.run(runtime.strays(tmp_path / "attempts", [], ["lm-1.2"]))

    assert found == ["processes of lm-1.1 in mainstay-part-lm-1.1.scope"]
