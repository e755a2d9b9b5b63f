"""Alert rules: each fires when it must and not otherwise, and sends whoever is paged to a place that is there."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_cases import CASES, Case, said

from agent.checks import discover
from agent.faults.table import OWN_TYPES
from scripts.reference.markdown import anchor

ROOT = Path(__file__).parents[3]
FILE = ROOT / "grafana" / "prometheus" / "mainstay-alerts.yml"
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
FAULTS = ROOT / "agent" / "faults"
SAID_OTHERWISE = {"ProbeHung", "SpoolFull"}  # by MainstaySensorHung and MainstaySpoolDropping
ALERTS = [rule["alert"] for rule in RULES]
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")


def as_test(case: Case) -> dict[str, Any]:
    expected = [{"labels": f'{{severity="{case.severity}"}}', "value": 1}] if case.severity else []
    asked = f'count by (severity) (ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    return {
        "interval": "1m",
        "name": f"{case.alert}: {case.series}",
        "input_series": [split(each) for each in case.series],
        "promql_expr_test": [{"expr": asked, "eval_time": f"{case.after_min}m", "exp_samples": expected}],
    }


def split(series: str) -> dict[str, str]:
    name, values = re.fullmatch(r"(\w+(?:\{.*\})?) (.+)", series).groups()
    return {"series": name, "values": values}


def run(tmp_path: Path, cases: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "alerts.test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": cases}))
    return subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=100, check=False)


@needs_promtool
def test_each_fires_when_it_must_and_not_otherwise(tmp_path: Path) -> None:
    told = run(tmp_path, [as_test(case) for case in CASES])
    assert told.returncode == 0, told.stdout + told.stderr


@needs_promtool
def test_the_tests_would_tell(tmp_path: Path) -> None:
    wrong = [case._replace(severity="" if case.severity else "critical") for case in CASES]
    told = run(tmp_path, [as_test(case) for case in wrong])
    failed = re.findall(r'expr: .*alertname=\\"(\w+)\\"', told.stdout + told.stderr)
    assert len(failed) == len(CASES)


def test_every_alert_has_series_that_fire_it_and_series_that_do_not() -> None:
    assert {case.alert for case in CASES if case.severity} == set(ALERTS)
    assert {case.alert for case in CASES if not case.severity} == set(ALERTS)


@needs_promtool
@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_every_condition_fires_one_alert(tmp_path: Path, severity: str) -> None:
    told = re.findall(r'^condition = "(.+)"', "".join(file.read_text() for file in FAULTS.glob("*.toml")), re.MULTILINE)
    types = {*(check.condition for check in discover().values()), *OWN_TYPES, *told} - SAID_OTHERWISE
    one = 'ALERTS{alertname=~"Mainstay.+",alertstate="firing",type="{}"}'
    cases = [
        {
            "interval": "1m",
            "name": type_,
            "input_series": [split(said(type_, severity))],
            "promql_expr_test": [
                {
                    "expr": f"count({one.replace('{}', type_)})",
                    "eval_time": "40m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ],
        }
        for type_ in sorted(types)
    ]
    told = run(tmp_path, cases)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("rule", RULES, ids=ALERTS)
def test_whoever_is_paged_is_told_what_and_where(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("info", "warning", "critical", "{{ $labels.severity }}")
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    page, _, place = rule["annotations"]["runbook"].partition("#")
    headings = [line.lstrip("# ") for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]
    assert f"#{place}" in [anchor(heading) for heading in headings]
