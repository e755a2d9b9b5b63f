"""A dashboard as these are: its data source and its node are chosen above, the others are a click away."""

from collections.abc import Mapping, Sequence
from itertools import count

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import dashboard as model

from scripts.dashboards.panels import AGENT, SOURCE

TAG = "mainstay"
Rows = Mapping[str, Sequence[stat.Panel | table.Panel | timeseries.Panel]]


def page(name: str, title: str, text: str, rows: Rows, of_one_node: bool = False) -> build.Dashboard:
    """``rows``: headings and what is below; one without a heading has none."""
    made = (
        build.Dashboard(f"Mainstay: {title}")
        .uid(f"mainstay-{name}")
        .description(text)
        .tags([TAG])
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(build.DashboardLink("Mainstay").type(model.DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True))
        .with_variable(build.DatasourceVariable("source").label("Prometheus").type("prometheus"))
    )
    if of_one_node:
        made.with_variable(_node())
    numbers = count(1)
    for heading, panels in rows.items():
        if heading:
            made.with_row(build.Row(heading).id(next(numbers)))
        for panel in panels:
            made.with_panel(panel.id(next(numbers)))
    return made


def _node() -> build.QueryVariable:
    query = f"label_values(mainstay_agent_build_info{{{AGENT}}}, instance)"
    return (
        build.QueryVariable("instance")
        .label("Node")
        .datasource(SOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
