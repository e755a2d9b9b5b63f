"""An agent or a controller on this machine, and what is to be looked at."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.doctor import certificates, daemons, files, reach, units
from cli.doctor.finding import Finding, Seen, look, ok, unseen, warn
from cli.doctor.reach import Papers
from cli.install import agent as agent_place
from cli.install import controller as controller_place
from wire.names import is_wildcard, join_host_port, split_host_port

Looks = list[tuple[str, Callable[[], Seen]]]
NOBODY, NOT_OTHERS_WRITE = 0o077, 0o022


@dataclass(frozen=True)
class Where:
    """``service``: installed with units and a user; else somebody's own daemon, such as that of `mainstay up`."""

    config: Path
    programs: Path
    service: bool


def agent(where: Where, now: datetime) -> list[Finding]:
    user = agent_place.USER if where.service else None
    asked = daemons.configuration([str(where.programs / "mainstay-agent")], where.config, user)
    looks: Looks = [("configuration", lambda: asked.seen)]
    if where.service:
        looks += [
            ("its owner", lambda: files.owned(where.config, "root", beyond=NOT_OTHERS_WRITE)),
            ("user", lambda: files.user(agent_place.USER)),
            *_units((agent_place.SERVICE, agent_place.SOCKET), where.programs),
            ("helper", lambda: files.socket_for(Path(agent_place.HELPER_SOCKET), agent_place.USER)),
        ]
    if asked.value is not None:
        looks += _agent_of(asked.value, user, now)
    return look("agent", looks)


def _agent_of(config: dict[str, Any], user: str | None, now: datetime) -> Looks:
    state, workers = Path(config["state_dir"]), config["workers"]
    identity = state / "identity"
    papers = Papers(identity / "ca.pem", identity / "certificate.pem", identity / "key.pem")
    join = "join it again: a new join token, then `mainstay-agent join` as the agent's user"
    owner = user or files.user_name(os.geteuid())
    return [
        ("state", lambda: files.owned(state, owner, beyond=0o066)),
        ("key", lambda: files.owned(identity / "key.pem", owner, beyond=NOBODY)),
        (
            "certificate",
            lambda: certificates.look(identity / "certificate.pem", identity / "ca.pem", [config["node"]], now, join),
        ),
        ("link", lambda: reach.look(_link(config, identity), papers)),
        *([("API", lambda: reach.look(config["api"], Papers(identity / "ca.pem")))] if config["api"] else []),
        *([] if config["helper"] else [("helper", lambda: _without_helper(user))]),
        ("hold", lambda: files.hold(Path(config["hold_file"]))),
        ("space", lambda: files.space(state)),
        *files.workers(workers["users"], workers["roots"], workers["interpreters"]),
    ]


def controller(where: Where, now: datetime) -> list[Finding]:
    user = controller_place.USER if where.service else None
    argv = [str(where.programs / "mainstay"), "controller"]
    asked = daemons.configuration(argv, where.config, user)
    looks: Looks = [("configuration", lambda: asked.seen)]
    if where.service:
        looks += [
            ("its owner", lambda: files.owned(where.config, "root", beyond=NOT_OTHERS_WRITE)),
            ("user", lambda: files.user(controller_place.USER)),
            *_units((controller_place.SERVICE,), where.programs),
        ]
    if asked.value is not None:
        looks += _controller_of(asked.value, user, now)
        database = [*argv, "database", "--config", str(where.config)]
        looks.append(
            ("database", _for_owner(user, daemons.says(database, user, "see that it runs and can be reached")))
        )
    return look("controller", looks)


def _controller_of(config: dict[str, Any], user: str | None, now: datetime) -> Looks:
    state = Path(config["state_dir"])
    authority, server = state / "ca" / "ca.pem", state / "tls" / "server.pem"
    owner = user or files.user_name(os.geteuid())
    restart = "restart the controller, which renews it"
    new = "it cannot be renewed: make a new one, and let every node join again"
    return [
        ("state", lambda: files.owned(state, owner, beyond=NOBODY)),
        ("authority's key", lambda: files.owned(state / "ca" / "ca.key", owner, beyond=NOBODY)),
        ("authority", lambda: certificates.look(authority, authority, [], now, new)),
        ("certificate", lambda: certificates.look(server, authority, _names(config), now, restart)),
        ("API", lambda: reach.look(_local(config["api"]["listen"]), Papers(authority), called="localhost")),
        ("link", lambda: reach.open_port(_local(config["link"]["listen"]))),
        ("space", lambda: files.space(state)),
    ]


def _units(names: tuple[str, ...], programs: Path) -> Looks:
    return [("unit", lambda name=name: units.look(name, programs)) for name in names]  # type: ignore[misc]


def _for_owner(user: str | None, each: Callable[[], Seen]) -> Callable[[], Seen]:
    may = user is None or os.geteuid() == 0
    return each if may else lambda: unseen(f"only {user} and root can ask it")


def _link(config: dict[str, Any], identity: Path) -> str:
    return str(config["controllers"][0]) if config["controllers"] else (identity / "link").read_text().strip()


def _without_helper(user: str | None) -> Seen:
    """How `mainstay up` runs; a service is another matter."""
    text = "none: workers run as the agent's own user, or as any when that is root, in no scope of their own"
    return ok(text) if user is None else warn(text, f'set helper = "{agent_place.HELPER_SOCKET}" in agent.toml')


def _names(config: dict[str, Any]) -> list[str]:
    """What the server's certificate must be for: what was listed, and what is listened on but for wildcards."""
    hosts = [split_host_port(config[each]["listen"])[0] for each in ("api", "link")]
    return [*config["names"], *(host for host in hosts if not is_wildcard(host)), "localhost"]


def _local(listen: str) -> str:
    """A wildcard is reached on loopback."""
    host, port = split_host_port(listen)
    return join_host_port("::1" if ":" in host else "127.0.0.1", port) if is_wildcard(host) else listen
