"""The laws, held against random sequences of faults: whatever breaks in whatever order, no job runs twice, nothing is
launched twice, a person's hold stays, and once everything is back, and automation on, the cluster puts itself right."""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from fakes.simulated_cluster import SimulatedCluster, job_spec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import sampled_from

from controller.state.runs import ACTIVE
from remediations.pipeline.ruling import ASKS
from wire.api import JobPhase, Mode, NodePhase, RunPhase
from wire.attempts import End, FailureKind, PartState
from wire.specs import RestartSpec

NAMES = ("n1", "n2", "n3", "n4", "n5")
SETTLES_WITHIN_S = 90
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
        self.run(1)

    def run(self, seconds):
        """Time passes in small steps, and each is held against law 6."""
        for _ in range(round(seconds / 0.25)):
            self.cluster.run(0.25)
            for job, nodes in ((self.gang, 3), (self.single, 1)):
                able = self.able_to_step(job, nodes)
                assert len(able) <= 1, f"attempts {able} of {job} could step at once"

    def able_to_step(self, job, nodes):
        """Attempts of which every part is on its node and runs."""
        held = [node.parts for node in self.cluster.nodes.values()]
        up = Counter(
            number for parts in held for (of, number), part in parts.items() if of == job and part.exit is None
        )
        return [number for number, count in up.items() if count == nodes]

    def running_on(self, name):
        return [key for key, part in self.cluster.nodes[name].parts.items() if part.state is PartState.RUNNING]

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
        running = self.running_on(name)
        if running and not node.silent:
            node.fail(running[0], kind)

    @rule(name=sampled_from(NAMES), ticks=sampled_from([0, 1, 2]))
    def go_silent_while_a_failure_is_dealt_with(self, name, ticks):
        """A rank has failed, its launcher has not ended yet, and the order to stop is never read."""
        node = self.cluster.nodes[name]
        for key in self.running_on(name)[:1]:
            node.fail_a_rank(key)
            self.cluster.tick()
            self.run(ticks * 0.25)
        node.silent = True
        self.run(6)

    @rule(name=sampled_from(NAMES))
    def reboot_node(self, name):
        self.cluster.nodes[name].reboot()

    @rule(name=sampled_from(NAMES))
    def stop_a_part_by_nobodys_order(self, name):
        node = self.cluster.nodes[name]
        running = self.running_on(name)
        if running and not node.silent:
            node.end(running[0], End.STOPPED)

    @rule(name=sampled_from(NAMES))
    def let_the_next_stop_fail(self, name):
        self.cluster.nodes[name].failing_stops = 1

    @rule(name=sampled_from(NAMES))
    def write_a_checkpoint(self, name):
        """A part that runs goes on a step and says so, however old its attempt is."""
        node = self.cluster.nodes[name]
        running = self.running_on(name)
        if running and not node.silent:
            self.step += 1
            node.step(running[0], self.step, checkpoint=True)

    @rule(name=sampled_from(NAMES))
    def wake_a_late_writer(self, name):
        """Silent for long, it comes back and says first that it has written a checkpoint."""
        self.cluster.nodes[name].silent = True
        self.run(8)
        self.cluster.nodes[name].connect()
        self.write_a_checkpoint(name)
        self.run(0.25)

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

    @rule(mode=sampled_from(Mode))
    def a_person_sets_the_automation_mode(self, mode):
        self.cluster.operate().set_automation(mode)
        self.run(1)

    @rule()
    def a_person_approves_what_waits(self):
        for run in self.cluster.runs():
            if run.phase is RunPhase.WAITING and run.reason in ASKS:
                self.cluster.operate().approve_run(run.id, timedelta(minutes=1))
        self.run(1)

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
        self.cluster.operate().set_automation(Mode.AUTO)
        try:
            self.settle()
        finally:
            self.cluster.store.close()
            self.directory.cleanup()

    def settle(self):
        for _ in range(SETTLES_WITHIN_S):
            if not self.open_ends():
                break
            self.run(1)
        assert self.open_ends() == []

    def open_ends(self):
        """What is not as it was before the faults, though everything is back."""
        views = [self.cluster.node(name) for name in NAMES]
        ends = [f"{view.name} is {view.phase}" for view in views if view.phase is not NodePhase.READY]
        holds = [(view.name, hold) for view in views for hold in view.holds]
        ends += [f"{name} is held by {hold.owner}" for name, hold in holds if hold.owner.startswith("mainstay:")]
        ends += [f"run {run.id} is {run.phase}" for run in self.cluster.runs() if run.phase in ACTIVE]
        return ends + [f"{job} does not run" for job in (self.gang, self.single) if not self.runs(job)]

    def runs(self, job):
        view = self.cluster.job(job)
        parts = [self.cluster.nodes[name].parts.get((job, view.attempt)) for name in view.nodes]
        everywhere = all(part is not None and part.state is PartState.RUNNING for part in parts)
        return everywhere and view.phase in (JobPhase.RUNNING, JobPhase.STARTING, JobPhase.RECOVERING)


Faults.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=20,
    derandomize=True,  # the same sequences on every machine; raise max_examples to look further
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLaws = Faults.TestCase
