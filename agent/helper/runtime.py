"""Parts in scopes of their own, started and ended by the root helper (docs/decisions/0008)."""

from collections.abc import Collection, Iterable
from pathlib import Path

from agent.helper.client import HelperError, ask
from agent.helper.protocol import Kill, Remove, Start
from agent.workers.aside import aside
from agent.workers.runtime import why_no_shim
from agent.workers.shim.group import SCOPE_PREFIX, WORKERS
from agent.workers.shim.records import Spec
from wire.orders import LaunchAttempt

CGROUPS = Path("/sys/fs/cgroup")
SLICE = "mainstay-parts.slice"


class SystemdRuntime:
    any_user = True

    def __init__(self, helper: Path, cgroups: Path = CGROUPS) -> None:
        self._helper = helper
        self._cgroups = cgroups

    async def start(self, part_dir: Path, spec: Spec, launch: LaunchAttempt) -> str | None:
        try:
            await ask(self._helper, Start(launch, spec.shim, spec.boot_id, spec.pythonpath))
        except HelperError as error:
            return str(error) or why_no_shim(part_dir)
        return None

    async def sweep(self, part: str, shim: str, known: Collection[tuple[int, int]]) -> int:
        """Raises OSError when the helper can't: the caller tries again."""
        try:
            return (await ask(self._helper, Kill(part))).killed
        except HelperError as error:
            raise OSError(f"{part}: {error}") from None

    async def strays(self, attempts: Path, live: Iterable[str], live_parts: Iterable[str]) -> list[str]:
        accounted = set(live_parts)
        return [
            f"processes of {part} in {scope.name}"
            for part, scope in await aside(lambda: self._populated())
            if part not in accounted
        ]

    async def remove_below(self, forgotten: Path) -> None:
        """What can't be removed now is tried again with the next."""
        if await aside(lambda: forgotten.is_dir() and any(forgotten.iterdir())):
            try:
                await ask(self._helper, Remove())
            except HelperError as error:
                raise OSError(f"{forgotten}: {error}") from None

    def _populated(self) -> list[tuple[str, Path]]:
        """Parts whose scopes have workers, by name."""
        found = []
        for scope in sorted(self._cgroups.glob(f"**/{SLICE}/{SCOPE_PREFIX}*.scope")):
            name = scope.name.removeprefix(SCOPE_PREFIX).removesuffix(".scope")
            if _has_workers(scope):
                found.append((name, scope))
        return found


def _has_workers(scope: Path) -> bool:
    """A shim alone is about to end."""
    try:
        return "populated 1" in (scope / WORKERS / "cgroup.events").read_text("ascii")
    except OSError:
        return False
