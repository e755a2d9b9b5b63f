"""Real servers of storage services: private ones, on 127.0.0.x and a free port, gone with the test."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.deadline import eventually

ADDRESS = "127.0.0.61"


@dataclass
class Running:
    host: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    facts: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections, since the kernel does, and says nothing."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


def free_port(address: str = ADDRESS) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@contextmanager
def running(argv: list[str], folder: Path, port: int) -> Iterator[Running]:
    """``argv`` until it listens, and then until the test is over; it ends with this process, whatever ends it."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *argv], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:

        def up() -> bool:
            assert process.poll() is None, (folder / "server.log").read_text(errors="replace")[-2000:]
            return listens(ADDRESS, port)

        eventually(up, f"{argv[0]} listens", within_s=60)
        yield Running(ADDRESS, port, folder, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Short, for Unix sockets, and within reach of every user."""
    folder = Path(tempfile.mkdtemp(prefix="mainstay-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(*options: str) -> Iterator[Running]:
    port = free_port()
    with private_folder() as folder:
        argv = [_found("redis-server"), "--bind", ADDRESS, "--port", str(port), "--save", "", "--dir", str(folder)]
        with running([*argv, *options], folder, port) as server:
            yield server


PASSWORD = "correct horse"
MARIADB_USERS = f"""
CREATE USER mainstay@'%' IDENTIFIED BY '{PASSWORD}';
CREATE USER watcher@'%' IDENTIFIED BY '{PASSWORD}';
GRANT SLAVE MONITOR, REPLICATION SLAVE ON *.* TO watcher@'%';
"""


@contextmanager
def mariadb_server(server_id: int = 1, *options: str) -> Iterator[Running]:
    """``mainstay`` may only log in, ``watcher`` sees replication and may replicate."""
    port = free_port()
    with private_folder() as folder:
        data, start = folder / "data", folder / "start.sql"
        user = ["--user=root"] if os.geteuid() == 0 else []
        made = subprocess.run(
            [_found("mariadb-install-db"), "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"],
            capture_output=True,
            timeout=60,
        )
        assert made.returncode == 0, made.stderr
        start.write_text(MARIADB_USERS if server_id == 1 else "")
        argv = [_found("mariadbd"), "--no-defaults", *user, f"--datadir={data}", f"--socket={folder}/s"]
        argv += [f"--bind-address={ADDRESS}", f"--port={port}", f"--init-file={start}", f"--server-id={server_id}"]
        argv += ["--log-bin=bin", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", *options]
        with running(argv, folder, port) as server:
            yield server


@contextmanager
def ssh_server() -> Iterator[Running]:
    port = free_port()
    with private_folder() as folder:
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
        shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True)
        config = folder / "config"
        config.write_text(f"ListenAddress {ADDRESS}\nPort {port}\nHostKey {key}\nPidFile none\nUsePAM no\n")
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own, where it runs as root
        with running([_found("sshd"), "-D", "-e", "-f", str(config)], folder, port) as server:
            server.facts["fingerprint"] = shown.stdout.split()[1]
            yield server


def _found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"no {program} on this machine: make setup-test, as root")
    return path


GANESHA = """
NFS_CORE_PARAM {{
    NFS_Port = {port}; Bind_addr = {address}; Protocols = 4; Plugins_Dir = {plugins};
    Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
}}
NFS_KRB5 {{ Active_krb5 = false; }}
NFSv4 {{ RecoveryRoot = {folder}/recovery; Grace_Period = 5; }}
EXPORT {{
    Export_Id = 1; Path = {folder}/data; Pseudo = /data; Access_Type = RO; Protocols = 4; Transports = TCP;
    FSAL {{ Name = VFS; }}
}}
"""


def find_ganesha() -> Path | None:
    """The folder of its plugins, where this user may run it; it needs root."""
    found = next(Path("/usr/lib").glob("*/ganesha/libfsalvfs.so"), None)
    return found.parent if found and os.geteuid() == 0 and shutil.which("ganesha.nfsd") else None


@contextmanager
def nfs4_server(plugins: Path) -> Iterator[Running]:
    """NFS-Ganesha, with version 4 only: without rpcbind, that is."""
    port = free_port()
    with private_folder() as folder:
        for name in ("data", "recovery"):
            (folder / name).mkdir()
        text = GANESHA.format(port=port, address=ADDRESS, plugins=plugins, folder=folder)
        (folder / "config").write_text(text)
        argv = ["ganesha.nfsd", "-F", "-L", "STDERR", "-f", f"{folder}/config", "-p", f"{folder}/pid"]
        with running(argv, folder, port) as server:
            yield server
