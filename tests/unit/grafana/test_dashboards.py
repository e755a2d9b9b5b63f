"""Dashboards: what the builders build is what lies there, and every panel asks for what there is, in PromQL."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.promql import families

from agent import sensors
from controller.api import metrics as controllers
from scripts.dashboards.__main__ import FOLDER, main, rendered, stale, write
from scripts.reference.pages import metrics as reference

GRAFANA = FOLDER.parent
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
OF_PROMETHEUS = {"up", "ALERTS"}


def known() -> set[str]:
    """Every family that a page of Mainstay's can have, as a query names it."""
    read = [reference.of_sensor(sensor) for sensor in sensors.discover().values() if sensor.metrics]
    ours = [(family.name, family.kind.value) for each in [*read, reference.of_agent()] for family in each]
    theirs = [(metric.name, metric.type) for metric in controllers.families([], {}, [], {})]
    return {f"{name}_total" if kind == "counter" else name for name, kind in [*ours, *theirs]} | OF_PROMETHEUS


def asked(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of each panel: its title and an expression."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


EXPRESSIONS = [(name, title, expr) for name, made in DASHBOARDS.items() for title, expr in asked(made)]
RULES = yaml.safe_load((GRAFANA / "prometheus" / "mainstay-alerts.yml").read_text())["groups"]


def test_what_lies_there_is_what_the_builders_build() -> None:
    assert stale(FOLDER) == [], "run `make dashboards`"


def test_what_is_old_is_found_and_replaced(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "mainstay-node.json").write_text("{}")
    (tmp_path / "of-old.json").write_text("{}")
    assert {path.name for path in stale(tmp_path)} == {"mainstay-node.json", "of-old.json"}
    write(tmp_path)
    assert stale(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == set(rendered())


def test_it_says_so_on_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["dashboards", "--check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out) == (0, "")
    monkeypatch.setattr("sys.argv", ["dashboards", "--chekc"])
    with pytest.raises(SystemExit, match="usage"):
        main()


@pytest.mark.parametrize(("dashboard", "title", "expr"), EXPRESSIONS)
def test_every_panel_asks_for_what_there_is(dashboard: str, title: str, expr: str) -> None:
    assert families(expr)
    assert families(expr) <= known()


def test_every_alert_asks_for_what_there_is() -> None:
    for rule in (rule for group in RULES for rule in group["rules"]):
        assert families(rule["expr"]) <= known(), rule["alert"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_promtool_reads_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$instance", "n1:9105")}
        for number, (_, _, expr) in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    told = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_are_said_apart_and_lie_beside_each_other(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    numbers = [panel["id"] for panel in panels]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_says_what_it_means_and_in_which_unit(name: str) -> None:
    for panel in DASHBOARDS[name]["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith(".")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert all(references)


def test_links_between_them_lead_somewhere() -> None:
    pages = {made["uid"] for made in DASHBOARDS.values()}
    words = [word for made in DASHBOARDS.values() for word in json.dumps(made).split('"')]
    linked = {word.split("/")[2] for word in words if word.startswith("/d/")}
    assert linked == {"mainstay-node"}
    assert linked <= pages


def test_provisioning_names_what_grafana_reads() -> None:
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/mainstay.yml").read_text())["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards/mainstay")
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/mainstay.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
