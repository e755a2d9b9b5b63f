"""Shipped playbooks load; a broken one gets one line that names file, field and mend."""

import pytest

from remediations.actions import catalogue
from remediations.engine import plan
from remediations.finding import TOLD, AffectedJob, Finding, FindingKind
from remediations.playbook import PlaybookError, load, shipped

GOOD = """
name: mine
summary: s
when: {finding: node_lost}
steps:
  - {action: hold, target: node, timeout_s: 5}
"""


def test_each_finding_has_a_shipped_playbook_unless_it_is_only_told():
    assert {playbook.when.finding for playbook in shipped()} == set(FindingKind) - TOLD


def test_every_action_is_found_by_its_place():
    assert {"hold", "drain", "relaunch_job", "rejoin", "validate", "stop_leftovers"} <= set(catalogue())


def test_a_step_about_jobs_becomes_one_step_a_job(tmp_path):
    lost_node = next(playbook for playbook in shipped() if playbook.name == "lost-node")
    jobs = [AffectedJob("a-1", 3), AffectedJob("b-1", 1)]
    finding = Finding(FindingKind.NODE_LOST, "k", "node:n2", "r", "m", None, "n2", jobs)
    targets = [(step.spec.action, step.job, step.attempt) for step in plan(lost_node, finding)]
    assert targets == [
        ("hold", None, None),
        ("drain", None, None),
        ("relaunch_job", "a-1", 3),
        ("relaunch_job", "b-1", 1),
    ]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("action: hold", "action: hodl", "steps[0].action: no action 'hodl'"),
        ("timeout_s: 5", "timeout_s: 0", "$.steps[0].timeout_s"),
        ("target: node", "target: rack", "$.steps[0].target"),
        ("finding: node_lost", "finding: rain", "$.when.finding"),
        ("summary: s", "summery: s", "summery"),
        ("name: mine", "name: Mine!", "$.name"),
        ("steps:", "steps: [", "mine.yaml"),
    ],
)
def test_a_broken_playbook_is_refused_by_name(tmp_path, before, after, says):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(before, after))
    with pytest.raises(PlaybookError, match=r"mine\.yaml") as error:
        load(path)
    assert says in str(error.value)
