"""Where it plays: the demo's kind of cluster with six nodes, and two jobs that never end."""

import shutil
from pathlib import Path

from cli.client import Client
from cli.demo import account as accounts
from cli.demo import layout, work
from cli.demo.account import INTERPRETER
from cli.demo.cluster import Cluster, in_service
from cli.demo.waiting import Waiter
from wire.api import Health, JobPhase, JobView, NodeView
from wire.specs import CheckpointSpec, JobSpec, Launcher, RestartSpec

HERE = Path(__file__).resolve().parent
GANG_WORKER = HERE.parent.parent / "tests" / "fakes" / "gang_worker.py"
NODES = {f"n{number}": f"127.0.0.{30 + number}" for number in range(1, 7)}
JOBS = {"left": 3, "right": 2}  # nodes of each; one node is spare
NEVER_ENDS = ("--steps", "1000000000")
GANG_ARGUMENTS = [*NEVER_ENDS, "--step-s", "0.1", "--checkpoint-every", "20"]
TORCH_ARGUMENTS = [*work.ARGUMENTS, *NEVER_ENDS]
MAX_FAILURES = 1000  # none may count against the script, as the checks say; the run goes on to find more
STOPPED_S = 3.0


class Stage:
    """``jobs``: id and number of ranks, once they are submitted."""

    def __init__(self, directory: Path | None, torch: bool) -> None:
        self.torch = torch
        self.cluster = Cluster(layout.make(directory, NODES), accounts.choose({}))
        self.wait = Waiter(self.cluster.layout.root)
        self.jobs: dict[str, int] = {}

    @property
    def root(self) -> Path:
        return self.cluster.layout.root

    @property
    def witness(self) -> Path:
        return self.cluster.layout.checkpoints / "witness"

    def raise_curtain(self) -> Client:
        """Start controller and agents; until every node is in service."""
        self._install()
        client = self.cluster.start_controller(self.wait)
        self.cluster.join(client)
        for node in NODES:
            self.cluster.start_agent(node)
        self.wait.until("six nodes in service", lambda: all_serve(client.nodes()))
        return client

    def submit(self, client: Client) -> None:
        for name, nodes in JOBS.items():
            self.jobs[client.submit(self._spec(name, nodes)).id] = nodes
        self.wait.until("both jobs to step", lambda: all_step(client.jobs()))

    def stop_jobs(self, client: Client) -> None:
        """Until no process of theirs is left."""
        for job in self.jobs:
            client.stop(job)
        self.wait.until("both jobs to be stopped", lambda: all(v.phase is JobPhase.CANCELLED for v in client.jobs()))

    def _install(self) -> None:
        place, account = self.cluster.layout, self.cluster.account
        for source in (HERE / "witnessed.py", GANG_WORKER, layout.example()):
            shutil.copyfile(source, place.job / source.name)
            (place.job / source.name).chmod(0o644)
        account.give(place.checkpoints)
        if self.torch:
            accounts.check(account, place.script)

    def _spec(self, name: str, nodes: int) -> JobSpec:
        place = self.cluster.layout
        module, arguments = ("bytes_lm", TORCH_ARGUMENTS) if self.torch else ("gang_worker", GANG_ARGUMENTS)
        return JobSpec(
            name=name,
            script=str(place.job / "witnessed.py"),
            nodes=nodes,
            launcher=Launcher.TORCHRUN if self.torch else Launcher.DIRECT,
            interpreter=INTERPRETER,
            args=[str(self.witness), module, *arguments],
            directory=str(place.job),
            environment=work.ENVIRONMENT,
            stop_grace_s=STOPPED_S,
            restart=RestartSpec(max_failures=MAX_FAILURES),
            checkpoint=CheckpointSpec(str(place.checkpoints)),
        )


def serves(view: NodeView) -> bool:
    """In service, and a node that the controller hears."""
    return in_service(view) and view.last_contact_s is not None and view.health not in (Health.SUSPECT, Health.LOST)


def all_serve(views: list[NodeView]) -> bool:
    return len(views) == len(NODES) and all(map(serves, views))


def all_step(views: list[JobView]) -> bool:
    return all(view.phase is JobPhase.RUNNING and view.step is not None for view in views)
