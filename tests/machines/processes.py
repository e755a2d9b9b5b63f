"""A machine's processes, looked at from the host."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """``pid`` is the host's number for it, ``number`` the machine's own."""

    pid: int
    number: int

    @property
    def command(self) -> list[str]:
        return self._read("cmdline").rstrip("\0").split("\0")

    @property
    def environment(self) -> dict[str, str]:
        """That it was started with."""
        return dict(entry.partition("=")[::2] for entry in self._read("environ").split("\0") if "=" in entry)

    @property
    def status(self) -> dict[str, str]:
        """As in proc(5): Uid, CapEff, State and the like."""
        return {name: value.strip() for name, _, value in map(_colon, self._read("status").splitlines())}

    @property
    def group(self) -> str:
        """The name of its control group."""
        return next((line for line in self._read("cgroup").splitlines() if line.startswith("0::")), "")

    @property
    def alive(self) -> bool:
        return self.status.get("State", "Z")[0] not in "ZX"

    def _read(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text(errors="replace")
        except OSError:
            return ""


def beside(init: int) -> list[Process]:
    """Everything that lives in the machine whose first process that is."""
    namespace = _namespace(init)
    mates = [Process(pid, number_inside(pid)) for pid in _pids() if namespace and _namespace(pid) == namespace]
    return [process for process in mates if process.alive]


def number_inside(pid: int) -> int:
    """0 for one that is gone."""
    return int(Process(pid, 0).status.get("NSpid", "0").split()[-1])


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _colon(line: str) -> tuple[str, str, str]:
    return line.partition(":")
