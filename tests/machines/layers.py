"""Trees that lie over one another."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


def overlaid(at: Path, layers: Sequence[Path], upper: Path) -> None:
    """Mounts at ``at`` the layers, the topmost first, under a writable directory in ``upper``."""
    disk, work = upper / "upper", upper / "work"
    for directory in (at, disk, work):
        directory.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={':'.join(map(str, layers))},upperdir={disk},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(at)], check=True, capture_output=True)


def unmount(at: Path) -> None:
    if at.is_mount():
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@contextlib.contextmanager
def building(directory: Path, layers: Sequence[Path]) -> Iterator[Path]:
    """A tree to change; what was changed lies in ``directory`` / upper from then on, a layer for others."""
    root = directory / "root"
    overlaid(root, layers, directory)
    try:
        yield root
    finally:
        unmount(root)
