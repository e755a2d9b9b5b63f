"""The course of a soak: faults for the whole length, time to settle, the jobs' end, and then every check."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing

import msgspec

from bench.soak import leaks, stage, strike, witness
from bench.soak.outcome import Outcome, judge
from bench.soak.plan import OF_WORKERS, Fault
from bench.soak.recovery import Strike
from bench.soak.stage import Stage
from bench.soak.violation import Violation
from bench.soak.watch import Watch
from cli.client import Client
from cli.demo.errors import Awaited
from cli.errors import CliError
from wire.api import RunPhase, RunView

OPEN_RUNS = frozenset({RunPhase.PROPOSED, RunPhase.WAITING, RunPhase.RUNNING})
IDLE_S = 20.0  # without jobs, before descriptors are counted: what is closed lazily is closed by then
CALM_S = 15.0  # with jobs and without faults: they must step all the time
Say = Callable[[str, str], None]


def soak(place: Stage, faults: Sequence[Fault], say: Say) -> Outcome:
    """Raises CliError when the cluster does not even start. The cluster is left as it is, for whoever looks on."""
    outcome = Outcome()
    with closing(place.raise_curtain()) as client:
        before = _idle_descriptors(place)
        place.submit(client)
        say("training", ", ".join(f"{job} on {ranks} nodes" for job, ranks in place.jobs.items()))
        watch = Watch(place.cluster)
        watch.start()
        try:
            _campaign(place, faults, outcome, say)
            say("settle", "no more faults")
            outcome.violations += _settle(place, client)
        finally:
            outcome.seen = watch.end()
            (place.root / "seen.json").write_bytes(msgspec.json.encode(outcome.seen.as_kept()))
        outcome.violations += _end_jobs(place, client)
        outcome.fds = leaks.grown(before, _idle_descriptors(place))
        outcome.left = leaks.processes_left(place.cluster)
    judge(place, outcome)
    return outcome


def _campaign(place: Stage, faults: Sequence[Fault], outcome: Outcome, say: Say) -> None:
    """One fault after the other, each taken back before the next."""
    began = time.monotonic()
    for fault in faults:
        _sleep_until(began + fault.at_s)
        outcome.violations += _revived(place)
        blow = strike.strike(place.cluster, fault, list(place.jobs))
        if blow is None:
            say(f"fault {fault.number}", f"{fault.kind}: nothing there to hit")
            continue
        lasting = "" if fault.kind in OF_WORKERS else f", for {fault.lasts_s:.1f} s"
        say(f"fault {fault.number}/{len(faults)}", f"{fault.kind} {blow.told}{lasting}")
        _sleep_until(time.monotonic() + fault.lasts_s)
        blow.mend()
        outcome.strikes.append(Strike(fault.number, fault.kind, blow.target, blow.jobs, blow.at, time.time()))


def _revived(place: Stage) -> list[Violation]:
    """Between faults every daemon runs; one that does not has ended by itself, and is started as systemd would."""
    ended = [name for name, daemon in place.cluster.daemons.items() if daemon.process is None]
    for name in ended:
        place.cluster.restart_controller() if name == "controller" else place.cluster.start_agent(name)
    return [Violation("a daemon ended by itself", name, time.time()) for name in ended]


def _goes_on(run: RunView) -> bool:
    """One that waits for a person does not: nobody answers here."""
    return run.phase in OPEN_RUNS and run.reason != "needs_approval"


def _settle(place: Stage, client: Client) -> list[Violation]:
    """Wait for all that must come to pass, and then watch the jobs step for a while."""
    awaited: list[tuple[str, str, Callable[[], bool]]] = [
        ("a node is not back in service", "six nodes in service", lambda: stage.all_serve(client.nodes())),
        ("a run does not end", "every run to end", lambda: not any(map(_goes_on, client.runs()))),
        ("a job does not step at the end", "both jobs to step", lambda: stage.all_step(client.jobs())),
    ]
    found = [violation for each in awaited if (violation := _awaited(place, *each)) is not None]
    first = _steps(place)
    _sleep_until(time.monotonic() + CALM_S)
    still = [job for job, step in _steps(place).items() if step <= first.get(job, 0)]
    return found + [Violation("a job does not step at the end", job, time.time()) for job in still]


def _awaited(place: Stage, claim: str, what: str, look: Callable[[], bool]) -> Violation | None:
    def patient() -> bool:
        try:
            return look()
        except CliError:
            return False  # such as a controller that just starts

    try:
        place.wait.until(what, patient)
    except Awaited as error:
        return Violation(claim, str(error), time.time())
    return None


def _end_jobs(place: Stage, client: Client) -> list[Violation]:
    try:
        place.stop_jobs(client)
    except CliError as error:
        return [Violation("a job is not stopped", str(error), time.time())]
    return []


def _idle_descriptors(place: Stage) -> dict[str, Counter[str]]:
    _sleep_until(time.monotonic() + IDLE_S)
    return leaks.descriptors(place.cluster)


def _steps(place: Stage) -> dict[str, int]:
    return {job: each[-1].steps[-1] for job, each in witness.lives(witness.read(place.witness)).items()}


def _sleep_until(mono: float) -> None:
    time.sleep(max(0.0, mono - time.monotonic()))
