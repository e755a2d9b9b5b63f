"""Where to install: this machine, or a directory that is to become one (an image, a test)."""

import grp
import pwd
from dataclasses import dataclass
from pathlib import Path

UNIT_TEMPLATES = Path(__file__).resolve().parent.parent.parent / "systemd"


@dataclass(frozen=True)
class Place:
    root: Path = Path("/")

    @property
    def here(self) -> bool:
        """This machine itself, whose service manager can be asked."""
        return self.root == Path("/")

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def unit(self, name: str) -> Path:
        return self.at("/etc/systemd/system") / name

    def option(self, name: str) -> list[str]:
        """For programs that take another root directory."""
        return [] if self.here else [f"{name}={self.root}"]

    def uid(self, name: str) -> int:
        """-1 when there is no such user."""
        return self._number("passwd", name)

    def gid(self, name: str) -> int:
        return self._number("group", name)

    def _number(self, file: str, name: str) -> int:
        """By the machine's own directory of users; elsewhere by the file alone."""
        if self.here:
            try:
                return pwd.getpwnam(name).pw_uid if file == "passwd" else grp.getgrnam(name).gr_gid
            except KeyError:
                return -1
        if name == "root":
            return 0
        path = self.at(f"/etc/{file}")
        lines = path.read_text().splitlines() if path.exists() else []
        return next((int(line.split(":")[2]) for line in lines if line.startswith(f"{name}:")), -1)
