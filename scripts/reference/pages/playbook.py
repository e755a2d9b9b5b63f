"""Playbooks: their file, the findings that start them, the actions they take, and those that are shipped."""

import inspect

from remediations.actions import catalogue
from remediations.finding import FindingKind
from remediations.pipeline import STAGES
from remediations.playbook import SHIPPED, Playbook, shipped
from scripts.reference.kinds import within
from scripts.reference.markdown import code, fence, heading, paragraphs, prose, table
from scripts.reference.meanings import meaning
from scripts.reference.structs import about, fields

PATH = "reference/playbook.md"
INTRODUCTION = """
What is done about a finding, as YAML. Those below are shipped in `remediations/playbooks/`.
"""
STAGES_TEXT = """
Every action passes these in order, an operator's too; the first that objects decides. Its words:
[reasons](../reasons.md).
"""


def render() -> list[str]:
    lines = [*heading(1, "Playbooks"), *paragraphs(INTRODUCTION)]
    for struct in within(Playbook):
        lines += [*heading(2, struct.__name__), *about(struct), *fields(struct)]
    lines += [*heading(2, "Findings"), *table(("finding", "what it says", "playbooks"), _findings())]
    lines += [*heading(2, "Actions"), *table(("action", "disturbs", "what it does"), _actions())]
    lines += [*heading(2, "Stages"), *paragraphs(STAGES_TEXT), *table(("stage", "what it asks"), _stages())]
    for playbook in shipped():
        text = (SHIPPED / f"{playbook.name}.yaml").read_text()
        lines += [*heading(2, playbook.name), *fence("yaml", text.splitlines())]
    return lines


def _findings() -> list[tuple[str, str, str]]:
    return [(code(kind), prose(_meaning(kind)), ", ".join(_answers(kind))) for kind in FindingKind]


def _meaning(kind: FindingKind) -> str:
    return meaning(FindingKind, kind).removeprefix(f"`{kind}`: ")


def _answers(kind: FindingKind) -> list[str]:
    return [f"[{book.name}](#{book.name})" for book in shipped() if book.when.finding is kind]


def _actions() -> list[tuple[str, str, str]]:
    return [(code(name), action.DISTURBS, _first(inspect.getdoc(action))) for name, action in catalogue().items()]


def _stages() -> list[tuple[str, str]]:
    return [(name, _first(inspect.getdoc(inspect.getmodule(stage)))) for name, stage in STAGES]


def _first(text: str | None) -> str:
    """The first paragraph."""
    return prose((text or "").split("\n\n")[0])
