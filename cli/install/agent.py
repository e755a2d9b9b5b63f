"""What an agent's node needs."""

import json
import os
import pwd
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli import processes
from cli.errors import Failed, Invalid
from cli.install import systemctl, units
from cli.install.place import Place
from cli.install.steps import ROOT, Directory, Do, File, Gone, GoneIfEmpty, NoUser, Owner, Step, User
from wire.names import split_host_port

USER = "mainstay-agent"
SERVICE, SOCKET, REQUEST, SLICE = (
    "mainstay-agent.service",
    "mainstay-helper.socket",
    "mainstay-helper@.service",
    "mainstay-parts.slice",
)
SLICE_ABOVE = "mainstay.slice"  # systemd's own, from the name
REQUESTS_SLICE = "system-mainstay*helper.slice"  # systemd's own, for the instances; an escaped dash in its name
UNITS = (SERVICE, SOCKET, REQUEST, SLICE)
ENABLED = (SOCKET, SERVICE)
CONFIG, STATE, FOLDER = "/etc/mainstay/agent.toml", "/var/lib/mainstay-agent", "/etc/mainstay"
HELPER_SOCKET = "/run/mainstay-helper.sock"
RUNTIME = "/run/mainstay-parts"
HOLD = "/etc/mainstay/hold"
JOIN_S = 60.0


@dataclass(frozen=True)
class Wanted:
    """What was given on the command line."""

    node: str | None = None
    address: str | None = None
    api: str | None = None
    users: Sequence[str] = field(default_factory=list)
    roots: Sequence[str] = field(default_factory=list)
    interpreters: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Joining:
    token_file: Path | None
    ca_fingerprint: str | None


def steps(wanted: Wanted, place: Place, programs: Path) -> list[Step]:
    """Raises Invalid with the agent's own word about what is wrong."""
    sysusers = units.sysusers(USER, place)
    return [
        sysusers,
        User(place, USER, sysusers.path),
        Directory(place.at(STATE), Owner(place, USER, USER, 0o711)),
        Directory(place.at(FOLDER), Owner(place, ROOT, ROOT, 0o755)),
        File(place.at(CONFIG), configuration(wanted, programs), Owner(place, ROOT, USER, 0o640), once=True),
        *units.written(UNITS, place, programs),
        units.known(UNITS, place),
        units.enabled(ENABLED, place),
    ]


def starting(joining: Joining, wanted: Wanted, place: Place, programs: Path) -> list[Step]:
    """What makes it run now: a certificate, where the node has none, and the units."""
    return [
        Do("join the cluster", lambda: not joined(place), lambda: join(joining, wanted, programs)),
        Do(f"start {SOCKET}", lambda: not systemctl.is_active(SOCKET), lambda: systemctl.start(SOCKET)),
        Do(f"start {SERVICE}", lambda: not systemctl.is_active(SERVICE), lambda: systemctl.start(SERVICE)),
    ]


def removal(place: Place, *, purge: bool) -> list[Step]:
    """Without ``purge`` state and configuration stay, and so does the user they belong to: its number must not become
    somebody else's."""
    kept: list[Step] = [
        Gone(place.at(STATE)),
        Gone(place.at(CONFIG)),
        Gone(place.at(HOLD)),
        NoUser(place, USER),
        GoneIfEmpty(place.at(FOLDER)),
    ]
    return [
        *units.disabled(ENABLED, place),
        *units.stopped([SERVICE, SOCKET, "mainstay-helper@*.service", REQUESTS_SLICE, SLICE, SLICE_ABOVE], place),
        Do("end what is left of parts", lambda: bool(_left(place)), lambda: _end(place)),
        *units.removed(UNITS, place),
        *units.no_sysusers(USER, place),
        Gone(place.at(RUNTIME)),
        *(kept if purge else []),
    ]


def parts(place: Place) -> list[str]:
    """Parts of jobs with a process on this machine, as JOB.N."""
    if not place.here:
        return []
    scopes = systemctl.active_units("mainstay-part-*.scope")
    return sorted({*map(_part_of_scope, scopes), *processes.parts(place.at(STATE))})


def configuration(wanted: Wanted, programs: Path) -> str:
    """As the agent itself writes and reads it."""
    lists = {"workers.users": wanted.users, "workers.roots": wanted.roots, "workers.interpreters": wanted.interpreters}
    given = {
        "helper": HELPER_SOCKET,
        "node": wanted.node,
        "address": wanted.address or _address_towards(wanted.api),
        "api": wanted.api,
        **{name: _toml_list(values) for name, values in lists.items() if values},
    }
    return sample([str(programs / "mainstay-agent"), "config", "sample"], given)


def sample(argv: list[str], given: dict[str, str | None]) -> str:
    """Raises Invalid with the daemon's own word."""
    settings = [word for name, value in given.items() if value for word in ("--set", f"{name}={value}")]
    done = subprocess.run([*argv, *settings], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Invalid(done.stderr.strip().rpartition("\n")[2].partition(": ")[2] or "no sample configuration was made")
    return done.stdout


def joined(place: Place) -> bool:
    return place.at(f"{STATE}/identity/certificate.pem").exists() or place.at(f"{STATE}/identity.new").exists()


def join(joining: Joining, wanted: Wanted, programs: Path) -> None:
    """As the agent's own user; the token travels in the environment, where only that user and root can see it."""
    if joining.token_file is None or joining.ca_fingerprint is None:
        raise Invalid("this node has not joined yet: give --token-file and --ca-fingerprint, or join it yourself first")
    entry = pwd.getpwnam(USER)
    argv = [str(programs / "mainstay-agent"), "join", "--ca-fingerprint", joining.ca_fingerprint]
    done = subprocess.run(
        [*argv, *(["--api", wanted.api] if wanted.api else [])],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "MAINSTAY_JOIN_TOKEN": _token(joining.token_file)},
        capture_output=True,
        text=True,
        timeout=JOIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(done.stderr.strip().rpartition("\n")[2] or "mainstay-agent join failed")


def _token(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"--token-file {file}: cannot be read: {error}") from None


def _address_towards(api: str | None) -> str | None:
    """This machine's own address on the way to the controller; nothing is sent."""
    if api is None:
        return None
    try:
        host, _ = split_host_port(api)
        family, _, _, _, target = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(target)
            return str(asking.getsockname()[0])
    except (OSError, ValueError, IndexError):
        return None  # the agent itself says what is wrong


def _left(place: Place) -> list[str]:
    return processes.parts(place.at(STATE)) if place.here else []


def _end(place: Place) -> None:
    processes.kill_node(None, place.at(STATE))


def _part_of_scope(unit: str) -> str:
    return unit.removeprefix("mainstay-part-").removesuffix(".scope")


def _toml_list(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)
