"""Panels as these dashboards have them: one way to show a number, a course, a list."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

AGENT, CONTROLLER = 'job="mainstay-agent"', 'job="mainstay-controller"'
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${source}")
NODE_PAGE = "/d/mainstay-node/mainstay-node?var-instance="
SINCE = "dateTimeFromNow"  # of milliseconds since 1970

Steps = Mapping[int, str]  # from which value on, which colour: thresholds are the checks' to know
GOOD, BAD = {0: "text"}, {0: "green", 1: "red"}


class Line(NamedTuple):
    """``legend``: of labels, as Grafana writes them."""

    expr: str
    legend: str


def number(title: str, expr: str, text: str, steps: Steps, unit: str = "none") -> stat.Panel:
    """What is so now; ``text`` says what it means and what is to be done."""
    return (
        stat.Panel()
        .title(title)
        .description(text)
        .datasource(SOURCE)
        .with_target(_query(expr).instant())
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .no_value("-")
        .height(4)
        .span(4)
    )


def course(title: str, lines: Sequence[Line], text: str, unit: str, **options: bool | float) -> timeseries.Panel:
    """How it went. Options: ``stacked``, ``least`` and ``most`` of the axis, ``wide`` over the whole width."""
    panel = timeseries.Panel().title(title).description(text).datasource(SOURCE).unit(unit).axis_soft_min(0)
    for name, line in zip(ascii_uppercase, lines, strict=False):
        panel.with_target(_query(line.expr).legend_format(line.legend).range().ref_id(name))
    if "most" in options:
        panel.max(options["most"])
    if options.get("stacked"):
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(25)
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    panel.legend(legend.show_legend(True)).tooltip(tooltip).line_width(1).show_points(VisibilityMode.NEVER)
    return panel.height(8).span(24 if options.get("wide") else 8)


def listing(title: str, expr: str, text: str, columns: Mapping[str, str], value: tuple[str, str]) -> table.Panel:
    """What is so now, a row each. ``columns``: labels and their headings; ``value``: its heading and its unit."""
    heading, unit = value
    order = {**dict.fromkeys(columns), "Value": None}
    tidy = {
        "excludeByName": {"Time": True},
        "indexByName": {name: place for place, name in enumerate(order)},
        "renameByName": {**columns, "Value": heading},
    }
    return (
        table.Panel()
        .title(title)
        .description(text)
        .datasource(SOURCE)
        .with_target(_query(f"sum by ({', '.join(columns)}) ({expr})").instant().format(PromQueryFormat.TABLE))
        .with_transformation(model.DataTransformerConfig(id_val="organize", options=tidy))
        .override_by_name(heading, [model.DynamicConfigValue(id_val="unit", value=unit)])
        .override_by_name("Severity", _painted({"critical": "red", "warning": "orange"}))
        .override_by_name("Node", [_link_to_node()])
        .no_value("nothing")
        .show_header(True)
        .height(9)
        .span(24)
    )


def _query(expr: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).ref_id("A")


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    first, *rest = sorted(steps)
    marks = [model.Threshold(value=None, color=steps[first])]
    marks += [model.Threshold(value=value, color=steps[value]) for value in rest]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(marks)


def _painted(colours: Mapping[str, str]) -> list[model.DynamicConfigValue]:
    mapping = {"type": "value", "options": {word: {"color": colour} for word, colour in colours.items()}}
    return [
        model.DynamicConfigValue(id_val="mappings", value=[mapping]),
        model.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
    ]


def _link_to_node() -> model.DynamicConfigValue:
    link = {"title": "this node", "url": f"{NODE_PAGE}${{__value.text}}"}
    return model.DynamicConfigValue(id_val="links", value=[link])
