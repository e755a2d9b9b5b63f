"""A PostgreSQL server of the tests' own: in a folder of its own, on a Unix socket only, gone with the tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from fakes.deadline import eventually

SUPERUSER = "mainstay"
SETTINGS = (
    "listen_addresses=",
    "fsync=off",  # what is tested is SQL, not PostgreSQL's own durability
    "timezone=Asia/Kolkata",  # a server need not think in UTC
)


class PostgresServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return self._folder

    def run(self, *statements: str) -> None:
        """As the superuser."""
        with self._connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self) -> str:
        """Make an empty database; its SQLAlchemy URL."""
        self._made += 1
        name = f"test_{self._made}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{SUPERUSER}@/{name}?host={self._folder}"

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self._folder), user=SUPERUSER, dbname="postgres", autocommit=True)


def find_binaries() -> Path | None:
    """The folder with initdb and postgres of the newest PostgreSQL here (Debian keeps them out of PATH)."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name))
    on_path = shutil.which("initdb")
    candidates = [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((place for place in candidates if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresServer]:
    """A server that ends with this process, whatever ends it. Run by root, it runs as an ordinary user."""
    folder = Path(tempfile.mkdtemp(prefix="mainstay-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        user = _give_to_ordinary_user(folder)
        data = folder / "data"
        made = subprocess.run(
            [*user, str(binaries / "initdb"), "--auth=trust", f"--username={SUPERUSER}", "--no-sync", "-D", str(data)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert made.returncode == 0, made.stderr
        with _server_process([*user, "--pdeathsig=INT", str(binaries / "postgres")], folder, data):
            server = PostgresServer(folder)
            eventually(server.answers, f"PostgreSQL answers in {folder}", within_s=30)
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server_process(start: list[str], folder: Path, data: Path) -> Iterator[None]:
    options = [option for setting in (*SETTINGS, f"unix_socket_directories={folder}") for option in ("-c", setting)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*start, "-D", str(data), *options], cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown: open connections are closed
        process.wait(timeout=30)


def _give_to_ordinary_user(folder: Path) -> list[str]:
    """The command that runs the rest of a command line as the folder's user; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return ["setpriv"]
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in {"postgres", "nobody"})
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def running_replica(binaries: Path, primary: PostgresServer) -> Iterator[PostgresServer]:
    """A copy of ``primary`` that follows it."""
    folder = Path(tempfile.mkdtemp(prefix="mainstay-pg-", dir="/tmp"))
    try:
        user = _give_to_ordinary_user(folder)
        source = ["-h", str(primary.folder), "-U", SUPERUSER, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        copied = subprocess.run(
            [*user, str(binaries / "pg_basebackup"), *source, "-D", str(folder / "data")],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert copied.returncode == 0, copied.stderr
        with _server_process([*user, "--pdeathsig=INT", str(binaries / "postgres")], folder, folder / "data"):
            replica = PostgresServer(folder)
            eventually(replica.answers, f"the replica answers in {folder}", within_s=30)
            yield replica
    finally:
        shutil.rmtree(folder)
