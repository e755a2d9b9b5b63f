"""One machine: real systemd on a disk of its own, on the session's bridge."""

import contextlib
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from fakes.observed_cluster import eventually
from machines import cgroups, network
from machines.layers import overlaid, unmount
from machines.processes import Process, beside, number_inside

BOOT_S = 30.0
RUN_S = 60.0
REBOOT = 133  # systemd-nspawn's exit status when the machine asked to be started again
PATH = "/opt/mainstay/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CABLE = """[Unit]
DefaultDependencies=no
Before=network.target
Wants=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set host0 up
ExecStart=ip address add {address}/24 dev host0
[Install]
WantedBy=sysinit.target
"""


class Machine:
    """``layers``: read-only trees below its own disk, the topmost first. ``binds``: NSPAWN's --bind arguments."""

    def __init__(
        self,
        session: str,
        name: str,
        address: str,
        bridge: str,
        directory: Path,
        layers: Sequence[Path],
        hosts: Mapping[str, str],
        binds: Sequence[str],
    ) -> None:
        self.name, self.address, self.id = name, address, f"{session}-{name}"
        self.directory, self.root = directory, directory / "root"
        self._bridge, self._layers, self._hosts, self._binds = bridge, layers, hosts, binds
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._stay_down = threading.Event()

    # -- life

    def boot(self) -> None:
        """On the disk as it stands; with an empty one the first time."""
        if not self.root.exists():
            self.directory.mkdir()
            overlaid(self.root, self._layers, self.directory / "disk")
            self._lay_out()
        self._stay_down.clear()
        self._keeper = threading.Thread(target=self._keep, daemon=True, name=self.id)
        self._keeper.start()

    def wait_until_running(self, deadline_s: float = BOOT_S) -> None:
        eventually(f"{self.name} runs", self._has_booted, deadline_s)
        failed = self.run("systemctl", "--failed", "--plain", "--no-legend").stdout
        assert not failed, f"{self.name} has booted, but: {failed}"

    def start(self) -> None:
        self.boot()
        self.wait_until_running()

    def stop(self) -> None:
        """As a person does it: systemd ends all units in their order."""
        self._stay_down.set()
        self.run("systemctl", "poweroff", check=False)
        self._join()

    def kill(self) -> None:
        """A power cut: nothing on it gets to say anything, and its cable is dead before its programs are."""
        self._stay_down.set()
        with contextlib.suppress(network.NoNetwork):
            self.link_down()
        cgroups.kill(self.id)
        self._join()

    def reboot(self) -> None:
        """From inside; returns when it is up again."""
        before = self.boot_id()
        self.run("systemctl", "reboot", check=False)
        eventually(f"{self.name} is up again", lambda: self._has_booted() and self.boot_id() != before, BOOT_S)

    def remove(self) -> None:
        """In whatever state it is."""
        self.kill()
        cgroups.remove(self.id)
        unmount(self.root)

    def link_down(self) -> None:
        network.set_link(self.id, "down")

    def link_up(self) -> None:
        network.set_link(self.id, "up")

    # -- inside

    def run(
        self,
        *argv: str,
        check: bool = True,
        stdin: str = "",
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = RUN_S,
    ) -> subprocess.CompletedProcess[str]:
        """As root, or as ``user``, with the PATH a person gives herself; raises AssertionError where it fails."""
        names = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", **(environment or {})}
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        enter = ["nsenter", "-t", str(self._init()), "-m", "-p", "-n", "-u", "-i", "-C", "--", *become]
        done = subprocess.run(
            [*enter, *argv], input=stdin, capture_output=True, text=True, env=names, timeout=timeout_s, check=False
        )
        said = f"{self.name}: {' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0 or not check, said
        return done

    def path(self, inside: str) -> Path:
        """A file of the machine's as the host sees it."""
        return self.root / inside.lstrip("/")

    def put(self, file: Path, inside: str) -> None:
        """A copy of a host's file."""
        shutil.copy(file, self.path(inside))

    def boot_id(self) -> str:
        return self.run("cat", "/proc/sys/kernel/random/boot_id", check=False).stdout.strip()

    def is_up(self) -> bool:
        try:
            return bool(self._init())
        except MachineDown:
            return False

    def processes(self) -> list[Process]:
        """All that runs on it; none when it is down."""
        try:
            return beside(self._init())
        except MachineDown:
            return []

    def control_groups(self) -> list[Path]:
        payload = cgroups.hierarchies()[0] / self.id / "payload"
        return [path.relative_to(payload) for path in payload.rglob("*") if path.is_dir()]

    def unit(self, name: str, what: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--property", what, "--value", name).stdout.strip()

    def journal(self) -> list[str]:
        """Lines about Mainstay; also of a machine that is down."""
        where = ["journalctl", "-D", str(self.path("/var/log/journal")), "--no-pager", "-o", "short-precise"]
        lines = subprocess.run(where, capture_output=True, text=True, check=False).stdout.splitlines()
        return [line for line in lines if "mainstay" in line or "Traceback" in line]

    # -- how

    def _lay_out(self) -> None:
        names = "".join(f"{address} {name}\n" for name, address in self._hosts.items())
        files = {
            "/etc/hostname": f"{self.name}\n",
            "/etc/machine-id": f"{secrets.token_hex(16)}\n",
            "/etc/hosts": f"127.0.0.1 localhost\n{names}",
            "/etc/systemd/system/test-cable.service": CABLE.format(address=self.address),
        }
        for path, text in files.items():
            self.path(path).write_text(text)
        self.path("/var/log/journal").mkdir(exist_ok=True)
        wants = self.path("/etc/systemd/system/sysinit.target.wants")
        wants.mkdir(exist_ok=True)
        (wants / "test-cable.service").symlink_to("/etc/systemd/system/test-cable.service")

    def _keep(self) -> None:
        """Its hardware, so to speak: starts it again when it asks for that."""
        while True:
            self._nspawn = self._power_on()
            if self._nspawn.wait() != REBOOT or self._stay_down.is_set():
                return

    def _power_on(self) -> subprocess.Popen[bytes]:
        groups = cgroups.make(self.id)
        enter = "".join(f"echo $$ >{group}/cgroup.procs; " for group in groups)
        nspawn = ["systemd-nspawn", "--boot", "--quiet", "--register=no", "--keep-unit", "--console=pipe"]
        nspawn += ["--resolv-conf=off", "--timezone=off", f"--machine={self.id}", f"--directory={self.root}"]
        nspawn += [f"--network-bridge={self._bridge}", *self._binds]
        with (self.directory / "console").open("ab") as console:
            return subprocess.Popen(
                ["sh", "-c", f'{enter}exec "$@"', "sh", *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                start_new_session=True,
            )

    def _join(self) -> None:
        if self._keeper is not None:
            self._keeper.join(BOOT_S)
            assert not self._keeper.is_alive(), f"{self.name} does not go down"

    def _has_booted(self) -> bool:
        if self._keeper is not None and not self._keeper.is_alive():
            raise CannotBoot((self.directory / "console").read_text(errors="replace").strip()[-300:])
        with contextlib.suppress(MachineDown):
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            return state in ("running", "degraded")
        return False

    def _init(self) -> int:
        """Of the machine's processes the one that is the first in there."""
        payload = cgroups.hierarchies()[0] / self.id / "payload" / "init.scope" / "cgroup.procs"
        try:
            pids = payload.read_text().split()
        except OSError:
            pids = []
        first = next((int(pid) for pid in pids if number_inside(int(pid)) == 1), None)
        if first is None:
            raise MachineDown(f"{self.name} is down")
        return first


class MachineDown(Exception):
    pass


class CannotBoot(Exception):
    """The last that was on its console."""
