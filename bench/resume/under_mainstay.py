"""Mainstay: a controller, an agent for each of the two nodes, and one for the spare; all at their defaults."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

from bench.resume import job, stages
from bench.resume.contender import of_rank
from bench.resume.faults import Blow
from bench.resume.figures import OURS
from cli import job_file, processes
from cli.client import Client
from cli.demo.account import Account
from cli.demo.cluster import Cluster, in_service
from cli.demo.faults import current_attempt, node_of_rank
from cli.demo.layout import Layout
from cli.demo.waiting import Waiter
from cli.errors import CliError
from wire.api import ENDED_JOB_PHASES


class Mainstay:
    name = OURS

    def __init__(self, layout: Layout, account: Account, mark: Mapping[str, str]) -> None:
        self._cluster, self._mark = Cluster(layout, account), mark
        self._layout, self._account = layout, account
        self._client: Client | None = None
        self._job = ""

    def start(self) -> None:
        job.install(self._layout, self._account)
        wait = Waiter(self._layout.root)
        self._client = client = self._cluster.start_controller(wait)
        self._cluster.join(client)
        for node in self._layout.nodes:
            self._cluster.start_agent(node)
        wait.until("all nodes to be ready", lambda: self._all_ready(client))
        environment = {**job.ENVIRONMENT, **self._mark}
        self._job = client.submit(job_file.read(job.write_job_file(self._layout, environment))).id

    def logs(self) -> Sequence[Path]:
        return sorted(self._layout.root.glob("n*/attempts/*/log/worker.log"))

    def prey(self, blow: Blow) -> list[psutil.Process]:
        assert self._client is not None
        attempt = current_attempt(self._client.job(self._job))
        node = node_of_rank(attempt, 0 if blow.rendezvous else 1)
        found = processes.of_node(self._layout.node_state(node))
        if not blow.whole_node:
            return of_rank(found, 1)
        agent = self._cluster.daemons[node].process
        return [*([agent] if agent is not None else []), *found]

    def given_up(self) -> str | None:
        """Asked seldom: every call costs the controller something."""
        assert self._client is not None
        with suppress(CliError):
            view = self._client.job(self._job)
            if view.phase in ENDED_JOB_PHASES:
                return f"the job {view.phase}: {view.reason} {view.message}"
        return None

    def account(self, since: datetime) -> str:
        assert self._client is not None
        return stages.tell(stages.since(self._client.events(0), since))

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._cluster.stop()

    def _all_ready(self, client: Client) -> bool:
        views = client.nodes()
        return len(views) == len(self._layout.nodes) and all(
            in_service(view) and view.last_contact_s is not None for view in views
        )
