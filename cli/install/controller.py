"""What the controller's machine needs."""

import json
import pwd
import socket
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.install import systemctl, units
from cli.install.agent import FOLDER, sample
from cli.install.place import Place
from cli.install.steps import ROOT, Directory, Do, File, Gone, GoneIfEmpty, NoUser, Owner, Step, User
from wire.names import API_PORT, LINK_PORT, is_wildcard, join_host_port, split_host_port

USER = "mainstay"
SERVICE = "mainstay-controller.service"
UNITS = (SERVICE,)
CONFIG, STATE, TOP = "/etc/mainstay/controller.toml", "/var/lib/mainstay/controller", "/var/lib/mainstay"
TOKEN, CA = f"{STATE}/admin.token", f"{STATE}/ca/ca.pem"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Wanted:
    """What was given on the command line; ``listen`` is an address of this machine, without a port."""

    listen: str = LOOPBACK
    names: Sequence[str] = field(default_factory=list)
    admin_user: str | None = None

    @property
    def api(self) -> str:
        """What this machine's own command line calls it."""
        return f"localhost:{API_PORT}" if is_wildcard(self.listen) else join_host_port(self.listen, API_PORT)

    @property
    def called(self) -> list[str]:
        """A wildcard is no name: others reach this machine by its own."""
        return list(self.names) or ([socket.getfqdn().lower()] if is_wildcard(self.listen) else [])


def steps(wanted: Wanted, place: Place, programs: Path) -> list[Step]:
    """Raises Invalid with the controller's own word about what is wrong."""
    sysusers = units.sysusers("mainstay-controller", place)
    return [
        sysusers,
        User(place, USER, sysusers.path),
        Directory(place.at(TOP), Owner(place, ROOT, ROOT, 0o755)),
        Directory(place.at(STATE), Owner(place, USER, USER, 0o700)),
        Directory(place.at(FOLDER), Owner(place, ROOT, ROOT, 0o755)),
        File(place.at(CONFIG), configuration(wanted, programs), Owner(place, ROOT, USER, 0o640), once=True),
        *units.written(UNITS, place, programs),
        units.known(UNITS, place),
        units.enabled(UNITS, place),
        File(cli_settings(place), settings(wanted), Owner(place, ROOT, ROOT, 0o600), once=True),
    ]


def starting() -> list[Step]:
    return [Do(f"start {SERVICE}", lambda: not systemctl.is_active(SERVICE), lambda: systemctl.start(SERVICE))]


def removal(place: Place, *, purge: bool) -> list[Step]:
    """Without ``purge`` state and configuration stay, and so does the user they belong to."""
    own = cli_settings(place)
    forgotten: list[Step] = (
        [Gone(own), GoneIfEmpty(own.parent), GoneIfEmpty(own.parent.parent)] if _points_here(own) else []
    )
    kept: list[Step] = [
        Gone(place.at(STATE)),
        GoneIfEmpty(place.at(TOP)),
        Gone(place.at(CONFIG)),
        NoUser(place, USER),
        GoneIfEmpty(place.at(FOLDER)),
        *forgotten,
    ]
    return [
        *units.disabled(UNITS, place),
        *units.stopped(UNITS, place),
        *units.removed(UNITS, place),
        *units.no_sysusers("mainstay-controller", place),
        *(kept if purge else []),
    ]


def reached(place: Place) -> str:
    """HOST:PORT of the API as nodes call it, by the configuration that is there."""
    config = tomllib.loads(place.at(CONFIG).read_text())
    listen = config.get("api", {}).get("listen") or join_host_port(LOOPBACK, API_PORT)
    host, port = split_host_port(listen)
    names = config.get("names") or [host]
    return join_host_port(names[0], port) if is_wildcard(host) else listen


def configuration(wanted: Wanted, programs: Path) -> str:
    """As the controller itself writes and reads it."""
    given = {
        "names": json.dumps(wanted.called) if wanted.called else None,
        "admin_user": wanted.admin_user,
        "api.listen": join_host_port(wanted.listen, API_PORT),
        "link.listen": join_host_port(wanted.listen, LINK_PORT),
    }
    return sample([str(programs / "mainstay"), "controller", "config", "sample"], given)


def settings(wanted: Wanted) -> str:
    """With them root's `mainstay` finds the controller without any option."""
    return f'api = "{wanted.api}"\ntoken_file = "{TOKEN}"\nca = "{CA}"\n'


def cli_settings(place: Place) -> Path:
    return place.at(f"{pwd.getpwuid(0).pw_dir}/.config/mainstay/cli.toml")


def _points_here(file: Path) -> bool:
    return file.is_file() and f'"{TOKEN}"' in file.read_text(errors="replace")
