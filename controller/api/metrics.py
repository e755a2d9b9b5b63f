"""Prometheus text: the controller's own numbers; the nodes' come from their agents."""

from collections import Counter
from collections.abc import Iterable, Iterator

from litestar import Response, get
from litestar.params import FromPath
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from controller.api.dependencies import Core
from wire.api import JobPhase, JobView, NodeView


@get("/metrics", tags=["metrics"])
async def show_metrics(core: Core) -> Response[bytes]:
    """Prometheus's text format: the controller's own numbers."""
    nodes, jobs, decisions = await core.nodes(), await core.jobs(), await core.decisions_by_reason()
    faults = await core.faults_by_type()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Taken(families(nodes, faults, jobs, decisions)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def families(
    nodes: list[NodeView],
    faults: dict[tuple[str, str], int],
    jobs: list[JobView],
    decisions: dict[tuple[str, str, str], int],
) -> list[Metric]:
    """All of the page. ``faults``: nodes by type and severity of what is TRUE; ``decisions``: by action, verdict and
    reason."""
    return [*_of_nodes(nodes), _of_faults(faults), *_of_jobs(jobs), _of_decisions(decisions)]


class _Taken(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_nodes(nodes: list[NodeView]) -> Iterator[Metric]:
    yield _gauge("mainstay_nodes", "Nodes by phase", "phase", Counter(node.phase.value for node in nodes))
    yield _gauge("mainstay_nodes_health", "Nodes by health", "health", Counter(node.health.value for node in nodes))
    held = GaugeMetricFamily("mainstay_nodes_held", "Nodes with a hold")
    held.add_metric([], sum(bool(node.holds) for node in nodes))
    yield held


def _of_faults(faults: dict[tuple[str, str], int]) -> Metric:
    text = "Nodes on which a condition is TRUE, by its type and severity"
    family = GaugeMetricFamily("mainstay_nodes_condition", text, labels=["type", "severity"])
    for labels, count in sorted(faults.items()):
        family.add_metric(labels, count)
    return family


def _of_jobs(jobs: list[JobView]) -> Iterator[Metric]:
    yield _gauge("mainstay_jobs", "Jobs by phase", "phase", Counter(job.phase.value for job in jobs))
    attempts = CounterMetricFamily("mainstay_attempts", "Attempts launched")
    attempts.add_metric([], sum(job.attempt for job in jobs))
    yield attempts
    steps = GaugeMetricFamily("mainstay_job_step", "The newest step of a job that runs", labels=["job_id"])
    for job in jobs:
        if job.phase is JobPhase.RUNNING and job.step is not None:
            steps.add_metric([job.id], job.step)
    yield steps


def _of_decisions(decisions: dict[tuple[str, str, str], int]) -> Metric:
    labels = ["action", "verdict", "reason"]
    family = CounterMetricFamily("mainstay_decisions", "Decisions of the pipeline", labels=labels)
    for ruling, count in sorted(decisions.items()):
        family.add_metric(ruling, count)
    return family


def _gauge(name: FromPath[str], text: str, label: str, counts: Counter[str]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
