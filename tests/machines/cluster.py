"""A cluster of machines: one controller, nodes, a directory that all of them share, and a person at a terminal."""

import itertools
import os
import shutil
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from fakes.observed_cluster import FAKES, GANG_WORKER, ObservedCluster, eventually
from machines.image import REPOSITORY, UID, USER
from machines.machine import Machine
from machines.slot import Slot

from wire.api import ENDED_JOB_PHASES, AutomationView, Health, JobPhase, JobView, Mode, NodePhase, NodeView

PYTHON = "/usr/bin/python3"
ENVIRONMENT = Path(sys.prefix).resolve()  # this process's own: it has torch, and machines see it at the same place
TORCH_PYTHON = f"{ENVIRONMENT}/bin/python"
SHARED = "/shared"
CONTROLLER = "c0"
STEPS = "steps"
START_S = 60.0


class Step(NamedTuple):
    rank: int
    step: int
    at: float  # in Unix time; all machines have the host's clock


class MachineCluster(ObservedCluster):
    """``layers``: what the machines' disks hold; see image.py."""

    def __init__(self, slot: Slot, layers: list[Path], names: list[str]) -> None:
        self.slot, self.interpreters = slot, [PYTHON, TORCH_PYTHON]
        self.layers = layers
        self.addresses = {name: slot.address(10 + number) for number, name in enumerate([CONTROLLER, *names])}
        self.shared_here = slot.directory / "shared"
        self.binds = [f"--bind={self.shared_here}:{SHARED}", f"--bind-ro={ENVIRONMENT}"]
        self.machines = {name: self._machine(name, address) for name, address in self.addresses.items()}
        self.controller = self.machines[CONTROLLER]
        self.nodes = {name: self.machines[name] for name in names}
        state = self.controller.path("/var/lib/mainstay/controller")
        super().__init__(f"{self.controller.address}:7400", state, Path(SHARED), PYTHON, self.shared_here)

    # -- life

    def start(self) -> None:
        """Machines booted, Mainstay installed on them, every node ready."""
        self._share()
        for machine in self.machines.values():
            machine.boot()
        for machine in self.machines.values():
            machine.wait_until_running()
        self.install_controller()
        self.first_mode = self.automation().mode
        self.set_automation(Mode.AUTO)
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(self.install_agent, self.nodes.values()))
        eventually("every node is ready", lambda: all(self.ready(name) for name in self.nodes), START_S)

    def another_machine(self, name: str) -> Machine:
        """With an empty disk, on the same network; whoever asks for it removes it."""
        return self._machine(name, self.slot.address(100))

    def _machine(self, name: str, address: str) -> Machine:
        slot, hosts = self.slot, {**self.addresses, name: address}
        return Machine(slot.name, name, address, slot.bridge, slot.directory / name, self.layers, hosts, self.binds)

    def tear_down(self) -> None:
        self.close()
        with ThreadPoolExecutor() as at_once:
            list(at_once.map(Machine.remove, self.machines.values()))

    def show_logs(self) -> None:
        for machine in self.machines.values():
            print(f"--- {machine.name}", *machine.journal()[-40:], sep="\n")
        for question in (["node", "list"], ["run", "list"], ["job", "list"], ["incident", "list"]):
            if self.controller.is_up():
                print(self.controller.run("mainstay", *question, check=False).stdout)

    def install_controller(self) -> None:
        """With the words of the manual, as everything a person does here."""
        self.controller.run(
            *("mainstay", "install", "controller", "--listen", "0.0.0.0"),
            *("--name", CONTROLLER, "--name", self.controller.address, "--admin-user", USER, "--start"),
        )
        eventually("the controller answers", self.answers, START_S)

    def install_agent(self, node: Machine) -> None:
        token = self.controller.run("mainstay", "token", "create", "--kind", "join", "--name", node.name).stdout
        fingerprint = self.controller.run("mainstay", "controller", "ca-fingerprint").stdout.strip()
        node.path("/root/join.token").write_text(token)
        node.run(
            *("mainstay", "install", "agent", "--node", node.name, "--api", f"{CONTROLLER}:7400"),
            *("--user", USER, "--root", SHARED, *self._interpreters()),
            *("--token-file", "/root/join.token", "--ca-fingerprint", fingerprint, "--start"),
        )

    def _interpreters(self) -> list[str]:
        return [word for path in self.interpreters for word in ("--interpreter", path)]

    def _share(self) -> None:
        self.shared_here.mkdir()
        for script in (FAKES / GANG_WORKER, FAKES / "hiding_worker.py", REPOSITORY / "examples" / "bytes_lm.py"):
            shutil.copy(script, self.shared_here)
        os.chown(self.shared_here, UID, UID)

    # -- what an admin asks and says

    def automation(self) -> AutomationView:
        return self.get("automation", AutomationView)

    def set_automation(self, mode: Mode) -> None:
        response = self.http.put("automation", json={"mode": mode})
        assert response.is_success, response.text

    # -- given

    def given_a_witnessed_job(self, name: str, nodes: int = 3) -> str:
        """Running; every rank writes down each of its steps."""
        return self.given_a_running_job(name, nodes, args=["--step-witness", f"{SHARED}/{STEPS}"])

    def submit_as_it_is(self, name: str, **fields: Any) -> str:
        checkpoint = {"dir": f"{SHARED}/{name}-checkpoints"}
        return self.post("jobs", {"name": name, "directory": SHARED, "checkpoint": checkpoint, **fields})["id"]

    # -- then

    def ready(self, name: str) -> NodeView | None:
        """The machines share the host's processors: a busy host degrades them, and tells nothing about Mainstay."""
        node = self.node(name)
        automation = [hold for hold in node.holds if hold.owner.startswith("mainstay:")]
        usable = node.health in (Health.HEALTHY, Health.DEGRADED)
        return node if node.phase is NodePhase.READY and usable and not automation else None

    def steps(self, job: str) -> dict[int, list[Step]]:
        """By attempt, as the ranks themselves wrote them down."""
        found: dict[int, list[Step]] = defaultdict(list)
        for line in (self.shared_here / STEPS).read_text().splitlines():
            of, attempt, rank, step, at = line.split()
            if of == job:
                found[int(attempt)].append(Step(int(rank), int(step), float(at)))
        return found

    def then_training_goes_on(self, job: str, steps: int = 50) -> JobView:
        """Now, and all ranks of its newest attempt with it."""
        began = time.time()

        def stepping() -> JobView | None:
            view = self.job(job)
            ranks = Counter(step.rank for step in self.steps(job)[view.attempt] if step.at > began)
            whole = len(ranks) == view.spec.nodes and min(ranks.values()) >= steps
            return view if view.phase is JobPhase.RUNNING and whole else None

        return eventually(f"all ranks of {job} make {steps} steps more", stepping)

    def then_no_two_attempts_stepped_at_once(self, job: str) -> None:
        """A step is one when all ranks have made it.

        Where a cable was cut, what was on its way then may let a rank end the step under way much later, alone; what
        it writes counts no more.
        """
        ranks = self.job(job).spec.nodes
        attempts = sorted(self.steps(job).items())
        for (older, before), (newer, after) in itertools.combinations(attempts, 2):
            made = Counter(step.step for step in before)
            whole = [step for step in before if made[step.step] == ranks]
            last, first = max(step.at for step in whole), min(step.at for step in after)
            assert last < first, f"attempt {older} of {job} stepped {last - first:.3f} s into attempt {newer}"
            assert len(made) - len({step.step for step in whole}) <= 1, f"attempt {older} of {job}: {made}"
        assert self.witnessed_twice() == []

    def workers_on(self, node: str) -> dict[int, str]:
        """Live processes that carry a job's mark, by their pid on the machine: JOB.ATTEMPT."""
        marks = {process.number: process.environment for process in self.nodes[node].processes()}
        return {
            number: f"{names['MAINSTAY_JOB']}.{names['MAINSTAY_ATTEMPT']}"
            for number, names in marks.items()
            if "MAINSTAY_ATTEMPT" in names
        }

    def then_it_is_whole(self) -> None:
        """Every machine up and every node fit, nothing of jobs left: as the next test wants it."""
        for job in self.get("jobs", list[JobView]):
            if job.phase not in ENDED_JOB_PHASES:
                self.stop(job.id)
        for node in self.nodes.values():
            if node.is_up():
                node.link_up()
            else:
                node.start()
        eventually("every node is ready", lambda: all(self.ready(name) for name in self.nodes), START_S)
        eventually("no worker is left", lambda: not any(self.workers_on(name) for name in self.nodes), START_S)
