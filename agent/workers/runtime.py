"""How a node's parts are started, ended and removed: by the agent itself, or through systemd and the root helper."""

import asyncio
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Protocol

from agent.workers import part_files, shim
from agent.workers.aside import aside
from agent.workers.orphans import sweep_orphans
from agent.workers.shim import records
from agent.workers.shim.records import Spec
from agent.workers.strays import strays
from wire.orders import LaunchAttempt

SHIM_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Runtime(Protocol):
    """May raise OSError; ``part_dir`` holds the spec already."""

    any_user: bool  # whether workers can be other users than the agent's

    async def start(self, part_dir: Path, spec: Spec, launch: LaunchAttempt) -> str | None:
        """None when the shim is on its way; otherwise why not, in one line."""

    async def sweep(self, part: str, shim: str, known: Collection[tuple[int, int]]) -> int:
        """Kills what a part whose shim is gone left running, until none is left; how many."""

    async def strays(self, attempts: Path, live: Iterable[str], live_parts: Iterable[str]) -> list[str]:
        """Processes of no part that is accounted for, in words. ``live``: shims; ``live_parts``: names."""

    async def remove_below(self, forgotten: Path) -> None:
        """Removes forgotten parts, with all that their workers made there."""


class DirectRuntime:
    """The shim is the agent's own child at first; workers are found by descent and by their marks."""

    any_user = os.geteuid() == 0

    async def start(self, part_dir: Path, spec: Spec, launch: LaunchAttempt) -> str | None:
        if os.geteuid() == 0:
            os.chown(part_dir / records.WORK_DIR, spec.uid, spec.gid)
        with (part_dir / records.ERRORS).open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *shim_command(part_dir),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
                env=SHIM_ENVIRONMENT,
                start_new_session=True,
            )
        return None if await process.wait() == 0 else why_no_shim(part_dir)

    async def sweep(self, part: str, shim: str, known: Collection[tuple[int, int]]) -> int:
        return await sweep_orphans(shim, known)

    async def strays(self, attempts: Path, live: Iterable[str], live_parts: Iterable[str]) -> list[str]:
        return await aside(lambda: strays(attempts, live))

    async def remove_below(self, forgotten: Path) -> None:
        await aside(lambda: part_files.remove_below(forgotten))


def shim_command(part_dir: Path) -> list[str]:
    """It goes into the background by itself."""
    return [sys.executable, "-I", "-S", str(Path(shim.__file__).with_name("__main__.py")), str(part_dir)]


def why_no_shim(part_dir: Path) -> str:
    try:
        text = (part_dir / records.ERRORS).read_text("utf-8", "replace").strip()
    except OSError as error:
        text = str(error)
    return text.rpartition("\n")[2] or "it ended without a word"
