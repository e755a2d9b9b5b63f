"""The laws, held against random sequences of faults: whatever breaks in whatever order, no job runs twice, nothing is
launched twice, a person's hold stays, and once everything is back the cluster puts itself right."""

import tempfile
from pathlib import Path

from fakes.simulated_cluster import SimulatedCluster, job_spec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import sampled_from

from controller.state.runs import ACTIVE
from wire.api import JobPhase, NodePhase
from wire.attempts import End, FailureKind, PartState
from wire.specs import RestartSpec

NAMES = ("n1", "n2", "n3", "n4", "n5")
PATIENT = RestartSpec(max_failures=1000, max_fruitless=1000)


class Faults(RuleBasedStateMachine):
    @initialize()
    def given_two_jobs(self):
        self.directory = tempfile.TemporaryDirectory()
        self.cluster = SimulatedCluster(Path(self.directory.name), names=5)
        self.gang = self.cluster.submit(job_spec("gang", nodes=3, restart=PATIENT))
        self.single = self.cluster.submit(job_spec("single", nodes=1, restart=PATIENT))
        self.cordoned: set[str] = set()
        self.step = 0
        self.seen: dict[str, set[tuple[str, int]]] = {name: set() for name in NAMES}
        self.run(1)

    def run(self, seconds):
        """Time passes in small steps, and after each the new launches are held against law 6."""
        for _ in range(round(seconds / 0.25)):
            self.cluster.run(0.25)
            for name, node in self.cluster.nodes.items():
                for key in set(node.launches) - self.seen[name]:
                    self.seen[name].add(key)
                    self.check_no_older_attempt_can_step(*key)

    def check_no_older_attempt_can_step(self, job, attempt):
        for older in range(1, attempt):
            states = [
                node.parts[job, older].state for node in self.cluster.nodes.values() if (job, older) in node.parts
            ]
            running = [state is not PartState.ENDED for state in states]
            whole = len(states) == (3 if job == self.gang else 1)
            assert not (whole and all(running)), f"{job}.{attempt} was launched while {job}.{older} could step"

    @rule(name=sampled_from(NAMES))
    def kill_node(self, name):
        self.cluster.nodes[name].die()

    @rule(name=sampled_from(NAMES))
    def silence_node(self, name):
        self.cluster.nodes[name].silent = True

    @rule(name=sampled_from(NAMES))
    def kill_agent(self, name):
        self.cluster.nodes[name].kill_agent()

    @rule(name=sampled_from(NAMES))
    def bring_back(self, name):
        node = self.cluster.nodes[name]
        if node.connected and node.silent:
            node.silent = False
        elif not node.connected:
            node.connect()

    @rule(name=sampled_from(NAMES), kind=sampled_from(FailureKind))
    def fail_a_rank(self, name, kind):
        node = self.cluster.nodes[name]
        running = [key for key, part in node.parts.items() if part.state is PartState.RUNNING]
        if running and not node.silent:
            node.fail(running[0], kind)

    @rule(name=sampled_from(NAMES))
    def reboot_node(self, name):
        self.cluster.nodes[name].reboot()

    @rule(name=sampled_from(NAMES))
    def stop_a_part_by_nobodys_order(self, name):
        node = self.cluster.nodes[name]
        running = [key for key, part in node.parts.items() if part.state is PartState.RUNNING]
        if running and not node.silent:
            node.end(running[0], End.STOPPED)

    @rule(name=sampled_from(NAMES))
    def let_the_next_stop_fail(self, name):
        self.cluster.nodes[name].failing_stops = 1

    @rule(name=sampled_from(NAMES))
    def write_a_checkpoint(self, name):
        """A part that runs goes on a step and says so, however old its attempt is."""
        node = self.cluster.nodes[name]
        running = [key for key, part in node.parts.items() if part.state is PartState.RUNNING]
        if running and not node.silent:
            self.step += 1
            node.step(running[0], self.step, checkpoint=True)

    @rule()
    def lose_a_transaction(self):
        self.cluster.fail_to_commit()

    @rule()
    def kill_the_controller_after_its_commit(self):
        self.cluster.commit_and_die()
        self.reconnect()

    @rule()
    def restart_controller(self):
        self.cluster.start_controller()
        self.reconnect()

    def reconnect(self):
        for node in self.cluster.nodes.values():
            if node.connected:
                node.connected = False
                if not node.silent:
                    node.connect()

    @precondition(lambda self: not self.cordoned)
    @rule(name=sampled_from(NAMES))
    def a_person_cordons(self, name):
        self.cluster.operate().cordon(name, "mine", None)
        self.cordoned.add(name)

    @rule(seconds=sampled_from([0.25, 1, 3, 6]))
    def time_passes(self, seconds):
        self.run(seconds)

    @invariant()
    def nothing_is_launched_twice(self):
        for node in self.cluster.nodes.values():
            assert len(node.launches) == len(set(node.launches))

    @invariant()
    def a_persons_hold_stays(self):
        for name in self.cordoned:
            assert any(hold.owner == "person:ann" for hold in self.cluster.node(name).holds)

    @invariant()
    def checkpoints_of_a_superseded_attempt_do_not_count(self):
        newest = {self.gang: 0, self.single: 0}
        for event in self.cluster.events():
            if event.kind == "attempt_placed":
                newest[event.job] = event.attempt
            elif event.kind == "checkpoint_published":
                assert event.attempt == newest[event.job]

    def teardown(self):
        if not hasattr(self, "cluster"):
            return
        for node in self.cluster.nodes.values():
            if node.silent or not node.connected:
                node.connected = False
                node.connect()
        self.run(90)
        for name in NAMES:
            view = self.cluster.node(name)
            assert view.phase is NodePhase.READY, (name, view)
            assert [hold for hold in view.holds if hold.owner.startswith("mainstay:")] == []
        assert [run for run in self.cluster.runs() if run.phase in ACTIVE] == []
        for job in (self.gang, self.single):
            view = self.cluster.job(job)
            assert view.phase not in (JobPhase.FAILED, JobPhase.CANCELLED, JobPhase.SUCCEEDED)
            assert all(
                self.cluster.nodes[name].parts[job, view.attempt].state is PartState.RUNNING for name in view.nodes
            )
        self.cluster.store.close()
        self.directory.cleanup()


Faults.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLaws = Faults.TestCase
