"""Where it plays: a controller, one agent beside eight simulated GPUs, and node_exporter, all real processes.

Started by root, agent and node_exporter run as an ordinary user, the agent with the two capabilities that its unit has;
else all of it runs as whoever starts it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from agent import sensors
from agent.config import Config
from bench.agent.fake import Nvml
from cli import local, toml
from cli.demo import layout as places
from cli.demo.account import Account, choose
from cli.demo.cluster import Cluster, in_service
from cli.demo.errors import DemoFailed
from cli.demo.layout import Layout
from cli.demo.waiting import Waiter

GPUS = 8
EXPORTER = "prometheus-node-exporter"
CAPABILITIES = "+dac_read_search,+syslog"  # as systemd/mainstay-agent.service
JOIN_S, END_S = 60.0, 10.0
NODES = [f"n{number}" for number in range(1, 33)]
Tables = Mapping[str, Mapping[str, Any]]


class Place:
    """Everything lies in ``layout.root``. ``busy`` percent of a call of the simulated NVML is computing."""

    def __init__(self, directory: Path | None, busy: int) -> None:
        self.layout: Layout = places.make(directory, dict.fromkeys(NODES, local.LOOPBACK))
        self.account: Account = choose(os.environ)
        self.cluster = Cluster(self.layout, self.account)
        self.wait = Waiter(self.layout.root)
        self.nvml = Nvml.build(self.root / "nvml", GPUS)
        self.nvml.slow(busy_percent=busy)
        self.kmsg = KernelLog(self.root / "kmsg")
        self.processes: list[subprocess.Popen[bytes]] = []
        self._given = 0

    @property
    def root(self) -> Path:
        return self.layout.root

    @cached_property
    def exporter(self) -> str:
        """Raises DemoFailed."""
        found = shutil.which(EXPORTER) or shutil.which("node_exporter")
        if found is None:
            raise DemoFailed(f"{EXPORTER} is not installed: apt-get install {EXPORTER}")
        return found

    def start_controller(self) -> None:
        self._client = self.cluster.start_controller(self.wait)

    def start_exporter(self, port: int) -> int:
        """Its process id; the default collectors."""
        argv = [self.exporter, f"--web.listen-address={local.LOOPBACK}:{port}"]
        return self._start("node_exporter", argv, {}).pid

    def new_node(self, extra: Tables, checks: str = "/nonexistent") -> str:
        """One that has joined and has nothing behind it; ``extra`` are tables of its configuration, ``checks`` the
        directory of the site's own."""
        node = NODES[self._given]
        self._given += 1
        config = self.layout.node_config(node)
        config.write_text(toml.encode({**self._plain(node, checks), **self._options(), **extra}))
        process = local.start_joining(self._client, node, config, self.layout.join_token(node))
        _, errors = process.communicate(timeout=JOIN_S)
        if process.returncode != 0:
            raise DemoFailed(f"{node} could not join: {errors.strip()}")
        self._give(self.layout.node_state(node))
        return node

    def start_agent(self, node: str) -> "subprocess.Popen[bytes]":
        """Until it is in service."""
        argv = [sys.executable, "-m", "agent.main", "run", "--config", str(self.layout.node_config(node))]
        process = self._start(node, argv, self.nvml.environment)
        self.wait.until(f"{node} to be in service", lambda: self._in_service(node, process))
        return process

    def look_at_looks(self, node: str) -> bytes:
        """What :mod:`bench.agent.looks` prints."""
        argv = [*self.becoming, sys.executable, "-m", "bench.agent.looks", str(self.layout.node_config(node))]
        environment = {**os.environ, **self.nvml.environment}
        with self.layout.log("looks").open("ab") as log:
            done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=log, timeout=300, check=True)
        return done.stdout

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        self.processes.remove(process)
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        for process in list(self.processes):
            self.end(process)
        self.cluster.stop()
        self.kmsg.close()

    def own(self, path: Path) -> Path:
        """A directory that the agent may write to."""
        path.mkdir(exist_ok=True)
        self._give(path)
        return path

    @property
    def becoming(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        ids = [f"--reuid={self.account.uid}", f"--regid={self.account.gid}", "--clear-groups", "--no-new-privs"]
        caps = [f"--{kind}={CAPABILITIES}" for kind in ("inh-caps", "ambient-caps")]
        return ["setpriv", *ids, *caps, f"--bounding-set=-all,{CAPABILITIES}"]

    @property
    def privileges(self) -> str:
        if os.geteuid() != 0:
            return f"all as {self.account.name}, without capabilities"
        return f"agent and node_exporter as {self.account.name}; the agent with CAP_DAC_READ_SEARCH and CAP_SYSLOG"

    def _plain(self, node: str, checks: str) -> dict[str, Any]:
        return {
            "node": node,
            "address": local.LOOPBACK,
            "api": self.cluster.api,
            "state_dir": str(self.layout.node_state(node)),
            "hold_file": str(self.root / f"{node}.hold"),
            "site_checks": checks,
        }

    def _options(self) -> dict[str, Any]:
        """What the sensors must be told of simulated hardware, and nothing else."""
        known = {name: set(found.options.__struct_fields__) for name, found in sensors.discover().items()}
        tables = {
            f"sensors.{name}": {key: value for key, value in self.nvml.options.items() if key in fields}
            for name, fields in known.items()
        }
        tables["sensors.kernel_log"] = {"source": "kmsg", "path": str(self.kmsg.path)}
        return {name: table for name, table in tables.items() if table}

    def _in_service(self, node: str, process: "subprocess.Popen[bytes]") -> bool:
        if process.poll() is not None:
            raise DemoFailed(f"the agent ended at its start: {local.last_line(self.layout.log(node))}")
        return any(view.name == node and in_service(view) for view in self._client.nodes())

    def _start(self, name: str, argv: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self.layout.log(name).open("ab") as log:
            process = subprocess.Popen(
                [*self.becoming, *argv],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def _give(self, top: Path) -> None:
        for path in (top, *top.rglob("*")):
            self.account.give(path)


class KernelLog:
    """A pipe that plays /dev/kmsg."""

    def __init__(self, path: Path) -> None:
        self.path, self._seq = path, 0
        os.mkfifo(path, 0o644)
        path.chmod(0o644)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # also its reader: it has no end while nobody else reads

    def write(self, text: str) -> None:
        """A line of the kernel's own, of priority error."""
        self._seq += 1
        stamp_us = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
        os.write(self._pipe, f"3,{self._seq},{stamp_us},-;{text}\n".encode())

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._pipe)


def with_metrics(port: int) -> dict[str, dict[str, Any]]:
    """Empty while this agent has no page of metrics."""
    if "metrics" not in Config.__struct_fields__:
        return {}
    return {"metrics": {"listen": f"{local.LOOPBACK}:{port}"}}
