"""What several daemons write into their logs, line by line, with who wrote it in front."""

from collections.abc import Mapping
from pathlib import Path


class Logs:
    """From here on; what was written before is old."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._at = {name: path.stat().st_size if path.exists() else 0 for name, path in self._files.items()}
        self._width = max(map(len, self._files))

    def follow(self) -> None:
        """Print the whole lines that are new."""
        for name, path in self._files.items():
            for line in self._new(name, path):
                print(f"{name.ljust(self._width)}  {line}", flush=True)

    def _new(self, name: str, path: Path) -> list[str]:
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._at[name])
            whole = file.read().rpartition(b"\n")[0]
        if not whole:
            return []
        self._at[name] += len(whole) + 1
        return whole.decode(errors="replace").split("\n")
