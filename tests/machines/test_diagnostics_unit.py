"""Diagnostics on an installed node: through the root helper, in a unit of their own, as a user that jobs run as."""

from fakes.observed_cluster import eventually

from wire.api import FigureView, RunPhase, RunView

UNIT = "mainstay-diagnostics.service"


def ended(cluster, number):
    return eventually(
        "the run has ended", lambda: next((r for r in cluster.runs() if r.id == number and r.ended_at), None)
    )


def test_an_idle_node_is_measured_as_a_user_of_jobs(cluster):
    name = sorted(cluster.nodes)[-1]

    run = cluster.post(f"nodes/{name}/diagnose", {"only": ["disk", "memory_bandwidth"]})

    view = ended(cluster, run["id"])
    assert view.phase is RunPhase.SUCCEEDED, view
    figures = cluster.get(f"nodes/{name}/diagnostics", list[FigureView])
    assert {"disk_write", "disk_sync", "memory_bandwidth_host"} <= {each.name for each in figures if each.ok}
    assert cluster.nodes[name].unit(UNIT, "ActiveState") == "inactive"


def test_at_the_deadline_the_unit_is_gone(cluster):
    name = sorted(cluster.nodes)[-1]

    run = cluster.post(f"nodes/{name}/diagnose", {"only": ["memory_bandwidth"], "deadline_s": 0.3})

    view: RunView = ended(cluster, run["id"])
    assert view.phase is RunPhase.FAILED
    assert cluster.nodes[name].unit(UNIT, "ActiveState") == "inactive"
