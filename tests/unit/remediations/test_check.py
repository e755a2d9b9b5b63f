"""Where a playbook is wrong: line and column, field, mend."""

import pytest

from remediations.check import check
from remediations.playbook import SHIPPED

GOOD = """\
name: mine
summary: s
when:
  finding: node_lost
steps:
  - action: hold
    target: node
    timeout_s: 5
"""


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_is_shipped_is_right(file):
    playbook, problems = check(file.read_text())
    assert (problems, playbook.name) == ([], file.stem)


@pytest.mark.parametrize(
    ("before", "after", "place", "says"),
    [
        ("action: hold", "action: hodl", (6, 13), "steps[0].action: no action 'hodl'"),
        ("action: hold", "action: retire", (6, 13), "steps[0].action: no action 'retire'"),
        ("timeout_s: 5", "timeout_s: 0", (8, 16), "steps[0].timeout_s: expected float > 0"),
        ("    target: node\n", "", (6, 5), "steps[0].target: missing"),
        ("    target: node\n", "    target: node\n    target: jobs\n", (8, 5), "steps[0].target: is there twice"),
        ("finding: node_lost", "finding: rain", (4, 12), "when.finding: invalid enum value 'rain'"),
        ("summary: s", "summery: s", (2, 10), "summery: no such field"),
        ("name: mine", "name: Mine!", (1, 7), "name: expected small letters"),
        ("steps:", "steps: [", (6, 3), "not YAML"),
        ("summary: s", "summary: &a s\nmore: *a", (3, 7), "an alias"),
        (GOOD, "", (1, 1), "expected a table"),
        (GOOD, "- 1", (1, 1), "expected a table"),
        (GOOD, "a: \0", (0, 0), "not YAML"),
    ],
)
def test_a_problem_has_its_place(before, after, place, says):
    playbook, problems = check(GOOD.replace(before, after))
    assert playbook is None
    assert says in problems[0].message
    assert (problems[0].line, problems[0].column) == place


def test_every_unknown_action_is_told_at_once():
    _, problems = check(GOOD.replace("hold", "a") + GOOD[GOOD.index("  - action") :].replace("hold", "b"))
    assert [problem.line for problem in problems] == [6, 9]
