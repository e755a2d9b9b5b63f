"""Where `mainstay up` keeps what, and the configurations that it writes at its first start."""

import contextlib
import fcntl
import os
import pwd
import socket
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cli import local, toml
from cli.client import Client
from cli.demo.account import INTERPRETER, Account
from cli.errors import Invalid, Refused
from cli.settings import Settings
from wire.names import API_PORT, LINK_PORT, NodeName

CONTROLLER_CONFIG, AGENT_CONFIG = "controller.toml", "agent.toml"
PORTS = (API_PORT, LINK_PORT)  # an installation's, so that the command line's defaults fit
ROOTS_HOME = Path("/var/lib/mainstay-up")  # jobs of root's agent run as another user, who may not pass through /root


def default_directory() -> Path:
    if os.geteuid() == 0:
        return ROOTS_HOME
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "mainstay-up"


@dataclass(frozen=True)
class Place:
    root: Path

    @property
    def controller_config(self) -> Path:
        return self.root / CONTROLLER_CONFIG

    @property
    def agent_config(self) -> Path:
        return self.root / AGENT_CONFIG

    @property
    def agent_state(self) -> Path:
        return self.root / "agent"

    @property
    def token(self) -> Path:
        return self.root / "controller" / "admin.token"

    @property
    def ca(self) -> Path:
        return self.root / "controller" / "ca" / "ca.pem"

    @property
    def joined(self) -> bool:
        return (self.agent_state / "identity").exists() or (self.agent_state / "identity.new").exists()

    @property
    def api(self) -> str:
        return str(_read(self.controller_config)["api"]["listen"])

    @property
    def node(self) -> str:
        return str(_read(self.agent_config)["node"])

    @property
    def environment(self) -> dict[str, str]:
        """What the command line needs to talk to it."""
        return {"MAINSTAY_API": self.api, "MAINSTAY_TOKEN_FILE": str(self.token), "MAINSTAY_CA": str(self.ca)}

    def log(self, daemon: str) -> Path:
        return self.root / f"{daemon}.log"

    def connect(self) -> Client:
        """Raises OSError while the controller has not made its first token yet."""
        return Client(Settings(self.api, self.token.read_text().strip(), self.ca))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Raises Refused when another `mainstay up` runs here."""
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refused(f"{self.root}: another `mainstay up` runs here; stop it, or name another --dir") from None
            yield


def prepare(root: Path, account: Account, automation: str | None) -> Place:
    """What is there stays; the files are the person's own from then on. Raises Invalid."""
    place = Place(root.absolute())
    try:
        place.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        (place.root / "lock").touch(mode=0o600)
    except OSError as error:
        raise Invalid(f"--dir {place.root}: {error.strerror}; name a directory you may write to") from None
    if not place.controller_config.exists():
        place.controller_config.write_text(toml.encode(_controller(place, account, automation)))
    if not place.agent_config.exists():
        place.agent_config.write_text(toml.encode(_agent(place, account)))
    return place


def _controller(place: Place, account: Account, automation: str | None) -> Mapping[str, object]:
    api, link = PORTS if all(map(_free, PORTS)) else local.free_ports(2)
    return {
        "state_dir": str(place.root / "controller"),
        "admin_user": account.name,
        "api": {"listen": f"{local.LOOPBACK}:{api}"},
        "link": {"listen": f"{local.LOOPBACK}:{link}"},
        **({"automation": {"first_mode": automation}} if automation else {}),
    }


def _agent(place: Place, account: Account) -> Mapping[str, object]:
    interpreters = [INTERPRETER, str(Path(sys.prefix) / "bin" / "python"), "/usr/bin/python3"]
    roots = [pwd.getpwnam(account.name).pw_dir, os.getcwd(), str(place.root)]
    return {
        "node": _own_name(),
        "address": local.LOOPBACK,
        "api": place.api,
        "state_dir": str(place.agent_state),
        "hold_file": str(place.root / "hold"),
        "workers": {
            "interpreters": [each for each in dict.fromkeys(interpreters) if os.access(each, os.X_OK)],
            "roots": [each for each in dict.fromkeys(roots) if each != "/" and os.path.isdir(each)],
            "users": [account.name],
        },
    }


def _own_name() -> str:
    """This machine's, where it is one that a node may have."""
    name = socket.gethostname().lower().partition(".")[0]
    try:
        return msgspec.convert(name, NodeName)
    except msgspec.ValidationError:
        return "here"


def _free(port: int) -> bool:
    try:
        socket.create_server((local.LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path}: {error}; mend it, or remove it and it is written anew") from None
