"""A cluster on this machine: a controller and an agent for each node, in processes of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from cli import local, processes, toml
from cli.client import TIMEOUT_S, Client
from cli.demo.account import INTERPRETER, Account
from cli.demo.errors import DemoFailed
from cli.demo.layout import EXAMPLES, MARK, Layout
from cli.demo.waiting import Waiter
from cli.errors import NotFound
from cli.processes import Daemon
from cli.settings import Settings
from wire.api import NodePhase, NodeView

GRACE_S = 5.0
EXAMPLE_ROOTS = [str(EXAMPLES), "/var/tmp/bytes-lm"]  # noqa: S108 - what examples/bytes-lm.toml says
JOIN_S = 120.0


class Cluster:
    """Made of files in ``layout`` and of ``daemons``; what a later `--stop` needs is kept on disk."""

    def __init__(self, layout: Layout, account: Account) -> None:
        self.layout, self.account = layout, account
        self.daemons: dict[str, Daemon] = {}
        self.api = ""

    @property
    def environment(self) -> dict[str, str]:
        """What the command line needs to talk to it."""
        return {
            "MAINSTAY_API": self.api,
            "MAINSTAY_TOKEN_FILE": str(self.layout.token),
            "MAINSTAY_CA": str(self.layout.ca),
        }

    def start_controller(self, wait: Waiter) -> Client:
        api, link = local.free_ports(2)
        self.api = f"127.0.0.1:{api}"
        self.layout.controller_config.write_text(toml.encode(self._controller(link)))
        self.restart_controller()
        wait.until("the controller to answer", self._answers)
        return self.connect()

    def restart_controller(self) -> None:
        """Start it with the configuration it had."""
        self._start("controller", "controller.main", self.layout.controller_config)

    def connect(self, timeout_s: float = TIMEOUT_S) -> Client:
        return Client(Settings(self.api, self.layout.token.read_text().strip(), self.layout.ca), timeout_s)

    def join(self, client: Client) -> None:
        """Every node gets its certificate with a token of its own."""
        joining = {node: self._join(client, node) for node in self.layout.nodes}
        for node, process in joining.items():
            _, errors = process.communicate(timeout=JOIN_S)
            if process.returncode != 0:
                raise DemoFailed(f"{node} could not join: {errors.strip() or process.returncode}")

    def start_agent(self, node: str) -> None:
        self._start(node, "agent.main", self.layout.node_config(node))

    def kill_node(self, node: str) -> tuple[int, int]:
        """Agent, shims and workers of a node, SIGKILL, all at once; gives how many, and how many were no agent."""
        agent = self.daemons.pop(node).process
        killed, found = processes.kill_node(agent, self.layout.node_state(node))
        self._keep()
        return killed, len(found)

    def stop(self) -> None:
        end(self.layout, self.daemons.values())
        self.daemons = {}

    def _start(self, name: str, module: str, config: Path) -> None:
        self.daemons[name] = processes.start(name, module, config, self.layout.log(name))
        self._keep()

    def _keep(self) -> None:
        self.layout.daemons.write_bytes(msgspec.json.encode(list(self.daemons.values())))

    def _answers(self) -> bool:
        if self.daemons["controller"].process is None:
            raise DemoFailed(f"the controller ended at its start: {local.last_line(self.layout.log('controller'))}")
        return local.answers(self.connect)

    def _join(self, client: Client, node: str) -> "subprocess.Popen[str]":
        config = self.layout.node_config(node)
        config.write_text(toml.encode(self._agent(node)))
        return local.start_joining(client, node, config, self.layout.join_token(node))

    def _controller(self, link: int) -> Mapping[str, object]:
        return {
            "state_dir": str(self.layout.controller_state),
            "admin_user": self.account.name,
            "api": {"listen": self.api},
            "link": {"listen": f"127.0.0.1:{link}"},
            "automation": {"first_mode": "auto"},  # it shows everything that automation does
        }

    def _agent(self, node: str) -> Mapping[str, object]:
        layout = self.layout
        return {
            "node": node,
            "address": layout.nodes[node],
            "api": self.api,
            "state_dir": str(layout.node_state(node)),
            "hold_file": str(layout.root / f"{node}.hold"),
            "workers": {
                "interpreters": [INTERPRETER, str(Path(sys.prefix) / "bin" / "python")],
                "roots": [str(layout.job), str(layout.checkpoints), *EXAMPLE_ROOTS],
                "users": [self.account.name],
            },
            "thresholds.disk_full": {
                "warning": 0.01,
                "critical": 0.001,
            },  # a laptop's full disk is no fault to show here
        }


def in_service(view: NodeView) -> bool:
    """Ready, and no hold keeps work away."""
    return view.phase is NodePhase.READY and not view.holds


def end(layout: Layout, daemons: Iterable[Daemon]) -> None:
    """End the daemons, then every shim and worker of the nodes."""
    processes.end(daemons, GRACE_S)
    for node in layout.nodes:
        processes.kill_node(None, layout.node_state(node))


def stop_kept(root: Path) -> int:
    """End a cluster that `--keep` left and remove its directory; gives how many daemons still ran."""
    layout = Layout(root)
    if not (root / MARK).is_file() or root.stat().st_uid != os.geteuid():
        raise NotFound(f"{root}: no demo's directory of yours; `--dir` names the one that the demo printed")
    try:
        daemons = msgspec.json.decode(layout.daemons.read_bytes(), type=list[Daemon])
    except (OSError, msgspec.DecodeError):
        daemons = []
    running = [daemon for daemon in daemons if daemon.process is not None]
    end(layout, daemons)
    shutil.rmtree(root)
    return len(running)
