"""Every command that a document shows is typed, on a cluster like the one that `make demo ARGS="--keep"` leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import documented
from fakes.documented import Command, Place
from harness import eventually, given_cluster

from wire.api import ENDED_JOB_PHASES, JobView, Mode

NODES = ["n1", "n2", "n3", "n4"]
COMMAND_S = 40.0
JOB, VICTIM = "bytes-lm", "n2"
PROGRAMS = Path(sys.executable).parent

PAGES = [
    page for page in documented.DOCUMENTS if any(each.place is Place.CLUSTER for each in documented.commands(page))
]


@pytest.fixture(scope="module")
def kept():
    """A job has lost a node, runs on the others and the spare; the node is back."""
    with given_cluster(NODES) as cluster:
        assert cluster.http.put("automation", json={"mode": Mode.AUTO}).is_success
        job = cluster.given_a_running_job(JOB)
        cluster.nodes[VICTIM].kill()
        cluster.then_it_resumes(job, attempt=2)
        cluster.nodes[VICTIM].start()
        eventually(f"{VICTIM} is a spare", lambda: cluster.ready(VICTIM))
        eventually("the runs are over", lambda: all(run.ended_at for run in cluster.runs()))
        yield cluster


@pytest.fixture
def person(kept, tmp_path):
    """Where she types: an empty directory, and the cluster within reach, with the one job that the pages tell of."""
    yield Person(kept, tmp_path)
    for job in kept.get("jobs", list[JobView]):
        if job.name != JOB and job.phase not in ENDED_JOB_PHASES:
            kept.stop(job.id)
            eventually(f"{job.id} is over", lambda job=job: kept.ended(job.id))


class Person:
    def __init__(self, cluster, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(directory),
            "COLUMNS": "80",
            "MAINSTAY_API": cluster.api,
            "MAINSTAY_TOKEN_FILE": str(cluster.state / "admin.token"),
            "MAINSTAY_CA": str(cluster.state / "ca" / "ca.pem"),
        }

    def types(self, command: Command) -> None:
        process = subprocess.Popen(
            ["bash", "-c", command.line],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            if command.endless:
                self.looks_for_a_while(process, command)
            else:
                self.waits(process, command)
        finally:
            end(process)

    def waits(self, process, command: Command) -> None:
        said, _ = process.communicate(timeout=COMMAND_S)
        assert process.returncode == command.exit_status, f"{command}: exit status {process.returncode}\n{said}"
        different = documented.difference(command.seen, said.splitlines())
        assert different is None, f"{command}: {different}\n{said}"

    def looks_for_a_while(self, process, command: Command) -> None:
        """Until all that the document shows was seen."""
        seen = []
        for line in process.stdout:
            seen.append(line.rstrip("\n"))
            if documented.difference(command.seen, seen) is None:
                return
        raise AssertionError(f"{command}: ended, and should not; {documented.difference(command.seen, seen)}\n{seen}")


def end(process) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=COMMAND_S)
    process.stdout.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(documented.ROOT)))
def test_its_commands_do_what_it_shows(person, page):
    for name, text in documented.files(page).items():
        (person.directory / name).write_text(text)
    for command in documented.commands(page):
        if command.place is Place.CLUSTER:
            person.types(command)
