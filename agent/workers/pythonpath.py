"""The only part of Mainstay that enters a job's Python: a directory of its own, put first on PYTHONPATH."""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

HOOK = "_sitecustomize.py"


def ensure_pythonpath(state_dir: Path) -> Path:
    """Makes ``state_dir/pythonpath/HASH`` with the package ``mainstay`` and the start-up hook, unless it is there.

    Named by content: workers of a running part keep the one they started with when the agent is upgraded.
    """
    files = _files()
    parent = state_dir / "pythonpath"
    target = parent / _hash(files)
    if target.is_dir():
        return target
    parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    try:
        _write(temporary, files)
        with contextlib.suppress(OSError):  # another was faster, and made the same
            os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _files() -> dict[str, bytes]:
    """Path in the directory: content. The package is found, not imported: the agent has no use for it."""
    spec = importlib.util.find_spec("mainstay")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package mainstay is not installed beside the agent")
    package = Path(spec.origin).parent
    files = {f"mainstay/{path.name}": path.read_bytes() for path in sorted(package.glob("*.py"))}
    return files | {"sitecustomize.py": files[f"mainstay/{HOOK}"]}


def _hash(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _write(directory: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # once it has its name it is believed to be whole, also after a power cut
        path.chmod(0o644)
